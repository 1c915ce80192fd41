/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file.c: the store that is a directory of this host.
 *
 * Layout. Volume a/b of the store file:DIR is the directory DIR/a/b with
 *
 *   @data        its bytes, sparse; the locks lie on it
 *   @record      size, lease, epoch, holder, checksummed (record.h)
 *   @record.new  the spare that the record is exchanged with
 *   @NAME        a side object, such as @registrations, and @NAME.new its spare
 *
 * No segment of a name begins with '@', so that a and a/b can both be.
 *
 * Enforcement. DIR may be used by any number of processes of one host at once.
 * Each lease command replaces the record under exclusive locks; each write
 * holds a shared lock while it makes sure that the record in memory is in
 * force, checks its guard against it, and writes. So when a command has been
 * answered, no write that it fences is on its way any more (S1, S3).
 *
 *   file-lock.c    the two lock bytes, bounded waiting
 *   file-fence.c   ending a process that is stopped or stuck with a lock
 *   file-record.c  the record's replacement, and how a change of it is seen
 *   file-command.c lease commands
 *   file-tenure.c  turns of writing: shared locks that are counted and fair
 *   file-linger.c  turns that outlast their writes, by a millisecond or two
 *   file-io.c      data; file-sync.c durability
 *   file-admin.c   create, remove, resize; file-list.c list
 *   file-side.c    side objects
 *   file-place.c   directories, file systems that are refused
 *
 * Time. Ends of leases are kept on CLOCK_BOOTTIME with the boot's ID: after
 * another boot finite leases and breaks are over, infinite leases are not.
 *
 * Threads. Data requests, and without workers lease commands too, are done
 * inside submit, in the caller's thread; with workers commands are done in
 * their pool, and one more thread gives back turns (file-linger.c). An open
 * volume holds two file descriptors, a command for its
 * duration up to three more.
 *
 * Read-only. Where files can be read but not written volumes are open for
 * reading: shared locks need no more. Lease commands open FILE_DATA anew, for
 * writing, and are denied there; writes are denied by their descriptor.
 *
 * Who frees what. A struct file_store belongs to who opened it, its volumes
 * hold pointers into it and are closed before it.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file.h"
#include "store/file-internal.h"
#include "utils/cleanup.h"
#include "utils/workers.h"

#define SCHEME "file:"
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

/* A size and a record read one after the other, while it is being resized. */
#define OPEN_TRIES 10

static int
read_boot_id(char boot_id[BOOT_ID_LENGTH + 1], struct error *err)
{
  CLEANUP_FD int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return error_set_errno(err, errno, "%s", BOOT_ID_FILE);
  if (read(fd, boot_id, BOOT_ID_LENGTH) != BOOT_ID_LENGTH)
    return error_set(err, STATUS_UNSUPPORTED, "%s is not a boot ID",
                     BOOT_ID_FILE);
  return STATUS_OK;
}

static void
file_close(struct store *store)
{
  struct file_store *own = file_store(store);

  workers_free(own->workers);
  file_linger_free(own->linger);
  if (own->directory >= 0)
    close(own->directory);
  free(own->path);
  free(own);
}

static int
open_parts(struct file_store *own, const struct store_config *config,
           struct error *err)
{
  const char *path = config->url + strlen(SCHEME);
  int r;

  if (path[0] == '\0')
    return error_set(err, STATUS_INVALID,
                     "the store's URL names no directory: write file:DIR");
  own->path = strdup(path);
  if (own->path == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a store");
  r = read_boot_id(own->boot_id, err);
  if (r == 0)
    r = file_directory_open(own, config->create, err);
  if (r != 0 || config->workers == 0)
    return r;
  own->workers = workers_new(config->workers);
  own->linger = file_linger_new();
  if (own->workers == NULL || own->linger == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a store");
  return STATUS_OK;
}

static int
file_open(const struct store_config *config, struct store **out,
          struct error *err)
{
  struct file_store *own = calloc(1, sizeof *own);
  int r;

  if (own == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a store");
  own->store.ops = &file_store_ops;
  own->clock = config->clock;
  own->log = config->log;
  own->directory = -1;
  r = open_parts(own, config, err);
  if (r != 0)
    file_close(&own->store);
  else
    *out = &own->store;
  return r;
}

/* Makes sure that the volume is whole, and says which one it is. */
static int
look_at(struct file_volume *own, struct error *err)
{
  struct volume_record record;
  struct stat info;
  uint64_t size = 0;

  for (int i = 0; i < OPEN_TRIES; i++) {
    int r = file_record_read(&own->place, &record, err);

    if (r != 0)
      return r;
    if (fstat(own->data, &info) != 0)
      return error_set_errno(err, errno, "%s/%s/%s", own->place.store->path,
                             own->place.name, FILE_DATA);
    size = (uint64_t)info.st_size;
    if (size >= record.size) {
      memcpy(own->place.volume_id, record.volume_id, sizeof record.volume_id);
      memcpy(own->volume.identity, record.volume_id, sizeof record.volume_id);
      return STATUS_OK;
    }
  }
  return error_set(
      err, STATUS_CORRUPT,
      "%s/%s/%s is damaged: it has %" PRIu64 " bytes, its record says %" PRIu64,
      own->place.store->path, own->place.name, FILE_DATA, size, record.size);
}

static int
open_data(struct file_volume *own, struct error *err)
{
  struct error ignored = ERROR_INIT;
  struct file_stamp stamp;
  int r;

  own->data =
      openat(own->place.directory, FILE_DATA, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (own->data < 0 && (errno == EROFS || errno == EACCES))
    own->data = openat(own->place.directory, FILE_DATA,
                       O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (own->data < 0 && errno == ENOENT &&
      file_record_stamp(&own->place, &stamp, &ignored) == 0)
    return error_set(err, STATUS_CORRUPT, "%s/%s has no %s",
                     own->place.store->path, own->place.name, FILE_DATA);
  if (own->data < 0 && errno == ENOENT)
    return error_set(err, STATUS_NOT_FOUND, "there is no volume %s in %s",
                     own->place.name, own->place.store->path);
  if (own->data < 0)
    return error_set_errno(err, errno, "%s/%s/%s cannot be opened",
                           own->place.store->path, own->place.name, FILE_DATA);
  r = file_system_check(own->data, own->place.store->path, err);
  return r != 0 ? r : look_at(own, err);
}

static void
file_volume_close(struct store_volume *volume)
{
  struct file_volume *own = file_volume(volume);

  if (own->place.store != NULL)
    file_linger_remove(own->place.store->linger, own);
  if (own->tenure.held) /* not left to close, as in file_exclusive_end */
    file_unlock(own->data, FILE_LOCK_DATA);
  file_tenure_destroy(&own->tenure);
  file_sync_destroy(&own->sync);
  if (own->data >= 0)
    close(own->data);
  file_place_close(&own->place);
  free(own);
}

static int
file_volume_open(struct store *store, const char *name,
                 struct store_volume **out, struct error *err)
{
  struct file_volume *own = calloc(1, sizeof *own);
  int r;

  if (own == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a volume");
  own->volume.ops = &file_store_ops;
  own->volume.alignment = 1;
  own->data = -1;
  file_tenure_init(&own->tenure);
  file_sync_init(&own->sync);
  r = file_place_open(file_store(store), name, false, &own->place, err);
  if (r == 0)
    r = open_data(own, err);
  if (r != 0)
    file_volume_close(&own->volume);
  else
    *out = &own->volume;
  return r;
}

const struct store_ops file_store_ops = {
    .name = "file",
    .scheme = SCHEME,
    .open = file_open,
    .close = file_close,
    .create = file_create,
    .remove = file_remove,
    .resize = file_resize,
    .list = file_list,
    .volume_open = file_volume_open,
    .volume_close = file_volume_close,
    .submit_command = file_submit_command,
    .submit_io = file_submit_io,
    .side_read = file_side_read,
    .side_write = file_side_write,
};
