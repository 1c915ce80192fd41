/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-reply.c: what the answer to a session's command means. */
#include "lease/session-internal.h"

#include "lease/holder.h"
#include "leasehold/clock.h"
#include "leasehold/timing.h"
#include "utils/mutation.h"

/* The lease is another node's. */
static void
lost_to_other(struct session *session, uint64_t now_ns)
{
  const struct lease_info *lease = &session->seen.lease;

  if (session_ask_group(session, now_ns))
    return;
  if (!session->claimed) {
    session_stand_by(session);
    return;
  }
  if (session_was_given(session, now_ns))
    return;
  session_set_cause(session, "the lease has passed to %s",
                    lease->node[0] != '\0' ? lease->node : "another node");
  session_fence(session);
}

static void
described_unclaimed(struct session *session, uint64_t now_ns)
{
  const struct session_config *config = &session->config;
  const struct lease_info *lease = &session->seen.lease;
  enum holder_verdict verdict =
      holder_judge(&session->seen, config->node, config->instance);
  /* It was drained before it was given away. */
  bool nothing_lost =
      session->given_away && holder_is_session(&session->seen, config->nonce);

  if (verdict != HOLDER_MAY_GO_ON && !nothing_lost) {
    session_set_cause(session, "%s", holder_verdict_text(verdict));
    session_fence(session);
  } else if (lease->state == LEASE_BREAKING) {
    session_stand_by(session);
  } else if (lease->state != LEASE_LEASED) {
    /* Noted before the answer: should that be lost, the lease may be ours,
     * and is ours to give back.
     */
    session->took = true;
    session->took_epoch = session->seen.epoch;
    session_send_acquire(session, now_ns);
  } else if (lease->id_known &&
             !lease_id_equal(&lease->id, &config->lease_id)) {
    lost_to_other(session, now_ns);
  } else if (session->want_write) {
    session_send_acquire(session, now_ns);
  } else if (lease->id_known) {
    session->state = SESSION_ATTACHED;
    session->attempts = 0;
  } else {
    session_send_renew(session,
                       now_ns); /* is it ours? this changes no duration */
  }
}

/* Has nobody else claimed since? */
static bool
epoch_is_ours(struct session *session)
{
  const struct volume_info *seen = &session->seen;
  const struct holder *holder = &seen->record.holder;

  if (MUTATED(S7_ANY_EPOCH))
    session->epoch = seen->epoch;
  if (seen->epoch == session->epoch)
    return true;
  if (holder->epoch == seen->epoch)
    session_set_cause(session, "epoch %llu was claimed by %s%s%s",
                      (unsigned long long)seen->epoch, holder->node,
                      holder->instance[0] != '\0' ? "/instance=" : "",
                      holder->instance);
  else
    session_set_cause(session, "epoch %llu was claimed by somebody",
                      (unsigned long long)seen->epoch);
  return false;
}

static void
described_claimed(struct session *session, uint64_t now_ns)
{
  const struct lease_info *lease = &session->seen.lease;
  bool leased = lease->state == LEASE_LEASED;
  /* Where IDs are hidden, it is an Acquire that tells. */
  bool others =
      leased &&
      (lease->id_known ? !lease_id_equal(&lease->id, &session->config.lease_id)
                       : session->refused);
  bool hidden = leased && !lease->id_known;

  /* A group's epoch moves on without us. */
  if ((others || (hidden && session->seen.epoch != session->epoch)) &&
      session_ask_group(session, now_ns))
    return;
  if (!epoch_is_ours(session)) {
    if (!session_was_given(session, now_ns))
      session_fence(session);
  } else if (lease->state == LEASE_BREAKING)
    session_look_later(session, now_ns);
  else if (others)
    lost_to_other(session, now_ns);
  else
    session_send_acquire(session, now_ns);
}

/* A claim of ours whose answer was lost, or that came late: the record names
 * this session, so nobody has claimed since.
 */
static void
adopt_own_claim(struct session *session)
{
  if (holder_is_session(&session->seen, session->config.nonce) &&
      !(session->given_away && session->seen.epoch == session->epoch)) {
    session->given_away = false;
    /* Others may have come and gone with a group that is over. */
    if (session->seen.epoch > session->epoch + 1)
      session->alone_since = 0;
    /* A Change in doubt was bound to the epoch before, and was not done; and
     * what was refused was so before that claim.
     */
    if (session->seen.epoch != session->epoch)
      session->handing = session->offered = session->refused = false;
    session->claimed = true;
    session->epoch = session->seen.epoch;
  }
}

/* The answer to DESCRIBE, or to GROUP. */
static void
described(struct session *session, const struct session_event *event,
          enum lease_verb verb, uint64_t now_ns, int64_t wall_ms)
{
  int status = event->reply->status;

  if (status == STATUS_OK) {
    session->seen = event->reply->info;
    session->attached_once = true;
    if (verb == LEASE_GROUP &&
        session_group_replied(session, event->reply, now_ns, wall_ms))
      return;
    adopt_own_claim(session);
    if (session->claimed)
      described_claimed(session, now_ns);
    else
      described_unclaimed(session, now_ns);
  } else if (verb == LEASE_GROUP && !session->claimed &&
             status == STATUS_CORRUPT) {
    session_stand_by(session);
  } else if (session->attached_once
                 ? status != STATUS_NOT_FOUND
                 : status == STATUS_TRANSIENT || status == STATUS_UNKNOWN ||
                       status == STATUS_TIMEOUT) {
    session_look_later(session, now_ns);
  } else {
    session->state = SESSION_DETACHED;
  }
}

static void
acquired(struct session *session, const struct lease_reply *reply,
         uint64_t now_ns, int64_t wall_ms)
{
  int status = reply->status;

  if (status == STATUS_OK) {
    session->seen.lease = reply->info.lease;
    session_lease_extended(session);
    session_lease_is_ours(session, now_ns, wall_ms);
  } else if (!status_is_refusal(status)) {
    if (status == STATUS_TRANSIENT && session->seen.lease.state != LEASE_LEASED)
      session->took = false; /* it was not done */
    session_look_later(session, now_ns);
  } else if (session->claimed && session->seen.lease.id_known) {
    session_look_again(session, now_ns); /* and see who has it */
  } else if (session->claimed && status == STATUS_LEASE_BREAKING) {
    session_look_later(session, now_ns);
  } else {
    /* A group may have begun since it was asked about. */
    if (session->claimed && !session->refused) {
      session->refused = true;
      session->asked_group = false;
    }
    lost_to_other(session, now_ns);
  }
}

static void
renewed(struct session *session, const struct lease_reply *reply,
        uint64_t now_ns, int64_t wall_ms)
{
  bool refused = status_is_refusal(reply->status);

  if (session->state == SESSION_LOOKING) { /* the probe */
    if (reply->status == STATUS_OK && session->want_write)
      session_send_acquire(session, now_ns);
    else if (reply->status == STATUS_OK)
      session_lease_is_ours(session, now_ns, wall_ms);
    else if (refused)
      lost_to_other(session, now_ns);
    else
      session_look_later(session, now_ns);
  } else if (refused || session->doubt ||
             (reply->status == STATUS_OK && session->claimed &&
              reply->info.epoch != session->epoch)) {
    session->doubt = false;
    session_look(session, now_ns);
  } else if (reply->status == STATUS_OK) {
    session->attempts = 0;
    session->renewals++;
    session_lease_extended(session);
    if (session->claimed)
      session->state = SESSION_HELD;
    else if (session->want_write)
      session_lease_is_ours(session, now_ns, wall_ms);
  } else if (MUTATED(S10_GIVES_UP)) {
    session_fence(session);
  } else {
    session->attempts++;
    session->retry_at_ns = timing_retry_at(now_ns, session->attempts);
  }
}

static void
claim_done(struct session *session, uint64_t epoch, uint64_t now_ns)
{
  session->seen.epoch = epoch;
  session->seen.record = session->command.record;
  session->seen.record.holder.epoch = epoch;
  if (session->member && !session_group_claimed(session, now_ns))
    return;
  /* Another's claims may have come before this one. */
  if (!session->claimed || session->command.expected_epoch != session->epoch)
    session->alone_since = 0;
  session->claimed = true;
  session->given_away = session->handing = session->offered = false;
  session->want_write = false;
  session->attempts = 0;
  session->epoch = epoch;
  session->state = SESSION_HELD;
}

static void
claimed(struct session *session, const struct lease_reply *reply,
        uint64_t now_ns)
{
  if (reply->status == STATUS_OK)
    claim_done(session, reply->info.epoch, now_ns);
  else
    session_look_again(session, now_ns);
}

static void
taken_over(struct session *session, const struct lease_reply *reply,
           uint64_t now_ns)
{
  bool stale = reply->status == STATUS_EPOCH_STALE;

  if (reply->status == STATUS_OK ||
      (stale && MUTATED(TAKE_OVER_WITHOUT_CLAIM))) {
    session->seen.lease = reply->info.lease;
    claim_done(session, reply->info.epoch, now_ns);
    session_start_clock(session, now_ns);
  } else {
    session_look(session, now_ns);
  }
}

/* A claim of ours whose answer was lost may have moved the epoch on; the
 * lease would stay behind if Release went by the old one.
 */
static void
released(struct session *session, const struct lease_reply *reply,
         uint64_t now_ns)
{
  bool looked = session->command.verb == LEASE_DESCRIBE;
  bool refused = status_is_refusal(reply->status);

  if (session->leaving) {
    if (reply->status != STATUS_OK && session->attempts++ < 3)
      session->retry_at_ns = timing_retry_at(now_ns, 1);
    else
      session->state = SESSION_DETACHED;
    return;
  }
  /* A group may have begun with it. */
  if (!looked && refused && reply->status != STATUS_EPOCH_STALE &&
      session_group_leave(session, now_ns))
    return;
  if (looked && reply->status == STATUS_OK) {
    uint64_t tried = session->claimed ? session->epoch : session->took_epoch;

    session->seen = reply->info;
    adopt_own_claim(session);
    if (session->claimed && session->epoch != tried) {
      session_send_release(session, now_ns);
      return;
    }
  } else if (!looked && reply->status == STATUS_EPOCH_STALE) {
    session_send_describe(session, now_ns);
    return;
  } else if (!looked && reply->status != STATUS_OK && !refused &&
             session->attempts++ < 3) {
    session->retry_at_ns = timing_retry_at(now_ns, 1);
    return;
  }
  session->state = SESSION_DETACHED;
}

/* The answer to what was on its way when the last connection left. */
static void
replied_while_detaching(struct session *session, enum lease_verb verb,
                        const struct lease_reply *reply, uint64_t now_ns)
{
  if (verb == LEASE_ACQUIRE &&
      (status_is_refusal(reply->status) || reply->status == STATUS_TRANSIENT))
    session->took = false;
  if ((verb == LEASE_CLAIM || verb == LEASE_TAKE_OVER) &&
      reply->status == STATUS_OK && !session->member) {
    session->claimed = true;
    session->epoch = reply->info.epoch;
  }
  session_begin_detach(session, now_ns);
}

void
session_replied(struct session *session, const struct session_event *event,
                uint64_t now_ns, int64_t wall_ms)
{
  const struct lease_reply *reply = event->reply;
  enum lease_verb verb = session->awaited;
  bool answer = reply->status == STATUS_OK || status_is_refusal(reply->status);

  session->awaited = LEASE_NONE;
  session->failure = answer ? STATUS_OK : reply->status;
  if (!answer)
    session_set_cause(session, "%s: %s", lease_verb_text(verb),
                      event->text != NULL && event->text[0] != '\0'
                          ? event->text
                          : status_text(reply->status));
  if (session->state == SESSION_FENCED)
    return;
  if (session->state == SESSION_RELEASING) {
    released(session, reply, now_ns);
    return;
  }
  if (session->detaching && !session->draining) {
    replied_while_detaching(session, verb, reply, now_ns);
    return;
  }
  if (session->state == SESSION_HANDING) {
    session_gave(session, reply, now_ns);
    return;
  }
  switch (verb) {
  case LEASE_DESCRIBE:
  case LEASE_GROUP:
    described(session, event, verb, now_ns, wall_ms);
    break;
  case LEASE_ACQUIRE:
    acquired(session, reply, now_ns, wall_ms);
    break;
  case LEASE_RENEW:
    renewed(session, reply, now_ns, wall_ms);
    break;
  case LEASE_CLAIM:
    claimed(session, reply, now_ns);
    break;
  case LEASE_TAKE_OVER:
    taken_over(session, reply, now_ns);
    break;
  default:
    break;
  }
}
