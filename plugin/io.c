/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* io.c: data: each callback is one request of the fenced I/O path.
 *
 * The request lives on the stack of nbdkit's thread, which advances it and
 * sleeps whenever it has to wait: for the gate, for the store, or for the time
 * to try again (volume.h). When the server is stopped or the client leaves, a
 * request that waits is given no more time; one that is with the store is
 * waited for, because its buffer is nbdkit's.
 */
#include "plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "leasehold/reserve.h"

struct pending {
  struct volume_request request; /* first */
  struct sleeper gate;           /* woken when the gate has changed */
  struct sleeper store;          /* woken when the store has finished */
};

static void
pending_wake(struct volume_request *request, enum volume_wake kind)
{
  struct pending *pending = (struct pending *)request;

  sleeper_wake(kind == VOLUME_WAKE_STORE ? &pending->store : &pending->gate);
}

/* Sets what describes the request, and no more: it is larger than a KiB, and
 * most of it is for what hardly ever happens.
 */
static void
pending_init(struct pending *pending, enum store_io_kind kind, unsigned flags,
             uint64_t offset, uint64_t count, void *buffer)
{
  struct store_io *io = &pending->request.io;

  io->kind = kind;
  io->flags = flags | STORE_IO_MAY_BLOCK; /* this thread sleeps, else */
  io->offset = offset;
  io->count = count;
  io->buffer = buffer;
  io->pieces = NULL;
  io->guard = (struct guard){0};
  io->extents = (struct extent_list){0};
}

/* Runs a request to its end and returns its status. */
static int
pending_run(const struct connection *connection, struct pending *pending)
{
  struct volume_request *request = &pending->request;
  struct volume volume = connection->volume;
  const enum store_io_kind kind = request->io.kind;
  const uint64_t count = request->io.count;
  bool leaving = false;

  sleeper_init(&pending->gate);
  sleeper_init(&pending->store);
  request->wake = pending_wake;
  volume_begin(&volume, request);
  while (!volume_advance(request)) {
    if (request->wake_at_ns == TIME_NEVER) {
      sleeper_sleep(&pending->store, volume.clock, TIME_NEVER, false);
    } else if (sleeper_sleep(&pending->gate, volume.clock, request->wake_at_ns,
                             !leaving) == SLEEP_LEAVE) {
      leaving = true;
      volume.limits = (struct volume_limits){.io_timeout_ns = 0};
    }
  }
  sleeper_destroy(&pending->store);
  sleeper_destroy(&pending->gate);
  metrics_request(kind, count, request->status);
  return leaving && request->status != 0 ? STATUS_STOPPING : request->status;
}

/* "write of 512 bytes at 0". */
static void
name_request(const struct store_io *io, char *text, size_t size)
{
  static const char *const words[] = {
      [STORE_READ] = "read",       [STORE_WRITE] = "write",
      [STORE_ZERO] = "zero",       [STORE_FLUSH] = "flush",
      [STORE_EXTENTS] = "extents", [STORE_PREFETCH] = "cache",
  };

  if (io->kind == STORE_FLUSH)
    snprintf(text, size, "%s", words[io->kind]);
  else
    snprintf(text, size, "%s of %" PRIu64 " bytes at %" PRIu64, words[io->kind],
             io->count, io->offset);
}

/* A client that is refused mostly tries again, and so does one whose store
 * does not know our credentials any more: the log has one line for each change.
 */
static bool
said_once(int status)
{
  return status == STATUS_CONFLICT || status == STATUS_FENCED ||
         status == STATUS_DENIED;
}

/* Tells the client and the operator why a request failed. */
static void
report(struct connection *connection, const struct store_io *io, int status)
{
  const char *cause =
      io->error.text[0] != '\0' ? io->error.text : status_text(status);
  char request[96], holder[LEASE_HOLDER_TEXT_MAX];
  struct volume_info info;

  nbdkit_set_error(status_errno(status));
  name_request(io, request, sizeof request);
  if (said_once(status) &&
      atomic_exchange(&connection->reported, status) == status) {
    nbdkit_debug("%s: %s: %s again", connection->label, request, cause);
    return;
  }
  if (connection->tenure == NULL) {
    nbdkit_error("%s: %s: %s", connection->label, request, cause);
    return;
  }
  tenure_view(connection->tenure, &info, NULL, NULL);
  lease_holder_text(&info, holder);
  nbdkit_error("%s: %s: %s (epoch %" PRIu64 ", %s)", connection->label, request,
               cause, info.epoch, holder);
}

/* Runs a request; 0, or -1 when it failed and was reported. */
static int
run(struct connection *connection, struct pending *pending)
{
  int status = pending_run(connection, pending);
  const struct store_io *io = &pending->request.io;
  int reported;

  if (status != 0) {
    report(connection, io, status);
    return -1;
  }
  reported = atomic_load(&connection->reported);
  if (reported == STATUS_DENIED ||
      (reported != 0 && (io->kind == STORE_WRITE || io->kind == STORE_ZERO)))
    atomic_store(&connection->reported, 0);
  return 0;
}

/* As run, for what tells something of the contents. */
static int
run_reading(struct connection *connection, struct pending *pending)
{
  struct store_io *io = &pending->request.io;
  int status;

  io->error = (struct error)ERROR_INIT;
  status = access_check(connection, &io->error);
  if (status == 0)
    return run(connection, pending);
  report(connection, io, status);
  return -1;
}

int
io_read(void *handle, void *buffer, uint32_t count, uint64_t offset,
        uint32_t flags)
{
  struct connection *connection = handle;
  struct pending pending;

  (void)flags;
  if (connection->control != NULL)
    return control_read(connection, buffer, count, offset);
  if (connection->text != NULL) {
    memcpy(buffer, connection->text + offset, count);
    return 0;
  }
  pending_init(&pending, STORE_READ, 0, offset, count, buffer);
  return run_reading(connection, &pending);
}

int
io_write(void *handle, const void *buffer, uint32_t count, uint64_t offset,
         uint32_t flags)
{
  struct connection *connection = handle;
  struct pending pending;

  if (connection->control != NULL)
    return control_write(connection, buffer, count, offset);
  /* The store does not change the buffer of a write (store.h). */
  pending_init(&pending, STORE_WRITE,
               flags & NBDKIT_FLAG_FUA ? STORE_IO_FUA : 0, offset, count,
               (void *)(uintptr_t)buffer);
  return run(connection, &pending);
}

int
io_flush(void *handle, uint32_t flags)
{
  struct pending pending;

  (void)flags;
  pending_init(&pending, STORE_FLUSH, 0, 0, 0, NULL);
  return run(handle, &pending);
}

static int
zero(struct connection *connection, uint32_t count, uint64_t offset,
     unsigned flags)
{
  struct pending pending;
  int status;

  pending_init(&pending, STORE_ZERO, flags, offset, count, NULL);
  if (!(flags & STORE_IO_FAST_ONLY))
    return run(connection, &pending);

  status = pending_run(connection, &pending);
  if (status == 0)
    return 0;
  /* "Not faster than writing" is an answer, not an error. */
  if (status == STATUS_UNSUPPORTED)
    nbdkit_set_error(EOPNOTSUPP);
  else
    report(connection, &pending.request.io, status);
  return -1;
}

int
io_trim(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  return zero(handle, count, offset,
              STORE_IO_MAY_TRIM | (flags & NBDKIT_FLAG_FUA ? STORE_IO_FUA : 0));
}

int
io_zero(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  unsigned store_flags = 0;

  if (flags & NBDKIT_FLAG_FUA)
    store_flags |= STORE_IO_FUA;
  if (flags & NBDKIT_FLAG_MAY_TRIM)
    store_flags |= STORE_IO_MAY_TRIM;
  if (flags & NBDKIT_FLAG_FAST_ZERO)
    store_flags |= STORE_IO_FAST_ONLY;
  return zero(handle, count, offset, store_flags);
}

int
io_extents(void *handle, uint32_t count, uint64_t offset, uint32_t flags,
           struct nbdkit_extents *extents)
{
  struct pending pending;
  struct extent_list *list = &pending.request.io.extents;
  int result;

  pending_init(&pending, STORE_EXTENTS, 0, offset, count, NULL);
  result = run_reading(handle, &pending);
  for (size_t i = 0; result == 0 && i < list->count; i++) {
    const struct extent *extent = &list->items[i];

    result = nbdkit_add_extent(
        extents, offset, extent->length,
        extent->hole ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0);
    offset += extent->length;
    if (flags & NBDKIT_FLAG_REQ_ONE)
      break;
  }
  extents_free(list);
  return result;
}

int
io_cache(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  struct pending pending;

  (void)flags;
  pending_init(&pending, STORE_PREFETCH, 0, offset, count, NULL);
  return run_reading(handle, &pending);
}
