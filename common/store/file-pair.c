/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-pair.c: small files of a volume that are replaced atomically, durably,
 * and without needing space: a name in force and a spare, both with all their
 * blocks allocated. The spare is written, made durable, and the two names are
 * exchanged. file-record.c and file-side.c say what is in them.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file-internal.h"
#include "utils/cleanup.h"

static int
spare_errno(const struct file_place *place, const struct file_pair *pair,
            const char *what, struct error *err)
{
  return error_set_errno(err, errno, "%s/%s/%s: %s", place->store->path,
                         place->name, pair->spare, what);
}

/* Opens the spare, with all its blocks. */
static int
open_spare(const struct file_place *place, const struct file_pair *pair,
           int *fd, struct error *err)
{
  struct stat info;

  *fd = openat(place->directory, pair->spare,
               O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (*fd < 0 || fstat(*fd, &info) != 0)
    return spare_errno(place, pair, "cannot be opened", err);
  if (info.st_size == pair->size)
    return STATUS_OK;
  if (ftruncate(*fd, 0) != 0 ||
      (fallocate(*fd, 0, 0, pair->size) != 0 && errno != EOPNOTSUPP))
    return spare_errno(place, pair, "cannot be allocated", err);
  return STATUS_OK;
}

int
file_pair_make_spare(const struct file_place *place,
                     const struct file_pair *pair, struct error *err)
{
  CLEANUP_FD int fd = -1;

  return open_spare(place, pair, &fd, err);
}

int
file_pair_open(const struct file_place *place, const struct file_pair *pair,
               int *fd, struct error *err)
{
  int r = open_spare(place, pair, fd, err);

  /* Whoever exchanged the two last may have been killed before that was
   * durable: then this spare is what the disk has as the one in force.
   */
  if (r == 0 && fsync(place->directory) != 0)
    r = spare_errno(place, pair, "cannot be known to be one", err);
  return r;
}

int
file_pair_write(const struct file_place *place, const struct file_pair *pair,
                int fd, const char *bytes, size_t length, struct error *err)
{
  size_t done = 0;

  while (done < length) {
    ssize_t n = pwrite(fd, bytes + done, length - done, (off_t)done);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return spare_errno(place, pair, "cannot be written", err);
    done += (size_t)n;
  }
  return STATUS_OK;
}

/* Puts the spare in force. */
static int
exchange(const struct file_place *place, const struct file_pair *pair,
         struct error *err)
{
  int directory = place->directory;

  if (renameat2(directory, pair->spare, directory, pair->name,
                RENAME_EXCHANGE) == 0)
    return STATUS_OK;
  /* ENOENT: there is none in force yet. */
  if (errno != EINVAL && errno != ENOSYS && errno != ENOENT)
    return spare_errno(place, pair, "cannot be put in force", err);
  if (renameat(directory, pair->spare, directory, pair->name) != 0)
    return spare_errno(place, pair, "cannot be put in force", err);
  /* If that fails now, the next replacement tries again, and says why. */
  file_pair_make_spare(place, pair, NULL);
  return STATUS_OK;
}

int
file_pair_exchange(const struct file_place *place, const struct file_pair *pair,
                   int fd, struct error *err)
{
  int r;

  if (fsync(fd) != 0)
    return spare_errno(place, pair, "cannot be made durable", err);
  r = exchange(place, pair, err);
  if (r != 0)
    return r;
  if (fsync(place->directory) != 0)
    return error_set(
        err, STATUS_UNKNOWN, "%s/%s: the new %s may not be durable: %s",
        place->store->path, place->name, pair->name, strerrordesc_np(errno));
  return STATUS_OK;
}

ssize_t
file_read_whole(int fd, char *text, size_t size)
{
  size_t length = 0;

  while (length < size) {
    ssize_t n = pread(fd, text + length, size - length, (off_t)length);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    length += (size_t)n;
  }
  return (ssize_t)length;
}
