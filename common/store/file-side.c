/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-side.c: side objects of the file store.
 *
 * Each is a pair of files (file-pair.c) in the volume's directory. A file is
 * one line of HEADER_SIZE bytes, and the object's bytes behind it; what is
 * behind those means nothing:
 *
 *   leasehold-side 1 VOLUME-ID REVISION LENGTH SHA-256 spaces newline
 *
 * The sum covers the numbers before it and the bytes. The ETag is volume ID
 * and revision, which grows by one with each replacement. One that has the ID
 * of another volume was left behind by that one, and is not there.
 *
 * Readers hold FILE_LOCK_DATA shared, writers the exclusive locks: so a file
 * is never read while it is a spare. Both see first that the volume is the one
 * that was opened.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/file-internal.h"
#include "utils/cleanup.h"

#define HEADER_SIZE 512
#define FILE_SIZE (HEADER_SIZE + SIDE_OBJECT_MAX)
#define SUM_BYTES 32

/* The names of a side object's two files. */
struct names {
  char name[SIDE_TEXT_MAX + 2], spare[SIDE_TEXT_MAX + 6];
};

static struct file_pair
make_pair(enum side side, struct names *names)
{
  snprintf(names->name, sizeof names->name, "@%s", side_text(side));
  snprintf(names->spare, sizeof names->spare, "@%s.new", side_text(side));
  return (struct file_pair){names->name, names->spare, FILE_SIZE};
}

static int
damaged(const struct file_place *place, const struct file_pair *pair,
        const char *what, struct error *err)
{
  return error_set(err, STATUS_CORRUPT, "%s/%s/%s is damaged: %s",
                   place->store->path, place->name, pair->name, what);
}

static int
make_etag(const char *volume_id, uint64_t revision, char etag[ETAG_MAX + 1])
{
  return snprintf(etag, ETAG_MAX + 1, "%s-%" PRIu64, volume_id, revision);
}

/* The header's line, with a NUL behind it. */
static int
make_header(const char *volume_id, uint64_t revision, const char *bytes,
            size_t length, char header[HEADER_SIZE + 1])
{
  unsigned char sum[EVP_MAX_MD_SIZE];
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  int at =
      snprintf(header, HEADER_SIZE + 1, "leasehold-side 1 %s %" PRIu64 " %zu ",
               volume_id, revision, length);
  bool summed = context != NULL &&
                EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, header, (size_t)at) == 1 &&
                EVP_DigestUpdate(context, bytes, length) == 1 &&
                EVP_DigestFinal_ex(context, sum, NULL) == 1;

  EVP_MD_CTX_free(context);
  if (!summed)
    return STATUS_NO_MEMORY;
  for (int i = 0; i < SUM_BYTES; i++)
    at += snprintf(header + at, 3, "%02x", sum[i]);
  snprintf(header + at, (size_t)(HEADER_SIZE + 1 - at), "%*s", HEADER_SIZE - at,
           "\n");
  return STATUS_OK;
}

/* Judges a file's size bytes. *revision 0: it is not there. */
static int
parse(const struct file_place *place, const struct file_pair *pair,
      const char *text, size_t size, struct side_object *out,
      uint64_t *revision, struct error *err)
{
  char line[HEADER_SIZE + 1], wanted[HEADER_SIZE + 1];
  char volume_id[VOLUME_ID_LENGTH + 1];
  size_t length;

  if (size != FILE_SIZE)
    return damaged(place, pair, "it does not have the right size", err);
  memcpy(line, text, HEADER_SIZE);
  line[HEADER_SIZE] = '\0';
  if (sscanf(line, "leasehold-side 1 %32[0-9a-f] %" SCNu64 " %zu ", volume_id,
             revision, &length) != 3 ||
      length > SIDE_OBJECT_MAX || *revision == 0)
    return damaged(place, pair, "its first line is not one of ours", err);
  if (make_header(volume_id, *revision, text + HEADER_SIZE, length, wanted) !=
      0)
    return error_set(err, STATUS_NO_MEMORY, "%s: SHA-256 does not work",
                     place->name);
  if (memcmp(line, wanted, HEADER_SIZE) != 0)
    return damaged(place, pair, "its checksum does not match", err);
  if (strcmp(volume_id, place->volume_id) != 0) {
    *revision = 0;
    return STATUS_OK;
  }
  make_etag(volume_id, *revision, out->etag);
  memcpy(out->bytes, text + HEADER_SIZE, length);
  out->length = length;
  return STATUS_OK;
}

/* Reads what is in force, under a lock. */
static int
read_locked(const struct file_place *place, const struct file_pair *pair,
            struct side_object *out, uint64_t *revision, struct error *err)
{
  CLEANUP_FD int fd =
      openat(place->directory, pair->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  CLEANUP_FREE char *text = NULL;
  ssize_t size;

  *revision = 0;
  out->etag[0] = '\0';
  out->length = 0;
  if (fd < 0 && errno == ENOENT)
    return STATUS_OK;
  text = malloc(FILE_SIZE + 1);
  if (text == NULL)
    return error_set(err, STATUS_NO_MEMORY, "%s: no memory", place->name);
  size = fd < 0 ? -1 : file_read_whole(fd, text, FILE_SIZE + 1);
  if (size < 0)
    return error_set_errno(err, errno, "%s/%s/%s", place->store->path,
                           place->name, pair->name);
  return parse(place, pair, text, (size_t)size, out, revision, err);
}

/* Whether the volume is still the one that was opened. */
static int
check_volume(const struct file_place *place, struct error *err)
{
  struct volume_record record;
  struct file_stamp stamp;

  return file_record_read_locked(place, &record, &stamp, err);
}

int
file_side_read(struct store_volume *volume, enum side side,
               struct side_object *out, struct error *err)
{
  const struct file_place *place = &file_volume(volume)->place;
  struct names names;
  struct file_pair pair = make_pair(side, &names);
  CLEANUP_FD int fd =
      openat(place->directory, FILE_DATA, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  uint64_t revision;
  int r;

  if (fd < 0)
    return errno == ENOENT
               ? error_set(err, STATUS_NOT_FOUND, "there is no volume %s in %s",
                           place->name, place->store->path)
               : error_set_errno(err, errno, "%s/%s/%s", place->store->path,
                                 place->name, FILE_DATA);
  r = file_lock(place, fd, FILE_LOCK_INTENT, FILE_LOCK_LOOK, err);
  if (r == 0)
    r = file_lock(place, fd, FILE_LOCK_DATA, FILE_LOCK_SHARED, err);
  if (r != 0)
    return r;
  r = check_volume(place, err);
  if (r == 0)
    r = read_locked(place, &pair, out, &revision, err);
  file_unlock(fd, FILE_LOCK_DATA);
  return r;
}

static int
replace(const struct file_place *place, const struct file_pair *pair,
        const struct side_object *object, uint64_t revision, struct error *err)
{
  CLEANUP_FD int fd = -1;
  CLEANUP_FREE char *text = malloc(FILE_SIZE + 1);
  int r;

  if (text == NULL || make_header(place->volume_id, revision, object->bytes,
                                  object->length, text) != 0)
    return error_set(err, STATUS_NO_MEMORY, "%s: no memory", place->name);
  memcpy(text + HEADER_SIZE, object->bytes, object->length);
  r = file_pair_open(place, pair, &fd, err);
  if (r == 0)
    r = file_pair_write(place, pair, fd, text, HEADER_SIZE + object->length,
                        err);
  if (r == 0)
    r = file_pair_exchange(place, pair, fd, err);
  return r;
}

/* Under the exclusive locks. */
static int
write_locked(const struct file_place *place, const struct file_pair *pair,
             struct side_object *object, struct error *err)
{
  CLEANUP_FREE struct side_object *now = malloc(sizeof *now);
  uint64_t revision;
  int r;

  if (now == NULL)
    return error_set(err, STATUS_NO_MEMORY, "%s: no memory", place->name);
  r = check_volume(place, err);
  if (r == 0)
    r = read_locked(place, pair, now, &revision, err);
  if (r != 0)
    return r;
  if (strcmp(now->etag, object->etag) != 0)
    return error_set(err, STATUS_ETAG_STALE,
                     "%s: its %s have been changed meanwhile", place->name,
                     pair->name + 1);
  r = replace(place, pair, object, revision + 1, err);
  if (r == 0)
    make_etag(place->volume_id, revision + 1, object->etag);
  return r;
}

int
file_side_write(struct store_volume *volume, enum side side,
                struct side_object *object, struct error *err)
{
  const struct file_place *place = &file_volume(volume)->place;
  struct names names;
  struct file_pair pair = make_pair(side, &names);
  int fd, r;

  r = file_exclusive_begin(place, 0, &fd, err);
  if (r != 0)
    return r;
  r = write_locked(place, &pair, object, err);
  file_exclusive_end(fd);
  return r;
}

void
file_side_delete(const struct file_place *place)
{
  for (int side = 0; side < SIDES; side++) {
    struct names names;
    struct file_pair pair = make_pair((enum side)side, &names);

    unlinkat(place->directory, pair.name, 0);
    unlinkat(place->directory, pair.spare, 0);
  }
}
