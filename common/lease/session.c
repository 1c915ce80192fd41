/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session.c: the session state machine (DESIGN section 6); see session.h.
 *
 * Everything goes round one circle of three commands:
 *
 *      DESCRIBE ---> ACQUIRE ---> CLAIM ---> held
 *          ^            |           |
 *          +------------+-----------+   refused, or no answer: look again
 *
 * An attach stops after ACQUIRE (or after DESCRIBE, when the lease is ours
 * already: another incarnation of this node may be using it). The first write
 * goes on to CLAIM. A doubt that comes up later (the store refused a write or
 * a renewal, the provable end has passed) goes round again from the start; an
 * unknown outcome (S4) goes straight to CLAIM. What an answer means depends on
 * one thing only, whether this session has an epoch of its own (claimed):
 *
 *   the volume looks so     | not claimed              | claimed
 *   ------------------------+--------------------------+---------------------
 *   instance fenced (S12,13)| FENCED                   | (cannot be)
 *   epoch is not our own    | no matter                | FENCED, unless it is
 *                           |                          | our own lost claim
 *   lease free              | ACQUIRE                  | ACQUIRE, CLAIM (S7)
 *   lease ours              | ATTACHED, or CLAIM if a  | ACQUIRE, CLAIM
 *                           | write waits              |
 *   lease another node's    | STANDBY                  | FENCED
 *   lease is being broken   | STANDBY                  | wait a second
 *
 * The claim is conditional on the epoch that was looked at, so whatever
 * happened between looking and claiming is noticed.
 *
 * A lease that is another's may be that of a group of writers to which this
 * node belongs: session-group.c has the rest of the circle then. There is a
 * short way round for one who is told to take the lease over: session-take.c.
 *
 *   state      lease     epoch    gate       on its way       leaves by
 *   IDLE       -         -        PENDING    -                ATTACH
 *   LOOKING    ?         none     PENDING    DESCRIBE ACQUIRE its reply
 *                                            RENEW (probe)
 *   STANDBY    other's   none     CONFLICT   -                WANT_*
 *   ATTACHED   ours      none     ASK        (RENEW)          WANT_WRITE
 *   CLAIMING   ours      none     PENDING    ACQUIRE CLAIM    its reply
 *   TAKING     other's   none     PENDING    TAKE_OVER        its reply
 *   HELD       ours      own      OPEN       (RENEW)          doubt, DETACH
 *   DRAINING   ours      own      DRAINING   (RENEW)          doubt, DRAINED,
 *                                                             time
 *   HANDING    going     own      PENDING    CHANGE RENEW     its reply
 *   VERIFYING  ?         own      PENDING    any of them      its reply
 *   RELEASING  ?         any      CLOSED     RELEASE          its reply
 *   DETACHED   -         -        CLOSED     -                never
 *   FENCED     not ours  passed   FENCED     -                DETACH
 *
 * Invariants: at most one command is on its way whose answer matters (awaited);
 * the gate is a
 * function of the state; OPEN and DRAINING carry the own epoch and nothing else
 * does. session-drain.c tells how a session is given up.
 * FENCED sends nothing, ever (S6).
 *
 * Answers that are none (transient, unknown, I/O, denied credentials) never
 * end a session that once attached (S10): they are retried with backoff, while
 * the gate goes by the clock.
 */
#include "leasehold/session.h"

#include <string.h>

#include "lease/session-internal.h"
#include "leasehold/clock.h"
#include "leasehold/timing.h"
#include "utils/mutation.h"

void
session_init(struct session *session, const struct session_config *config)
{
  memset(session, 0, sizeof *session);
  session->config = *config;
  session->wake_at_ns = session->retry_at_ns = TIME_NEVER;
  session->renew_at_ns = TIME_NEVER;
}

/* --- the other events ------------------------------------------------- */

static void
want(struct session *session, bool write, uint64_t now_ns, int64_t wall_ms)
{
  if (MUTATED(S6_FENCED_GOES_ON) && session->state == SESSION_FENCED) {
    session->claimed = false;
    session->want_write = true;
    session_look(session, now_ns);
    return;
  }
  switch (session->state) {
  case SESSION_STANDBY:
    if (now_ns < timing_ask_again_at(session->asked_until_ns))
      return;
    session->asked_until_ns =
        timing_asked_until(session->asked_until_ns, now_ns);
    session->want_write = write;
    session_look(session, now_ns);
    return;
  case SESSION_IDLE:
  case SESSION_LOOKING:
    session->want_write |= write;
    return;
  case SESSION_ATTACHED:
    if (!write)
      return;
    session->want_write = true;
    if (session->awaited != LEASE_NONE)
      return;
    /* A lease found as ours may be older than we know, and of another
     * duration: look, and acquire it again before the claim.
     */
    if (session->took && !session->member)
      session_lease_is_ours(session, now_ns, wall_ms);
    else
      session_look(session, now_ns);
    return;
  default:
    return;
  }
}

static void
doubted(struct session *session, const struct session_event *event,
        uint64_t now_ns, int64_t wall_ms)
{
  bool unknown = event->kind == SESSION_UNKNOWN;

  if (event->epoch != session->epoch)
    return; /* it is over: the request goes to the gate again */
  if (session->state == SESSION_VERIFYING && session->awaited == LEASE_RENEW)
    session->doubt = true; /* else its answer would settle everything */
  if (!session_holds(session))
    return;
  session->state = SESSION_VERIFYING;
  if (unknown) {
    session->reclaims++;
    session_set_cause(session, "the outcome of a write is unknown");
  } else {
    session_set_cause(session, "a write was refused: %s",
                      status_text(event->status));
  }
  if (session->awaited != LEASE_NONE) {
    session->doubt = true;
    return;
  }
  session->attempts = 0;
  if (unknown)
    session_send_claim(session, now_ns, wall_ms);
  else
    session_look(session, now_ns);
}

static void
timer(struct session *session, uint64_t now_ns)
{
  bool renewing = session_holds(session) ||
                  (session->state == SESSION_ATTACHED && session->took);

  if (session->draining && session->drain_until_ns <= now_ns) {
    session_drain_failed(session, now_ns);
    return;
  }
  if (session_holds(session) && session->valid_until_ns <= now_ns) {
    session->state = SESSION_VERIFYING;
    if (session->failure == STATUS_OK)
      session_set_cause(session, "no renewal was answered in time");
    if (session->awaited == LEASE_NONE)
      session_look(session, now_ns);
    return;
  }
  if (session->awaited != LEASE_NONE)
    return;
  if (session->retry_at_ns != TIME_NEVER) {
    if (session->retry_at_ns > now_ns)
      return;
    if (renewing || session->state == SESSION_ATTACHED)
      session_send_renew(session, now_ns);
    else if (session->state == SESSION_RELEASING)
      session_send_release(session, now_ns);
    else
      session_look(session, now_ns);
  } else if (renewing && session->renew_at_ns <= now_ns) {
    session_send_renew(session, now_ns);
  }
}

static void
set_wake(struct session *session)
{
  uint64_t wake = TIME_NEVER;

  if (session->awaited == LEASE_NONE) {
    wake = session->retry_at_ns;
    if (wake == TIME_NEVER &&
        (session_holds(session) ||
         (session->state == SESSION_ATTACHED && session->took)))
      wake = session->renew_at_ns;
  }
  if (session_holds(session) && session->valid_until_ns < wake)
    wake = session->valid_until_ns;
  if (session->draining && session->drain_until_ns < wake)
    wake = session->drain_until_ns;
  session->wake_at_ns = wake;
}

static enum gate_position
position(const struct session *session)
{
  switch (session->state) {
  case SESSION_ATTACHED:
    return session->want_write ? GATE_PENDING : GATE_ASK;
  case SESSION_HELD:
    return GATE_OPEN;
  case SESSION_DRAINING:
    return GATE_DRAINING;
  case SESSION_STANDBY:
    return GATE_CONFLICT;
  case SESSION_FENCED:
    return GATE_FENCED;
  case SESSION_RELEASING:
  case SESSION_DETACHED:
    return GATE_CLOSED;
  default:
    return GATE_PENDING;
  }
}

static void
set_gate(struct session *session)
{
  struct gate *gate = &session->gate, next;

  memset(&next, 0, sizeof next);
  next.version = gate->version;
  next.position = position(session);
  switch (next.position) {
  case GATE_OPEN:
  case GATE_DRAINING:
    next.guard.lease_id = *session_lease_id(session);
    next.shared = session->member;
    if (session->alone_since == 0 && !session->member)
      session->alone_since = session->epoch;
    next.alone_since = session->alone_since;
    next.guard.epoch = session->epoch;
    next.valid_until_ns = session->unproven ? 0 : session->valid_until_ns;
    break;
  case GATE_CONFLICT:
    next.status = STATUS_CONFLICT;
    next.asked_ns = session->looked_ns;
    next.ask_again_at_ns = timing_ask_again_at(session->asked_until_ns);
    break;
  case GATE_FENCED:
    next.status = STATUS_FENCED;
    break;
  case GATE_CLOSED:
  case GATE_PENDING:
    next.status = session->failure;
    break;
  case GATE_ASK:
    break;
  }
  if (memcmp(&next, gate, sizeof next) != 0) {
    memcpy(gate, &next, sizeof next); /* padding too, for memcmp */
    gate->version++;
  }
}

void
session_step(struct session *session, const struct session_event *event,
             uint64_t now_ns, int64_t wall_ms)
{
  session->send = session->supersedes = false;
  switch (event->kind) {
  case SESSION_ATTACH:
    session_look(session, now_ns);
    break;
  case SESSION_WANT_WRITE:
  case SESSION_WANT_LEASE:
    want(session, event->kind == SESSION_WANT_WRITE, now_ns, wall_ms);
    break;
  case SESSION_REPLY:
    session_replied(session, event, now_ns, wall_ms);
    break;
  case SESSION_TIMER:
    timer(session, now_ns);
    break;
  case SESSION_RENEW:
    if (session->state == SESSION_HELD && session->awaited == LEASE_NONE)
      session_send_renew(session, now_ns);
    break;
  case SESSION_REFUSED:
  case SESSION_UNKNOWN:
    doubted(session, event, now_ns, wall_ms);
    break;
  case SESSION_DRAINED:
    session_drained(session, event->clean, now_ns);
    break;
  case SESSION_HAND_OVER:
    session_hand_over(session, event->order, now_ns);
    break;
  case SESSION_TAKE_OVER:
    session_take_over(session, event->victim, now_ns, wall_ms);
    break;
  case SESSION_DETACH:
    session_detach(session, event->clean, now_ns);
    break;
  }
  session_settle_drain(session, now_ns);
  set_wake(session);
  set_gate(session);
  session->finished =
      session->state == SESSION_DETACHED && session->awaited == LEASE_NONE;
}
