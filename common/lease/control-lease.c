/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control-lease.c: what a reservation command does to the lease; see control.c.
 *
 * When one leaves a group of writers, or the group ends, two things happen to
 * what the store checks:
 *
 *   from        to          lease                      epoch
 *   a group     a group     Change to the new one's    claim, after that
 *   a group     a node      Change to the node's       claim, after that
 *   a group     nobody      Release, after the claim   claim
 *   a node      a group     Change to the group's      -
 *   nobody      a group     Acquire                    -
 *
 * So what was sent by one that has been removed is refused for its lease ID at
 * once, and for its epoch for ever. The claim also puts the instances that
 * leave on the list of fenced ones (S12).
 */
#include "lease/control-internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lease/holder.h"
#include "leasehold/reserve.h"

/* How often a claim begins anew because others claim. */
#define CLAIMS_MAX 16

void
control_group_text(uint64_t group, char text[NODE_NAME_MAX + 1])
{
  snprintf(text, NODE_NAME_MAX + 1, "group:%" PRIu64, group);
}

int
control_name_lease(const struct work *work, const struct lease_owner *owner,
                   struct lease_id *id)
{
  const struct control *control = work->control;

  *id = (struct lease_id){.text = ""};
  if (owner->kind == OWNER_GROUP)
    return lease_id_from_group(control->name, owner->group, &control->key, id);
  if (owner->kind != OWNER_NODE || owner->node[0] == '\0')
    return 0;
  return lease_id_from_node(owner->node, &control->key, id);
}

int
control_look_again(struct work *work)
{
  int r = reservation_look(work->control->volume, &work->info, &work->error);

  if (r == 0)
    r = store_side_read(work->control->volume, SIDE_REGISTRATIONS, &work->seen,
                        &work->error);
  if (r == 0 && strcmp(work->seen.etag, work->object.etag) != 0)
    r = STATUS_ETAG_STALE;
  work->looked = r == 0;
  return r;
}

/* Runs one reservation command of node's, unless the volume has changed since a
 * time when the command was pending: else it could be done after somebody else
 * has completed it, and undo what has been done since. 0, STATUS_CONFLICT,
 * STATUS_ETAG_STALE, or what went wrong.
 */
static int
run_lease(struct work *work, enum reservation_command command,
          const struct lease_owner *owner, const struct lease_id *victim)
{
  static const struct lease_id nobody;
  struct reservation_request request = {
      .command = command,
      .victim_id = victim != NULL ? *victim : nobody,
      .duration_s = LEASE_DURATION_INFINITE,
  };
  struct reservation_result result = {.outcome = RESERVATION_LOOK_AGAIN};
  int r = control_name_lease(work, owner, &request.node_id);

  if (r != 0)
    return r;
  if (owner->kind == OWNER_GROUP) /* for people */
    control_group_text(owner->group, request.node);
  else
    memcpy(request.node, owner->node, sizeof request.node);
  for (unsigned i = 0;
       i < CONTROL_TRIES_MAX && result.outcome == RESERVATION_LOOK_AGAIN; i++) {
    r = work->looked ? 0 : control_look_again(work);
    work->looked = false;
    if (r != 0)
      return r;
    result = (struct reservation_result){.info = work->info};
    r = reservation_try(work->control->volume, work->control->name, &request,
                        i >= CONTROL_TRIES_MAX / 2, &result);
  }
  if (result.outcome == RESERVATION_LOOK_AGAIN)
    return error_set(&work->error, STATUS_TRANSIENT,
                     "%s: it changed hands at each of %d looks; try again",
                     work->control->name, CONTROL_TRIES_MAX);
  if (r != 0)
    work->error = result.error;
  return r;
}

/* Change, and then acquire if the lease was not one that does not end. */
static int
change_lease(struct work *work)
{
  const struct lease_info *lease = &work->info.lease;
  struct lease_id victim;
  int r = control_name_lease(work, &work->effect.from, &victim);

  if (r == 0)
    r = run_lease(work, RESERVATION_PREEMPT, &work->effect.to, &victim);
  if (r == 0 && (lease->state != LEASE_LEASED ||
                 lease->duration_s != LEASE_DURATION_INFINITE))
    r = run_lease(work, RESERVATION_RESERVE, &work->effect.to, NULL);
  return r;
}

/* Not somebody else's, who has come since. */
static int
break_lease(struct work *work)
{
  const struct lease_info *lease = &work->info.lease;
  struct lease_id victim;
  int r = control_name_lease(work, &work->effect.from, &victim);

  if (r == 0 && lease->id_known && !lease_id_is_none(&victim) &&
      !lease_id_equal(&lease->id, &victim))
    return 0;
  return r != 0 ? r
                : run_lease(work, RESERVATION_CLEAR, &work->effect.from, NULL);
}

/* --- groups ------------------------------------------------------------- */

/* Whether what is noted of a registrant lives on: in the group, or alone. */
static bool
goes_on(const struct work *work, const char *node)
{
  const struct lease_owner *to = &work->effect.to;

  return registrations_find(&work->after, node) != NULL &&
         (to->kind == OWNER_GROUP ||
          (to->kind == OWNER_NODE && strcmp(to->node, node) == 0));
}

/* Who claimed last is none of those that are noted: he has claimed alone,
 * before there was a group or after it.
 */
static bool
is_stranger(const struct work *work, const struct holder *holder)
{
  const struct registrant *registrant =
      registrations_find(&work->state, holder->node);

  return registrant == NULL ||
         strcmp(registrant->session, holder->session) != 0;
}

/* Whether the instance that claimed last lives on: it is noted, or it is in its
 * name that is claimed now.
 */
static bool
last_goes_on(const struct work *work, const struct holder *last,
             const struct holder *next)
{
  const struct registrant *registrant =
      registrations_find(&work->state, last->node);
  bool noted =
      registrant != NULL && strcmp(registrant->instance, last->instance) == 0;

  return (noted && goes_on(work, last->node)) ||
         (strcmp(last->node, next->node) == 0 &&
          strcmp(last->instance, next->instance) == 0);
}

/* Those who leave the group never write again as the same instances (S12), nor
 * does one that was alone before it and is not in it, also if its node is now.
 */
static void
fence_leavers(const struct work *work, struct holder_record *record,
              const struct holder *next, uint64_t epoch)
{
  const struct holder *last = &record->holder;

  for (unsigned i = 0; i < work->state.count; i++) {
    const struct registrant *registrant = &work->state.registrants[i];

    if (registrant->instance[0] != '\0' && !goes_on(work, registrant->node))
      holder_fence(record, registrant->node, registrant->instance, epoch);
  }
  if (last->node[0] != '\0' && last->instance[0] != '\0' &&
      !last_goes_on(work, last, next))
    holder_fence(record, last->node, last->instance, last->epoch);
}

static void
hold_for(const struct registrant *registrant, struct holder *out)
{
  memcpy(out->node, registrant->node, sizeof out->node);
  memcpy(out->session, registrant->session, sizeof out->session);
  memcpy(out->instance, registrant->instance, sizeof out->instance);
  out->clean = registrant->session[0] == '\0';
  out->write_back = registrant->unclean; /* S13 */
}

/* In whose name the epoch is incremented: a session's that goes on, so that it
 * finds itself to be the last one that claimed. A node that has the lease for
 * itself now may have claimed already, by another session: that one stays.
 */
static struct holder
choose_holder(const struct work *work, const struct volume_info *info)
{
  const struct lease_owner *to = &work->effect.to;
  const struct holder *last = &info->record.holder;
  struct holder next = {.node = ""};

  if (to->kind == OWNER_NODE) {
    const struct registrant *registrant =
        registrations_find(&work->state, to->node);

    if (last->epoch == info->epoch && strcmp(last->node, to->node) == 0 &&
        is_stranger(work, last))
      return *last;
    memcpy(next.node, to->node, sizeof next.node);
    next.clean = true;
    if (registrant != NULL)
      hold_for(registrant, &next);
  } else if (to->kind == OWNER_GROUP) {
    for (unsigned i = 0; i < work->after.count && next.node[0] == '\0'; i++)
      if (work->after.registrants[i].session[0] != '\0')
        hold_for(&work->after.registrants[i], &next);
  }
  return next;
}

/* Increments the epoch under a lease of which the group before, or whoever
 * comes after it, has the ID. Refused: the lease has moved on, and others have
 * done this. Where they have done all of the command, it is not done again: it
 * would put those on the list who have joined since. They note themselves, and
 * then claim: so either the registrations are others, or the epoch is.
 */
static int
claim_for_group(struct work *work, const struct lease_id *id)
{
  for (int i = 0; i < CLAIMS_MAX; i++) {
    struct store_command claim = {.command.verb = LEASE_CLAIM};
    struct holder_record *record = &claim.command.record;
    int r = control_look_again(work);
    struct holder next;

    work->looked = false; /* the claim changes what was seen */
    if (r != 0)
      return r;
    claim.command.lease_id = *id;
    claim.command.expected_epoch = work->info.epoch;
    *record = work->info.record;
    next = choose_holder(work, &work->info);
    fence_leavers(work, record, &next, work->info.epoch);
    record->holder = next;
    r = store_run_command(work->control->volume, &claim);
    if (r == 0)
      work->info.epoch = claim.reply.info.epoch;
    if (r == 0 || (status_is_refusal(r) && r != STATUS_EPOCH_STALE))
      return 0;
    work->error = claim.error;
    if (r != STATUS_EPOCH_STALE)
      return r;
  }
  return error_set(&work->error, STATUS_TRANSIENT,
                   "%s: its epoch moved on at each of %d looks; try again",
                   work->control->name, CLAIMS_MAX);
}

/* A group has begun: who claimed last, alone, goes on in it if its node is
 * registered. Nobody can claim any more but in the group, and there nobody does
 * before this command has ended.
 */
static int
note_alone(struct work *work)
{
  struct volume_info info;
  const struct holder *last = &info.record.holder;
  struct registrant *registrant;
  int r = reservation_look(work->control->volume, &info, &work->error);

  if (r != 0)
    return r;
  registrant = registrations_note(&work->after, last->node);
  if (registrant == NULL || last->epoch != info.epoch || last->clean)
    return 0;
  memcpy(registrant->session, last->session, sizeof registrant->session);
  memcpy(registrant->instance, last->instance, sizeof registrant->instance);
  registrant->unclean = last->write_back;
  return 0;
}

/* --- effects ------------------------------------------------------------ */

static int
change_effect(struct work *work)
{
  bool was_group = work->effect.from.kind == OWNER_GROUP;
  struct lease_id to;
  int r = control_name_lease(work, &work->effect.to, &to);

  if (r == 0)
    r = change_lease(work);
  if (r == 0 && was_group)
    r = claim_for_group(work, &to);
  else if (r == 0 && work->effect.to.kind == OWNER_GROUP)
    r = note_alone(work);
  return r;
}

static int
acquire_effect(struct work *work)
{
  int r = run_lease(work, RESERVATION_RESERVE, &work->effect.to, NULL);

  if (r == 0 && work->effect.to.kind == OWNER_GROUP &&
      work->effect.from.kind != OWNER_GROUP)
    r = note_alone(work);
  return r;
}

/* Gives back the lease of whoever had it, once it cannot be used any more. */
static int
end_effect(struct work *work)
{
  struct lease_id id;
  int r;

  if (work->effect.from.kind != OWNER_GROUP)
    return work->effect.kind == EFFECT_BREAK
               ? break_lease(work)
               : run_lease(work, RESERVATION_RELEASE, &work->effect.from, NULL);
  r = control_name_lease(work, &work->effect.from, &id);
  if (r == 0)
    r = claim_for_group(work, &id);
  return r != 0
             ? r
             : run_lease(work, RESERVATION_RELEASE, &work->effect.from, NULL);
}

int
control_do_effect(struct work *work)
{
  switch (work->effect.kind) {
  case EFFECT_ACQUIRE:
    return acquire_effect(work);
  case EFFECT_CHANGE:
    return change_effect(work);
  case EFFECT_RELEASE:
  case EFFECT_BREAK:
    return end_effect(work);
  case EFFECT_NONE:
    break;
  }
  return 0;
}
