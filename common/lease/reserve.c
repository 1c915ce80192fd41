/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reserve.c: reservation commands on a store's volume; see reserve.h. */
#include "leasehold/reserve.h"

#include <stdio.h>
#include <string.h>

#include "utils/time-format.h"

void
lease_holder_of(const struct volume_info *info, struct lease_holder *out)
{
  const struct lease_info *lease = &info->lease;
  const struct holder *holder = &info->record.holder;

  *out = (struct lease_holder){
      .held = lease->state == LEASE_LEASED || lease->state == LEASE_BREAKING,
  };
  if (!out->held)
    return;
  out->since_ms = lease->since_ms;
  if (lease->node[0] != '\0') {
    memcpy(out->node, lease->node, sizeof out->node);
  } else if (holder->epoch == info->epoch && !holder->clean) {
    memcpy(out->node, holder->node, sizeof out->node);
    if (out->since_ms == 0)
      out->since_ms = holder->since_ms;
  }
}

void
lease_holder_text(const struct volume_info *info,
                  char text[LEASE_HOLDER_TEXT_MAX])
{
  struct lease_holder holder;
  char since[TIME_TEXT_MAX];

  lease_holder_of(info, &holder);
  snprintf(text, LEASE_HOLDER_TEXT_MAX, "%s holds it%s%s",
           !holder.held             ? "nobody"
           : holder.node[0] == '\0' ? "an unknown node"
                                    : holder.node,
           holder.since_ms != 0 ? " since " : "",
           holder.since_ms != 0 ? time_format_iso(holder.since_ms, since) : "");
}

int
lease_key_check(const struct volume_info *info, const char *name,
                const char *node, const struct lease_id *id, struct error *err)
{
  struct lease_holder holder;

  lease_holder_of(info, &holder);
  if (!holder.held || !info->lease.id_known || holder.node[0] == '\0' ||
      strcmp(holder.node, node) != 0 || lease_id_equal(&info->lease.id, id))
    return STATUS_OK;
  return error_set(err, STATUS_CONFLICT,
                   "%s: reservation conflict: %s holds it under another lease "
                   "ID: is --lease-key right?",
                   name, node);
}

int
reservation_look(struct store_volume *volume, struct volume_info *info,
                 struct error *err)
{
  struct store_command command = {.command.verb = LEASE_DESCRIBE};
  int status = store_run_command(volume, &command);

  if (status == 0)
    *info = command.reply.info;
  else if (err != NULL)
    *err = command.error;
  return status;
}

/* Sends the plan. LOOK_AGAIN, or the outcome. */
static enum reservation_outcome
run_plan(struct store_volume *volume, const struct translation *plan,
         struct reservation_result *result)
{
  for (unsigned i = 0; i < plan->count; i++) {
    struct store_command command = {.command = plan->commands[i]};
    enum reservation_outcome outcome;

    result->status = store_run_command(volume, &command);
    if (result->status == 0) {
      if (command.command.verb == LEASE_DESCRIBE)
        result->info = command.reply.info;
      else
        result->sent++;
      continue;
    }
    outcome = translate_outcome(plan, i, result->status);
    if (outcome == RESERVATION_ERROR)
      result->error = command.error;
    if (outcome != RESERVATION_GOOD)
      return outcome;
  }
  return plan->outcome;
}

static int
conflict(struct reservation_result *result, const char *name,
         const struct reservation_request *request)
{
  char who[LEASE_HOLDER_TEXT_MAX];

  if (lease_key_check(&result->info, name, request->node, &request->node_id,
                      &result->error) != 0)
    return STATUS_CONFLICT;
  lease_holder_text(&result->info, who);
  return error_set(&result->error, STATUS_CONFLICT,
                   "%s: reservation conflict: %s", name, who);
}

/* Stores that tell lease IDs change the ETag with the lease, not with data; the
 * others with data, which nobody can write while the lease is free.
 */
static bool
can_be_guarded(const struct volume_info *info,
               const struct lease_command *command, bool often)
{
  return info->lease.id_known ||
         (command->verb == LEASE_ACQUIRE &&
          (info->lease.state != LEASE_LEASED || !often));
}

/* Fills in result->status for its outcome, and returns it. */
static int
finish(struct reservation_result *result, const char *name,
       const struct reservation_request *request)
{
  if (result->outcome == RESERVATION_GOOD)
    result->status = 0;
  else if (result->outcome == RESERVATION_CONFLICT)
    result->status = conflict(result, name, request);
  return result->status;
}

int
reservation_try(struct store_volume *volume, const char *name,
                const struct reservation_request *request, bool often,
                struct reservation_result *result)
{
  const struct volume_info *info = &result->info;
  struct translation plan;

  translate(request, info, &plan);
  if (plan.count > 0 && can_be_guarded(info, &plan.commands[0], often))
    memcpy(plan.commands[0].if_etag, info->etag,
           sizeof plan.commands[0].if_etag);
  result->outcome = run_plan(volume, &plan, result);
  return finish(result, name, request);
}

int
reservation_run(struct store_volume *volume, const char *name,
                const struct reservation_request *request,
                struct reservation_result *result)
{
  struct translation plan;

  *result = (struct reservation_result){.outcome = RESERVATION_LOOK_AGAIN};
  for (unsigned look = 0; look < RESERVATION_LOOKS_MAX &&
                          result->outcome == RESERVATION_LOOK_AGAIN;
       look++) {
    result->status = reservation_look(volume, &result->info, &result->error);
    if (result->status != 0) {
      result->outcome = RESERVATION_ERROR;
      break;
    }
    translate(request, &result->info, &plan);
    result->outcome = run_plan(volume, &plan, result);
  }

  if (result->outcome == RESERVATION_LOOK_AGAIN) {
    result->outcome = RESERVATION_ERROR;
    return result->status =
               error_set(&result->error, STATUS_TRANSIENT,
                         "%s: it changed hands at each of %d looks; try again",
                         name, RESERVATION_LOOKS_MAX);
  }
  return finish(result, name, request);
}
