/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-handover.c: how a session gives its lease to another node.
 *
 *   HELD --- HAND_OVER ---> DRAINING --- drained ---> HANDING ---> STANDBY
 *                                                     CHANGE RENEW
 *
 * An order names the epoch that it was made for, and a session obeys it only
 * if that is its own (or, before its first claim, that in which it took the
 * lease): an order that is left over from another tenure moves nothing. The
 * session drains (session-drain.c), hands the lease over by a Change that is
 * bound to its epoch, and starts the lease's clock for the new holder, which a
 * Change does not do. Then it stands by: nothing was lost, so it is not fenced,
 * and may get the lease back. (Its instance, if it has one, is put on the list
 * by the next holder's claim like any other: S12.) A lease that several writers
 * share is nobody's to give.
 *
 * A Change that is not answered well is followed by a look. If its outcome is
 * unknown (offered) and the look shows that the other node has got the lease,
 * or has claimed, it was given; a store that keeps lease IDs to itself is asked
 * by a Renew for that node. If the lease is still ours, the session claims anew
 * and goes on; the old Change, should it come late, meets a newer epoch. Else
 * the session is fenced. It goes on, too, when the drain does not end in time,
 * or when something that was acknowledged cannot be sent any more: then there
 * is no hand-over.
 */
#include "lease/session-internal.h"

#include <string.h>

#include "leasehold/clock.h"
#include "utils/mutation.h"

/* Has another session of this node claimed the present epoch? It may write. */
static bool
another_of_ours(const struct session *session)
{
  const struct volume_info *seen = &session->seen;
  const struct holder *holder = &seen->record.holder;

  return holder->epoch == seen->epoch && !holder->clean &&
         strcmp(holder->node, session->config.node) == 0 &&
         strcmp(holder->session, session->config.nonce) != 0;
}

void
session_hand_over(struct session *session, const struct handover_order *order,
                  uint64_t now_ns)
{
  bool holds = session->claimed && session->state == SESSION_HELD;
  bool took = session->state == SESSION_ATTACHED && session->took &&
              !session->want_write && session->awaited == LEASE_NONE &&
              !another_of_ours(session);
  uint64_t epoch = holds ? session->epoch : session->took_epoch;

  if (session->detaching || session->draining || session->member ||
      !(holds || took) ||
      lease_id_equal(&order->to_lease, &session->config.lease_id))
    return;
  if (order->epoch != epoch && !MUTATED(HANDOVER_STALE_REQUEST))
    return;
  session->order = *order;
  session->handing = true;
  session->drained = MUTATED(HANDOVER_NO_DRAIN);
  if (holds)
    session_begin_drain(session, now_ns);
  else
    session_give(session, now_ns);
}

void
session_give(struct session *session, uint64_t now_ns)
{
  session->draining = false;
  session->offered = true;
  session->state = SESSION_HANDING;
  session_send_change(session, now_ns);
}

/* The lease is away, with nothing lost. */
static void
given_away(struct session *session, uint64_t now_ns)
{
  struct lease_info *lease = &session->seen.lease;

  session->handovers++;
  session->claimed = session->took = false;
  session->handing = session->offered = false;
  session->given_away = true;
  session->looked_ns = now_ns;
  memcpy(lease->node, session->order.to, sizeof lease->node);
  session_set_cause(session, "handed over to %s", session->order.to);
  session_stand_by(session);
}

static void
start_their_clock(struct session *session, uint64_t now_ns)
{
  session->state = SESSION_HANDING;
  session_send_renew_for(session, &session->order.to_lease, now_ns);
}

static void
changed(struct session *session, int status, uint64_t now_ns)
{
  if (status == STATUS_OK) {
    session->claimed = session->took = false;
    start_their_clock(session, now_ns);
    return;
  }
  /* It may have been done, or may still be. */
  session->offered = session->claimed && status == STATUS_UNKNOWN;
  session->handing = session->offered;
  session_look(session, now_ns);
}

/* Still claimed: it was sent to find out who has the lease. */
static void
renewed_for(struct session *session, int status, uint64_t now_ns)
{
  if (status == STATUS_OK || !session->claimed) {
    given_away(session, now_ns);
  } else if (status_is_refusal(status)) {
    session_set_cause(session, "the lease has passed to another node");
    session_fence(session);
  } else {
    session_look_later(session, now_ns);
  }
}

void
session_gave(struct session *session, const struct lease_reply *reply,
             uint64_t now_ns)
{
  if (session->command.verb == LEASE_CHANGE)
    changed(session, reply->status, now_ns);
  else
    renewed_for(session, reply->status, now_ns);
}

bool
session_was_given(struct session *session, uint64_t now_ns)
{
  const struct volume_info *seen = &session->seen;
  const struct handover_order *order = &session->order;
  bool leased = seen->lease.state == LEASE_LEASED;

  if (!session->offered)
    return false;
  /* If yet another session has claimed since, that is not what was given. */
  if ((leased && seen->lease.id_known && seen->epoch == session->epoch &&
       lease_id_equal(&seen->lease.id, &order->to_lease)) ||
      (seen->epoch == session->epoch + 1 &&
       seen->record.holder.epoch == seen->epoch &&
       strcmp(seen->record.holder.node, order->to) == 0)) {
    given_away(session, now_ns);
    return true;
  }
  if (leased && !seen->lease.id_known && seen->epoch == session->epoch) {
    start_their_clock(session, now_ns);
    return true;
  }
  return false;
}
