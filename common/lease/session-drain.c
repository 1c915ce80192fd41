/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-drain.c: how a session gives its lease up without a loss.
 *
 * A session that has claimed may have changes on their way to the store, and
 * others that were acknowledged and have not been sent. Before its lease goes,
 * it drains: new changes wait at the gate (DRAINING), what has passed it is
 * finished, and what was acknowledged is sent, with the guard as ever. Its
 * owner finds out when that is so (tenure_extra.drain) and says DRAINED.
 *
 *   HELD --- DETACH ---> DRAINING --- DRAINED, or time ---> RELEASING
 *                          |   ^
 *                    doubt v   | settled
 *                        VERIFYING ------- passed on -----> FENCED
 *
 * draining is true all the way; a doubt is settled as ever, and DRAINED may
 * come while it is. The time is bounded by the config's drain_ns: a session
 * that is to detach does so then, and its record says that it was not clean
 * (S13). A fenced one has nothing left to drain (S6). One that is to hand its
 * lease over drains, too (session-handover.c), and goes on if it cannot.
 */
#include "lease/session-internal.h"

#include "leasehold/clock.h"

void
session_begin_drain(struct session *session, uint64_t now_ns)
{
  uint64_t drain_ns = session->config.drain_ns;

  session->draining = true;
  session->drain_until_ns =
      drain_ns < TIME_NEVER - now_ns ? now_ns + drain_ns : TIME_NEVER;
}

static void
end(struct session *session, bool clean, uint64_t now_ns)
{
  session->draining = session->handing = false;
  session->detach_clean = session->detach_clean && clean;
  if (session->detaching && session->awaited == LEASE_NONE)
    session_begin_detach(session, now_ns);
}

void
session_detach(struct session *session, bool clean, uint64_t now_ns)
{
  bool holds = session_holds(session) || session->state == SESSION_VERIFYING;

  session->detaching = true;
  session->handing = false; /* whoever is to have the lease finds it free */
  session->detach_clean = clean;
  if (session->claimed && holds && session->config.drain_ns > 0) {
    if (!session->draining)
      session_begin_drain(session, now_ns);
  } else if (session->awaited == LEASE_NONE) {
    session_begin_detach(session, now_ns);
  }
}

void
session_drained(struct session *session, bool clean, uint64_t now_ns)
{
  if (!session->draining)
    return;
  if (session->handing && clean)
    session->drained = true;
  else
    end(session, clean, now_ns);
}

void
session_drain_failed(struct session *session, uint64_t now_ns)
{
  session_set_cause(session, "what was under way is not finished in time");
  end(session, false, now_ns);
}

void
session_settle_drain(struct session *session, uint64_t now_ns)
{
  if (!session->draining) {
    if (session->state == SESSION_DRAINING)
      session->state = SESSION_HELD; /* it is not given up after all */
    return;
  }
  if (session->state == SESSION_HELD)
    session->state = SESSION_DRAINING;
  else if (session->state == SESSION_FENCED ||
           session->state == SESSION_DETACHED)
    end(session, false, now_ns);
  if (session->state == SESSION_DRAINING && session->handing &&
      session->drained && session->awaited == LEASE_NONE)
    session_give(session, now_ns);
}
