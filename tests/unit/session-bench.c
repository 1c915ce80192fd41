/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-bench.c: plays a store to one session machine; session-bench.h. */
#include "session-bench.h"

#include <stdio.h>
#include <string.h>

const struct lease_id ID_A = {"aaaaaaaa-aaaa-5aaa-8aaa-aaaaaaaaaaaa"};
const struct lease_id ID_B = {"bbbbbbbb-bbbb-5bbb-8bbb-bbbbbbbbbbbb"};

static int
not_held_by(const struct object *object, const struct lease_id *id)
{
  switch (object->info.lease.state) {
  case LEASE_LEASED:
    return lease_id_equal(&object->info.lease.id, id) ? 0
                                                      : STATUS_LEASE_MISMATCH;
  case LEASE_AVAILABLE:
    return STATUS_LEASE_ABSENT;
  default:
    return STATUS_LEASE_LOST;
  }
}

static void
note(struct object *object, const struct join *join)
{
  struct membership *membership = &object->membership;

  if (join->kind == JOIN_LEAVE)
    membership->unclean = false;
  if (join->kind != JOIN_NOTE ||
      strcmp(membership->session, join->expected) != 0)
    return;
  memcpy(membership->session, join->session, sizeof join->session);
  memcpy(membership->instance, join->instance, sizeof join->instance);
}

static int
effect(struct object *object, const struct lease_command *command)
{
  struct volume_info *info = &object->info;
  int status = 0;

  switch (command->verb) {
  case LEASE_ACQUIRE:
    if (info->lease.state == LEASE_LEASED &&
        !lease_id_equal(&info->lease.id, &command->lease_id))
      return STATUS_LEASE_HELD;
    if (info->lease.state == LEASE_BREAKING)
      return STATUS_LEASE_BREAKING;
    info->lease.state = LEASE_LEASED;
    info->lease.id = command->lease_id;
    info->lease.duration_s = command->duration_s;
    memcpy(info->lease.node, command->node, sizeof info->lease.node);
    return 0;
  case LEASE_RENEW:
    if (info->lease.state == LEASE_BREAKING ||
        info->lease.state == LEASE_BROKEN)
      return STATUS_LEASE_BROKEN;
    if (info->lease.state == LEASE_EXPIRED &&
        lease_id_equal(&info->lease.id, &command->lease_id)) {
      info->lease.state = LEASE_LEASED;
      return 0;
    }
    status = not_held_by(object, &command->lease_id);
    return status == 0 ? 0 : STATUS_LEASE_MISMATCH;
  case LEASE_CLAIM:
    if ((status = not_held_by(object, &command->lease_id)) != 0)
      return status;
    if (command->expected_epoch != info->epoch)
      return STATUS_EPOCH_STALE;
    info->epoch++;
    info->record = command->record;
    info->record.holder.epoch = info->epoch;
    return 0;
  case LEASE_TAKE_OVER:
    if ((status = not_held_by(object, &command->lease_id)) != 0)
      return status;
    info->lease.id = command->proposed_id;
    memcpy(info->lease.node, command->node, sizeof info->lease.node);
    if (command->expected_epoch != info->epoch)
      return STATUS_EPOCH_STALE;
    info->epoch++;
    info->record = command->record;
    info->record.holder.epoch = info->epoch;
    return 0;
  case LEASE_RELEASE:
    if ((status = not_held_by(object, &command->lease_id)) != 0)
      return STATUS_LEASE_MISMATCH;
    if (command->expected_epoch != info->epoch)
      return STATUS_EPOCH_STALE;
    info->lease.state = LEASE_AVAILABLE;
    info->record.holder.clean |= command->clean;
    return 0;
  case LEASE_GROUP:
    note(object, &command->join);
    return 0;
  default:
    return 0;
  }
}

struct lease_reply
answer(struct object *object, const struct lease_command *command)
{
  struct lease_reply reply = {.status = effect(object, command)};

  object->commands++;
  object->by_verb[command->verb]++;
  reply.info = object->info;
  reply.membership = object->membership;
  reply.info.lease.id_known = object->tells_ids;
  if (!object->tells_ids)
    memset(&reply.info.lease.id, 0, sizeof reply.info.lease.id);
  return reply;
}

struct bench
bench(const char *node, const char *instance)
{
  struct bench made = {.now_ns = 1000 * SECOND};
  struct session_config config = {.duration_s = 30, .spread = 0};

  snprintf(config.node, sizeof config.node, "%s", node);
  snprintf(config.instance, sizeof config.instance, "%s", instance);
  snprintf(config.nonce, sizeof config.nonce, "nonce-of-%s-%s", node, instance);
  config.lease_id = strcmp(node, "a") == 0 ? ID_A : ID_B;
  made.object.tells_ids = true;
  made.object.info.size = 1 << 20;
  made.object.info.epoch = 7;
  session_init(&made.session, &config);
  return made;
}

void
step(struct bench *bench, struct session_event event)
{
  session_step(&bench->session, &event, bench->now_ns, 1234);
}

void
event(struct bench *bench, enum session_event_kind kind)
{
  step(bench, (struct session_event){.kind = kind});
}

void
reply_with(struct bench *bench, int status)
{
  struct lease_reply reply = {.status = status, .info = bench->object.info};

  step(bench, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
}

/* Answers from the model until nothing more is sent. */
void
serve(struct bench *bench)
{
  for (unsigned i = 0; bench->session.send; i++) {
    struct lease_reply reply = answer(&bench->object, &bench->session.command);

    assert_true(i < 20);
    step(bench, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
  }
}

void
pass_time(struct bench *bench, uint64_t ns)
{
  bench->now_ns += ns;
  if (bench->session.wake_at_ns <= bench->now_ns)
    event(bench, SESSION_TIMER);
}

void
assert_sends(const struct bench *bench, enum lease_verb verb)
{
  assert_true(bench->session.send);
  assert_string_equal(lease_verb_text(bench->session.command.verb),
                      lease_verb_text(verb));
}

void
assert_gate(const struct bench *bench, enum gate_position position)
{
  assert_string_equal(gate_position_text(bench->session.gate.position),
                      gate_position_text(position));
}

void
attach(struct bench *bench)
{
  event(bench, SESSION_ATTACH);
  serve(bench);
}

void
hold(struct bench *bench)
{
  attach(bench);
  event(bench, SESSION_WANT_WRITE);
  serve(bench);
  assert_gate(bench, GATE_OPEN);
}

/* Another node takes the volume over: Change, then claim. */
void
other_takes_over(struct bench *bench)
{
  struct volume_info *info = &bench->object.info;

  info->lease.state = LEASE_LEASED;
  info->lease.id = ID_B;
  snprintf(info->lease.node, sizeof info->lease.node, "b");
}

void
other_claims(struct bench *bench)
{
  struct volume_info *info = &bench->object.info;

  info->epoch++;
  memset(&info->record.holder, 0, sizeof info->record.holder);
  snprintf(info->record.holder.node, sizeof info->record.holder.node, "b");
  info->record.holder.epoch = info->epoch;
}
