/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* translate.c: reservation commands become lease commands (DESIGN section 4).
 *
 * What a command does depends only on how the lease stands to the one who
 * asks (B) and to the victim that a PREEMPT names (A):
 *
 *   AVAILABLE, BROKEN, EXPIRED   nobody has it
 *   MINE      leased by B
 *   VICTIMS   leased by A
 *   OTHERS    leased by anyone else
 *   HIDDEN    leased, and the store does not say by whom: planned as if it
 *             were the lease that makes the command succeed; the store decides
 *   BREAKING  being broken, and not B's
 *   BREAKING_MINE  being broken, and B's, or perhaps B's: nobody can take it,
 *             but B can still release it before its time is over
 *
 * So the whole translation is one table of plans.
 */
#include "leasehold/translate.h"

#include <string.h>

#include "lease/scsi-sense.h"

enum relation {
  AVAILABLE,
  BROKEN,
  EXPIRED,
  MINE,
  VICTIMS,
  OTHERS,
  HIDDEN,
  BREAKING,
  BREAKING_MINE,
  RELATIONS
};

enum plan {
  NOTHING, /* GOOD as it is */
  CONFLICT,
  ACQUIRE,
  RELEASE,
  TAKE_OVER, /* CHANGE victim -> asker, RENEW: a change does not restart the
                clock */
  BREAK,
  LOOK
};

/* clang-format off */
#define PREEMPT_ROW \
  ACQUIRE,   ACQUIRE, ACQUIRE, NOTHING, TAKE_OVER, CONFLICT, TAKE_OVER, \
  CONFLICT,  CONFLICT
#define READ_ROW LOOK, LOOK, LOOK, LOOK, LOOK, LOOK, LOOK, LOOK, LOOK

static const enum plan plan_table[][RELATIONS] = {
/* AVAILABLE BROKEN   EXPIRED  MINE     VICTIMS    OTHERS    HIDDEN
   BREAKING  BREAKING_MINE */
[RESERVATION_RESERVE] = {
   ACQUIRE,  ACQUIRE, ACQUIRE, ACQUIRE, CONFLICT,  CONFLICT, ACQUIRE,
   CONFLICT, CONFLICT},
[RESERVATION_RELEASE] = {
   NOTHING,  NOTHING, NOTHING, RELEASE, NOTHING,   NOTHING,  RELEASE,
   NOTHING,  RELEASE},
[RESERVATION_PREEMPT] = {PREEMPT_ROW},
[RESERVATION_PREEMPT_AND_ABORT] = {PREEMPT_ROW},
[RESERVATION_CLEAR] = {
   NOTHING,  NOTHING, BREAK,   BREAK,   BREAK,     BREAK,    BREAK,
   BREAK,    BREAK},
[RESERVATION_READ_RESERVATION] = {READ_ROW},
[RESERVATION_READ_KEYS] = {READ_ROW},
[RESERVATION_READ_FULL_STATUS] = {READ_ROW},
};
/* clang-format on */

static enum relation
find_relation(const struct reservation_request *request,
              const struct lease_info *lease)
{
  bool mine = lease->id_known && lease_id_equal(&lease->id, &request->node_id);

  switch (lease->state) {
  case LEASE_AVAILABLE:
    return AVAILABLE;
  case LEASE_BROKEN:
    return BROKEN;
  case LEASE_EXPIRED:
    return EXPIRED;
  case LEASE_BREAKING:
    return mine || !lease->id_known ? BREAKING_MINE : BREAKING;
  case LEASE_LEASED:
    break;
  }
  if (mine)
    return MINE;
  if (!lease->id_known)
    return HIDDEN;
  return lease_id_equal(&lease->id, &request->victim_id) ? VICTIMS : OTHERS;
}

/* Appends a command of the asker's to the plan. */
static struct lease_command *
add_command(struct translation *out, const struct reservation_request *request,
            enum lease_verb verb)
{
  struct lease_command *command = &out->commands[out->count++];

  command->verb = verb;
  if (verb == LEASE_DESCRIBE || verb == LEASE_BREAK)
    return command;
  command->lease_id = request->node_id;
  if (verb == LEASE_ACQUIRE || verb == LEASE_CHANGE)
    memcpy(command->node, request->node, sizeof command->node);
  return command;
}

void
translate(const struct reservation_request *request,
          const struct volume_info *info, struct translation *out)
{
  enum relation relation = find_relation(request, &info->lease);
  enum plan plan = plan_table[request->command][relation];
  struct lease_command *command;

  *out = (struct translation){.outcome = RESERVATION_GOOD};
  out->blind = !info->lease.id_known &&
               (relation == HIDDEN || relation == BREAKING_MINE);
  /* Nobody's lease can be handed over: a PREEMPT without a victim. */
  if (plan == TAKE_OVER && lease_id_is_none(&request->victim_id))
    plan = CONFLICT;

  switch (plan) {
  case NOTHING:
    break;
  case CONFLICT:
    out->outcome = RESERVATION_CONFLICT;
    break;
  case ACQUIRE:
    command = add_command(out, request, LEASE_ACQUIRE);
    command->duration_s = request->duration_s;
    break;
  case RELEASE:
    command = add_command(out, request, LEASE_RELEASE);
    command->expected_epoch = info->epoch;
    break;
  case TAKE_OVER:
    command = add_command(out, request, LEASE_CHANGE);
    command->lease_id = request->victim_id;
    command->proposed_id = request->node_id;
    add_command(out, request, LEASE_RENEW);
    break;
  case BREAK:
    command = add_command(out, request, LEASE_BREAK);
    command->break_period_s = 0;
    break;
  case LOOK:
    add_command(out, request, LEASE_DESCRIBE);
    break;
  }
}

/* What a refusal says about a lease whose owner was not known: here looking
 * again would not tell more.
 */
static const struct {
  enum lease_verb verb;
  enum status status;
  enum reservation_outcome outcome;
} blind_table[] = {
    {LEASE_ACQUIRE, STATUS_LEASE_HELD, RESERVATION_CONFLICT},
    {LEASE_CHANGE, STATUS_LEASE_MISMATCH, RESERVATION_CONFLICT},
    {LEASE_RELEASE, STATUS_LEASE_MISMATCH, RESERVATION_GOOD},
};

enum reservation_outcome
translate_outcome(const struct translation *plan, unsigned index, int status)
{
  if (status == STATUS_OK)
    return plan->outcome;
  for (size_t i = 0; i < sizeof blind_table / sizeof blind_table[0]; i++)
    if (plan->blind && blind_table[i].status == status &&
        blind_table[i].verb == plan->commands[index].verb)
      return blind_table[i].outcome;
  if (status_is_refusal(status) || status == STATUS_ETAG_STALE)
    return RESERVATION_LOOK_AGAIN;
  return RESERVATION_ERROR;
}

/* Indexed by -status. */
static const struct scsi_result scsi_table[] = {
    [-STATUS_OK] = {RESULT_GOOD},
    [-STATUS_LEASE_HELD] = {RESULT_CONFLICT},
    [-STATUS_LEASE_MISMATCH] = {RESULT_CONFLICT},
    [-STATUS_LEASE_ABSENT] = {RESULT_CONFLICT},
    [-STATUS_LEASE_LOST] = {RESULT_CONFLICT},
    [-STATUS_LEASE_REQUIRED] = {RESULT_CONFLICT},
    [-STATUS_LEASE_BREAKING] = {RESULT_CONFLICT},
    [-STATUS_LEASE_BROKEN] = {RESULT_CONFLICT},
    [-STATUS_EPOCH_STALE] = {WRITE_PROTECTED},
    [-STATUS_ETAG_STALE] = {NOT_READY},
    [-STATUS_CONFLICT] = {RESULT_CONFLICT},
    [-STATUS_FENCED] = {WRITE_PROTECTED},
    [-STATUS_READ_ONLY] = {WRITE_PROTECTED},
    [-STATUS_INVALID] = {INVALID_FIELD_IN_CDB},
    [-STATUS_NOT_FOUND] = {LUN_NOT_SUPPORTED},
    [-STATUS_EXISTS] = {INVALID_FIELD_IN_CDB},
    [-STATUS_NO_SPACE] = {SPACE_ALLOCATION_FAILED},
    [-STATUS_NO_MEMORY] = {INSUFFICIENT_RESOURCES},
    [-STATUS_DENIED] = {NOT_READY_CALL_SOMEBODY},
    [-STATUS_CORRUPT] = {INTERNAL_TARGET_FAILURE},
    [-STATUS_UNSUPPORTED] = {INVALID_OPERATION_CODE},
    [-STATUS_TRANSIENT] = {NOT_READY},
    [-STATUS_UNKNOWN] = {TIMEOUT_DURING_PROCESSING},
    [-STATUS_IO] = {INTERNAL_TARGET_FAILURE},
    [-STATUS_TIMEOUT] = {NOT_READY},
    [-STATUS_STOPPING] = {NOT_READY},
};

struct scsi_result
translate_scsi(int status)
{
  int rows = (int)(sizeof scsi_table / sizeof scsi_table[0]);
  struct scsi_result result = {INTERNAL_TARGET_FAILURE};

  if (status == STATUS_OK)
    return scsi_table[0];
  if (status < 0 && status > -rows && scsi_table[-status].status != SCSI_GOOD)
    result = scsi_table[-status];
  return result;
}
