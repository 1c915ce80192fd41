/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-record.c: a volume's record on disk, read and replaced.
 *
 * FILE_RECORD and FILE_SPARE are two files of RECORD_SIZE bytes with all their
 * blocks allocated. A replacement, under the exclusive locks, writes the spare,
 * makes it durable and exchanges the two names, so that what was the record is
 * the next spare, and nothing needs space: a lease can be renewed and taken
 * over on a file system that is full. Where names cannot be exchanged the
 * spare is renamed over the record and a new one is made. A process that is
 * killed at any moment leaves either record, whole, and at worst a spare that
 * is garbage and will be written over. When the directory cannot be made
 * durable after an exchange, what is the spare now may on disk still be the
 * record: it is deleted, never written over.
 *
 * The stamp. Whoever writes needs to know, at each turn, that the record he
 * has verified before is still the one in force, and cannot afford to read it
 * again. So each replacement sets the spare's modification time before the
 * exchange: the revision as so many nanoseconds, after a second that 28 random
 * bits of the volume's ID choose. So no two records of one volume have the same
 * time, whatever inodes they are in; and those of a volume that was deleted
 * have other times (but once in 2^28) than those of a later one of its name,
 * which counts from the beginning, perhaps in the same inodes. The wall clock
 * has no part in it, and all these times lie between 1970 and 1979, which every
 * file system can keep. One that does not keep nanoseconds is refused, at each
 * replacement, before anything is changed. What is written to a record by other
 * means changes its time, so it is read again and found damaged.
 *
 * Reading without a lock. What is opened as FILE_RECORD can become the spare
 * and be written over while it is read: the checksum finds a mixture. And it
 * could be read whole as a spare that is not in force yet. Both change the
 * file's time, so a reading counts only if the stamp was the same before and
 * after it and the name still leads to it. After a few tries, or when what was
 * read seems damaged, the reader takes FILE_LOCK_DATA shared, which excludes
 * replacements; only what is damaged then is damaged.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file-internal.h"
#include "utils/cleanup.h"

#define READ_TRIES 5

/* Largest text that names a record. */
#define RECORD_PATH_MAX 4096

static void
record_path(const struct file_place *place, char path[RECORD_PATH_MAX])
{
  snprintf(path, RECORD_PATH_MAX, "%s/%s/%s", place->store->path, place->name,
           FILE_RECORD);
}

static int
record_errno(const struct file_place *place, struct error *err)
{
  if (errno == ENOENT)
    return error_set(err, STATUS_NOT_FOUND, "there is no volume %s in %s",
                     place->name, place->store->path);
  return error_set_errno(err, errno, "%s/%s/%s", place->store->path,
                         place->name, FILE_RECORD);
}

static struct file_stamp
stamp_of(const struct stat *info)
{
  return (struct file_stamp){.inode = info->st_ino, .changed = info->st_mtim};
}

bool
file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
  return a->inode == b->inode && a->changed.tv_sec == b->changed.tv_sec &&
         a->changed.tv_nsec == b->changed.tv_nsec;
}

int
file_record_stamp(const struct file_place *place, struct file_stamp *out,
                  struct error *err)
{
  struct stat info;

  if (fstatat(place->directory, FILE_RECORD, &info, AT_SYMLINK_NOFOLLOW) != 0)
    return record_errno(place, err);
  *out = stamp_of(&info);
  return STATUS_OK;
}

/* One try. STATUS_TRANSIENT, without a text: it changed meanwhile. */
static int
read_once(const struct file_place *place, struct volume_record *out,
          struct file_stamp *stamp, struct error *err)
{
  CLEANUP_FD int fd =
      openat(place->directory, FILE_RECORD, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  char text[RECORD_SIZE + 1], path[RECORD_PATH_MAX];
  struct file_stamp after;
  struct stat info;
  ssize_t length;
  int r;

  if (fd < 0 || fstat(fd, &info) != 0)
    return record_errno(place, err);
  *stamp = stamp_of(&info);
  length = file_read_whole(fd, text, sizeof text);
  if (length < 0)
    return record_errno(place, err);
  if (fstat(fd, &info) != 0)
    return record_errno(place, err);
  after = stamp_of(&info);
  if (!file_stamp_equal(stamp, &after))
    return STATUS_TRANSIENT;
  r = file_record_stamp(place, &after, err);
  if (r != 0)
    return r;
  if (!file_stamp_equal(stamp, &after))
    return STATUS_TRANSIENT;
  record_path(place, path);
  r = record_decode(text, (size_t)length, path, out, err);
  if (r != 0)
    return r;
  if (place->volume_id[0] != '\0' &&
      strcmp(place->volume_id, out->volume_id) != 0)
    return error_set(err, STATUS_NOT_FOUND,
                     "volume %s has been deleted, and another one of its name "
                     "was made",
                     place->name);
  record_settle(out, place->store->boot_id);
  return STATUS_OK;
}

int
file_record_read_locked(const struct file_place *place,
                        struct volume_record *out, struct file_stamp *stamp,
                        struct error *err)
{
  int r = read_once(place, out, stamp, err);

  /* Nobody who keeps to the locks can have done that. */
  if (r == STATUS_TRANSIENT && (err == NULL || err->status == STATUS_OK))
    return error_set(err, STATUS_TRANSIENT,
                     "%s/%s/%s was changed by something other than this "
                     "program while it was being read",
                     place->store->path, place->name, FILE_RECORD);
  return r;
}

static int
read_under_lock(const struct file_place *place, struct volume_record *out,
                struct error *err)
{
  CLEANUP_FD int fd =
      openat(place->directory, FILE_DATA, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct file_stamp stamp;
  int r;

  if (fd < 0 && errno == ENOENT)
    return error_set(err, STATUS_CORRUPT,
                     "%s/%s: the record has no %s beside "
                     "it",
                     place->store->path, place->name, FILE_DATA);
  if (fd < 0)
    return error_set_errno(err, errno, "%s/%s/%s", place->store->path,
                           place->name, FILE_DATA);
  r = file_lock(place, fd, FILE_LOCK_INTENT, FILE_LOCK_LOOK, err);
  if (r == 0)
    r = file_lock(place, fd, FILE_LOCK_DATA, FILE_LOCK_SHARED, err);
  if (r != 0)
    return r;
  r = file_record_read_locked(place, out, &stamp, err);
  file_unlock(fd, FILE_LOCK_DATA);
  return r;
}

int
file_record_read(const struct file_place *place, struct volume_record *out,
                 struct error *err)
{
  struct file_stamp stamp;

  for (int i = 0; i < READ_TRIES; i++) {
    struct error ignored = ERROR_INIT;
    int r = read_once(place, out, &stamp, &ignored);

    if (r == STATUS_TRANSIENT && ignored.status == STATUS_OK)
      continue;
    if (r == STATUS_CORRUPT)
      break;
    if (r != 0 && err != NULL)
      *err = ignored;
    return r;
  }
  return read_under_lock(place, out, err);
}

static const struct file_pair record_pair = {FILE_RECORD, FILE_SPARE,
                                             RECORD_SIZE};

int
file_record_make_spare(const struct file_place *place, struct error *err)
{
  return file_pair_make_spare(place, &record_pair, err);
}

/* The first digits of a volume's ID as a time, in seconds: below 2^28. */
static time_t
stamp_origin(const struct volume_record *record)
{
  char digits[] = "0000000";

  memcpy(digits, record->volume_id, strnlen(record->volume_id, 7));
  return (time_t)strtoul(digits, NULL, 16);
}

/* Sets the stamp of record, and sees whether the file system keeps it. */
static int
stamp_file(const struct file_place *place, int fd,
           const struct volume_record *record, struct error *err)
{
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
  struct stat info;

  times[1].tv_sec = stamp_origin(record) +
                    (time_t)(record->revision / NANOSECONDS_PER_SECOND);
  times[1].tv_nsec = (long)(record->revision % NANOSECONDS_PER_SECOND);
  if (futimens(fd, times) != 0 || fstat(fd, &info) != 0)
    return error_set_errno(err, errno, "%s/%s/%s: cannot be given a time",
                           place->store->path, place->name, FILE_SPARE);
  if (info.st_mtim.tv_sec != times[1].tv_sec ||
      info.st_mtim.tv_nsec != times[1].tv_nsec)
    return error_set(err, STATUS_UNSUPPORTED,
                     "%s is on a file system that does not keep nanoseconds; "
                     "a file: store needs them to see changes",
                     place->store->path);
  return STATUS_OK;
}

int
file_record_replace(const struct file_place *place,
                    struct volume_record *record, struct error *err)
{
  CLEANUP_FD int fd = -1;
  char text[RECORD_SIZE];
  int r;

  record->revision++;
  r = file_pair_open(place, &record_pair, &fd, err);
  if (r == 0)
    r = record_encode(record, text, err);
  if (r == 0)
    r = file_pair_write(place, &record_pair, fd, text, sizeof text, err);
  if (r == 0)
    r = stamp_file(place, fd, record, err);
  if (r == 0)
    r = file_pair_exchange(place, &record_pair, fd, err);
  return r;
}
