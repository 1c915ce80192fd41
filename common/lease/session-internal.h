/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-internal.h: the moves of the session machine; see session.c. */
#ifndef LEASEHOLD_SESSION_INTERNAL_H
#define LEASEHOLD_SESSION_INTERNAL_H

#include "leasehold/session.h"

void session_set_cause(struct session *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Commands. Only when none is awaited. */
void session_send_describe(struct session *, uint64_t now_ns);
void session_send_acquire(struct session *, uint64_t now_ns);
void session_send_renew(struct session *, uint64_t now_ns);
void session_send_claim(struct session *, uint64_t now_ns, int64_t wall_ms);
void session_send_release(struct session *, uint64_t now_ns);
void session_send_group(struct session *, enum join_kind, uint64_t now_ns);

/* Under which lease ID the session writes: its node's, or its group's. */
const struct lease_id *session_lease_id(const struct session *);
/* The lease was last renewed, or found, by the command awaited last. */
void session_lease_extended(struct session *);
void session_send_change(struct session *, uint64_t now_ns);
void session_send_take_over(struct session *, const struct lease_id *victim,
                            uint64_t now_ns, int64_t wall_ms);
void session_send_renew_for(struct session *, const struct lease_id *,
                            uint64_t now_ns);

/* The end, but for DETACH. Set the cause first. */
void session_fence(struct session *);
/* Round the circle, from its start: now, after a while because there was no
 * answer, or now unless it has been so several times in a row.
 */
void session_look(struct session *, uint64_t now_ns);
void session_look_later(struct session *, uint64_t now_ns);
void session_look_again(struct session *, uint64_t now_ns);
/* Another node's lease, and nothing claimed. */
void session_stand_by(struct session *);
/* The lease is ours: claim, or leave it at that. */
void session_lease_is_ours(struct session *, uint64_t now_ns, int64_t wall_ms);
/* Release what there is to release, and end. */
void session_begin_detach(struct session *, uint64_t now_ns);

/* Are lease and epoch ours, as far as is known? */
static inline bool
session_holds(const struct session *session)
{
  return session->state == SESSION_HELD || session->state == SESSION_DRAINING;
}

/* session-handover.c. */
void session_hand_over(struct session *, const struct handover_order *,
                       uint64_t now_ns);
/* All is drained: the lease may go as soon as no reply is awaited. */
void session_give(struct session *, uint64_t now_ns);
/* The answer to what session_give has sent. */
void session_gave(struct session *, const struct lease_reply *,
                  uint64_t now_ns);
/* Lease or epoch have passed on. Is that because this session has offered the
 * lease? True: it stands by then, or asks. False: it is to be fenced.
 */
bool session_was_given(struct session *, uint64_t now_ns);

/* session-take.c. */
void session_take_over(struct session *, const struct lease_id *victim,
                       uint64_t now_ns, int64_t wall_ms);
/* The claim is done: start the lease's clock, and trust it only then. */
void session_start_clock(struct session *, uint64_t now_ns);

/* session-drain.c. */
void session_begin_drain(struct session *, uint64_t now_ns);
void session_detach(struct session *, bool clean, uint64_t now_ns);
void session_drained(struct session *, bool clean, uint64_t now_ns);
/* The drain's time is over. */
void session_drain_failed(struct session *, uint64_t now_ns);
/* At the end of each step: state and draining are made to agree. */
void session_settle_drain(struct session *, uint64_t now_ns);
/* session-group.c: groups of writers. */

/* The lease is another's: it may be that of a group in which the node is. True:
 * the registrations are asked for.
 */
bool session_ask_group(struct session *, uint64_t now_ns);
/* Takes in the answer to GROUP; false: there is no group for the node, and
 * what the volume looks like (seen) decides.
 */
bool session_group_replied(struct session *, const struct lease_reply *,
                           uint64_t now_ns, int64_t wall_ms);
/* Is this session the one that writes for its node in the group? */
bool session_is_noted(const struct session *);
/* The claim is done; false: it was not yet the one that opens the gate. */
bool session_group_claimed(struct session *, uint64_t now_ns);
/* Nothing is released, but that all has been sent may have to be noted. True:
 * it is on its way.
 */
bool session_group_leave(struct session *, uint64_t now_ns);

/* session-reply.c: takes in the answer to the command awaited. */
void session_replied(struct session *, const struct session_event *,
                     uint64_t now_ns, int64_t wall_ms);

#endif
