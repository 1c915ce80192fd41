/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store.c: the one way to a store: the table, and wrappers that check calls.
 *
 * What a caller can get wrong by its own fault is asserted, in every build:
 * a request that must carry a lease ID and does not would be executed by a
 * store whose object is not leased, and silently damage it (S1). What comes
 * from outside (names, sizes, URLs) is refused with a text. What a store
 * answers is asserted too, so that every store keeps to the contract.
 */

/* A check that NDEBUG takes away would not be one. */
#undef NDEBUG
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/export-name.h"
#include "leasehold/store.h"
#include "store/azure.h"
#include "store/count.h"
#include "store/file.h"
#include "utils/cleanup.h"

#define STORE_IO_MAX (UINT64_C(64) << 20)
#define PIECE_SIZE_MAX 65536

const struct store_ops *const store_table[] = {
    &azure_store_ops,
    &file_store_ops,
    NULL,
};

static int
open_by(const struct store_ops *ops, const struct store_config *config,
        struct store **out, struct error *err)
{
  int r = ops->open(config, out, err);

  if (r != 0 || !config->count)
    return r;
  (*out)->counters = count_new();
  if ((*out)->counters == NULL) {
    ops->close(*out);
    return error_set(err, STATUS_NO_MEMORY, "no memory for the store");
  }
  return 0;
}

int
store_open(const struct store_config *config, struct store **out,
           struct error *err)
{
  assert(config->url && config->clock);
  for (size_t i = 0; store_table[i]; i++) {
    const struct store_ops *ops = store_table[i];

    if (strncmp(config->url, ops->scheme, strlen(ops->scheme)) == 0)
      return open_by(ops, config, out, err);
  }
  /* Not the URL itself, which may hold secrets. */
  return error_set(err, STATUS_INVALID,
                   "the store's URL begins with no scheme that is known; for "
                   "a directory of this host write file:DIR, for Azure "
                   "https://ACCOUNT.blob.core.windows.net/CONTAINER");
}

void
store_close(struct store *store)
{
  struct counters *counters;

  if (store == NULL)
    return;
  counters = store->counters;
  store->ops->close(store);
  counters_free(counters);
}

static int
check_size(uint64_t size, struct error *err)
{
  if (size == 0 || size % STORE_SECTOR != 0)
    return error_set(err, STATUS_INVALID,
                     "a volume's size must be a multiple of %d bytes and not "
                     "zero: %" PRIu64 " is not",
                     STORE_SECTOR, size);
  if (size > STORE_SIZE_MAX)
    return error_set(
        err, STATUS_INVALID,
        "a volume's size is at most 8 TiB: %" PRIu64 " bytes are more", size);
  return STATUS_OK;
}

int
store_create(struct store *store, const char *name, uint64_t size,
             struct error *err)
{
  int r = volume_name_check(name, err);

  if (r == 0)
    r = check_size(size, err);
  return r != 0 ? r : store->ops->create(store, name, size, err);
}

int
store_remove(struct store *store, const char *name,
             const struct lease_id *lease, struct error *err)
{
  int r = volume_name_check(name, err);

  return r != 0 ? r : store->ops->remove(store, name, lease, err);
}

int
store_resize(struct store *store, const char *name, uint64_t size,
             const struct lease_id *lease, struct error *err)
{
  int r = volume_name_check(name, err);

  if (r == 0)
    r = check_size(size, err);
  return r != 0 ? r : store->ops->resize(store, name, size, lease, err);
}

int
store_list(struct store *store, struct volume_list *out, struct error *err)
{
  *out = (struct volume_list){0};
  return store->ops->list(store, out, err);
}

int
store_volume_open(struct store *store, const char *name,
                  struct store_volume **out, struct error *err)
{
  int r = volume_name_check(name, err);

  if (r == 0)
    r = store->ops->volume_open(store, name, out, err);
  if (r != 0)
    return r;
  assert((*out)->alignment == 1 || (*out)->alignment == STORE_SECTOR);
  (*out)->counters = store->counters;
  return 0;
}

void
store_volume_close(struct store_volume *volume)
{
  if (volume != NULL)
    volume->ops->volume_close(volume);
}

static void
assert_command(const struct lease_command *command)
{
  switch (command->verb) {
  case LEASE_DESCRIBE:
  case LEASE_BREAK:
    assert(lease_id_is_none(&command->lease_id));
    return;
  case LEASE_CHANGE:
    assert(!lease_id_is_none(&command->proposed_id));
    break;
  case LEASE_TAKE_OVER:
    assert(!lease_id_is_none(&command->proposed_id));
    assert(command->record.fenced_count <= FENCED_INSTANCES_MAX);
    break;
  case LEASE_CLAIM:
    assert(command->record.fenced_count <= FENCED_INSTANCES_MAX);
    break;
  case LEASE_ACQUIRE:
  case LEASE_RENEW:
  case LEASE_RELEASE:
    break;
  case LEASE_GROUP:
  case LEASE_NONE:
    assert(command->verb != LEASE_NONE);
  }
  assert(!lease_id_is_none(&command->lease_id));
}

/* Counting. A request whose volume counts is answered here first. */

static void
end_command(struct store_command *command)
{
  count_command(command->counters, command->command.verb,
                command->reply.status);
  command->done = command->counted;
}

static void
command_counted(struct store_command *command)
{
  end_command(command);
  command->done(command);
}

int
store_submit_command(struct store_volume *volume, struct store_command *command)
{
  int r;

  assert(command->done);
  assert_command(&command->command);
  if (volume->counters != NULL) {
    command->counters = volume->counters;
    command->counted = command->done;
    command->done = command_counted;
  }
  r = volume->ops->submit_command(volume, command);
  /* After STORE_PENDING the command may be gone already. */
  if (r == STORE_PENDING)
    return r;
  assert(r <= 0 && command->reply.status == r);
  if (volume->counters != NULL)
    end_command(command);
  return r;
}

static void
assert_memory(const struct store_io *io)
{
  if (io->pieces == NULL) {
    assert(io->buffer);
    return;
  }
  assert(io->piece_size >= STORE_SECTOR && io->piece_size <= PIECE_SIZE_MAX &&
         (io->piece_size & (io->piece_size - 1)) == 0);
  assert(io->piece_begin < io->piece_size &&
         (io->kind == STORE_WRITE || io->piece_begin == 0));
}

static void
assert_io(const struct store_volume *volume, const struct store_io *io)
{
  bool changes = io->kind == STORE_WRITE || io->kind == STORE_ZERO;

  if (io->kind == STORE_FLUSH)
    return;
  assert(io->count > 0);
  assert(io->offset <= STORE_SIZE_MAX &&
         io->count <= STORE_SIZE_MAX - io->offset);
  if (io->kind == STORE_READ || io->kind == STORE_WRITE)
    assert(io->count <= STORE_IO_MAX);
  if (io->kind == STORE_READ || io->kind == STORE_WRITE)
    assert_memory(io);
  if (!changes)
    return;
  assert(!lease_id_is_none(&io->guard.lease_id)); /* S1 */
  assert(io->offset % volume->alignment == 0 &&
         io->count % volume->alignment == 0);
}

static void
end_io(struct store_io *io)
{
  count_io(io->counters, io);
  io->done = io->counted;
}

static void
io_counted(struct store_io *io)
{
  end_io(io);
  io->done(io);
}

int
store_submit_io(struct store_volume *volume, struct store_io *io)
{
  int r;

  assert(io->done);
  assert_io(volume, io);
  if (volume->counters != NULL) {
    io->counters = volume->counters;
    io->counted = io->done;
    io->done = io_counted;
  }
  r = volume->ops->submit_io(volume, io);
  if (r == STORE_PENDING)
    return r;
  assert(r <= 0 && io->status == r);
  if (volume->counters != NULL)
    end_io(io);
  return r;
}

const char *
side_text(enum side side)
{
  static const char *const table[SIDES] = {
      [SIDE_REGISTRATIONS] = "registrations",
      [SIDE_HANDOVER] = "handover",
  };

  return table[side];
}

static void
assert_side(enum side side, const struct side_object *object)
{
  assert(side >= 0 && side < SIDES);
  assert(object->length <= SIDE_OBJECT_MAX);
  assert(memchr(object->etag, '\0', sizeof object->etag) != NULL);
}

int
store_side_read(struct store_volume *volume, enum side side,
                struct side_object *out, struct error *err)
{
  int r;

  out->etag[0] = '\0';
  out->length = 0;
  assert_side(side, out);
  r = volume->ops->side_read(volume, side, out, err);
  assert(r <= 0);
  count_side(volume->counters, false, r);
  assert_side(side, out);
  return r;
}

int
store_side_write(struct store_volume *volume, enum side side,
                 struct side_object *object, struct error *err)
{
  int r;

  assert_side(side, object);
  r = volume->ops->side_write(volume, side, object, err);
  assert(r <= 0);
  count_side(volume->counters, true, r);
  assert_side(side, object);
  assert(r != 0 || object->etag[0] != '\0');
  return r;
}

/* Waiting. The request that the store sees is a copy that has the waiter
 * around it: done is told nothing but the request's address.
 */
struct waiter {
  pthread_mutex_t mutex; /* protects finished */
  pthread_cond_t condition;
  bool finished;
};

#define WAITER_INIT                                                            \
  {                                                                            \
    .mutex = PTHREAD_MUTEX_INITIALIZER, .condition = PTHREAD_COND_INITIALIZER  \
  }

static void
waiter_finish(struct waiter *waiter)
{
  LOCK_FOR_SCOPE(&waiter->mutex);
  waiter->finished = true;
  /* Under the lock: the waiter is gone as soon as it may go on. */
  pthread_cond_signal(&waiter->condition);
}

static void
waiter_wait(struct waiter *waiter)
{
  LOCK_FOR_SCOPE(&waiter->mutex);
  while (!waiter->finished)
    pthread_cond_wait(&waiter->condition, &waiter->mutex);
}

struct waiting_command {
  struct store_command command; /* first */
  struct waiter waiter;
};

static void
command_done(struct store_command *command)
{
  waiter_finish(&((struct waiting_command *)command)->waiter);
}

int
store_run_command(struct store_volume *volume, struct store_command *command)
{
  struct waiting_command waiting = {.command = *command, .waiter = WAITER_INIT};

  waiting.command.done = command_done;
  if (store_submit_command(volume, &waiting.command) == STORE_PENDING)
    waiter_wait(&waiting.waiter);
  *command = waiting.command;
  return command->reply.status;
}

struct waiting_io {
  struct store_io io; /* first */
  struct waiter waiter;
};

static void
io_done(struct store_io *io)
{
  waiter_finish(&((struct waiting_io *)io)->waiter);
}

int
store_run_io(struct store_volume *volume, struct store_io *io)
{
  struct waiting_io waiting = {.io = *io, .waiter = WAITER_INIT};

  waiting.io.done = io_done;
  if (store_submit_io(volume, &waiting.io) == STORE_PENDING)
    waiter_wait(&waiting.waiter);
  *io = waiting.io;
  return io->status;
}

/* Doubles an array that is full. */
static void *
grow(void *items, size_t count, size_t *capacity, size_t item_size)
{
  size_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
  void *bigger;

  if (count < *capacity)
    return items;
  bigger = reallocarray(items, wanted, item_size);
  if (bigger != NULL)
    *capacity = wanted;
  return bigger;
}

int
extents_add(struct extent_list *list, uint64_t length, bool hole)
{
  struct extent *items;

  if (length == 0)
    return STATUS_OK;
  if (list->count > 0 && list->items[list->count - 1].hole == hole) {
    list->items[list->count - 1].length += length;
    return STATUS_OK;
  }
  items = grow(list->items, list->count, &list->capacity, sizeof *items);
  if (items == NULL)
    return STATUS_NO_MEMORY;
  list->items = items;
  items[list->count++] = (struct extent){.length = length, .hole = hole};
  return STATUS_OK;
}

void
extents_free(struct extent_list *list)
{
  free(list->items);
  *list = (struct extent_list){0};
}

void
volume_list_free(struct volume_list *list)
{
  free(list->items);
  *list = (struct volume_list){0};
}
