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
 *
 *   1. the side object: as before, with the command noted in it as pending
 *   2. the lease command (reserve.c)
 *   3. the side object: as it is after the command
 *
 * Whoever finds a pending command does steps 2 and 3 for it, before anything of
 * his own. Step 2 may be done twice: an acquire, a change and a release change
 * nothing then, and a break is left out when the lease is no longer the one
 * that it was meant for. So after a crash between any two steps the next
 * command, from any node by any gateway, completes the one before it; a crash
 * before step 1 is done has done nothing. A lease that has moved to somebody
 * else in the meantime is not touched: then the pending command is taken back
 * as one that met a reservation conflict.
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
#include "leasehold/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease/scsi-pr-bytes.h"
#include "leasehold/log.h"
#include "leasehold/registrations.h"
#include "leasehold/reserve.h"
#include "utils/cleanup.h"
#include "utils/random.h"

_Static_assert(REGISTRATIONS_NONCE_MAX == SESSION_NONCE_MAX, "");
_Static_assert(REGISTRATIONS_JSON_MAX <= SIDE_OBJECT_MAX, "");

/* How often a command begins anew because others were faster. */
#define TRIES_MAX 16
/* How often a replacement of unknown outcome is sent. */
#define SENDS_MAX 3

/* One command. */
struct work {
  const struct control *control;
  struct pr_command command;
  struct pr_nodes nodes;
  struct volume_info info;         /* as last looked at */
  struct registrations state;      /* as last read, reconciled */
  struct registrations after;      /* as it is to be */
  struct lease_effect effect;      /* what lies between the two */
  struct side_object object, seen; /* the one that state is from; scratch */
  struct error error;              /* of what failed in the store */
};

/* --- the side object ---------------------------------------------------- */

/* Reads the registrations; without a side object they are empty. */
static int
load(struct work *work)
{
  struct side_object *object = &work->object;
  int r = store_side_read(work->control->volume, SIDE_REGISTRATIONS, object,
                          &work->error);

  memset(&work->state, 0, sizeof work->state);
  if (r != 0 || object->etag[0] == '\0')
    return r;
  return registrations_decode(object->bytes, object->length,
                              work->control->name, &work->state, &work->error);
}

/* Whether the one that is there now is that of writer. 0, STATUS_ETAG_STALE:
 * it is neither that one nor the one before; STATUS_TRANSIENT: it is still the
 * one before.
 */
static int
look_for_writer(struct work *work, const char *writer)
{
  static const char name[] = "\"writer\":\"";
  struct side_object *seen = &work->seen;
  const char *at;
  int r = store_side_read(work->control->volume, SIDE_REGISTRATIONS, seen,
                          &work->error);

  if (r != 0)
    return r;
  if (strcmp(seen->etag, work->object.etag) == 0)
    return STATUS_TRANSIENT;
  at = memmem(seen->bytes, seen->length, name, strlen(name));
  if (at == NULL ||
      (size_t)(seen->bytes + seen->length - at) <
          strlen(name) + strlen(writer) ||
      memcmp(at + strlen(name), writer, strlen(writer)) != 0)
    return STATUS_ETAG_STALE;
  memcpy(work->object.etag, seen->etag, sizeof seen->etag);
  return STATUS_OK;
}

/* Replaces the registrations that were read last. STATUS_ETAG_STALE: somebody
 * was faster. STATUS_UNKNOWN: nobody can say any more.
 */
static int
save(struct work *work, struct registrations *state)
{
  CLEANUP_FREE char *text = NULL;
  struct side_object *object = &work->object;
  int r;

  if (state->reservation.type != RESERVATION_NONE)
    state->reservation.epoch = work->info.epoch;
  r = random_nonce(state->writer);
  if (r == 0)
    r = registrations_encode(state, &text, &work->error);
  if (r != 0)
    return r;
  object->length = strlen(text);
  memcpy(object->bytes, text, object->length);
  for (int i = 0; i < SENDS_MAX; i++) {
    r = store_side_write(work->control->volume, SIDE_REGISTRATIONS, object,
                         &work->error);
    /* A second one can be refused because the first has come through. */
    if (r != STATUS_UNKNOWN && !(i > 0 && r == STATUS_ETAG_STALE))
      return r;
    r = look_for_writer(work, state->writer);
    if (r != STATUS_TRANSIENT)
      return r == STATUS_ETAG_STALE ? STATUS_UNKNOWN : r;
  }
  return STATUS_UNKNOWN;
}

/* --- the lease ---------------------------------------------------------- */

static int
name_lease(const struct work *work, const struct lease_owner *owner,
           struct lease_id *id)
{
  *id = (struct lease_id){.text = ""};
  if (owner->kind != OWNER_NODE || owner->node[0] == '\0')
    return 0;
  return lease_id_from_node(owner->node, &work->control->key, id);
}

/* Runs one reservation command of node's. 0, STATUS_CONFLICT, or what went
 * wrong.
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
  struct reservation_result result;
  int r = name_lease(work, owner, &request.node_id);

  if (r != 0)
    return r;
  memcpy(request.node, owner->node, sizeof request.node);
  r = reservation_run(work->control->volume, work->control->name, &request,
                      &result);
  if (r != 0)
    work->error = result.error;
  return r;
}

/* Change, and then acquire: the lease may have been one that ends. */
static int
change_lease(struct work *work)
{
  struct lease_id victim;
  int r = name_lease(work, &work->effect.from, &victim);

  if (r == 0)
    r = run_lease(work, RESERVATION_PREEMPT, &work->effect.to, &victim);
  if (r == 0)
    r = run_lease(work, RESERVATION_RESERVE, &work->effect.to, NULL);
  return r;
}

/* Not somebody else's, who has come since. */
static int
break_lease(struct work *work)
{
  const struct lease_info *lease = &work->info.lease;
  struct lease_id victim;
  int r = name_lease(work, &work->effect.from, &victim);

  if (r == 0 && lease->id_known && !lease_id_is_none(&victim) &&
      !lease_id_equal(&lease->id, &victim))
    return 0;
  return r != 0 ? r
                : run_lease(work, RESERVATION_CLEAR, &work->effect.from, NULL);
}

static int
do_effect(struct work *work)
{
  switch (work->effect.kind) {
  case EFFECT_ACQUIRE:
    return run_lease(work, RESERVATION_RESERVE, &work->effect.to, NULL);
  case EFFECT_RELEASE:
    return run_lease(work, RESERVATION_RELEASE, &work->effect.from, NULL);
  case EFFECT_CHANGE:
    return change_lease(work);
  case EFFECT_BREAK:
    return break_lease(work);
  case EFFECT_NONE:
    break;
  }
  return 0;
}

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

/* Steps 2 and 3. 0; STATUS_CONFLICT: the command was taken back; else it is
 * still pending.
 */
static int
complete(struct work *work)
{
  int outcome = do_effect(work), r;
  bool done = outcome == 0;

  if (!done && outcome != STATUS_CONFLICT)
    return outcome;
  set_pending(&work->after, NULL, NULL);
  set_pending(&work->state, NULL, NULL);
  r = save(work, done ? &work->after : &work->state);
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
  result = registrations_apply(state, node, &command, NULL, CONTROL_TYPES,
                               &work->after, &work->effect);
  if (result.status != SCSI_GOOD)
    work->effect.kind = EFFECT_NONE;
  r = complete(work);
  if (r == 0 || r == STATUS_CONFLICT) {
    log_line(work->control->log, LOG_LEVEL_INFO,
             "%s: %s of %s was left half done, and has been %s",
             work->control->name, pr_action_text(command.action), node,
             r == 0 ? "completed" : "taken back: reservation conflict");
    return 0;
  }
  return r;
}

/* Reads everything. STATUS_ETAG_STALE: begin anew. */
static int
look(struct work *work)
{
  int r = reservation_look(work->control->volume, &work->info, &work->error);

  if (r == 0)
    r = load(work);
  if (r == 0 && work->state.pending_node[0] != '\0') {
    r = settle(work);
    return r == 0 ? STATUS_ETAG_STALE : r;
  }
  if (r == 0)
    r = registrations_reconcile(&work->state, &work->info, &work->control->key);
  return r;
}

/* Makes after what is so. */
static int
change(struct work *work)
{
  int r;

  if (work->effect.kind == EFFECT_NONE)
    return memcmp(&work->state, &work->after, sizeof work->after) == 0
               ? 0
               : save(work, &work->after);
  set_pending(&work->state, work->control->node, &work->command);
  r = save(work, &work->state);
  return r != 0 ? r : complete(work);
}

/* One try. *result is valid when it returns 0. */
static int
try_command(struct work *work, struct scsi_result *result)
{
  int r = look(work);

  if (r != 0)
    return r;
  *result = registrations_apply(&work->state, work->control->node,
                                &work->command, &work->nodes, CONTROL_TYPES,
                                &work->after, &work->effect);
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

static struct scsi_result
run_command(struct work *work)
{
  const struct control *control = work->control;
  const char *action = pr_action_text(work->command.action);
  struct scsi_result result = {.status = SCSI_GOOD};
  int r = STATUS_ETAG_STALE;

  for (int i = 0; i < TRIES_MAX && r == STATUS_ETAG_STALE; i++)
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
  reservation = &work->state.reservation;
  if (load(work) != 0 ||
      registrations_reconcile(&work->state, info, &control->key) != 0 ||
      strcmp(reservation->holder, info->lease.node) == 0)
    return;
  memcpy(info->lease.node, reservation->holder, sizeof info->lease.node);
  info->lease.since_ms = 0;
}

/* What CLEAR leaves, also where nobody can tell what was there. */
static int
unregister_all(struct work *work)
{
  int r = reservation_look(work->control->volume, &work->info, &work->error);

  work->object.etag[0] = '\0';
  if (r == 0)
    r = load(work);
  if (r == STATUS_CORRUPT && work->object.etag[0] != '\0') {
    memset(&work->state, 0, sizeof work->state);
    r = 0;
  }
  if (r != 0 || work->object.etag[0] == '\0')
    return r;
  work->after.generation = work->state.generation + 1;
  work->after.group = work->state.group;
  work->after.persist = work->state.persist;
  return save(work, &work->after);
}

int
control_unregister_all(const struct control *control, struct error *err)
{
  CLEANUP_FREE struct work *work = calloc(1, sizeof *work);
  int r = STATUS_ETAG_STALE;

  if (work == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a command");
  work->control = control;
  for (int i = 0; i < TRIES_MAX && r == STATUS_ETAG_STALE; i++)
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
    length = scsi_pr_encode(&work->after, &work->command, CONTROL_TYPES,
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
  result = scsi_pr_decode(frame, frame + CONTROL_LIST_OFFSET,
                          length - CONTROL_LIST_OFFSET, &work->command,
                          &work->nodes);
  if (result.status == SCSI_GOOD)
    result = run_command(work);
  write_reply(work, &result, reply);
  return STATUS_OK;
}
