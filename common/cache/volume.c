/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* volume.c: the fenced I/O path; see volume.h.
 *
 * A request goes round this:
 *
 *   AT_RANGE --> AT_GATE --- open ---> AT_STORE --- done ---> DONE
 *                 ^  ^                 |   |
 *                 |  +-- refused, -----+   +-- nothing was done, try again
 *                 |      unknown           |
 *                 +----- BACKING_OFF <-----+
 *
 * Reads pass no gate: whoever may open the export may read the store (S9: no
 * cache stands between). A write, zero or trim takes the gate's guard, the
 * lease ID and the epoch, with it to the store (S1). Refused, or of unknown
 * outcome, it tells the session so and waits at the gate until the session has
 * found out what that means: fenced, or open again under a newer epoch, with
 * which the request is sent again (S4). The epoch that it was sent under is
 * remembered (doubted): a gate that is open under that one does not count. (The
 * gate's version would not do: a renewal changes it, too.)
 *
 * A session that is to be given up drains first: the gate lets pass what has
 * passed it before, and nothing new (in-flight.h).
 *
 * A flush of a fenced session fails, and once one has failed at the store all
 * later ones of the session do (S5): the store may have dropped what it could
 * not write.
 *
 * A store may take whole sectors only. Then a change locks its range of them
 * (range-lock.h) and, if it begins or ends inside a sector, is done in up to
 * three pieces: the sector at its head is read, merged and written, then what
 * lies between, then the sector at its tail. The reading comes after the gate:
 * from then on nobody else writes, whatever epochs the session goes through,
 * for it is fenced if anybody does. Unless it has been in a group in between:
 * then the sector is read once more. In a group such a change is refused: it
 * would write back what others have written over.
 *
 * Two deadlines: gate_wait counts from the beginning of the request and only
 * against another node's lease; io_timeout counts from the last time the store
 * is known to have answered, and against everything else.
 *
 * Threads: one request is advanced by one thread at a time. Nothing here is
 * shared between requests but the tenure and its range lock, which have locks
 * of their own. Nobody owns a request but its caller; while wake_at_ns is
 * TIME_NEVER the store does.
 */
#include "cache/volume-internal.h"

#include <stddef.h>
#include <string.h>

#include "leasehold/timing.h"
#include "utils/mutation.h"

static struct volume_request *
request_of_io(struct store_io *io)
{
  return (struct volume_request *)((char *)io -
                                   offsetof(struct volume_request, io));
}

static void
io_done(struct store_io *io)
{
  struct volume_request *request = request_of_io(io);

  request->wake(request, VOLUME_WAKE_STORE);
}

static void
gate_changed(struct tenure_waiter *waiter)
{
  struct volume_request *request =
      (struct volume_request *)((char *)waiter -
                                offsetof(struct volume_request, waiter));

  request->wake(request, VOLUME_WAKE_GATE);
}

static struct shared *
shared_of(const struct volume_request *request)
{
  return (struct shared *)tenure_extra(request->volume->tenure);
}

static struct range_lock *
ranges_of(const struct volume_request *request)
{
  return &shared_of(request)->ranges;
}

/* A change that passes the gate for the first time is under way from now on.
 * False: not under this gate, a drain has begun since it was read.
 */
static bool
change_begins(struct volume_request *request)
{
  struct shared *shared = shared_of(request);

  if (!request->begun && shared != NULL)
    request->begun = in_flight_begin(&shared->changes, request->gate.version);
  return request->begun || shared == NULL;
}

static void
change_ends(struct volume_request *request)
{
  if (!request->begun)
    return;
  request->begun = false;
  if (in_flight_end(&shared_of(request)->changes))
    tenure_post(request->volume->tenure,
                &(struct session_event){.kind = SESSION_DRAINED});
}

static void
range_free(struct range *range)
{
  struct volume_request *request =
      (struct volume_request *)((char *)range -
                                offsetof(struct volume_request, range));

  request->wake(request, VOLUME_WAKE_GATE);
}

/* Is the request a change, whatever its present piece does? */
static bool
changes(const struct volume_request *request)
{
  return request->whole.kind == STORE_WRITE ||
         request->whole.kind == STORE_ZERO;
}

static bool
piece_changes(const struct volume_request *request)
{
  return request->io.kind == STORE_WRITE || request->io.kind == STORE_ZERO;
}

static uint32_t
alignment(const struct volume_request *request)
{
  return tenure_volume(request->volume->tenure)->alignment;
}

/* Sets io for what comes at offset: part of a sector, or whole ones. */
static void
set_piece(struct volume_request *request, uint64_t offset)
{
  const struct volume_whole *whole = &request->whole;
  struct store_io *io = &request->io;
  uint32_t size = alignment(request);
  uint64_t left = whole->offset + whole->count - offset;
  uint64_t before = offset % size;

  if (before != 0 || left < size) {
    request->piece = PIECE_READ;
    request->piece_end = offset - before + size;
    if (request->piece_end > offset + left)
      request->piece_end = offset + left;
    io->kind = STORE_READ;
    io->flags = whole->flags & STORE_IO_MAY_BLOCK;
    io->offset = offset - before;
    io->count = size;
    io->buffer = request->sector;
    return;
  }
  request->piece = PIECE_DIRECT;
  request->piece_end = offset + left - left % size;
  io->kind = whole->kind;
  io->flags = whole->flags;
  io->offset = offset;
  io->count = left - left % size;
  io->buffer =
      whole->buffer != NULL ? whole->buffer + (offset - whole->offset) : NULL;
}

/* The sector has been read: put our part of it in, and have it written. */
static void
merge(struct volume_request *request)
{
  const struct volume_whole *whole = &request->whole;
  struct store_io *io = &request->io;
  uint64_t begin = io->offset > whole->offset ? io->offset : whole->offset;
  size_t count = request->piece_end - begin;
  char *to = request->sector + (begin - io->offset);

  if (whole->kind == STORE_WRITE)
    memcpy(to, whole->buffer + (begin - whole->offset), count);
  else
    memset(to, 0, count);
  request->piece = PIECE_MERGED;
  io->kind = STORE_WRITE;
  io->flags = whole->flags & (STORE_IO_FUA | STORE_IO_MAY_BLOCK);
}

/* A change on a store that takes whole sectors only. */
static void
begin_ranged(struct volume_request *request)
{
  struct range *range = &request->range;
  uint32_t size = alignment(request);
  uint64_t begin = request->whole.offset;
  uint64_t end = begin + request->whole.count;

  range->exclusive = begin % size != 0 || end % size != 0;
  range->offset = begin - begin % size;
  range->count = (end + size - 1) / size * size - range->offset;
  range->retry = range_free;
  request->ranged = true;
  request->state = VOLUME_AT_RANGE;
  set_piece(request, begin);
}

void
volume_begin(struct volume *volume, struct volume_request *request)
{
  struct store_io *io = &request->io;

  request->volume = volume;
  request->state = VOLUME_AT_GATE;
  request->status = STATUS_OK;
  request->wake_at_ns = 0;
  request->started_ns = request->answered_ns = clock_now(volume->clock);
  request->attempts = 0;
  request->doubted = 0;
  request->waits = false;
  request->waiter.wake = gate_changed;
  request->whole = (struct volume_whole){.kind = io->kind,
                                         .flags = io->flags,
                                         .offset = io->offset,
                                         .count = io->count,
                                         .buffer = io->buffer};
  request->piece = PIECE_DIRECT;
  request->piece_end = io->offset + io->count;
  request->begun = false;
  request->ranged = false;
  request->range.state = RANGE_FREE;
  io->done = io_done;
  io->status = STATUS_OK;
  io->error.status = STATUS_OK;
  io->error.text[0] = '\0';
  request->cached.volume = NULL;
  if (volume->cache != NULL && volume->tenure != NULL) {
    cached_begin(request);
    return;
  }
  volume_begin_straight(request);
}

void
volume_begin_straight(struct volume_request *request)
{
  const struct volume *volume = request->volume;

  if (volume->tenure != NULL && changes(request) && alignment(request) > 1)
    begin_ranged(request);
}

static uint64_t
after(uint64_t time_ns, uint64_t interval_ns)
{
  return time_ns < TIME_NEVER - interval_ns ? time_ns + interval_ns
                                            : TIME_NEVER - 1;
}

bool
volume_finish(struct volume_request *request, int status)
{
  if (request->ranged)
    range_drop(ranges_of(request), &request->range);
  change_ends(request);
  request->io.kind = request->whole.kind;
  request->io.offset = request->whole.offset;
  request->io.count = request->whole.count;
  request->state = VOLUME_DONE;
  request->status = status;
  return true;
}

bool
volume_finish_with(struct volume_request *request, int status, const char *text)
{
  error_set(&request->io.error, (enum status)status, "%s", text);
  return volume_finish(request, status);
}

/* The time the store has left; 0: none. Fills in wake_at_ns. */
bool
volume_still_time(struct volume_request *request, uint64_t now_ns)
{
  request->wake_at_ns =
      after(request->answered_ns, request->volume->limits.io_timeout_ns);
  return now_ns < request->wake_at_ns;
}

static enum passage
end_with(struct volume_request *request, int status, const char *text)
{
  volume_finish_with(request, status, text);
  return ENDED;
}

/* Until the gate changes, but not beyond wake_at_ns. */
enum passage
volume_wait_for_change(struct volume_request *request)
{
  request->waits = tenure_wait(request->volume->tenure, request->gate.version,
                               &request->waiter);
  return request->waits ? WAITING : CHANGED;
}

enum passage
volume_wait_for_store(struct volume_request *request, uint64_t now_ns)
{
  if (volume_still_time(request, now_ns))
    return volume_wait_for_change(request);
  if (request->gate.status != STATUS_OK)
    error_set(&request->io.error, STATUS_TIMEOUT,
              "io-timeout passed, the store last said: %s",
              status_text(request->gate.status));
  else
    error_set(&request->io.error, STATUS_TIMEOUT,
              "io-timeout passed while waiting for the lease");
  volume_finish(request, STATUS_TIMEOUT);
  return ENDED;
}

static enum passage
ask(struct volume_request *request, uint64_t now_ns)
{
  tenure_post(request->volume->tenure,
              &(struct session_event){.kind = SESSION_WANT_WRITE});
  return volume_wait_for_store(request, now_ns);
}

/* Another node's lease. An answer that the store gave before this request
 * began does not count: an operator may have moved the lease in between. The
 * store is not asked for ever as fast as writes come (timing.h), so the
 * request may have to wait a second for an answer of its own.
 */
static enum passage
meet_conflict(struct volume_request *request, uint64_t now_ns)
{
  const struct gate *gate = &request->gate;
  uint64_t until =
      after(request->started_ns, request->volume->limits.gate_wait_ns);
  bool answered = gate->asked_ns >= request->started_ns;

  request->answered_ns = now_ns;
  if (now_ns >= gate->ask_again_at_ns && !(answered && now_ns >= until))
    return ask(request, now_ns);
  if (answered && now_ns >= until)
    return end_with(request, STATUS_CONFLICT,
                    "reservation conflict: another node holds the lease");
  request->wake_at_ns = gate->ask_again_at_ns;
  if (answered && until < request->wake_at_ns)
    request->wake_at_ns = until;
  return volume_wait_for_change(request);
}

/* The gate is open. What was read of a sector before others had a turn at
 * writing is old: once more.
 */
static enum passage
passed(struct volume_request *request)
{
  struct store_io *io = &request->io;
  const struct volume_whole *whole = &request->whole;
  const struct gate *gate = &request->gate;

  if (request->piece == PIECE_MERGED &&
      request->alone_since != gate->alone_since)
    set_piece(request, io->offset > whole->offset ? io->offset : whole->offset);
  request->alone_since = gate->alone_since;
  io->guard = gate->guard;
  return PASSED;
}

static enum passage
pass_open(struct volume_request *request, uint64_t now_ns)
{
  const struct gate *gate = &request->gate;
  bool draining = gate->position == GATE_DRAINING;

  if ((draining && !request->begun) || gate->guard.epoch == request->doubted)
    return volume_wait_for_store(request, now_ns);
  if (gate->shared && request->ranged && request->range.exclusive)
    return end_with(request, STATUS_INVALID,
                    "part of a sector cannot be written beside other writers");
  if (!draining && !change_begins(request))
    return CHANGED;
  return passed(request);
}

enum passage
volume_pass_gate(struct volume_request *request)
{
  struct tenure *tenure = request->volume->tenure;
  struct gate *gate = &request->gate;
  uint64_t now_ns = clock_now(request->volume->clock);

  tenure_gate(tenure, gate);
  switch (gate->position) {
  case GATE_OPEN:
  case GATE_DRAINING:
    return pass_open(request, now_ns);
  case GATE_ASK:
    return ask(request, now_ns);
  case GATE_CONFLICT:
    return meet_conflict(request, now_ns);
  case GATE_FENCED:
    if (MUTATED(S6_FENCED_GOES_ON))
      return ask(request, now_ns);
    return end_with(request, STATUS_FENCED, "fenced");
  case GATE_CLOSED:
    return gate->status != STATUS_OK
               ? end_with(request, gate->status, status_text(gate->status))
               : end_with(request, STATUS_STOPPING, "the session has ended");
  case GATE_PENDING:
    break;
  }
  return volume_wait_for_store(request, now_ns);
}

/* A flush needs no lease, but must not succeed for a session that has lost
 * one, nor before a doubt is settled.
 */
enum passage
volume_pass_flush(struct volume_request *request)
{
  struct tenure *tenure = request->volume->tenure;
  int failed = tenure_flush_status(tenure);

  tenure_gate(tenure, &request->gate);
  if (request->gate.position == GATE_FENCED)
    return end_with(request, STATUS_FENCED, "fenced");
  if (failed != STATUS_OK)
    return end_with(request, failed, "an earlier flush has failed");
  if (request->gate.position == GATE_PENDING)
    return volume_wait_for_store(request, clock_now(request->volume->clock));
  return PASSED;
}

static enum passage
pass(struct volume_request *request)
{
  if (request->volume->tenure != NULL) {
    if (changes(request))
      return volume_pass_gate(request);
    if (request->io.kind == STORE_FLUSH)
      return volume_pass_flush(request);
  } else if (changes(request)) {
    return end_with(request, STATUS_READ_ONLY, "an observer cannot write");
  }
  return PASSED;
}

static void
doubt(struct volume_request *request, enum session_event_kind kind)
{
  struct session_event event = {.kind = kind,
                                .epoch = request->io.guard.epoch,
                                .status = request->io.status};

  request->doubted = request->io.guard.epoch;
  request->state = VOLUME_AT_GATE;
  tenure_post(request->volume->tenure, &event);
}

bool
volume_back_off(struct volume_request *request)
{
  uint64_t now_ns = clock_now(request->volume->clock), at_ns;

  if (!volume_still_time(request, now_ns))
    return volume_finish(request, request->io.status);
  at_ns = timing_retry_at(now_ns, ++request->attempts);
  if (at_ns < request->wake_at_ns)
    request->wake_at_ns = at_ns;
  request->state = VOLUME_BACKING_OFF;
  return false;
}

/* The piece is done: on to the next one, or to the end. */
static bool
piece_done(struct volume_request *request)
{
  request->state = VOLUME_AT_GATE;
  if (request->piece == PIECE_READ)
    merge(request);
  else if (request->piece_end < request->whole.offset + request->whole.count)
    set_piece(request, request->piece_end);
  else
    return volume_finish(request, STATUS_OK);
  return false;
}

/* The store has finished with the piece. True if all is done. */
static bool
answered(struct volume_request *request)
{
  int status = request->io.status;
  bool change = piece_changes(request);
  bool durable = request->io.kind == STORE_FLUSH ||
                 (change && request->io.flags & STORE_IO_FUA);

  if (status == STATUS_OK)
    return piece_done(request);
  if (change && status_is_refusal(status)) {
    request->answered_ns = clock_now(request->volume->clock);
    doubt(request, SESSION_REFUSED);
    return false;
  }
  if (change && status == STATUS_UNKNOWN && !MUTATED(S4_NO_RECLAIM)) {
    doubt(request, SESSION_UNKNOWN);
    return false;
  }
  if (status == STATUS_TRANSIENT || status == STATUS_UNKNOWN)
    return volume_back_off(request);
  if (status == STATUS_IO && durable && request->volume->tenure != NULL &&
      !MUTATED(S5_FLUSH_FORGETS))
    tenure_flush_failed(request->volume->tenure, status);
  return volume_finish(request, status);
}

bool
volume_submit(struct volume_request *request)
{
  struct volume *volume = request->volume;
  struct store_volume *target =
      volume->tenure != NULL ? tenure_volume(volume->tenure) : volume->observed;
  int status;

  request->state = VOLUME_AT_STORE;
  request->wake_at_ns = TIME_NEVER;
  status = store_submit_io(target, &request->io);
  if (status == STORE_PENDING)
    return false;
  request->io.status = status;
  return true;
}

/* True once the range is held, or the request has ended. */
static bool
take_range(struct volume_request *request)
{
  uint64_t now_ns = clock_now(request->volume->clock);

  range_drop(ranges_of(request), &request->range); /* no longer waits */
  if (range_take(ranges_of(request), &request->range)) {
    request->state = VOLUME_AT_GATE;
    request->answered_ns = now_ns;
    return true;
  }
  if (volume_still_time(request, now_ns))
    return false;
  return volume_finish_with(
      request, STATUS_TIMEOUT,
      "io-timeout passed while waiting for a write to the "
      "same sector");
}

bool
volume_advance(struct volume_request *request)
{
  if (request->waits)
    tenure_forget(request->volume->tenure, &request->waiter);
  request->waits = false;
  if (request->cached.volume != NULL)
    return cached_advance(request);
  return volume_advance_straight(request);
}

bool
volume_advance_straight(struct volume_request *request)
{
  if (request->state == VOLUME_AT_RANGE && !take_range(request))
    return false;
  if (request->state == VOLUME_AT_STORE)
    answered(request);
  else if (request->state == VOLUME_BACKING_OFF)
    request->state = VOLUME_AT_GATE;
  while (request->state == VOLUME_AT_GATE) {
    switch (pass(request)) {
    case PASSED:
      if (!volume_submit(request))
        return false;
      answered(request);
      break;
    case WAITING:
      return false;
    case ENDED:
    case CHANGED:
      break;
    }
  }
  return request->state == VOLUME_DONE;
}
