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

/* session-drain.c. */
void session_detach(struct session *, bool clean, uint64_t now_ns);
void session_drained(struct session *, bool clean, uint64_t now_ns);
/* The drain's time is over. */
void session_drain_failed(struct session *, uint64_t now_ns);
/* At the end of each step: state and draining are made to agree. */
void session_settle_drain(struct session *, uint64_t now_ns);

/* session-reply.c: takes in the answer to the command awaited. */
void session_replied(struct session *, const struct session_event *,
                     uint64_t now_ns, int64_t wall_ms);

#endif
