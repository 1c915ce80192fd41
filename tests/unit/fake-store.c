/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fake-store.c: one volume in memory; see fake-store.h. */
#include "fake-store.h"

#include <stdlib.h>
#include <string.h>

#include "utils/cleanup.h"

static uint64_t
fake_boottime(const struct clock *clock)
{
  return __atomic_load_n(&((const struct fake_clock *)clock)->now_ns,
                         __ATOMIC_RELAXED);
}

static int64_t
fake_wall(const struct clock *clock)
{
  return (int64_t)(fake_boottime(clock) / NANOSECONDS_PER_MILLISECOND);
}

void
fake_clock_init(struct fake_clock *clock)
{
  clock->clock.boottime_ns = fake_boottime;
  clock->clock.wall_ms = fake_wall;
  clock->now_ns = 1000 * NANOSECONDS_PER_SECOND;
}

static struct fake_store *
fake_of(struct store *store)
{
  return (struct fake_store *)store;
}

struct fake_volume {
  struct store_volume volume;
  struct fake_store *store;
};

static void
describe(struct fake_store *fake, struct volume_info *info)
{
  uint64_t now = clock_now(&fake->clock->clock);

  memset(info, 0, sizeof *info);
  info->size = FAKE_SIZE;
  info->epoch = fake->epoch;
  info->lease.state = blob_lease_state(&fake->lease, now);
  info->lease.duration_s = fake->lease.duration_s;
  info->lease.id_known = true;
  info->lease.id = fake->lease.id;
  memcpy(info->lease.node, fake->node, sizeof info->lease.node);
  info->record = fake->record;
}

static int
do_command(struct fake_store *fake, const struct lease_command *command)
{
  uint64_t now = clock_now(&fake->clock->clock);
  int status;

  fake->commands[command->verb]++;
  if (fake->command_status != 0)
    return fake->command_status;
  switch (command->verb) {
  case LEASE_ACQUIRE:
    status = blob_lease_acquire(&fake->lease, &command->lease_id,
                                command->duration_s, now);
    if (status == 0)
      memcpy(fake->node, command->node, sizeof fake->node);
    return status;
  case LEASE_RENEW:
    return blob_lease_renew(&fake->lease, &command->lease_id, now);
  case LEASE_CHANGE:
    if (command->check_epoch && command->expected_epoch != fake->epoch)
      return STATUS_EPOCH_STALE;
    status = blob_lease_change(&fake->lease, &command->lease_id,
                               &command->proposed_id, now);
    if (status == 0)
      memcpy(fake->node, command->node, sizeof fake->node);
    return status;
  case LEASE_BREAK:
    return blob_lease_break(&fake->lease, command->break_period_s, now);
  case LEASE_TAKE_OVER:
    status = blob_lease_change(&fake->lease, &command->lease_id,
                               &command->proposed_id, now);
    if (status == 0 && command->expected_epoch != fake->epoch)
      status = STATUS_EPOCH_STALE;
    if (status != 0)
      return status;
    memcpy(fake->node, command->node, sizeof fake->node);
    fake->record = command->record;
    fake->record.holder.epoch = ++fake->epoch;
    return 0;
  case LEASE_CLAIM:
    status = blob_lease_use(&fake->lease, BLOB_WRITE, &command->lease_id, now);
    if (status == 0 && command->expected_epoch != fake->epoch)
      status = STATUS_EPOCH_STALE;
    if (status != 0)
      return status;
    fake->record = command->record;
    fake->record.holder.epoch = ++fake->epoch;
    return 0;
  case LEASE_RELEASE:
    if (command->expected_epoch != fake->epoch)
      return STATUS_EPOCH_STALE;
    status = blob_lease_release(&fake->lease, &command->lease_id);
    if (status == 0 && command->clean)
      fake->record.holder.clean = true;
    return status;
  default:
    return 0;
  }
}

/* What was read goes where the request wants it. */
static void
fill_in(const struct store_io *io, const char *bytes)
{
  uint64_t size = io->pieces != NULL ? io->piece_size : io->count;

  for (uint64_t at = 0; at < io->count; at += size)
    memcpy(io->pieces != NULL ? io->pieces[at / size] : io->buffer, bytes + at,
           size < io->count - at ? size : io->count - at);
}

/* A sector of zeroes is a hole. */
static int
map_holes(const struct fake_store *fake, struct store_io *io)
{
  static const char zeroes[STORE_SECTOR];

  for (uint64_t at = io->offset; at < io->offset + io->count;
       at += STORE_SECTOR)
    if (extents_add(&io->extents, STORE_SECTOR,
                    memcmp(fake->data + at, zeroes, STORE_SECTOR) == 0) != 0)
      return STATUS_NO_MEMORY;
  return 0;
}

/* What is written comes from where the request has it. */
static void
copy_out(const struct store_io *io, char *bytes)
{
  for (uint64_t at = 0; at < io->count; at += STORE_SECTOR) {
    uint64_t place = io->piece_begin + at;
    const char *from = io->pieces == NULL
                           ? (const char *)io->buffer + at
                           : (const char *)io->pieces[place / io->piece_size] +
                                 place % io->piece_size;
    uint64_t left = io->count - at;

    memcpy(bytes + at, from, left < STORE_SECTOR ? left : STORE_SECTOR);
  }
}

static int
do_io(struct fake_store *fake, struct store_io *io, void *buffer)
{
  int status;

  switch (io->kind) {
  case STORE_READ:
    if (buffer != NULL)
      memcpy(buffer, fake->data + io->offset, io->count);
    else
      fill_in(io, fake->data + io->offset);
    fake->reads_done++;
    return 0;
  case STORE_EXTENTS:
    fake->maps_done++;
    return map_holes(fake, io);
  case STORE_FLUSH:
    fake->flushes_done++;
    return fake->flush_status;
  case STORE_WRITE:
  case STORE_ZERO:
    break;
  default:
    return 0;
  }
  status = blob_lease_use(&fake->lease, BLOB_WRITE, &io->guard.lease_id,
                          clock_now(&fake->clock->clock));
  if (status == 0 && io->guard.epoch != fake->epoch)
    status = STATUS_EPOCH_STALE;
  if (status != 0) {
    fake->writes_refused++;
    return status;
  }
  if (fake->write_status != 0)
    return fake->write_status;
  if (io->kind == STORE_WRITE && buffer != NULL)
    memcpy(fake->data + io->offset, buffer, io->count);
  else if (io->kind == STORE_WRITE)
    copy_out(io, fake->data + io->offset);
  else
    memset(fake->data + io->offset, 0, io->count);
  fake->writes_done++;
  return 0;
}

static struct fake_message *
take_in(struct fake_store *fake)
{
  struct fake_message *message = &fake->messages[fake->count];

  if (fake->count == FAKE_MESSAGES_MAX)
    abort();
  fake->count++;
  memset(message, 0, sizeof *message);
  message->used = true;
  return message;
}

static int
submit_command(struct store_volume *volume, struct store_command *command)
{
  struct fake_store *fake = ((struct fake_volume *)volume)->store;

  LOCK_FOR_SCOPE(&fake->lock);
  if (!fake->hold_commands) {
    command->reply.status = do_command(fake, &command->command);
    describe(fake, &command->reply.info);
    return command->reply.status;
  }
  struct fake_message *message = take_in(fake);

  message->command = command;
  message->sent = command->command;
  return STORE_PENDING;
}

static int
submit_io(struct store_volume *volume, struct store_io *io)
{
  struct fake_store *fake = ((struct fake_volume *)volume)->store;

  LOCK_FOR_SCOPE(&fake->lock);
  if (!fake->hold_io)
    return io->status = do_io(fake, io, io->pieces != NULL ? NULL : io->buffer);
  struct fake_message *message = take_in(fake);

  message->is_io = true;
  message->io = io;
  message->sent_io = *io;
  if (io->kind == STORE_WRITE)
    copy_out(io, message->data);
  return STORE_PENDING;
}

unsigned
fake_pending(struct fake_store *fake)
{
  LOCK_FOR_SCOPE(&fake->lock);
  return fake->count;
}

void
fake_deliver(struct fake_store *fake, unsigned index)
{
  LOCK_FOR_SCOPE(&fake->lock);
  struct fake_message *message = &fake->messages[index];

  if (!message->used || message->delivered)
    abort();
  message->delivered = true;
  if (message->is_io) {
    message->status = do_io(fake, &message->sent_io, message->data);
  } else {
    message->status = do_command(fake, &message->sent);
    describe(fake, &message->info);
  }
}

void
fake_answer_with(struct fake_store *fake, unsigned index, int status)
{
  struct fake_message *message = &fake->messages[index];
  struct store_command *command;
  struct store_io *io;

  {
    LOCK_FOR_SCOPE(&fake->lock);
    command = message->command;
    io = message->io;
    message->command = NULL;
    message->io = NULL;
  }
  if (command != NULL) {
    command->reply.status = status;
    command->reply.info = message->info;
    command->done(command);
  } else if (io != NULL) {
    io->status = status;
    io->extents = message->sent_io.extents;
    if (io->kind == STORE_READ)
      fill_in(io, message->data);
    io->done(io);
  } else {
    abort();
  }
}

void
fake_answer(struct fake_store *fake, unsigned index)
{
  fake_answer_with(fake, index, fake->messages[index].status);
}

void
fake_complete(struct fake_store *fake, unsigned index)
{
  fake_deliver(fake, index);
  fake_answer(fake, index);
}

static int
volume_open(struct store *store, const char *name, struct store_volume **out,
            struct error *err)
{
  struct fake_volume *volume;

  if (strcmp(name, "disk0") != 0)
    return error_set(err, STATUS_NOT_FOUND, "%s: no such volume", name);
  volume = calloc(1, sizeof *volume);
  if (volume == NULL)
    return error_set(err, STATUS_NO_MEMORY, "%s: no memory", name);
  volume->volume.ops = store->ops;
  volume->volume.alignment =
      fake_of(store)->alignment != 0 ? fake_of(store)->alignment : 1;
  volume->store = fake_of(store);
  *out = &volume->volume;
  return 0;
}

static void
volume_close(struct store_volume *volume)
{
  free((struct fake_volume *)volume);
}

static const struct store_ops fake_ops = {
    .name = "fake",
    .scheme = "fake:",
    .volume_open = volume_open,
    .volume_close = volume_close,
    .submit_command = submit_command,
    .submit_io = submit_io,
};

void
fake_store_init(struct fake_store *fake, struct fake_clock *clock)
{
  memset(fake, 0, sizeof *fake);
  fake->store.ops = &fake_ops;
  fake->clock = clock;
  pthread_mutex_init(&fake->lock, NULL);
}

void
fake_store_destroy(struct fake_store *fake)
{
  pthread_mutex_destroy(&fake->lock);
}
