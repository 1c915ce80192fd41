/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* volume.c: the fenced I/O path; see volume.h.
 *
 * A request goes round this:
 *
 *   AT_GATE --- open ---> AT_STORE --- done ---> DONE
 *      ^  ^                 |   |
 *      |  +-- refused, -----+   +-- nothing was done, try again
 *      |      unknown           |
 *      +----- BACKING_OFF <-----+
 *
 * Reads pass no gate: whoever may open the export may read the store (S9: no
 * cache stands between). A write, zero or trim takes the gate's guard, the
 * lease ID and the epoch, with it to the store (S1). Refused, or of unknown
 * outcome, it tells the session so and waits at the gate until the session has
 * found out what that means: fenced, or open again under a newer epoch, with
 * which the request is sent again (S4). The gate that sent it into doubt is
 * remembered (doubted): until it has changed, open does not count.
 *
 * A flush of a fenced session fails, and once one has failed at the store all
 * later ones of the session do (S5): the store may have dropped what it could
 * not write.
 *
 * Two deadlines: gate_wait counts from the beginning of the request and only
 * against another node's lease; io_timeout counts from the last time the store
 * is known to have answered, and against everything else.
 *
 * Threads: one request is advanced by one thread at a time. Nothing here is
 * shared between requests but the tenure, which has its own lock. Nobody owns
 * a request but its caller; while wake_at_ns is TIME_NEVER the store does.
 */
#include "leasehold/volume.h"

#include <stddef.h>

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

void
volume_begin(struct volume *volume, struct volume_request *request)
{
  request->volume = volume;
  request->state = VOLUME_AT_GATE;
  request->status = STATUS_OK;
  request->wake_at_ns = 0;
  request->started_ns = request->answered_ns = clock_now(volume->clock);
  request->attempts = 0;
  request->doubted = 0;
  request->waiter.queued = false;
  request->waiter.wake = gate_changed;
  request->io.done = io_done;
  request->io.status = STATUS_OK;
  request->io.error.status = STATUS_OK;
  request->io.error.text[0] = '\0';
}

static bool
changes(const struct volume_request *request)
{
  return request->io.kind == STORE_WRITE || request->io.kind == STORE_ZERO;
}

static uint64_t
after(uint64_t time_ns, uint64_t interval_ns)
{
  return time_ns < TIME_NEVER - interval_ns ? time_ns + interval_ns
                                            : TIME_NEVER - 1;
}

static bool
finish(struct volume_request *request, int status)
{
  request->state = VOLUME_DONE;
  request->status = status;
  return true;
}

static bool
finish_with(struct volume_request *request, int status, const char *text)
{
  error_set(&request->io.error, (enum status)status, "%s", text);
  return finish(request, status);
}

/* The time the store has left; 0: none. Fills in wake_at_ns. */
static bool
still_time(struct volume_request *request, uint64_t now_ns)
{
  request->wake_at_ns =
      after(request->answered_ns, request->volume->limits.io_timeout_ns);
  return now_ns < request->wake_at_ns;
}

enum passage { PASSED, WAITING, ENDED, CHANGED };

/* Until the gate changes, but not beyond wake_at_ns. */
static enum passage
wait_for_change(struct volume_request *request)
{
  return tenure_wait(request->volume->tenure, request->gate.version,
                     &request->waiter)
             ? WAITING
             : CHANGED;
}

static enum passage
wait_for_store(struct volume_request *request, uint64_t now_ns)
{
  if (still_time(request, now_ns))
    return wait_for_change(request);
  if (request->gate.status != STATUS_OK)
    error_set(&request->io.error, STATUS_TIMEOUT,
              "io-timeout passed, the store last said: %s",
              status_text(request->gate.status));
  else
    error_set(&request->io.error, STATUS_TIMEOUT,
              "io-timeout passed while waiting for the lease");
  finish(request, STATUS_TIMEOUT);
  return ENDED;
}

static enum passage
ask(struct volume_request *request, uint64_t now_ns)
{
  tenure_post(request->volume->tenure,
              &(struct session_event){.kind = SESSION_WANT_WRITE});
  return wait_for_store(request, now_ns);
}

/* Another node's lease. An answer that the store gave before this request
 * began does not count: an operator may have moved the lease in between. The
 * store is not asked more than once a second, so the request may have to wait
 * that long for an answer of its own.
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
  if (answered && now_ns >= until) {
    finish_with(request, STATUS_CONFLICT,
                "reservation conflict: another node holds the lease");
    return ENDED;
  }
  request->wake_at_ns = gate->ask_again_at_ns;
  if (answered && until < request->wake_at_ns)
    request->wake_at_ns = until;
  return wait_for_change(request);
}

static enum passage
pass_gate(struct volume_request *request)
{
  struct tenure *tenure = request->volume->tenure;
  struct gate *gate = &request->gate;
  uint64_t now_ns = clock_now(request->volume->clock);

  tenure_gate(tenure, gate);
  switch (gate->position) {
  case GATE_OPEN:
    if (gate->version == request->doubted)
      return wait_for_store(request, now_ns);
    request->io.guard = gate->guard;
    return PASSED;
  case GATE_ASK:
    return ask(request, now_ns);
  case GATE_CONFLICT:
    return meet_conflict(request, now_ns);
  case GATE_FENCED:
    if (MUTATED(S6_FENCED_GOES_ON))
      return ask(request, now_ns);
    finish_with(request, STATUS_FENCED, "fenced");
    return ENDED;
  case GATE_CLOSED:
    finish_with(request, STATUS_STOPPING, "the session has ended");
    return ENDED;
  case GATE_PENDING:
    break;
  }
  return wait_for_store(request, now_ns);
}

/* A flush needs no lease, but must not succeed for a session that has lost
 * one, nor before a doubt is settled.
 */
static enum passage
pass_flush(struct volume_request *request)
{
  struct tenure *tenure = request->volume->tenure;
  int failed = tenure_flush_status(tenure);

  tenure_gate(tenure, &request->gate);
  if (request->gate.position == GATE_FENCED) {
    finish_with(request, STATUS_FENCED, "fenced");
    return ENDED;
  }
  if (failed != STATUS_OK) {
    finish_with(request, failed, "an earlier flush has failed");
    return ENDED;
  }
  if (request->gate.position == GATE_PENDING)
    return wait_for_store(request, clock_now(request->volume->clock));
  return PASSED;
}

static enum passage
pass(struct volume_request *request)
{
  if (request->volume->tenure != NULL) {
    if (changes(request))
      return pass_gate(request);
    if (request->io.kind == STORE_FLUSH)
      return pass_flush(request);
  } else if (changes(request)) {
    finish_with(request, STATUS_READ_ONLY, "an observer cannot write");
    return ENDED;
  }
  return PASSED;
}

static void
doubt(struct volume_request *request, enum session_event_kind kind)
{
  struct session_event event = {.kind = kind,
                                .epoch = request->io.guard.epoch,
                                .status = request->io.status};

  request->doubted = request->gate.version;
  request->state = VOLUME_AT_GATE;
  tenure_post(request->volume->tenure, &event);
}

static bool
back_off(struct volume_request *request)
{
  uint64_t now_ns = clock_now(request->volume->clock), at_ns;

  if (!still_time(request, now_ns))
    return finish(request, request->io.status);
  at_ns = timing_retry_at(now_ns, ++request->attempts);
  if (at_ns < request->wake_at_ns)
    request->wake_at_ns = at_ns;
  request->state = VOLUME_BACKING_OFF;
  return false;
}

/* The store has finished with the request. True if all is done. */
static bool
answered(struct volume_request *request)
{
  int status = request->io.status;
  bool durable = request->io.kind == STORE_FLUSH ||
                 (changes(request) && request->io.flags & STORE_IO_FUA);

  if (changes(request) && status_is_refusal(status)) {
    request->answered_ns = clock_now(request->volume->clock);
    doubt(request, SESSION_REFUSED);
    return false;
  }
  if (changes(request) && status == STATUS_UNKNOWN && !MUTATED(S4_NO_RECLAIM)) {
    doubt(request, SESSION_UNKNOWN);
    return false;
  }
  if (status == STATUS_TRANSIENT || status == STATUS_UNKNOWN)
    return back_off(request);
  if (status == STATUS_IO && durable && request->volume->tenure != NULL &&
      !MUTATED(S5_FLUSH_FORGETS))
    tenure_flush_failed(request->volume->tenure, status);
  return finish(request, status);
}

static bool
submit(struct volume_request *request)
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

bool
volume_advance(struct volume_request *request)
{
  if (request->volume->tenure != NULL)
    tenure_forget(request->volume->tenure, &request->waiter);
  if (request->state == VOLUME_AT_STORE)
    answered(request);
  else if (request->state == VOLUME_BACKING_OFF)
    request->state = VOLUME_AT_GATE;
  while (request->state == VOLUME_AT_GATE) {
    switch (pass(request)) {
    case PASSED:
      if (!submit(request))
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
