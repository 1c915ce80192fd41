/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-moves.c: what a session can send, and where it can go; the moves
 * that session.c and session-reply.c are made of.
 */
#include "lease/session-internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lease/holder.h"
#include "leasehold/clock.h"
#include "leasehold/timing.h"
#include "utils/mutation.h"

void __attribute__((format(printf, 2, 3)))
session_set_cause(struct session *session, const char *format, ...)
{
  va_list args;

  va_start(args, format);
  vsnprintf(session->cause, sizeof session->cause, format, args);
  va_end(args);
}

/* --- what goes out ---------------------------------------------------- */

static struct lease_command *
command(struct session *session, enum lease_verb verb, uint64_t now_ns)
{
  struct lease_command *out = &session->command;

  memset(out, 0, sizeof *out);
  out->verb = verb;
  session->send = true;
  session->awaited = verb;
  session->sent_ns = now_ns;
  session->retry_at_ns = TIME_NEVER;
  return out;
}

void
session_send_describe(struct session *session, uint64_t now_ns)
{
  command(session, LEASE_DESCRIBE, now_ns);
}

void
session_send_acquire(struct session *session, uint64_t now_ns)
{
  struct lease_command *out = command(session, LEASE_ACQUIRE, now_ns);
  const struct lease_info *lease = &session->seen.lease;
  const uint32_t infinite = LEASE_DURATION_INFINITE;

  out->lease_id = session->config.lease_id;
  /* One that is ours and infinite is a reservation's: it stays so. */
  out->duration_s =
      lease->state == LEASE_LEASED && lease->duration_s == infinite
          ? infinite
          : session->config.duration_s;
  memcpy(out->node, session->config.node, sizeof out->node);
}

const struct lease_id *
session_lease_id(const struct session *session)
{
  return session->member ? &session->membership.group
                         : &session->config.lease_id;
}

void
session_lease_extended(struct session *session)
{
  const struct session_config *config = &session->config;

  session->unproven = false;
  session->extended_ns = session->sent_ns;
  session->renew_at_ns =
      timing_renew_at(session->sent_ns, config->duration_s, config->spread);
  session->valid_until_ns =
      MUTATED(S8_NO_END)
          ? TIME_NEVER
          : timing_valid_until(session->sent_ns, config->duration_s);
}

void
session_send_renew(struct session *session, uint64_t now_ns)
{
  command(session, LEASE_RENEW, now_ns)->lease_id = *session_lease_id(session);
}

/* Someone else's, after a change to him, which restarts no clock. */
void
session_send_renew_for(struct session *session, const struct lease_id *lease_id,
                       uint64_t now_ns)
{
  command(session, LEASE_RENEW, now_ns)->lease_id = *lease_id;
}

/* Hands the lease to whom the order names, under our own epoch only: one that
 * comes late meets the epoch of a later claim.
 */
void
session_send_change(struct session *session, uint64_t now_ns)
{
  struct lease_command *out = command(session, LEASE_CHANGE, now_ns);

  out->lease_id = session->config.lease_id;
  out->proposed_id = session->order.to_lease;
  memcpy(out->node, session->order.to, sizeof out->node);
  out->expected_epoch = session->claimed ? session->epoch : session->took_epoch;
  out->check_epoch = true;
}

void
session_send_claim(struct session *session, uint64_t now_ns, int64_t wall_ms)
{
  struct lease_command *out = command(session, LEASE_CLAIM, now_ns);
  const struct session_config *config = &session->config;
  struct holder next = {0};

  if (session->claimed_ms == 0)
    session->claimed_ms = wall_ms;
  memcpy(next.node, config->node, sizeof next.node);
  if (session->member && !session_is_noted(session)) {
    next.clean = true; /* for nobody: only the list becomes another */
  } else {
    memcpy(next.instance, config->instance, sizeof next.instance);
    memcpy(next.session, config->nonce, sizeof next.session);
    next.since_ms = session->claimed_ms;
    next.write_back = config->write_back && !session->member;
  }

  out->lease_id = *session_lease_id(session);
  out->expected_epoch = session->seen.epoch;
  out->record = session->seen.record;
  out->check_record = true;
  out->record_epoch = out->record.holder.epoch;
  if (session->member)
    holder_succeed_member(&out->record, &session->membership, &next);
  else
    holder_succeed(&out->record, &next);
}

void
session_send_take_over(struct session *session, const struct lease_id *victim,
                       uint64_t now_ns, int64_t wall_ms)
{
  struct lease_command *out = &session->command;
  bool under_way = session->awaited != LEASE_NONE;

  session_send_claim(session, now_ns, wall_ms);
  session->awaited = out->verb = LEASE_TAKE_OVER;
  session->supersedes = under_way;
  out->lease_id = *victim;
  out->proposed_id = session->config.lease_id;
  memcpy(out->node, session->config.node, sizeof out->node);
}

void
session_send_group(struct session *session, enum join_kind kind,
                   uint64_t now_ns)
{
  struct lease_command *out = command(session, LEASE_GROUP, now_ns);
  const struct session_config *config = &session->config;
  struct join *join = &out->join;

  memcpy(out->node, config->node, sizeof out->node);
  join->kind = kind;
  memcpy(join->session, config->nonce, sizeof join->session);
  memcpy(join->instance, config->instance, sizeof join->instance);
  memcpy(join->expected, session->membership.session, sizeof join->expected);
}

void
session_send_release(struct session *session, uint64_t now_ns)
{
  struct lease_command *out;

  if (session->leaving) {
    session_send_group(session, JOIN_LEAVE, now_ns);
    return;
  }
  out = command(session, LEASE_RELEASE, now_ns);
  out->lease_id = session->config.lease_id;
  out->expected_epoch = session->claimed ? session->epoch : session->took_epoch;
  out->clean = session->claimed && session->detach_clean;
  out->keep_infinite = session->config.duration_s != LEASE_DURATION_INFINITE;
}

/* --- where to go ------------------------------------------------------ */

void
session_fence(struct session *session)
{
  session->state = SESSION_FENCED;
  session->fences++;
  session->retry_at_ns = session->renew_at_ns = TIME_NEVER;
}

void
session_look(struct session *session, uint64_t now_ns)
{
  session->state = session->claimed ? SESSION_VERIFYING : SESSION_LOOKING;
  session->looked_ns = now_ns;
  session->asked_group = session->refused = false;
  if (session->member)
    session_ask_group(session, now_ns);
  else
    session_send_describe(session, now_ns);
}

/* No answer, or one that another look explains: look again, later if this
 * happens again and again.
 */
void
session_look_later(struct session *session, uint64_t now_ns)
{
  session->state = session->claimed ? SESSION_VERIFYING : SESSION_LOOKING;
  session->attempts++;
  session->retry_at_ns = timing_retry_at(now_ns, session->attempts);
}

void
session_look_again(struct session *session, uint64_t now_ns)
{
  if (session->attempts++ < 2)
    session_look(session, now_ns);
  else
    session_look_later(session, now_ns);
}

void
session_stand_by(struct session *session)
{
  session->state = SESSION_STANDBY;
  session->want_write = false;
  session->took = false;
  session->attempts = 0;
  session->renew_at_ns = TIME_NEVER;
}

void
session_begin_detach(struct session *session, uint64_t now_ns)
{
  session->retry_at_ns = session->renew_at_ns = TIME_NEVER;
  if (session->state != SESSION_FENCED && session->state != SESSION_DETACHED &&
      session->member) {
    if (!session_group_leave(session, now_ns))
      session->state = SESSION_DETACHED;
  } else if (session->state != SESSION_FENCED &&
             session->state != SESSION_DETACHED &&
             (session->claimed || session->took)) {
    session->state = SESSION_RELEASING;
    session->attempts = 0;
    session_send_release(session, now_ns);
  } else {
    session->state = SESSION_DETACHED;
  }
}

/* The lease is ours: claim, or leave it at that. */
void
session_lease_is_ours(struct session *session, uint64_t now_ns, int64_t wall_ms)
{
  if (!session->claimed && !session->want_write) {
    session->state = SESSION_ATTACHED;
    session->attempts = 0;
    return;
  }
  if (MUTATED(S2_NO_CLAIM)) {
    session->claimed = true;
    session->epoch = session->seen.epoch;
    session->want_write = false;
    session->state = SESSION_HELD;
    return;
  }
  session->state = session->claimed ? SESSION_VERIFYING : SESSION_CLAIMING;
  session_send_claim(session, now_ns, wall_ms);
}
