/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-oracle.c: what must hold, checked as it happens; see sim.h.
 *
 * The oracle knows the whole truth: every effect on every sector in its order,
 * which operation it belongs to, when that was begun and answered, and through
 * which session (struct sim_volume) it went. It says:
 *
 *   O1  what a flush or FUA has acknowledged is in the store, or something
 *       newer is
 *   O2  a change takes effect only under the current epoch, claimed by the
 *       very session that sent it, and under that node's lease
 *   O3  no effect of an operation comes after the effect of one that was begun
 *       when it had been answered already: nothing is resurrected
 *   O4  a session that was told FENCED never succeeds again, nor sends
 *       anything; a flush that failed for good is not followed by one that
 *       succeeds
 *   O5  at most one gate is open under the store's current epoch
 *   O6  (sim-world.c) once faults stop, some node can write within a bound
 *   O7  an open gate is within the provable time of its last renewal, and does
 *       not say that it is valid for longer
 *   O8  a session is fenced only when lease or epoch have really passed on
 *   O9  an instance that lost the volume never changes it again, nor one whose
 *       gateway died with writes it may not have sent
 *   O10 a Release takes effect only under the epoch that it was sent for, and
 *       for the session that claimed it, or acquired the lease in it
 *   O11 a read returns what the sector held at some time between its begin and
 *       its answer; or, while its session's lease is provably held, since that
 *       was last extended (a preempted session does not know of it, S8); or
 *       what was written through the same session and is not in the store yet.
 *       It returns nothing that was over before something was written and
 *       acknowledged through the same session, unless that is fenced
 *   O12 once its gate was open, the epochs between two claims of a session are
 *       all its own, unless it had offered the lease to who claimed next
 *   O13 a change of unknown outcome is not sent again in the same epoch; nor
 *       does a cache send another one of the same sector
 *   O14 (sim-oracle-group.c) nothing of one who was removed from a group lands
 *       any more, nor of a session when its node has a newer one in the group
 *   O15 (sim-store.c) no change is under way when a session gives its lease
 *       away
 *   O16 it does so only for a request that was made in an epoch of its own
 *   O17 of two changes of a sector that a cache sends, the first has been
 *       answered before the second is sent
 *   O18 who says at the release that all is in the store is right (as O1)
 *   O19 (sim-changes.c) the bytes of a change that a cache sends stay as they
 *       are until it is answered
 */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/timing.h"

void
sim_violation(struct sim *sim, const char *format, ...)
{
  va_list args;

  if (sim->violation[0] != '\0')
    return;
  va_start(args, format);
  vsnprintf(sim->violation, sizeof sim->violation, format, args);
  va_end(args);
  sim_trace(sim, "VIOLATION: %s", sim->violation);
}

static struct op *
op_of(struct sim *sim, uint32_t number)
{
  return &sim->ops[number];
}

/* --- effects ----------------------------------------------------------------
 */

static void
append(struct sim *sim, unsigned sector, uint32_t number)
{
  struct history *history = &sim->store.history[sector];
  uint32_t value = op_of(sim, number)->kind == STORE_ZERO ? 0 : number;

  if (history->count == history->capacity) {
    history->capacity = history->capacity * 2 + 8;
    history->items =
        realloc(history->items, history->capacity * sizeof history->items[0]);
    if (history->items == NULL)
      abort();
  }
  history->items[history->count++] =
      (struct effect){.op = number, .value = value, .at_ns = sim->now_ns};
  sim->store.sectors[sector] = value;
}

/* Was it over by then? What a member whose gateway has died had sent is not:
 * the member is in the group until somebody removes it, and until then that may
 * land, as on any shared disk. File systems of clusters fence a node before
 * they touch what was its own.
 */
static bool
was_over(const struct op *op, uint64_t at_ns)
{
  if (op->status == STATUS_UNKNOWN && op->volume != NULL &&
      op->volume->in_group && op->volume->died)
    return false;
  return op->answered && op->answered_ns < at_ns;
}

static void
check_order(struct sim *sim, unsigned sector, uint32_t number)
{
  const struct history *history = &sim->store.history[sector];
  const struct op *op = op_of(sim, number), *last;

  if (history->count == 0)
    return;
  last = op_of(sim, history->items[history->count - 1].op);
  if (last != op && was_over(op, last->invoked_ns))
    sim_violation(sim, "O3 sector %u: op %u comes back over op %u", sector,
                  number, (unsigned)(last - sim->ops));
}

void
oracle_change(struct sim *sim, struct sim_volume *volume, uint64_t guard_epoch,
              const struct lease_id *lease_id, unsigned sector, uint32_t number)
{
  enum lease_state state = sim_lease_state(sim);

  if (guard_epoch != sim->store.epoch)
    sim_violation(sim, "O2 op %u of epoch %u lands in epoch %u", number,
                  (unsigned)guard_epoch, (unsigned)sim->store.epoch);
  if (oracle_is_group(sim, lease_id))
    oracle_group_change(sim, volume, number);
  else if (!volume->claimed || volume->epoch != guard_epoch)
    sim_violation(sim, "O2 op %u: its session has not claimed epoch %u", number,
                  (unsigned)guard_epoch);
  if ((state != LEASE_LEASED && state != LEASE_BREAKING) ||
      !lease_id_equal(lease_id, &sim->store.lease.id))
    sim_violation(sim, "O2 op %u lands without the lease", number);
  check_order(sim, sector, number);
  append(sim, sector, number);
}

static bool
is_change(const struct op *op)
{
  return op->kind == STORE_WRITE || op->kind == STORE_ZERO;
}

static bool
covers(const struct op *op, unsigned sector)
{
  return op->first <= sector && sector < op->first + op->sectors;
}

uint32_t
oracle_zero_op(const struct sim *sim, const struct sim_volume *volume,
               unsigned sector)
{
  for (uint32_t i = sim->op_count; i > 0; i--) {
    const struct op *op = &sim->ops[i];

    if (op->kind == STORE_ZERO && op->volume == volume && covers(op, sector))
      return i;
  }
  return 0;
}

void
oracle_sent_sector(struct sim_volume *volume, unsigned sector, uint64_t epoch,
                   bool another)
{
  if (another)
    sim_violation(volume->sim, "O17 sector %u: two changes are on their way",
                  sector);
  if (volume->doubted[sector] != 0 && epoch <= volume->doubted[sector])
    sim_violation(volume->sim,
                  "O13 sector %u is sent again in epoch %u, in doubt", sector,
                  (unsigned)epoch);
}

/* What is there is the operation's, or newer. */
static void
check_durable(struct sim *sim, uint32_t number)
{
  const struct op *op = op_of(sim, number);

  for (unsigned i = 0; i < op->sectors; i++) {
    const struct history *history = &sim->store.history[op->first + i];
    const struct effect *last;
    const struct op *there;

    if (op->kind == STORE_ZERO && sim->store.sectors[op->first + i] == 0)
      continue; /* it was so already, perhaps */
    if (history->count == 0) {
      sim_violation(sim, "O1 op %u was acknowledged and is not in the store",
                    number);
      return;
    }
    last = &history->items[history->count - 1];
    there = op_of(sim, last->op);
    if (last->op != number &&
        (last->at_ns < op->invoked_ns || was_over(there, op->invoked_ns)))
      sim_violation(sim, "O1 sector %u: op %u was acknowledged, op %u found",
                    op->first + i, number, last->op);
  }
}

/* All that the session has acknowledged before is in the store. */
static void
check_all(struct sim *sim, const struct sim_volume *volume, uint64_t before_ns)
{
  for (uint32_t i = 1; i <= sim->op_count; i++) {
    const struct op *op = op_of(sim, i);

    if (is_change(op) && op->volume == volume && op->answered &&
        op->status == 0 && op->answered_ns < before_ns)
      check_durable(sim, i);
  }
}

/* Which sessions may never change anything again because of this claim. */
bool
oracle_other_instance(const struct sim_volume *a, const struct sim_volume *b)
{
  return strcmp(a->node, b->node) != 0 || strcmp(a->instance, b->instance) != 0;
}

void
oracle_instance(struct sim *sim, const struct sim_volume *claimant)
{
  if (claimant->instance[0] == '\0')
    return;
  for (const struct sim_volume *old = sim->store.volumes; old != NULL;
       old = old->next) {
    if (old == claimant || !old->claimed ||
        oracle_other_instance(old, claimant))
      continue;
    /* Lost to the same instance through another gateway is no loss. */
    if (old->lost)
      sim_violation(sim, "O9 %s/%s claims again after it had lost the volume",
                    old->node, old->instance);
    if (sim->write_back && old->alone && old->died && !old->clean &&
        !old->superseded)
      sim_violation(sim, "O9 %s/%s claims again after its gateway died",
                    old->node, old->instance);
  }
}

/* It had drained and offered the lease to whoever claimed next. That one may
 * have taken the lease itself, when it had run out, before the offer came: the
 * session cannot tell, and it makes no difference.
 */
static bool
was_offered(const struct sim_volume *volume)
{
  return volume->offered_epoch == volume->epoch &&
         volume->offered_to.text[0] != '\0' &&
         lease_id_equal(&volume->offered_to, &volume->followed_by);
}

static void
note_claim(struct sim *sim, const struct sim_volume *claimant,
           uint64_t old_epoch)
{
  for (struct sim_volume *other = sim->store.volumes; other != NULL;
       other = other->next)
    if (other->claimed && other->epoch == old_epoch)
      lease_id_from_node(claimant->node, NULL, &other->followed_by);
}

void
oracle_claim(struct sim *sim, struct sim_volume *volume, uint64_t old_epoch)
{
  uint64_t epoch = sim->store.epoch;

  sim_trace(sim, "  claim of epoch %u by %s/%s", (unsigned)epoch, volume->node,
            volume->instance);
  note_claim(sim, volume, old_epoch);
  if (volume->opened && volume->epoch != old_epoch && !was_offered(volume))
    sim_violation(sim, "O12 %s goes on from epoch %u to %u over another's",
                  volume->node, (unsigned)volume->epoch, (unsigned)epoch);
  oracle_instance(sim, volume);
  for (struct sim_volume *other = sim->store.volumes; other != NULL;
       other = other->next) {
    if (other == volume || !other->claimed)
      continue;
    other->superseded = true;
    if (!oracle_other_instance(other, volume))
      other->replaced = true;
    else if (!other->replaced && !other->gave)
      other->lost = true;
  }
  volume->alone = true;
  volume->in_group = volume->evicted = false; /* O12 knows if it may */
  if (!volume->claimed || volume->gave) {
    volume->first_epoch = epoch;
    volume->superseded = volume->gave = false;
  } else {
    sim->counts.reclaims++;
  }
  volume->claimed = true;
  volume->replaced = false;
  volume->epoch = epoch;
}

void
oracle_skipped(struct sim *sim)
{
  for (struct sim_volume *other = sim->store.volumes; other != NULL;
       other = other->next)
    other->superseded |= other->claimed;
}

/* Was there a request for this, in an epoch of the session's? */
static bool
was_asked(const struct sim *sim, const struct sim_volume *volume,
          const struct lease_id *to)
{
  bool has_claimed = volume->claimed && !volume->gave;
  uint64_t first = has_claimed ? volume->first_epoch : sim->store.epoch;

  for (unsigned i = 0; i < sim->store.request_count; i++) {
    const struct handover_request *request = &sim->store.requests[i];

    if (strcmp(request->from, volume->node) == 0 &&
        lease_id_equal(&request->to_lease, to) && request->epoch >= first &&
        request->epoch <= sim->store.epoch)
      return true;
  }
  return false;
}

/* Another's claims are no loss of its any more. */
static void
note_given(struct sim *sim, struct sim_volume *volume)
{
  volume->gave = true;
  volume->gave_epoch = sim->store.epoch;
  volume->opened = false;
}

void
oracle_gave(struct sim *sim, struct sim_volume *volume,
            const struct lease_command *command)
{
  if (!was_asked(sim, volume, &command->proposed_id))
    sim_violation(sim, "O16 %s gives the lease of epoch %u away, unasked",
                  volume->node, (unsigned)sim->store.epoch);
  note_given(sim, volume);
  sim->counts.handovers++;
}

void
oracle_leased(struct sim *sim, const struct lease_id *id)
{
  for (struct sim_volume *other = sim->store.volumes; other != NULL;
       other = other->next) {
    struct lease_id theirs;

    if (!other->claimed)
      continue;
    /* Who goes on in a group is said by the registrations. */
    lease_id_from_node(other->node, NULL, &theirs);
    if (!lease_id_equal(&theirs, id) &&
        !(oracle_is_group(sim, id) &&
          registrations_find(&sim->store.truth, other->node) != NULL))
      other->superseded = true;
    /* What it has offered, and somebody else has carried out. */
    if (lease_id_equal(&other->offered_to, id) &&
        other->offered_epoch == sim->store.epoch)
      note_given(sim, other);
  }
}

/* Its own by its last claim, or, where it has none or has given that away, by
 * the lease that it has acquired since.
 */
static bool
may_release(const struct sim_volume *volume, uint64_t epoch)
{
  if (volume->claimed && volume->epoch == epoch)
    return true;
  return (!volume->claimed || volume->gave) &&
         (!volume->acquired || volume->acquired_epoch == epoch);
}

void
oracle_release(struct sim *sim, struct sim_volume *volume, uint64_t expected,
               bool clean)
{
  uint64_t epoch = sim->store.epoch;

  if (expected != epoch || !may_release(volume, epoch))
    sim_violation(
        sim, "O10 %s of epoch %u releases the lease of epoch %u", volume->node,
        (unsigned)(volume->claimed ? volume->epoch : volume->acquired_epoch),
        (unsigned)epoch);
  volume->clean = clean;
  if (clean)
    check_all(sim, volume, TIME_NEVER);
}

void
oracle_sent(struct sim_volume *volume)
{
  if (volume->fenced)
    sim_violation(volume->sim, "O4 %s/%s sends although it is fenced",
                  volume->node, volume->instance);
}

void
oracle_again(struct sim *sim, uint32_t number, uint64_t epoch)
{
  if (op_of(sim, number)->doubted_epoch == epoch)
    sim_violation(sim, "O13 op %u is sent again in epoch %u, in doubt", number,
                  (unsigned)epoch);
}

/* --- answers -----------------------------------------------------------------
 */

static void
check_flush(struct sim *sim, uint32_t number)
{
  const struct op *flush = op_of(sim, number);

  sim->counts.flushes++;
  check_all(sim, flush->volume, flush->invoked_ns);
}

/* Was the operation over before a newer one was acknowledged through the
 * reader's session? 0: what was there at first.
 */
static bool
is_stale(struct sim *sim, const struct op *read, unsigned sector,
         uint32_t number)
{
  const struct op *old = op_of(sim, number);
  bool stale = false;

  /* It says at each flush that something was lost. */
  if (read->volume->fenced || read->volume->lost_some)
    return false;
  for (uint32_t i = 1; i <= sim->op_count; i++) {
    const struct op *op = op_of(sim, i);

    if (!is_change(op) || !covers(op, sector) || op->volume != read->volume)
      continue;
    if (op->lost)
      return false; /* and with it what was under it */
    if (i != number && op->answered && op->status == 0 &&
        op->answered_ns < read->invoked_ns &&
        (number == 0 || was_over(old, op->invoked_ns)))
      stale = true;
  }
  return stale;
}

static bool
held(struct sim *sim, const struct op *read, unsigned sector, uint64_t value)
{
  const struct history *history = &sim->store.history[sector];
  uint64_t from_ns = read->window_ns;

  if (value == 0 &&
      (history->count == 0 || history->items[0].at_ns >= from_ns) &&
      !is_stale(sim, read, sector, 0))
    return true;
  for (unsigned i = 0; i < history->count; i++) {
    const struct effect *item = &history->items[i];
    uint64_t end =
        i + 1 < history->count ? history->items[i + 1].at_ns : TIME_NEVER;

    if (item->value == value && item->at_ns <= read->answered_ns &&
        end >= from_ns && !is_stale(sim, read, sector, item->op))
      return true;
  }
  return false;
}

/* Not yet in the store, perhaps. */
static bool
is_own(struct sim *sim, const struct op *read, unsigned sector, uint64_t value)
{
  for (uint32_t i = 1; sim->cached && i <= sim->op_count; i++) {
    const struct op *op = op_of(sim, i);

    if (is_change(op) && covers(op, sector) && op->volume == read->volume &&
        (op->kind == STORE_ZERO ? 0 : i) == value &&
        !is_stale(sim, read, sector, i))
      return true;
  }
  return false;
}

static void
check_read(struct sim *sim, uint32_t number, const char *buffer)
{
  const struct op *op = op_of(sim, number);

  for (unsigned i = 0; i < op->sectors; i++) {
    uint64_t found;

    memcpy(&found, buffer + i * STORE_SECTOR, sizeof found);
    if (!held(sim, op, op->first + i, found) &&
        !is_own(sim, op, op->first + i, found))
      sim_violation(sim, "O11 read %u of sector %u found op %u", number,
                    op->first + i, (unsigned)found);
  }
}

/* The lease is provably held: what the store held since then may be read. A
 * read that was begun then may have got part of what it returns at once. Who
 * knows that others write, too, reads what the store holds.
 */
uint64_t
oracle_window(const struct sim_volume *volume, const struct gate *gate)
{
  uint64_t now_ns = clock_now(&volume->gateway->clock);

  if (volume->sim->cached && !gate->shared && volume->extended_ns != 0 &&
      now_ns < timing_valid_until(volume->extended_ns, volume->duration_s))
    return volume->extended_true_ns;
  return volume->sim->now_ns;
}

void
oracle_answered(struct sim *sim, struct client *client, uint32_t number,
                const char *buffer)
{
  const struct op *op = op_of(sim, number);

  if (client->tenure != NULL)
    op->volume->lost_some = tenure_flush_status(client->tenure) != 0;
  if (op->status == STATUS_FENCED) {
    if (!client->fenced)
      client->fenced_ns = sim->now_ns;
    client->fenced = true;
    return;
  }
  if (op->kind == STORE_FLUSH && op->status == STATUS_IO &&
      op->volume->flush_failed_ns == 0)
    op->volume->flush_failed_ns = sim->now_ns;
  if (op->status != 0)
    return;
  if (client->fenced && op->invoked_ns > client->fenced_ns &&
      op->kind != STORE_READ)
    sim_violation(sim, "O4 op %u succeeded after its client was fenced",
                  number);
  if (op->kind == STORE_FLUSH && op->volume->flush_failed_ns != 0 &&
      op->invoked_ns > op->volume->flush_failed_ns)
    sim_violation(sim, "O4 flush %u succeeded after one had failed", number);
  if (op->kind == STORE_READ)
    check_read(sim, number, buffer);
  else if (op->kind == STORE_FLUSH)
    check_flush(sim, number);
  else if (is_change(op) && op->fua)
    check_durable(sim, number);
}
