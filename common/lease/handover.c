/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handover.c: asks for a hand-over and waits for it; see handover.h.
 *
 *   1. look: who holds the lease? Held by `to`, or by nobody with nothing that
 *      could be lost: that is soon done
 *   2. put the request into the side object, for the epoch and lease seen
 *   3. ask the store again and again, ever more slowly, whether the lease has
 *      come to `to`: a Renew of his succeeds then and changes nothing before
 *      (a store may keep lease IDs to itself, so a look would not do). If the
 *      epoch has moved under `from`, a new request is put in
 *   4. in the end the request is taken away, if it is still ours
 *
 * Whoever is killed on the way leaves a request that names its epoch; it is
 * carried out, superseded by the next one, or nothing after the next claim.
 */
#include "leasehold/handover.h"

#include <stdlib.h>
#include <string.h>

#include "utils/cleanup.h"
#include "utils/random.h"

#define FIRST_WAIT_NS (5 * NANOSECONDS_PER_MILLISECOND)
#define LONGEST_WAIT_NS (250 * NANOSECONDS_PER_MILLISECOND)
#define TRIES_MAX 16

struct work {
  const struct handover *handover;
  struct reservation_request reservation; /* of `to`'s; its victim: `from` */
  struct handover_request request;
  struct volume_info info;
  struct side_object object;
  bool asked; /* the request was put in */
  struct error *err;
};

/* --- the request -------------------------------------------------------- */

int
handover_read(struct store_volume *volume, const char *name,
              struct side_object *object, struct handover_request *out,
              struct error *err)
{
  int r = store_side_read(volume, SIDE_HANDOVER, object, err);

  memset(out, 0, sizeof *out);
  if (r != 0 || object->etag[0] == '\0')
    return r;
  return handover_decode(object->bytes, object->length, name, out, err);
}

int
handover_write(struct store_volume *volume, struct side_object *object,
               const struct handover_request *request, struct error *err)
{
  static const struct handover_request none;
  CLEANUP_FREE char *text = NULL;
  int r = handover_encode(request != NULL ? request : &none, &text, err);

  if (r != 0)
    return r;
  object->length = strlen(text);
  memcpy(object->bytes, text, object->length);
  return store_side_write(volume, SIDE_HANDOVER, object, err);
}

void
handover_pending(struct store_volume *volume, const char *name,
                 const struct volume_info *info, struct handover_request *out)
{
  CLEANUP_FREE struct side_object *object = malloc(sizeof *object);

  if (object == NULL || handover_read(volume, name, object, out, NULL) != 0 ||
      !handover_is_current(out, info))
    memset(out, 0, sizeof *out);
}

/* Reads the side object, whatever is in it. */
static int
read_any(struct work *work, struct handover_request *out)
{
  int r = handover_read(work->handover->volume, work->handover->name,
                        &work->object, out, work->err);

  return r == STATUS_CORRUPT && work->object.etag[0] != '\0' ? 0 : r;
}

/* Puts the request in, in the place of whatever is there. */
static int
ask(struct work *work)
{
  const struct handover *handover = work->handover;
  struct handover_request there;
  int r = random_nonce(work->request.writer);

  work->request.epoch = work->info.epoch;
  for (unsigned i = 0; r == 0 && i < TRIES_MAX; i++) {
    r = read_any(work, &there);
    /* One whose answer was lost. */
    if (r == 0 && strcmp(there.writer, work->request.writer) == 0)
      break;
    if (r == 0)
      r = handover_write(handover->volume, &work->object, &work->request,
                         work->err);
    if (r == 0)
      break;
    if (r == STATUS_ETAG_STALE || r == STATUS_UNKNOWN)
      r = i + 1 < TRIES_MAX ? 0 : STATUS_TRANSIENT;
  }
  if (r != 0)
    return r;
  work->asked = true;
  if (handover->keeper != NULL)
    keeper_look(handover->keeper, handover->name, handover->from);
  return 0;
}

/* Takes it away; a newer one stays. What fails here is no matter: it is nothing
 * after the next claim.
 */
static void
withdraw(struct work *work)
{
  struct handover_request there;

  if (!work->asked || read_any(work, &there) != 0 ||
      strcmp(there.writer, work->request.writer) != 0)
    return;
  handover_write(work->handover->volume, &work->object, NULL, NULL);
}

/* --- the lease ---------------------------------------------------------- */

/* Does `to` hold it? 0, STATUS_CONFLICT: not yet, or what the store says. */
static int
renew(struct work *work)
{
  struct store_command command = {
      .command = {.verb = LEASE_RENEW, .lease_id = work->request.to_lease}};
  int r = store_run_command(work->handover->volume, &command);

  if (r == 0 || status_is_refusal(r))
    return r == 0 ? 0 : STATUS_CONFLICT;
  *work->err = command.error;
  return r;
}

static int
look(struct work *work)
{
  return reservation_look(work->handover->volume, &work->info, work->err);
}

static int
third_node(const struct work *work)
{
  char who[LEASE_HOLDER_TEXT_MAX];

  lease_holder_text(&work->info, who);
  return error_set(work->err, STATUS_CONFLICT,
                   "%s: reservation conflict: %s, not %s", work->handover->name,
                   who, work->handover->from);
}

/* Is it free, and is nothing on its way or unsent that `from` had? */
static bool
is_free(const struct work *work)
{
  const struct holder *holder = &work->info.record.holder;
  bool held = work->info.lease.state == LEASE_LEASED ||
              work->info.lease.state == LEASE_BREAKING;

  return !held && (!holder->write_back || holder->clean ||
                   holder->epoch != work->info.epoch);
}

/* 0: it is from's, as far as is known, or nobody's with something to lose. */
static int
check_holder(const struct work *work)
{
  const struct lease_info *lease = &work->info.lease;
  struct lease_holder holder;

  lease_holder_of(&work->info, &holder);
  if (!holder.held ||
      (lease->id_known ? lease_id_equal(&lease->id, &work->request.from_lease)
                       : holder.node[0] == '\0' ||
                             strcmp(holder.node, work->request.from) == 0 ||
                             strcmp(holder.node, work->request.to) == 0))
    return 0;
  return third_node(work);
}

static int
reserve(struct work *work, enum reservation_command command)
{
  struct reservation_result result;
  int r;

  work->reservation.command = command;
  r = reservation_run(work->handover->volume, work->handover->name,
                      &work->reservation, &result);

  if (r != 0)
    *work->err = result.error;
  return r;
}

/* What is free; STATUS_CONFLICT when it is not so any more. */
static int
acquire(struct work *work, enum handover_end *end)
{
  *end = HANDOVER_FREE;
  return reserve(work, RESERVATION_RESERVE);
}

/* --- waiting ------------------------------------------------------------ */

/* One round: 0 when it is done, STATUS_CONFLICT when not yet;
 * STATUS_LEASE_MISMATCH: it is a third node's.
 */
static int
see(struct work *work, enum handover_end *end)
{
  uint64_t epoch = work->request.epoch;
  int r = renew(work);

  *end = HANDOVER_DONE;
  if (r != STATUS_CONFLICT)
    return r;
  r = look(work);
  if (r != 0)
    return r;
  if (is_free(work)) /* from's last client has left meanwhile */
    return acquire(work, end);
  if (check_holder(work) != 0) { /* it may have come between the two */
    r = renew(work);
    return r == STATUS_CONFLICT ? STATUS_LEASE_MISMATCH : r;
  }
  if (work->info.epoch != epoch)
    r = ask(work);
  return r == 0 ? STATUS_CONFLICT : r;
}

/* STATUS_TIMEOUT: it was all in vain. */
static int
wait_for_it(struct work *work, enum handover_end *end)
{
  const struct handover *handover = work->handover;
  uint64_t now_ns = clock_now(handover->clock), wait_ns = FIRST_WAIT_NS;
  uint64_t until_ns = handover->timeout_ns < TIME_NEVER - now_ns
                          ? now_ns + handover->timeout_ns
                          : TIME_NEVER;

  for (;;) {
    int r = see(work, end);

    if (r == STATUS_LEASE_MISMATCH)
      return STATUS_CONFLICT;
    if (r != STATUS_CONFLICT && r != STATUS_TRANSIENT && r != STATUS_UNKNOWN)
      return r;
    now_ns = clock_now(handover->clock);
    if (now_ns >= until_ns)
      return STATUS_TIMEOUT;
    if (wait_ns > until_ns - now_ns)
      wait_ns = until_ns - now_ns;
    if (!handover->patience->wait(handover->patience, wait_ns))
      return error_set(work->err, STATUS_STOPPING,
                       "%s: the server is stopping, or the client has gone",
                       handover->name);
    wait_ns = wait_ns * 2 < LONGEST_WAIT_NS ? wait_ns * 2 : LONGEST_WAIT_NS;
  }
}

/* Takes the request back. It may be carried out at this very moment, so the
 * store is asked once more.
 */
static int
give_up(struct work *work, enum handover_end *end)
{
  const struct handover *handover = work->handover;

  withdraw(work);
  work->asked = false;
  if (renew(work) == 0) {
    *end = HANDOVER_DONE;
    return 0;
  }
  if (handover->force) {
    *end = HANDOVER_FORCED;
    return reserve(work, RESERVATION_PREEMPT);
  }
  return error_set(work->err, STATUS_TIMEOUT,
                   "%s: %s has not handed it over in time, and is not asked "
                   "any more; --force takes it",
                   handover->name, handover->from);
}

static int
begin(struct work *work)
{
  const struct handover *handover = work->handover;
  struct handover_request *request = &work->request;
  struct reservation_request *reservation = &work->reservation;
  int r;

  memcpy(request->from, handover->from, strlen(handover->from) + 1);
  memcpy(request->to, handover->to, strlen(handover->to) + 1);
  request->asked_ms = handover->clock->wall_ms(handover->clock);
  r = lease_id_from_node(request->from, &handover->key, &request->from_lease);
  if (r == 0)
    r = lease_id_from_node(request->to, &handover->key, &request->to_lease);
  memcpy(reservation->node, request->to, sizeof request->to);
  reservation->node_id = request->to_lease;
  reservation->victim_id = request->from_lease;
  reservation->duration_s = handover->duration_s;
  return r;
}

/* As it is at first: 0 and *end, or STATUS_CONFLICT when it has to be asked
 * for; STATUS_LEASE_MISMATCH: a third node's.
 */
static int
begin_by_looking(struct work *work, enum handover_end *end)
{
  const struct lease_info *lease = &work->info.lease;
  int r = look(work);

  if (r != 0)
    return r;
  *end = HANDOVER_HAD_IT;
  if (lease->state == LEASE_LEASED &&
      (!lease->id_known ||
       lease_id_equal(&lease->id, &work->request.to_lease))) {
    r = renew(work);
    if (r != STATUS_CONFLICT)
      return r;
  }
  if (is_free(work))
    return acquire(work, end);
  return check_holder(work) != 0 ? STATUS_LEASE_MISMATCH : STATUS_CONFLICT;
}

int
handover_run(const struct handover *handover, enum handover_end *end,
             struct error *err)
{
  CLEANUP_FREE struct work *work = calloc(1, sizeof *work);
  int r;

  if (work == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a hand-over");
  work->handover = handover;
  work->err = err;
  r = begin(work);
  if (r == 0)
    r = begin_by_looking(work, end);
  if (r == STATUS_LEASE_MISMATCH)
    return STATUS_CONFLICT;
  if (r != STATUS_CONFLICT)
    return r;
  if (handover->timeout_ns > 0) {
    r = ask(work);
    if (r == 0)
      r = wait_for_it(work, end);
  } else {
    r = STATUS_TIMEOUT;
  }
  if (r == STATUS_TIMEOUT)
    return give_up(work, end);
  withdraw(work);
  return r;
}
