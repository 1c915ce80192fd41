/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secret.c: secrets that are read from files; see secret.h. */
#include "utils/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "utils/cleanup.h"

/* Reads up to size bytes; -1 with errno. */
static ssize_t
read_all(int fd, char *bytes, size_t size)
{
  size_t length = 0;
  ssize_t got;

  do {
    got = read(fd, bytes + length, size - length);
    if (got < 0 && errno != EINTR)
      return -1;
    length += got > 0 ? (size_t)got : 0;
  } while (got != 0 && length < size);
  return (ssize_t)length;
}

int
secret_read(const char *path, size_t max, struct secret *out, struct error *err)
{
  CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
  /* A newline, and one byte more to see that there is more; then a NUL. */
  size_t size = max + 2;
  ssize_t length;

  *out = (struct secret){.bytes = NULL};
  if (fd < 0)
    return error_set_errno(err, errno, "%s", path);
  out->bytes = malloc(size + 1);
  if (out->bytes == NULL)
    return error_set(err, STATUS_NO_MEMORY, "%s: out of memory", path);
  out->length = size;
  length = read_all(fd, out->bytes, size);
  if (length < 0) {
    int saved = errno;

    secret_free(out);
    return error_set_errno(err, saved, "%s", path);
  }
  if (length > 0 && out->bytes[length - 1] == '\n')
    length--;
  if (length == 0 || (size_t)length > max) {
    secret_free(out);
    return length == 0 ? error_set(err, STATUS_INVALID, "%s: it is empty", path)
                       : error_set(err, STATUS_INVALID,
                                   "%s: longer than %zu bytes", path, max);
  }
  out->bytes[length] = '\0';
  out->length = (size_t)length;
  return STATUS_OK;
}

void
secret_free(struct secret *secret)
{
  if (secret->bytes != NULL)
    explicit_bzero(secret->bytes, secret->length);
  free(secret->bytes);
  *secret = (struct secret){.bytes = NULL};
}
