/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-take.c: how a session that stands by takes the lease over at once.
 *
 * An operator has decided that another node's tenure ends here. The ordinary
 * way (PREEMPT at the store, and then the next write) goes round the circle of
 * session.c, looks twice, and takes nine round trips on a store where a claim
 * is two of them. Whoever stands by knows enough for less:
 *
 *   STANDBY, LOOKING --- TAKE_OVER ---> TAKING --- done ---> HELD, unproven
 *                                         |                     | RENEW is
 *                     refused, or unknown v             renewed v answered
 *                                      LOOKING                 HELD
 *
 * What is sent is a Change from the victim's lease ID to the node's own, and
 * the claim with it (LEASE_TAKE_OVER). The lease must be the victim's, and the
 * epoch what it was when this session looked last, however long ago: only then
 * is the holder record that the claim replaces the one that was seen (S12), and
 * the own instance still one that may write. So a record that was not whole
 * when it was seen (a claim was half done) is not built upon. No write passes
 * before the claim has been answered well (S2), and the record is there then: a
 * crash at any moment leaves what a crash between Change and claim, or after
 * the claim, always has.
 *
 * A Change does not restart the lease's clock, and when that was started last
 * only the victim knows. So nothing is provable (S8) until a renewal has been
 * answered: it is sent when the claim is done, beside the first write, which
 * does not wait for it, and a moment later, so that it is not in the way of the
 * write that everybody waits for. Until then the gate is open, for the store
 * judges writes, but is valid until 0: nothing is read from memory. That the
 * renewal never comes back ends the tenure as ever, counted from when TAKE_OVER
 * left.
 *
 * A look that is under way (a write that waits has the store asked once a
 * second) is not waited for: what it will say is older than what TAKE_OVER
 * will. Its answer is not fed back (supersedes). It changes nothing, or is an
 * Acquire of a lease that another node holds; should that be done after all,
 * the lease is ours, and the Change a repeat.
 *
 * Where anything is not so, or in doubt, the session looks, and goes the
 * ordinary way.
 */
#include "lease/session-internal.h"

#include "leasehold/clock.h"
#include "leasehold/timing.h"
#include "utils/mutation.h"

#define BEHIND_THE_WRITE_NS (10 * NANOSECONDS_PER_MILLISECOND)

/* Another node had the lease when this session looked last, and the instance
 * was one that may write.
 */
static bool
stands_by(const struct session *session)
{
  if (session->claimed || session->took || session->detaching ||
      session->member || !session->attached_once)
    return false;
  return session->state == SESSION_STANDBY ||
         (session->state == SESSION_LOOKING && session->awaited != LEASE_GROUP);
}

void
session_take_over(struct session *session, const struct lease_id *victim,
                  uint64_t now_ns, int64_t wall_ms)
{
  const struct volume_info *seen = &session->seen;

  if (!stands_by(session) || seen->record.holder.epoch != seen->epoch ||
      lease_id_equal(victim, &session->config.lease_id))
    return;
  session->want_write = true;
  session->attempts = 0;
  session->looked_ns = now_ns;
  session->state = SESSION_TAKING;
  session_send_take_over(session, victim, now_ns, wall_ms);
}

void
session_start_clock(struct session *session, uint64_t now_ns)
{
  const struct session_config *config = &session->config;

  session->unproven = !MUTATED(TAKE_OVER_TRUSTS_CHANGE);
  session->valid_until_ns =
      timing_valid_until(session->sent_ns, config->duration_s);
  session->renew_at_ns = now_ns + BEHIND_THE_WRITE_NS;
}
