/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control.c: runs reservation commands on a volume; see control.h.
 *
 * What is the truth. The lease says who may write: the store enforces it, and
 * so reservation and lease are made to agree, by the lease, before anything
 * else (registrations_reconcile). A node that holds the lease has a reservation
 * of type Write Exclusive, whether by a command or by being attached. The side
 * object "registrations" says who is registered, with which key, and counts
 * PRGENERATION; what it says of the reservation is believed as far as the lease
 * does not contradict it. Both are read anew for each command, so that it does
 * not matter which gateway it comes by.
 *
 * A command that changes only registrations is one replacement of the side
 * object, under the condition of its ETag. One that moves the lease, too, is
 * (docs/reservations.md has the whole story, and groups of writers)
 *
 *   1. the side object: as before, with the command noted in it as pending
 *   2. the lease command (reserve.c)
 *   3. the side object: as it is after the command
 *
 * Whoever finds a pending command does steps 2 and 3 for it, before anything of
 * his own. Step 2 may be done twice: an acquire, a change and a release change
 * nothing then, and a break is left out when the lease is no longer the one
 * that it was meant for. Nor is it done by one who is so slow that others have
 * done step 3 and more commands since: it carries the ETag that the volume had
 * at a time after which the command was seen to be pending, and with each step
 * 2 there is another one. (In stores whose ETag changes with data as well, only
 * an acquire can do that; a change then depends on whose the lease is.) So
 * after a crash between any two steps the next command, from any node by any
 * gateway, completes the one before it; a crash before step 1 is done has done
 * nothing. A lease that has moved to somebody else in the meantime is not
 * touched: then the pending command is taken back as one that met a reservation
 * conflict.
 *
 * A replacement whose outcome is unknown is looked for: each one has a random
 * number of its own in it. If it is not there, it is sent again under the same
 * condition, so that a late one cannot land any more.
 *
 * A reservation does not end by itself, so its lease is infinite, also when
 * its holder's session would take one that has to be renewed.
 *
 * Threads. A command runs in its caller's thread, from beginning to end, and
 * holds no lock; two at a time, in one process or in two, meet at the ETag.
 */
#include "lease/control-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease/control-handover.h"
#include "lease/handover-frame.h"
#include "lease/scsi-pr-bytes.h"
#include "leasehold/log.h"
#include "leasehold/reserve.h"
#include "utils/cleanup.h"

/* --- the steps ---------------------------------------------------------- */

static void
set_pending(struct registrations *state, const char *node,
            const struct pr_command *command)
{
  memset(state->pending_node, 0, sizeof state->pending_node);
  memset(&state->pending, 0, sizeof state->pending);
  if (node == NULL)
    return;
  memcpy(state->pending_node, node, strlen(node) + 1);
  state->pending = *command;
}

/* Steps 2 and 3. 0; STATUS_CONFLICT: the command was taken back;
 * STATUS_ETAG_STALE: one of the two by somebody else; else it is still pending.
 */
static int
complete(struct work *work)
{
  int outcome = control_do_effect(work), r;
  bool done = outcome == 0;

  if (!done && outcome != STATUS_CONFLICT)
    return outcome;
  set_pending(&work->after, NULL, NULL);
  set_pending(&work->state, NULL, NULL);
  r = control_save(work, done ? &work->after : &work->state);
  /* Stale: whoever was faster has found it pending, and completed it. */
  return r == 0 || r == STATUS_ETAG_STALE ? outcome : r;
}

/* Completes the command that somebody has left pending. */
static int
settle(struct work *work)
{
  struct registrations *state = &work->state;
  struct pr_command command = state->pending;
  char node[NODE_NAME_MAX + 1];
  struct scsi_result result;
  int r;

  memcpy(node, state->pending_node, sizeof node);
  result =
      registrations_apply(state, node, &command, NULL, RESERVATION_TYPES_ALL,
                          &work->after, &work->effect);
  if (result.status != SCSI_GOOD)
    work->effect.kind = EFFECT_NONE;
  r = complete(work);
  if (r == STATUS_ETAG_STALE)
    return 0;
  if (r == 0 || r == STATUS_CONFLICT) {
    log_line(work->control->log, LOG_LEVEL_INFO,
             "%s: %s of %s was left half done, and has been %s",
             work->control->name, pr_action_text(command.action), node,
             r == 0 ? "completed" : "taken back: reservation conflict");
    return 0;
  }
  return r;
}

/* The group's lease ID; "" when there is no group, or the lease is another's. A
 * store that keeps IDs to itself is asked by a renewal, which changes nothing.
 */
static int
find_group(struct work *work, struct lease_id *group)
{
  struct store_command renew = {.command.verb = LEASE_RENEW};
  const struct lease_info *lease = &work->info.lease;
  struct lease_owner owner;
  int r;

  registrations_owner(&work->state, &owner);
  *group = (struct lease_id){.text = ""};
  if (owner.kind != OWNER_GROUP || lease->state != LEASE_LEASED)
    return 0;
  r = control_name_lease(work, &owner, group);
  if (r != 0 || (lease->id_known && lease_id_equal(&lease->id, group)))
    return r;
  renew.command.lease_id = *group;
  if (!lease->id_known)
    r = store_run_command(work->control->volume, &renew);
  if (lease->id_known || status_is_refusal(r))
    *group = (struct lease_id){.text = ""};
  else if (r != 0)
    work->error = renew.error;
  return status_is_refusal(r) ? 0 : r;
}

/* As find_group. The volume was looked at before the registrations were read,
 * so what does not fit may be of another time: it counts when another look,
 * with the same registrations before and after it, says the same.
 */
static int
find_group_for_sure(struct work *work)
{
  int r = find_group(work, &work->group);

  if (r != 0 || !registrations_has_group(&work->state) ||
      !lease_id_is_none(&work->group))
    return r;
  r = reservation_look(work->control->volume, &work->info, &work->error);
  if (r == 0)
    r = find_group(work, &work->group);
  if (r == 0)
    r = store_side_read(work->control->volume, SIDE_REGISTRATIONS, &work->seen,
                        &work->error);
  if (r == 0 && strcmp(work->seen.etag, work->object.etag) != 0)
    r = STATUS_ETAG_STALE;
  return r;
}

/* A group that begins has a number that none had before, even if the
 * registrations were lost since: the epoch has grown with each of them.
 */
static void
begin_numbers(struct work *work)
{
  if (!registrations_has_group(&work->state) &&
      work->state.group < work->info.epoch)
    work->state.group = work->info.epoch;
}

/* A reservation that the lease seems to contradict may have been made, or have
 * changed hands, after the volume was looked at: so it is looked at again.
 */
static int
reconcile(struct work *work)
{
  const struct lease_key *key = &work->control->key;
  struct reservation *now = &work->state.reservation, read = *now;
  int r = registrations_reconcile(&work->state, &work->info, key, &work->group);

  if (r != 0 || read.type == RESERVATION_NONE ||
      (read.type == now->type && strcmp(read.holder, now->holder) == 0))
    return r;
  r = control_look_again(work);
  *now = read;
  return r != 0 ? r
                : registrations_reconcile(&work->state, &work->info, key,
                                          &work->group);
}

int
control_look(struct work *work)
{
  int r = reservation_look(work->control->volume, &work->info, &work->error);

  work->looked = r == 0;
  if (r == 0)
    r = control_load(work);
  if (r == 0 && work->state.pending_node[0] != '\0') {
    r = settle(work);
    return r == 0 ? STATUS_ETAG_STALE : r;
  }
  if (r == 0)
    r = find_group_for_sure(work);
  return r != 0 ? r : reconcile(work);
}

/* Somebody else has completed the command, or has taken it back: which?
 * generation is what it was before.
 */
static int
find_outcome(struct work *work, uint32_t generation)
{
  const struct registrations *after = &work->after;
  int r = control_load(work);

  if (r != 0)
    return r;
  if (after->generation != generation)
    return work->state.generation != generation ? 0 : STATUS_CONFLICT;
  /* RESERVE and RELEASE */
  return after->reservation.type == RESERVATION_NONE ||
                 registrations_holds(&work->state, work->control->node)
             ? 0
             : STATUS_CONFLICT;
}

/* Makes after what is so. */
static int
change(struct work *work)
{
  uint32_t generation = work->state.generation;
  int r;

  if (work->effect.kind == EFFECT_NONE)
    return memcmp(&work->state, &work->after, sizeof work->after) == 0
               ? 0
               : control_save(work, &work->after);
  set_pending(&work->state, work->control->node, &work->command);
  r = control_save(work, &work->state);
  if (r != 0)
    return r;
  r = complete(work);
  return r == STATUS_ETAG_STALE ? find_outcome(work, generation) : r;
}

/* One try. *result is valid when it returns 0. */
static int
try_command(struct work *work, struct scsi_result *result)
{
  int r = control_look(work);

  if (r != 0)
    return r;
  begin_numbers(work);
  *result = registrations_apply(
      &work->state, work->control->node, &work->command, &work->nodes,
      RESERVATION_TYPES_ALL, &work->after, &work->effect);
  return result->status == SCSI_GOOD ? change(work) : 0;
}

static enum event_kind
kind_of(enum pr_action action)
{
  switch (action) {
  case PR_RESERVE:
  case PR_PLAIN_RESERVE:
    return EVENT_RESERVE;
  case PR_RELEASE:
  case PR_PLAIN_RELEASE:
    return EVENT_RELEASE;
  case PR_PREEMPT:
  case PR_PREEMPT_AND_ABORT:
    return EVENT_PREEMPT;
  case PR_CLEAR:
    return EVENT_CLEAR;
  default:
    return EVENT_REGISTER;
  }
}

/* Tells of a command that has changed something, or met a conflict. */
static void
tell(const struct work *work, const struct scsi_result *result)
{
  const struct control *control = work->control;
  bool conflict = result->status == SCSI_RESERVATION_CONFLICT;
  const char *other =
      conflict ? work->state.reservation.holder : work->effect.from.node;
  struct lease_event event;

  if (!conflict &&
      (result->status != SCSI_GOOD || pr_action_reads(work->command.action)))
    return;
  event_init(&event, conflict ? EVENT_CONFLICT : kind_of(work->command.action),
             control->name, control->node);
  event.epoch = work->info.epoch;
  if (work->effect.kind != EFFECT_NONE || conflict)
    memcpy(event.other_node, other, strlen(other) + 1);
  snprintf(event.cause, sizeof event.cause, "%s, generation %u",
           pr_action_text(work->command.action),
           conflict ? work->state.generation : work->after.generation);
  event_log(control->log, &event);
  events_add(control->events, &event);
}

/* A RESERVE that met a lease which was taken only after its look has a second
 * try: the lease may be one that yields to it.
 */
static bool
comes_again(const struct work *work, int status, bool *again)
{
  if (status == STATUS_CONFLICT && work->command.action == PR_RESERVE &&
      !*again) {
    *again = true;
    return true;
  }
  return status == STATUS_ETAG_STALE;
}

static struct scsi_result
run_command(struct work *work)
{
  const struct control *control = work->control;
  const char *action = pr_action_text(work->command.action);
  struct scsi_result result = {.status = SCSI_GOOD};
  int r = STATUS_ETAG_STALE;
  bool again = false;

  for (int i = 0; i < CONTROL_TRIES_MAX && comes_again(work, r, &again); i++)
    r = try_command(work, &result);
  if (r != 0) {
    if (r != STATUS_CONFLICT)
      log_line(control->log, LOG_LEVEL_ERROR, "%s@%s: %s: %s", control->name,
               control->node, action,
               work->error.text[0] != '\0' ? work->error.text : status_text(r));
    result = translate_scsi(r);
  }
  tell(work, &result);
  return result;
}

void
control_name_holder(const struct control *control, struct volume_info *info)
{
  CLEANUP_FREE struct work *work = NULL;
  const struct reservation *reservation;

  if (info->lease.id_known || info->lease.state != LEASE_LEASED)
    return;
  work = calloc(1, sizeof *work);
  if (work == NULL)
    return;
  work->control = control;
  work->info = *info;
  reservation = &work->state.reservation;
  if (control_load(work) != 0 || find_group_for_sure(work) != 0 ||
      registrations_reconcile(&work->state, info, &control->key,
                              &work->group) != 0 ||
      strcmp(reservation->holder, info->lease.node) == 0)
    return;
  if (registrations_has_group(&work->state))
    control_group_text(work->state.group, info->lease.node);
  else
    memcpy(info->lease.node, reservation->holder, sizeof info->lease.node);
  info->lease.since_ms = 0;
}

/* A reservation that is only pending does not count yet. */
int
control_may_read(const struct control *control, bool *may, struct error *err)
{
  CLEANUP_FREE struct work *work = calloc(1, sizeof *work);
  int r = STATUS_ETAG_STALE;

  if (work == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a look");
  work->control = control;
  for (int i = 0; i < CONTROL_TRIES_MAX && r == STATUS_ETAG_STALE; i++) {
    r = control_load(work);
    if (r != 0 || registrations_may_read(&work->state, control->node))
      break;
    r = reservation_look(control->volume, &work->info, &work->error);
    if (r == 0)
      r = find_group_for_sure(work);
    if (r == 0)
      r = registrations_reconcile(&work->state, &work->info, &control->key,
                                  &work->group);
  }
  *may = r == 0 && registrations_may_read(&work->state, control->node);
  if (r != 0)
    *err = work->error;
  return r;
}

int
control_clear_group(const struct control *control, struct error *err)
{
  CLEANUP_FREE struct work *work = calloc(1, sizeof *work);
  struct control own = *control;
  char node[NODE_NAME_MAX + 1];
  struct scsi_result result;
  int r = STATUS_ETAG_STALE;

  if (work == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a command");
  work->control = control;
  for (int i = 0; i < CONTROL_TRIES_MAX && r == STATUS_ETAG_STALE; i++)
    r = control_look(work);
  if (r == STATUS_CORRUPT || (r == 0 && !registrations_has_group(&work->state)))
    return 0;
  if (r != 0) {
    *err = work->error;
    return r;
  }
  memcpy(node, work->state.registrants[0].node, sizeof node);
  own.node = node;
  work->control = &own;
  work->command = (struct pr_command){.action = PR_CLEAR,
                                      .key = work->state.registrants[0].key};
  result = run_command(work);
  if (result.status == SCSI_GOOD)
    return 1;
  return error_set(
      err, STATUS_TRANSIENT, "%s: the group was not cleared: %s", control->name,
      work->error.text[0] != '\0' ? work->error.text : "others were faster");
}

/* What CLEAR leaves, also where nobody can tell what was there. */
static int
unregister_all(struct work *work)
{
  int r = reservation_look(work->control->volume, &work->info, &work->error);

  work->object.etag[0] = '\0';
  if (r == 0)
    r = control_load(work);
  if (r == STATUS_CORRUPT && work->object.etag[0] != '\0') {
    memset(&work->state, 0, sizeof work->state);
    r = 0;
  }
  if (r != 0 || work->object.etag[0] == '\0')
    return r;
  work->after.generation = work->state.generation + 1;
  work->after.group = work->state.group > work->info.epoch
                          ? work->state.group
                          : work->info.epoch + 1;
  work->after.persist = work->state.persist;
  return control_save(work, &work->after);
}

int
control_unregister_all(const struct control *control, struct error *err)
{
  CLEANUP_FREE struct work *work = calloc(1, sizeof *work);
  int r = STATUS_ETAG_STALE;

  if (work == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a command");
  work->control = control;
  for (int i = 0; i < CONTROL_TRIES_MAX && r == STATUS_ETAG_STALE; i++)
    r = unregister_all(work);
  if (r != 0 && err != NULL)
    *err = work->error;
  return r;
}

/* --- frames ------------------------------------------------------------- */

/* How long a CDB is, by the first bits of its operation code (SPC-4 section
 * 4.3.2); 16 where they do not say.
 */
static size_t
cdb_length(uint8_t operation_code)
{
  static const uint8_t lengths[] = {6, 10, 10, 16, 16, 12, 16, 16};

  return lengths[operation_code >> 5];
}

static int
check_frame(const uint8_t *frame, size_t length, struct error *err)
{
  if (length < CONTROL_LIST_OFFSET || length > CONTROL_SIZE)
    return error_set(err, STATUS_INVALID,
                     "a frame of %zu bytes: it must have %d for the CDB, and "
                     "at most %d",
                     length, CONTROL_LIST_OFFSET, CONTROL_SIZE);
  for (size_t i = cdb_length(frame[0]); i < CONTROL_LIST_OFFSET; i++)
    if (frame[i] != 0)
      return error_set(err, STATUS_INVALID,
                       "byte %zu of the frame, behind the CDB, is not zero", i);
  return STATUS_OK;
}

static void
write_reply(struct work *work, const struct scsi_result *result,
            uint8_t reply[CONTROL_SIZE])
{
  size_t length = 0;

  memset(reply, 0, CONTROL_SIZE);
  reply[0] = result->status;
  reply[1] = (uint8_t)scsi_sense_encode(result, reply + CONTROL_SENSE_OFFSET);
  if (result->status == SCSI_GOOD && pr_action_reads(work->command.action))
    length = scsi_pr_encode(&work->after, &work->command, RESERVATION_TYPES_ALL,
                            reply + CONTROL_DATA_OFFSET,
                            CONTROL_SIZE - CONTROL_DATA_OFFSET);
  write_be32(reply + 4, (uint32_t)length);
}

int
control_run(const struct control *control, const uint8_t *frame, size_t length,
            uint8_t reply[CONTROL_SIZE], struct error *err)
{
  CLEANUP_FREE struct work *work = NULL;
  struct scsi_result result;
  int r = check_frame(frame, length, err);

  if (r != 0)
    return r;
  work = calloc(1, sizeof *work);
  if (work == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a command");
  work->control = control;
  if (frame[0] == HANDOVER_OPERATION_CODE) {
    result = control_hand_over(control, frame, length);
    write_reply(work, &result, reply);
    return STATUS_OK;
  }
  result = scsi_pr_decode(frame, frame + CONTROL_LIST_OFFSET,
                          length - CONTROL_LIST_OFFSET, &work->command,
                          &work->nodes);
  if (result.status == SCSI_GOOD)
    result = run_command(work);
  write_reply(work, &result, reply);
  return STATUS_OK;
}
