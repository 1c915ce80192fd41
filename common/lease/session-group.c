/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-group.c: a session in a group of writers (reservation types 5 to 8).
 *
 * The lease is the group's, and all of its members write under its ID and the
 * one current epoch. What tells a member from anybody else is in the side
 * object with the registrations: that its node is registered, and which session
 * writes for the node (struct membership; docs/reservations.md says who writes
 * what there). A session hears of it by GROUP instead of DESCRIBE:
 *
 *                            + epoch has moved on: adopt --------+
 *       +-- claimed: GROUP --+                                   +--> held
 *       |                    + it has not: CLAIM ----------------+
 *   look                                                         |
 *       +-- not yet: GROUP --> [CLAIM] --> GROUP (NOTE) --> CLAIM +
 *            a write waits     another instance of the node was noted:
 *                              that goes on the list of fenced ones first
 *
 *   the registrations say          | not claimed        | claimed
 *   -------------------------------+--------------------+----------------------
 *   not a member, or no group      | as without groups  | FENCED, unless the
 *                                  |                    | epoch was claimed for
 *                                  |                    | this session
 *   this session is noted          | CLAIM              | adopt, or CLAIM
 *   another session is noted, none | NOTE, then CLAIM   | FENCED
 *
 * Why each member's session claims when it comes: an older session of the same
 * node may have changes on their way, and they must not land after the new one
 * has written (S3). It notes itself first: so the older one, which is refused
 * from the claim on and looks, finds that it is no longer the one (FENCED), and
 * everybody else finds himself noted and adopts the epoch.
 *
 * Why a member whose change has had an unknown outcome claims (S4): it is dead
 * then. If somebody else has claimed since, it is dead, too: so a session that
 * looks claims only if the epoch has not moved on. Of several members that
 * claim at once one is first, and the others adopt its epoch: each claim that
 * fails is one that has become needless.
 *
 * Adopting is safe because GROUP looks at the volume before it reads the
 * registrations: whoever is removed from them, or replaced, is so before the
 * epoch moves on. An epoch that was seen before is refused by the store.
 *
 * A session that has claimed alone, before its lease became the group's, goes
 * on if it is noted: the command that begins a group notes who claimed last.
 */
#include "lease/session-internal.h"

#include <string.h>

#include "lease/holder.h"
#include "leasehold/clock.h"
#include "utils/mutation.h"

bool
session_ask_group(struct session *session, uint64_t now_ns)
{
  const struct lease_info *lease = &session->seen.lease;

  /* The leases of reservations do not end, once they are whole. */
  if (session->asked_group || (!session->member && !session->claimed &&
                               (lease->state != LEASE_LEASED ||
                                lease->duration_s != LEASE_DURATION_INFINITE)))
    return false;
  session->asked_group = true;
  session_send_group(session, JOIN_LOOK, now_ns);
  return true;
}

bool
session_is_noted(const struct session *session)
{
  return strcmp(session->membership.session, session->config.nonce) == 0;
}

static void
adopt(struct session *session)
{
  session->claimed = true;
  session->given_away = session->handing = session->offered = false;
  session->want_write = false;
  session->epoch = session->seen.epoch;
  session->alone_since = 0;
  session->attempts = 0;
  session->doubt = false;
  session->state = SESSION_HELD;
  session_lease_extended(session);
}

static void
member_unclaimed(struct session *session, uint64_t now_ns, int64_t wall_ms)
{
  const struct session_config *config = &session->config;
  const struct membership *membership = &session->membership;
  enum holder_verdict verdict = holder_judge_member(
      &session->seen, membership, config->node, config->instance);

  session->took = false;
  /* Noted for a claim of its own whose answer was lost: it has written nothing
   * that could be.
   */
  if (verdict == HOLDER_LOST_WRITES && session_is_noted(session))
    verdict = HOLDER_MAY_GO_ON;
  if (verdict != HOLDER_MAY_GO_ON) {
    session_set_cause(session, "%s", holder_verdict_text(verdict));
    session_fence(session);
  } else if (!session->want_write) {
    session->state = SESSION_ATTACHED;
    session->attempts = 0;
    session->renew_at_ns = session->retry_at_ns = TIME_NEVER;
  } else if (session_is_noted(session) && MUTATED(GROUP_JOINS_QUIETLY)) {
    adopt(session);
  } else if (session_is_noted(session) ||
             (membership->instance[0] != '\0' &&
              strcmp(membership->instance, config->instance) != 0 &&
              !holder_is_fenced(&session->seen.record, config->node,
                                membership->instance))) {
    session->state = SESSION_CLAIMING;
    session_lease_extended(session);
    session_send_claim(session, now_ns, wall_ms);
  } else {
    session_send_group(session, JOIN_NOTE, now_ns);
  }
}

static void
member_claimed(struct session *session, uint64_t now_ns, int64_t wall_ms)
{
  if (!session_is_noted(session) && !MUTATED(GROUP_STALE_GOES_ON)) {
    session_set_cause(session, "%s",
                      session->membership.session[0] != '\0'
                          ? "another session of this node has joined the group"
                          : "this node has joined the group since anew");
    session_fence(session);
  } else if (session->seen.epoch != session->epoch) {
    adopt(session);
  } else {
    session_lease_extended(session);
    session_send_claim(session, now_ns, wall_ms);
  }
}

bool
session_group_replied(struct session *session, const struct lease_reply *reply,
                      uint64_t now_ns, int64_t wall_ms)
{
  bool was = session->member;

  session->asked_group = true;
  if (was && !reply->membership.member && MUTATED(GROUP_EVICTED_ADOPTS))
    session->membership.group = reply->membership.group;
  else
    session->membership = reply->membership;
  session->member = session->membership.member;
  if (session->member) {
    if (session->claimed)
      member_claimed(session, now_ns, wall_ms);
    else
      member_unclaimed(session, now_ns, wall_ms);
    return true;
  }
  if (session->claimed && was &&
      !holder_is_session(&session->seen, session->config.nonce)) {
    session_set_cause(session,
                      "its node was removed from the group of writers");
    session_fence(session);
    return true;
  }
  return false;
}

bool
session_group_claimed(struct session *session, uint64_t now_ns)
{
  if (session_is_noted(session))
    return true;
  session_look_again(session, now_ns);
  return false;
}

bool
session_group_leave(struct session *session, uint64_t now_ns)
{
  if (!session->claimed || !session->config.write_back ||
      !session->detach_clean)
    return false;
  session->leaving = true;
  session->state = SESSION_RELEASING;
  session->attempts = 0;
  session_send_group(session, JOIN_LEAVE, now_ns);
  return true;
}
