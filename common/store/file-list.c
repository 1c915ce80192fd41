/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-list.c: which volumes a file store has: one for each FILE_RECORD. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leasehold/export-name.h"
#include "store/file-internal.h"

static struct volume_entry *
add_entry(struct volume_list *list, const char *name)
{
  struct volume_entry *entry;

  if (list->count == list->capacity) {
    size_t wanted = list->capacity == 0 ? 16 : 2 * list->capacity;
    void *items = reallocarray(list->items, wanted, sizeof *list->items);

    if (items == NULL)
      return NULL;
    list->items = items;
    list->capacity = wanted;
  }
  entry = &list->items[list->count++];
  *entry = (struct volume_entry){.error = ERROR_INIT};
  snprintf(entry->name, sizeof entry->name, "%s", name);
  return entry;
}

static int
no_memory(struct error *err)
{
  return error_set(err, STATUS_NO_MEMORY, "no memory for a list of volumes");
}

/* One volume, or what is wrong with it. One that is gone meanwhile, or is not
 * finished, is no volume.
 */
static int
list_volume(struct file_store *store, int directory, const char *name,
            struct volume_list *list, struct error *err)
{
  struct file_place place = {.store = store, .directory = directory};
  struct volume_entry *entry = add_entry(list, name);
  struct volume_record record;

  if (entry == NULL)
    return no_memory(err);
  snprintf(place.name, sizeof place.name, "%s", name);
  entry->status = file_system_check(directory, store->path, &entry->error);
  if (entry->status == 0)
    entry->status = file_record_read(&place, &record, &entry->error);
  if (entry->status == STATUS_NOT_FOUND)
    list->count--;
  else if (entry->status == 0)
    record_info(&record, clock_now(store->clock), &entry->info);
  return STATUS_OK;
}

static int list_directory(struct file_store *store, int fd, const char *name,
                          struct volume_list *list, struct error *err);

/* Anything else found below name ("" at the top). */
static int
list_below(struct file_store *store, int directory, const char *name,
           const char *segment, struct volume_list *list, struct error *err)
{
  char below[VOLUME_NAME_MAX + 1];
  struct volume_entry *entry;
  struct error ignored;
  int fd, length;

  length = snprintf(below, sizeof below, "%s%s%s", name,
                    name[0] != '\0' ? "/" : "", segment);
  if (length >= (int)sizeof below || volume_name_check(below, &ignored) != 0)
    return STATUS_OK;
  fd = openat(directory, segment,
              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0)
    return list_directory(store, fd, below, list, err);
  if (errno == ENOTDIR || errno == ELOOP || errno == ENOENT)
    return STATUS_OK;
  entry = add_entry(list, below);
  if (entry == NULL)
    return no_memory(err);
  entry->status = error_set_errno(&entry->error, errno,
                                  "%s/%s cannot be opened", store->path, below);
  return STATUS_OK;
}

/* Takes fd. */
static int
list_directory(struct file_store *store, int fd, const char *name,
               struct volume_list *list, struct error *err)
{
  DIR *directory = fdopendir(fd);
  struct dirent *entry;
  int r = STATUS_OK;

  if (directory == NULL) {
    r = error_set_errno(err, errno, "%s/%s", store->path, name);
    close(fd);
    return r;
  }
  while (r == 0 && (errno = 0, entry = readdir(directory)) != NULL) {
    if (strcmp(entry->d_name, FILE_RECORD) != 0)
      r = list_below(store, fd, name, entry->d_name, list, err);
    else if (name[0] != '\0')
      r = list_volume(store, fd, name, list, err);
  }
  if (r == 0 && errno != 0)
    r = error_set_errno(err, errno, "%s/%s", store->path, name);
  closedir(directory);
  return r;
}

static int
compare(const void *a, const void *b)
{
  const struct volume_entry *left = a, *right = b;

  return strcmp(left->name, right->name);
}

int
file_list(struct store *store, struct volume_list *out, struct error *err)
{
  struct file_store *own = file_store(store);
  int fd = openat(own->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int r;

  if (fd < 0)
    return error_set_errno(err, errno, "%s", own->path);
  r = list_directory(own, fd, "", out, err);
  if (r != 0)
    volume_list_free(out);
  else if (out->count > 0)
    qsort(out->items, out->count, sizeof *out->items, compare);
  return r;
}
