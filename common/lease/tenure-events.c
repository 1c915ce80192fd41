/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tenure-events.c: what a step of a session was for an operator.
 *
 * A step is one event at most: where it came to, unless that was told before.
 * Some states are only passed through and are never told (LOOKING, CLAIMING,
 * RELEASING); so a node that stands by and asks again each second is told as in
 * conflict once. Only the keeper's turn calls this.
 *
 *   came to     told as    when                       other
 *   STANDBY     handover   the lease was given away   who was given it
 *               conflict   else                       who holds the lease
 *   ATTACHED    attach     always                     -
 *   HELD        claim      its first epoch            who claimed before
 *               reclaim    another epoch              -
 *               resume     the same epoch             -
 *   VERIFYING   doubt      always                     -
 *   FENCED      fence      always                     who has it now
 *   DETACHED    release    Release was answered       -
 *               detach     else                       -
 */
#include "lease/keeper-internal.h"

#include <stdio.h>
#include <string.h>

#include "leasehold/events.h"

void
tenure_events_before(const struct tenure *tenure, struct tenure_before *before)
{
  const struct session *session = &tenure->session;
  const struct holder *holder = &session->seen.record.holder;

  before->state = session->state;
  before->holder_epoch = holder->epoch;
  before->handovers = session->handovers;
  memcpy(before->holder, holder->node, sizeof before->holder);
}

static bool
worth_telling(const struct tenure *tenure)
{
  enum session_state state = tenure->session.state;

  if (state == tenure->told)
    return false;
  switch (state) {
  case SESSION_STANDBY:
  case SESSION_ATTACHED:
  case SESSION_HELD:
  case SESSION_VERIFYING:
  case SESSION_FENCED:
  case SESSION_DETACHED:
    return true;
  default:
    return false;
  }
}

static void
set_cause(struct lease_event *event, const char *cause)
{
  snprintf(event->cause, sizeof event->cause, "%s", cause);
}

static void
set_other(struct lease_event *event, const char *node, uint64_t epoch)
{
  if (node[0] == '\0')
    return;
  memcpy(event->other_node, node, strlen(node) + 1);
  event->other_epoch = epoch;
}

static void
describe_held(const struct tenure *tenure, const struct tenure_before *before,
              struct lease_event *event)
{
  const struct session *session = &tenure->session;

  if (tenure->told_epoch == EVENT_NO_EPOCH) {
    event->kind = EVENT_CLAIM;
    set_other(event, before->holder, before->holder_epoch);
  } else if (tenure->told_epoch == session->epoch) {
    event->kind = EVENT_RESUME;
  } else {
    event->kind = EVENT_RECLAIM;
    set_cause(event, session->cause);
  }
}

/* The one who has claimed since, or else the one who has the lease. */
static void
describe_fence(const struct session *session, struct lease_event *event)
{
  const struct volume_info *seen = &session->seen;
  const struct holder *holder = &seen->record.holder;

  event->kind = EVENT_FENCE;
  set_cause(event, session->cause);
  if (seen->epoch == holder->epoch && seen->epoch != session->epoch)
    set_other(event, holder->node, holder->epoch);
  else
    set_other(event, seen->lease.node, EVENT_NO_EPOCH);
}

/* status: what the last command's answer was. */
static void
describe_end(const struct session *session, const struct tenure_before *before,
             int status, struct lease_event *event)
{
  bool sent = before->state == SESSION_RELEASING;

  event->kind = sent && status == 0 ? EVENT_RELEASE : EVENT_DETACH;
  if (session->failure != 0)
    set_cause(event, session->cause);
  else if (sent && status != 0)
    set_cause(event, status_text(status));
}

void
tenure_events_after(struct tenure *tenure, const struct tenure_before *before)
{
  const struct session *session = &tenure->session;
  const struct lease_info *lease = &session->seen.lease;
  struct lease_event event;

  if (!worth_telling(tenure))
    return;
  event_init(&event, EVENT_ATTACH, tenure->name, session->config.node);
  memcpy(event.instance, session->config.instance, sizeof event.instance);
  event.epoch = session->claimed ? session->epoch : session->seen.epoch;
  switch (session->state) {
  case SESSION_STANDBY:
    event.kind = EVENT_CONFLICT;
    set_other(&event, lease->node, EVENT_NO_EPOCH);
    if (session->handovers != before->handovers) {
      event.kind = EVENT_HANDOVER;
      event.epoch = session->order.epoch;
      tenure->told_epoch = EVENT_NO_EPOCH; /* what it has was given away */
    } else if (lease->state == LEASE_BREAKING) {
      set_cause(&event, "the lease is being broken");
    }
    break;
  case SESSION_ATTACHED:
    set_cause(&event, session->took ? "the lease was free"
                                    : "the lease was the node's already");
    break;
  case SESSION_HELD:
    describe_held(tenure, before, &event);
    tenure->told_epoch = session->epoch;
    break;
  case SESSION_VERIFYING:
    event.kind = EVENT_DOUBT;
    set_cause(&event, session->cause);
    break;
  case SESSION_FENCED:
    describe_fence(session, &event);
    break;
  default:
    describe_end(session, before, tenure->replied, &event);
    break;
  }
  tenure->told = session->state;
  event_log(tenure->keeper->config.log, &event);
  events_add(tenure->keeper->config.events, &event);
}
