/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-session-group.c: a session in a group of writers, step by step. */
#include <string.h>

#include "session-bench.h"

static const struct lease_id GROUP_1 = {"11111111-1111-5111-8111-111111111111"};
static const struct lease_id GROUP_2 = {"22222222-2222-5222-8222-222222222222"};

/* The lease becomes a group's, and the node is in it. */
static void
group_begins(struct bench *bench, const struct lease_id *id)
{
  struct volume_info *info = &bench->object.info;

  info->lease.state = LEASE_LEASED;
  info->lease.id = *id;
  info->lease.duration_s = LEASE_DURATION_INFINITE;
  strcpy(info->lease.node, "group:1");
  bench->object.membership.member = true;
  bench->object.membership.group = *id;
}

static void
noted(struct bench *bench, const char *session, const char *instance)
{
  strcpy(bench->object.membership.session, session);
  strcpy(bench->object.membership.instance, instance);
}

static void
assert_writes_in_group(const struct bench *bench, const struct lease_id *id)
{
  const struct gate *gate = &bench->session.gate;

  assert_gate(bench, GATE_OPEN);
  assert_true(gate->shared);
  assert_string_equal(gate->guard.lease_id.text, id->text);
  assert_int_equal(gate->guard.epoch, bench->object.info.epoch);
}

/* One that has joined. */
static struct bench
member(const char *instance)
{
  struct bench made = bench("a", instance);

  group_begins(&made, &GROUP_1);
  hold(&made);
  assert_writes_in_group(&made, &GROUP_1);
  return made;
}

static void
refuse(struct bench *bench)
{
  step(bench, (struct session_event){.kind = SESSION_REFUSED,
                                     .epoch = bench->session.epoch,
                                     .status = STATUS_EPOCH_STALE});
}

static void
test_joins(void **state)
{
  (void)state;
  for (int tells_ids = 0; tells_ids < 2; tells_ids++) {
    struct bench b = bench("a", "");

    b.object.tells_ids = tells_ids;
    group_begins(&b, &GROUP_1);
    attach(&b);
    assert_gate(&b, GATE_ASK);
    assert_string_equal(b.object.membership.session, "");
    event(&b, SESSION_WANT_WRITE);
    serve(&b);
    assert_writes_in_group(&b, &GROUP_1);
    assert_string_equal(b.object.membership.session, "nonce-of-a-");
    assert_int_equal(b.object.info.epoch, 8); /* an older self is shut out */
    assert_false(b.object.info.record.holder.write_back);
  }
}

/* A lease that ends is no group's: nobody is asked. */
static void
test_stands_by(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  other_takes_over(&b);
  b.object.info.lease.duration_s = 30;
  attach(&b);
  assert_gate(&b, GATE_CONFLICT);
  assert_int_equal(b.object.by_verb[LEASE_GROUP], 0);
  b = bench("a", "");
  group_begins(&b, &GROUP_1);
  b.object.membership.member = false;
  attach(&b);
  assert_gate(&b, GATE_CONFLICT);
  assert_int_equal(b.object.by_verb[LEASE_GROUP], 1);
  b.object.membership.member = true; /* it has been registered */
  event(&b, SESSION_WANT_WRITE);
  serve(&b);
  assert_writes_in_group(&b, &GROUP_1);
}

static void
test_adopts(void **state)
{
  struct bench b = member("");
  unsigned claims = b.object.by_verb[LEASE_CLAIM];

  (void)state;
  other_claims(&b);
  refuse(&b);
  assert_gate(&b, GATE_PENDING);
  assert_sends(&b, LEASE_GROUP);
  serve(&b);
  assert_writes_in_group(&b, &GROUP_1);
  other_claims(&b); /* and one has been removed */
  group_begins(&b, &GROUP_2);
  pass_time(&b, 20 * SECOND);
  assert_sends(&b, LEASE_RENEW);
  serve(&b);
  assert_writes_in_group(&b, &GROUP_2);
  assert_int_equal(b.object.by_verb[LEASE_CLAIM], claims);
}

/* An unknown outcome: a claim, or somebody else's. */
static void
test_doubt(void **state)
{
  struct session_event unknown = {.kind = SESSION_UNKNOWN, .epoch = 8};
  struct bench b = member("");

  (void)state;
  step(&b, unknown);
  assert_sends(&b, LEASE_CLAIM);
  serve(&b);
  assert_int_equal(b.session.epoch, 9);
  unknown.epoch = 9;
  step(&b, unknown);
  other_claims(&b);
  serve(&b);
  assert_writes_in_group(&b, &GROUP_1);
  assert_int_equal(b.session.epoch, 10);
  unknown.epoch = 10; /* the claim's outcome is unknown, and it was not done */
  step(&b, unknown);
  reply_with(&b, STATUS_UNKNOWN);
  serve(&b);
  assert_int_equal(b.session.epoch, 11);
  assert_writes_in_group(&b, &GROUP_1);
}

static void
test_evicted(void **state)
{
  struct bench b = member("");

  (void)state;
  other_claims(&b);
  group_begins(&b, &GROUP_2);
  b.object.membership.member = false;
  refuse(&b);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
}

/* Its node has come back, or another session of it has come. */
static void
test_replaced(void **state)
{
  static const char *const others[] = {"", "e1"};

  (void)state;
  for (unsigned i = 0; i < 2; i++) {
    struct bench b = member("");

    other_claims(&b);
    noted(&b, others[i], "");
    refuse(&b);
    serve(&b);
    assert_gate(&b, GATE_FENCED);
  }
}

/* It was alone when the group began: only who was the last one goes on. */
static void
test_alone_before(void **state)
{
  (void)state;
  for (int i = 0; i < 2; i++) {
    struct bench b = bench("a", "");

    hold(&b);
    group_begins(&b, &GROUP_1);
    noted(&b, i == 0 ? b.session.config.nonce : "", "");
    refuse(&b);
    serve(&b);
    if (i == 1) {
      assert_gate(&b, GATE_FENCED);
      continue;
    }
    assert_writes_in_group(&b, &GROUP_1);
    assert_int_equal(b.session.epoch, 9);
  }
}

/* The group begins behind the look that has found none. */
static void
test_begins_behind_the_look(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  b.object.tells_ids = false;
  hold(&b);
  refuse(&b);
  while (b.session.command.verb != LEASE_ACQUIRE) {
    struct lease_reply reply = answer(&b.object, &b.session.command);

    step(&b, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
  }
  group_begins(&b, &GROUP_1);
  noted(&b, b.session.config.nonce, "");
  serve(&b);
  assert_writes_in_group(&b, &GROUP_1);
  b = bench("a", "");
  b.object.tells_ids = false;
  hold(&b);
  other_takes_over(&b);
  refuse(&b);
  serve(&b); /* which is bounded */
  assert_gate(&b, GATE_FENCED);
}

/* The group has ended, and the node has the volume for itself. */
static void
test_alone_afterwards(void **state)
{
  struct bench b = member("");
  struct volume_info *info = &b.object.info;

  (void)state;
  info->lease.id = ID_A;
  strcpy(info->lease.node, "a");
  info->epoch++;
  info->record.holder.epoch = info->epoch; /* claimed in its name */
  b.object.membership.member = false;
  refuse(&b);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_false(b.session.gate.shared);
  assert_string_equal(b.session.gate.guard.lease_id.text, ID_A.text);
}

/* The group has come and gone while it looked, and it has the volume again. */
static void
test_alone_again_behind_the_look(void **state)
{
  struct bench b = bench("a", "");
  struct volume_info *info = &b.object.info;
  struct lease_reply reply;

  (void)state;
  b.object.tells_ids = false;
  hold(&b);
  refuse(&b);
  while (b.session.command.verb != LEASE_ACQUIRE) {
    reply = answer(&b.object, &b.session.command);
    step(&b, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
  }
  group_begins(&b, &GROUP_1);
  reply = answer(&b.object, &b.session.command);
  step(&b, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
  assert_sends(&b, LEASE_GROUP);
  info->lease.id = ID_A;
  strcpy(info->lease.node, "a");
  info->epoch++;
  info->record.holder.epoch = info->epoch; /* claimed in its name */
  b.object.membership.member = false;
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_false(b.session.gate.shared);
}

/* The older instance is on the list before the newer one is noted. */
static void
test_newer_instance(void **state)
{
  struct bench b = bench("a", "boot-2");
  const struct holder_record *record = &b.object.info.record;

  (void)state;
  group_begins(&b, &GROUP_1);
  noted(&b, "e1", "boot-1");
  attach(&b);
  event(&b, SESSION_WANT_WRITE);
  while (b.session.command.verb != LEASE_CLAIM) {
    struct lease_reply reply = answer(&b.object, &b.session.command);

    step(&b, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
  }
  assert_string_equal(b.object.membership.session, "e1");
  serve(&b);
  assert_writes_in_group(&b, &GROUP_1);
  assert_int_equal(record->fenced_count, 1);
  assert_string_equal(record->fenced[0].instance, "boot-1");
  assert_string_equal(record->holder.instance, "boot-2");
  b = bench("a", "boot-1");
  b.object.info.record.fenced_count = 1;
  strcpy(b.object.info.record.fenced[0].node, "a");
  strcpy(b.object.info.record.fenced[0].instance, "boot-1");
  group_begins(&b, &GROUP_1);
  attach(&b);
  assert_gate(&b, GATE_FENCED);
}

static void
test_lost_writes(void **state)
{
  struct bench b = bench("a", "boot-1");

  (void)state;
  group_begins(&b, &GROUP_1);
  noted(&b, "e1", "boot-1");
  b.object.membership.unclean = true;
  attach(&b);
  assert_gate(&b, GATE_FENCED);
}

/* Its claim was done, a group began, and a member claimed; and it was told only
 * that the lease is another's.
 */
static void
test_noted_for_a_lost_claim(void **state)
{
  struct bench b = bench("a", "boot-1");

  (void)state;
  b.session.config.write_back = true;
  attach(&b);
  event(&b, SESSION_WANT_WRITE);
  while (b.session.command.verb != LEASE_CLAIM) {
    struct lease_reply reply = answer(&b.object, &b.session.command);

    step(&b, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
  }
  answer(&b.object, &b.session.command);
  group_begins(&b, &GROUP_1);
  noted(&b, b.session.config.nonce, "boot-1");
  b.object.membership.unclean = true;
  other_claims(&b);
  reply_with(&b, STATUS_LEASE_MISMATCH);
  serve(&b);
  assert_writes_in_group(&b, &GROUP_1);
  assert_int_equal(b.object.info.record.fenced_count, 0);
}

/* The lease is not the session's to give back. */
static void
test_leaves(void **state)
{
  struct bench b = member("");

  (void)state;
  step(&b, (struct session_event){.kind = SESSION_DETACH, .clean = true});
  assert_false(b.session.send);
  assert_true(b.session.finished);
  b = member("boot-1");
  b.session.config.write_back = true;
  b.object.membership.unclean = true;
  step(&b, (struct session_event){.kind = SESSION_DETACH, .clean = true});
  assert_sends(&b, LEASE_GROUP);
  serve(&b);
  assert_true(b.session.finished);
  assert_false(b.object.membership.unclean);
  assert_int_equal(b.object.by_verb[LEASE_RELEASE], 0);
}

/* What cannot be read: no answer is waited for, a damaged record not. */
static void
test_cannot_be_read(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  group_begins(&b, &GROUP_1);
  event(&b, SESSION_ATTACH);
  while (b.session.command.verb != LEASE_GROUP) {
    struct lease_reply reply = answer(&b.object, &b.session.command);

    step(&b, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
  }
  reply_with(&b, STATUS_TRANSIENT);
  assert_gate(&b, GATE_PENDING);
  pass_time(&b, SECOND);
  while (b.session.command.verb != LEASE_GROUP) {
    struct lease_reply reply = answer(&b.object, &b.session.command);

    step(&b, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
  }
  reply_with(&b, STATUS_CORRUPT);
  assert_gate(&b, GATE_CONFLICT);
  b = member("");
  refuse(&b);
  reply_with(&b, STATUS_CORRUPT);
  assert_gate(&b, GATE_PENDING); /* S10 */
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_joins),
      cmocka_unit_test(test_stands_by),
      cmocka_unit_test(test_adopts),
      cmocka_unit_test(test_doubt),
      cmocka_unit_test(test_evicted),
      cmocka_unit_test(test_replaced),
      cmocka_unit_test(test_alone_before),
      cmocka_unit_test(test_begins_behind_the_look),
      cmocka_unit_test(test_alone_afterwards),
      cmocka_unit_test(test_alone_again_behind_the_look),
      cmocka_unit_test(test_newer_instance),
      cmocka_unit_test(test_lost_writes),
      cmocka_unit_test(test_noted_for_a_lost_claim),
      cmocka_unit_test(test_leaves),
      cmocka_unit_test(test_cannot_be_read),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
