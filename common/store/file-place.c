/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-place.c: directories of the file store, and what they may lie on. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/file-internal.h"
#include "utils/cleanup.h"

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* Magic numbers as in statfs(2) and the kernel's sources. On each of these a
 * lock or a byte can come from another host, whose boots and clock have
 * nothing to do with ours; FUSE hides what is behind it.
 */
static const struct {
  uint64_t magic;
  const char *name;
} refused[] = {
    {0x6969, "NFS"},         {0x517b, "SMB"},        {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB2"},    {0x00c36400, "Ceph"},   {0x01161970, "GFS2"},
    {0x7461636f, "OCFS2"},   {0x0bd00bd0, "Lustre"}, {0x5346414f, "AFS"},
    {0x6b414653, "AFS"},     {0x01021997, "9P"},     {0x65735546, "FUSE"},
    {0x73757245, "Coda"},    {0x47504653, "GPFS"},   {0x19830326, "BeeGFS"},
    {0xaad7aaea, "PanFS"},   {0x564c, "NCP"},        {0xa501fcf5, "VxFS"},
    {0x786f4256, "vboxsf"},  {0xbacbacbc, "vmhgfs"}, {0x7c7c6673, "prl_fs"},
    {0x20030528, "OrangeFS"}};

const char *
file_system_refused(uint64_t magic)
{
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (refused[i].magic == magic)
      return refused[i].name;
  return NULL;
}

int
file_system_check(int fd, const char *path, struct error *err)
{
  struct statfs info;
  const char *name;

  if (fstatfs(fd, &info) != 0)
    return error_set_errno(err, errno, "%s", path);
  name = file_system_refused((uint32_t)info.f_type);
  if (name == NULL)
    return STATUS_OK;
  return error_set(err, STATUS_UNSUPPORTED,
                   "%s is on %s: a file: store must be on a file system of "
                   "this host alone, because its locks and its lease clock "
                   "mean nothing on another one",
                   path, name);
}

/* Who has made the store may not have got as far as this. But a store that
 * somebody else has prepared can lie in a directory that we may not read, or
 * that is of no disk. 0, or -1 with errno.
 */
static int
sync_parent(const struct file_store *store, bool made)
{
  CLEANUP_FD int parent = openat(store->directory, "..", OPEN_DIRECTORY);

  if (parent >= 0 && fsync(parent) == 0)
    return 0;
  return !made && (errno == EACCES || errno == EINVAL) ? 0 : -1;
}

int
file_directory_open(struct file_store *store, bool create, struct error *err)
{
  bool made = create && mkdir(store->path, 0700) == 0;

  if (create && !made && errno != EEXIST)
    return error_set_errno(err, errno, "the store %s cannot be made",
                           store->path);
  store->directory = open(store->path, OPEN_DIRECTORY);
  if (store->directory < 0 && errno == ENOTDIR)
    return error_set(err, STATUS_INVALID,
                     "the store %s cannot be opened: it is not a directory",
                     store->path);
  if (store->directory < 0)
    return error_set_errno(err, errno, "the store %s cannot be opened",
                           store->path);
  if (create && sync_parent(store, made) != 0)
    return error_set_errno(err, errno, "%s/..", store->path);
  return file_system_check(store->directory, store->path, err);
}

/* A volume may be made below what is mounted below the store: each step is
 * looked at, before anything is made in it.
 */
static int
check_step(const struct file_place *place, int fd, struct error *err)
{
  char path[PATH_MAX];

  snprintf(path, sizeof path, "%s/%s", place->store->path, place->name);
  return file_system_check(fd, path, err);
}

/* One step down from parent, without following links: a name cannot lead out
 * of the store. With make it is durable in parent, also when it was there:
 * who has made it may not have got as far as that. *out is the caller's in any
 * case.
 */
static int
open_segment(const struct file_place *place, int parent, const char *segment,
             bool make, int *out, struct error *err)
{
  if (make && mkdirat(parent, segment, 0700) != 0 && errno != EEXIST)
    return error_set_errno(err, errno, "%s/%s cannot be made",
                           place->store->path, place->name);
  if (make && fsync(parent) != 0)
    return error_set_errno(err, errno, "%s/%s", place->store->path,
                           place->name);
  *out = openat(parent, segment, OPEN_DIRECTORY | O_NOFOLLOW);
  if (*out >= 0)
    return check_step(place, *out, err);
  if (errno == ENOENT)
    return error_set(err, STATUS_NOT_FOUND, "there is no volume %s in %s",
                     place->name, place->store->path);
  if (errno == ENOTDIR || errno == ELOOP)
    return error_set(err, STATUS_INVALID,
                     "%s/%s cannot be opened: '%s' is not a directory",
                     place->store->path, place->name, segment);
  return error_set_errno(err, errno, "%s/%s cannot be opened",
                         place->store->path, place->name);
}

int
file_place_open(struct file_store *store, const char *name, bool make,
                struct file_place *out, struct error *err)
{
  char segments[VOLUME_NAME_MAX + 1];
  char *rest = NULL;
  int parent = -1, r = STATUS_OK;

  *out = (struct file_place){.store = store, .directory = -1};
  snprintf(out->name, sizeof out->name, "%s", name);
  snprintf(segments, sizeof segments, "%s", name);
  for (char *segment = strtok_r(segments, "/", &rest); segment != NULL;
       segment = strtok_r(NULL, "/", &rest)) {
    int next = -1;

    r = open_segment(out, parent < 0 ? store->directory : parent, segment, make,
                     &next, err);
    if (parent >= 0)
      close(parent);
    parent = next;
    if (r != 0)
      break;
  }
  out->directory = parent;
  if (r != 0)
    file_place_close(out);
  return r;
}

void
file_place_close(struct file_place *place)
{
  if (place->directory >= 0)
    close(place->directory);
  place->directory = -1;
}
