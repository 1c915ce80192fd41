/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-bench.h: one session machine and a model of a store to answer it. */
#ifndef LEASEHOLD_SESSION_BENCH_H
#define LEASEHOLD_SESSION_BENCH_H

#include "leasehold/clock.h"
#include "leasehold/session.h"
#include "leasehold/timing.h"
#include "unit.h"

#define SECOND NANOSECONDS_PER_SECOND

extern const struct lease_id ID_A, ID_B;

/* All that a lease, an epoch and a record are. */
struct object {
  struct volume_info info;
  bool tells_ids;
  struct membership membership; /* what GROUP finds */
  unsigned commands, by_verb[LEASE_GROUP + 1];
};

struct bench {
  struct session session;
  struct object object;
  uint64_t now_ns;
};

/* The model's answer to a command, with its effect. */
struct lease_reply answer(struct object *object,
                          const struct lease_command *command);
/* A session on a fresh object of epoch 7 that tells IDs, at a time of 1000 s.
 * Node "a" has ID_A, any other ID_B.
 */
struct bench bench(const char *node, const char *instance);
void step(struct bench *bench, struct session_event event);
void event(struct bench *bench, enum session_event_kind kind);
/* The answer is this status, without any effect. */
void reply_with(struct bench *bench, int status);
/* Answers from the model until nothing more is sent. */
void serve(struct bench *bench);
/* And the timer, if it is due. */
void pass_time(struct bench *bench, uint64_t ns);
void assert_sends(const struct bench *bench, enum lease_verb verb);
void assert_gate(const struct bench *bench, enum gate_position position);
void attach(struct bench *bench);
void hold(struct bench *bench);
/* Another node takes the lease over; claims, under its or the same ID. */
void other_takes_over(struct bench *bench);
void other_claims(struct bench *bench);

#endif
