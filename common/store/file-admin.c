/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-admin.c: volumes of the file store are made, deleted and resized.
 *
 * All three work under the exclusive locks of FILE_DATA. A volume is there as
 * soon as its FILE_RECORD is: that is made last, when all else is durable, and
 * deleted first. What a crash leaves in between is not listed, and the next
 * create of the same name takes it over. FILE_DATA is never shorter than the
 * record says; when it is longer (a crash while it was made shorter), what is
 * too much is cut off before it is made longer again.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file-internal.h"
#include "utils/random.h"

_Static_assert(SESSION_NONCE_MAX == VOLUME_ID_LENGTH, "");

static int
file_errno(const struct file_place *place, const char *what, struct error *err)
{
  return error_set_errno(err, errno, "%s/%s: %s", place->store->path,
                         place->name, what);
}

static int
set_size(const struct file_place *place, int fd, uint64_t size,
         struct error *err)
{
  if (ftruncate(fd, (off_t)size) != 0)
    return file_errno(place, FILE_DATA " cannot be given its size", err);
  return STATUS_OK;
}

static int
make_durable(const struct file_place *place, int fd, struct error *err)
{
  return fsync(fd) == 0 ? STATUS_OK
                        : file_errno(place, "cannot be made durable", err);
}

/* Deletes the files of a volume, or of what was to become one. */
static void
delete_files(const struct file_place *place)
{
  unlinkat(place->directory, FILE_RECORD, 0);
  unlinkat(place->directory, FILE_SPARE, 0);
  file_side_delete(place);
  unlinkat(place->directory, FILE_DATA, 0);
}

/* Removes the directories of name that are empty, from the last one up. */
static void
delete_directories(const struct file_store *store, const char *name)
{
  char path[VOLUME_NAME_MAX + 1];
  char *slash;

  snprintf(path, sizeof path, "%s", name);
  while (unlinkat(store->directory, path, AT_REMOVEDIR) == 0 &&
         (slash = strrchr(path, '/')) != NULL)
    *slash = '\0';
}

static int
fill(const struct file_place *place, int fd, uint64_t size, struct error *err)
{
  struct volume_record record = {.size = size};
  int r;

  r = random_nonce(record.volume_id);
  if (r != 0)
    return error_set(err, (enum status)r, "%s: no random numbers", place->name);
  memcpy(record.boot_id, place->store->boot_id, sizeof record.boot_id);
  r = set_size(place, fd, 0, err);
  if (r == 0)
    r = set_size(place, fd, size, err);
  if (r == 0)
    r = make_durable(place, fd, err);
  if (r == 0)
    r = make_durable(place, place->directory, err);
  if (r == 0)
    r = file_record_replace(place, &record, err);
  if (r == 0)
    r = file_record_make_spare(place, err);
  if (r != 0)
    delete_files(place);
  return r;
}

static int
check_absent(const struct file_place *place, struct error *err)
{
  struct stat info;

  if (fstatat(place->directory, FILE_RECORD, &info, AT_SYMLINK_NOFOLLOW) != 0)
    return STATUS_OK;
  return error_set(err, STATUS_EXISTS, "volume %s exists already", place->name);
}

/* One try. *again: somebody deleted it while we came. */
static int
create_in(struct file_store *store, const char *name, uint64_t size,
          bool *again, struct error *err)
{
  struct file_place place;
  int fd, r;

  *again = false;
  r = file_place_open(store, name, true, &place, err);
  if (r != 0) {
    *again = r == STATUS_NOT_FOUND;
    return r;
  }
  r = check_absent(&place, err);
  if (r == 0) {
    r = file_exclusive_begin(&place, O_CREAT, &fd, err);
    *again = r == STATUS_NOT_FOUND;
    if (r == 0) {
      r = check_absent(&place, err);
      if (r == 0)
        r = fill(&place, fd, size, err);
      file_exclusive_end(fd);
    }
  }
  file_place_close(&place);
  if (r != 0 && r != STATUS_EXISTS)
    delete_directories(store, name);
  return r;
}

int
file_create(struct store *store, const char *name, uint64_t size,
            struct error *err)
{
  struct error failed;
  bool again;
  int r, tries = 0;

  do {
    failed = (struct error)ERROR_INIT;
    r = create_in(file_store(store), name, size, &again, &failed);
  } while (again && ++tries < 100);
  if (r != 0 && err != NULL)
    *err = failed;
  return r;
}

/* Opens a volume for a change that a lease must allow. On success the record
 * has been read and the exclusive locks are held.
 */
static int
begin_change(struct file_store *store, const char *name,
             const struct lease_id *lease, struct file_place *place, int *fd,
             struct volume_record *record, struct error *err)
{
  struct file_stamp stamp;
  int r;

  r = file_place_open(store, name, false, place, err);
  if (r != 0)
    return r;
  r = file_exclusive_begin(place, 0, fd, err);
  if (r != 0) {
    file_place_close(place);
    return r;
  }
  r = file_record_read_locked(place, record, &stamp, err);
  if (r == 0) {
    r = blob_lease_use(&record->lease, BLOB_WRITE, lease,
                       clock_now(store->clock));
    if (r != 0)
      error_set(
          err, (enum status)r, "%s: refused: %s%s%s", name, status_text(r),
          record->lease_node[0] != '\0' ? ", the lease was taken by " : "",
          record->lease_node);
  }
  if (r != 0) {
    file_exclusive_end(*fd);
    file_place_close(place);
  }
  return r;
}

int
file_remove(struct store *store, const char *name, const struct lease_id *lease,
            struct error *err)
{
  struct volume_record record;
  struct file_place place;
  int fd, r;

  r = begin_change(file_store(store), name, lease, &place, &fd, &record, err);
  if (r != 0)
    return r;
  if (unlinkat(place.directory, FILE_RECORD, 0) != 0)
    r = file_errno(&place, "cannot be deleted", err);
  else if (fsync(place.directory) != 0)
    r = error_set(err, STATUS_UNKNOWN,
                  "%s: it was deleted, but that may not be durable", name);
  if (r == 0)
    delete_files(&place);
  file_exclusive_end(fd);
  file_place_close(&place);
  if (r == 0)
    delete_directories(file_store(store), name);
  return r;
}

static int
set_volume_size(const struct file_place *place, int fd,
                struct volume_record *record, uint64_t size, struct error *err)
{
  uint64_t old = record->size;
  int r = STATUS_OK;

  if (size > old) {
    r = set_size(place, fd, old, err);
    if (r == 0)
      r = set_size(place, fd, size, err);
    if (r == 0)
      r = make_durable(place, fd, err);
  }
  record->size = size;
  if (r == 0)
    r = file_record_replace(place, record, err);
  if (r == 0 && size < old) {
    r = set_size(place, fd, size, err);
    if (r == 0)
      r = make_durable(place, fd, err);
  }
  return r;
}

/* Writes back what the volume's data has in memory, while nobody has to wait
 * for it. What is wrong with the volume itself is said later.
 */
static int
sync_ahead(struct file_store *store, const char *name, struct error *err)
{
  struct file_place place;
  int fd, r;

  r = file_place_open(store, name, false, &place, err);
  if (r != 0)
    return r;
  fd = openat(place.directory, FILE_DATA, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd >= 0) {
    r = make_durable(&place, fd, err);
    close(fd);
  }
  file_place_close(&place);
  return r;
}

int
file_resize(struct store *store, const char *name, uint64_t size,
            const struct lease_id *lease, struct error *err)
{
  struct volume_record record;
  struct file_place place;
  int fd, r;

  /* So that the one below, with the locks, is short. */
  r = sync_ahead(file_store(store), name, err);
  if (r != 0)
    return r;
  r = begin_change(file_store(store), name, lease, &place, &fd, &record, err);
  if (r != 0)
    return r;
  r = set_volume_size(&place, fd, &record, size, err);
  file_exclusive_end(fd);
  file_place_close(&place);
  return r;
}
