/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-session-attach.c: attaching, standing by, claiming, detaching: the
 * session machine event by event, on a fake clock.
 */
#include "session-bench.h"

#include <stdio.h>
#include <string.h>

static void
attach_takes_a_free_lease_and_claims_nothing(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  event(&b, SESSION_ATTACH);
  assert_sends(&b, LEASE_DESCRIBE);
  serve(&b);
  assert_gate(&b, GATE_ASK);
  assert_int_equal(b.object.info.epoch, 7);
  assert_int_equal(b.object.by_verb[LEASE_ACQUIRE], 1);
  assert_int_equal(b.object.by_verb[LEASE_CLAIM], 0);
  assert_string_equal(b.object.info.lease.node, "a");
}

static void
attach_to_a_lease_of_its_own_node_disturbs_nothing(void **state)
{
  for (int tells_ids = 0; tells_ids < 2; tells_ids++) {
    struct bench b = bench("a", "");

    (void)state;
    b.object.tells_ids = tells_ids != 0;
    b.object.info.lease.state = LEASE_LEASED;
    b.object.info.lease.id = ID_A;
    b.object.info.lease.duration_s = LEASE_DURATION_INFINITE;
    attach(&b);
    assert_gate(&b, GATE_ASK);
    event(&b, SESSION_DETACH);
    serve(&b);
    assert_true(b.session.finished);
    assert_int_equal(b.object.by_verb[LEASE_ACQUIRE], 0);
    assert_int_equal(b.object.by_verb[LEASE_RELEASE], 0);
    assert_int_equal(b.object.info.lease.state, LEASE_LEASED);
    assert_int_equal(b.object.info.lease.duration_s, LEASE_DURATION_INFINITE);
  }
}

static void
attach_under_another_nodes_lease_stands_by(void **state)
{
  for (int tells_ids = 0; tells_ids < 2; tells_ids++) {
    struct bench b = bench("a", "");

    (void)state;
    b.object.tells_ids = tells_ids != 0;
    other_takes_over(&b);
    attach(&b);
    assert_gate(&b, GATE_CONFLICT);
    assert_true(b.session.gate.ask_again_at_ns <= b.now_ns);
    assert_true(lease_id_equal(&b.object.info.lease.id, &ID_B));
    event(&b, SESSION_DETACH);
    assert_false(b.session.send);
    assert_true(b.session.finished);
  }
}

static void
standby_asks_three_times_then_once_a_second_and_is_promoted(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  other_takes_over(&b);
  attach(&b);
  for (unsigned i = 0; i < 5; i++) {
    if (i >= 3) {
      event(&b, SESSION_WANT_WRITE);
      assert_false(b.session.send);
      pass_time(&b, SECOND);
    }
    event(&b, SESSION_WANT_WRITE);
    assert_sends(&b, LEASE_DESCRIBE);
    assert_gate(&b, GATE_PENDING);
    serve(&b);
    assert_gate(&b, GATE_CONFLICT);
  }
  b.object.info.lease.state = LEASE_EXPIRED;
  pass_time(&b, SECOND);
  event(&b, SESSION_WANT_LEASE);
  serve(&b);
  assert_gate(&b, GATE_ASK); /* an open that waits claims nothing */
  event(&b, SESSION_WANT_WRITE);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
}

static void
attach_failures_are_definite_or_retried(void **state)
{
  static const struct {
    int status;
    enum gate_position gate;
  } rows[] = {
      {STATUS_NOT_FOUND, GATE_CLOSED},  {STATUS_CORRUPT, GATE_CLOSED},
      {STATUS_DENIED, GATE_CLOSED},     {STATUS_IO, GATE_CLOSED},
      {STATUS_TRANSIENT, GATE_PENDING}, {STATUS_UNKNOWN, GATE_PENDING},
      {STATUS_TIMEOUT, GATE_PENDING},
  };

  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct bench b = bench("a", "");

    event(&b, SESSION_ATTACH);
    reply_with(&b, rows[i].status);
    assert_gate(&b, rows[i].gate);
    assert_int_equal(b.session.gate.status, rows[i].status);
    if (rows[i].gate == GATE_PENDING) {
      assert_true(b.session.wake_at_ns != TIME_NEVER);
      pass_time(&b, 10 * SECOND);
      serve(&b);
      assert_gate(&b, GATE_ASK);
    }
    event(&b, SESSION_DETACH);
    serve(&b);
    assert_true(b.session.finished);
  }
}

static void
s2_gate_opens_only_with_a_claimed_epoch(void **state)
{
  struct bench b = bench("a", "one");

  (void)state;
  attach(&b);
  event(&b, SESSION_WANT_WRITE);
  assert_sends(&b, LEASE_CLAIM);
  assert_gate(&b, GATE_PENDING);
  assert_int_equal(b.session.command.expected_epoch, 7);
  assert_string_equal(b.session.command.record.holder.node, "a");
  assert_string_equal(b.session.command.record.holder.instance, "one");
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.gate.guard.epoch, 8);
  assert_true(lease_id_equal(&b.session.gate.guard.lease_id, &ID_A));
  assert_int_equal(b.object.info.record.holder.epoch, 8);
}

static void
claim_on_a_found_lease_acquires_it_first(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  b.object.info.lease.state = LEASE_LEASED;
  b.object.info.lease.id = ID_A;
  b.object.info.lease.duration_s = 60;
  attach(&b);
  event(&b, SESSION_WANT_WRITE);
  assert_sends(&b, LEASE_DESCRIBE);
  serve(&b);
  assert_int_equal(b.object.by_verb[LEASE_ACQUIRE], 1);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.object.info.lease.duration_s, 30);
}

/* An infinite lease is a reservation's, also when it has become one since the
 * attach: it stays infinite, and a detach does not give it back.
 */
static void
a_reservations_lease_stays(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  b.object.info.lease.state = LEASE_LEASED;
  b.object.info.lease.id = ID_A;
  b.object.info.lease.duration_s = 60;
  attach(&b);
  b.object.info.lease.duration_s = LEASE_DURATION_INFINITE;
  event(&b, SESSION_WANT_WRITE);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.object.info.lease.duration_s, LEASE_DURATION_INFINITE);
  step(&b, (struct session_event){.kind = SESSION_DETACH, .clean = true});
  assert_sends(&b, LEASE_RELEASE);
  assert_true(b.session.command.keep_infinite);
  assert_true(b.session.command.clean);
}

static void
claim_that_meets_a_newer_epoch_looks_again(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  attach(&b);
  b.object.info.epoch = 20; /* another incarnation of this node claimed */
  event(&b, SESSION_WANT_WRITE);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.gate.guard.epoch, 21);
}

/* --- detach ----------------------------------------------------------------
 */

static void
detach_releases_under_the_own_epoch_and_marks_clean(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  step(&b, (struct session_event){.kind = SESSION_DETACH, .clean = true});
  assert_sends(&b, LEASE_RELEASE);
  assert_int_equal(b.session.command.expected_epoch, 8);
  assert_true(b.session.command.clean);
  assert_gate(&b, GATE_CLOSED);
  assert_false(b.session.finished);
  serve(&b);
  assert_true(b.session.finished);
  assert_int_equal(b.object.info.lease.state, LEASE_AVAILABLE);
  assert_true(b.object.info.record.holder.clean);
}

static void
s6_release_never_meets_a_newer_holders_lease(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  other_claims(&b); /* a newer incarnation of this node: same lease ID */
  step(&b, (struct session_event){.kind = SESSION_DETACH, .clean = true});
  serve(&b);
  assert_true(b.session.finished);
  assert_int_equal(b.object.info.lease.state, LEASE_LEASED);

  struct bench look = bench("a", ""); /* attached only, and claimed over */

  attach(&look);
  other_claims(&look);
  event(&look, SESSION_DETACH);
  serve(&look);
  assert_true(look.session.finished);
  assert_int_equal(look.object.info.lease.state, LEASE_LEASED);
}

/* Whatever command is on its way when the last connection leaves, the lease
 * is given back and the session ends.
 */
static void
detach_at_any_moment_leaves_no_lease_behind(void **state)
{
  (void)state;
  for (unsigned moment = 0; moment < 6; moment++) {
    for (int lost = 0; lost < 2; lost++) {
      struct bench b = bench("a", "");
      struct lease_reply reply;

      event(&b, SESSION_ATTACH);
      event(&b, SESSION_WANT_WRITE); /* does not send: DESCRIBE is awaited */
      b.session.send = true;
      for (unsigned i = 0; i < moment && b.session.send; i++) {
        reply = answer(&b.object, &b.session.command);
        step(&b,
             (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
      }
      if (b.session.send) {
        reply = answer(&b.object, &b.session.command);
        event(&b, SESSION_DETACH);
        assert_false(b.session.send);
        if (lost)
          reply.status = STATUS_UNKNOWN;
        step(&b,
             (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
      } else {
        event(&b, SESSION_DETACH);
      }
      serve(&b);
      assert_true(b.session.finished);
      assert_int_equal(b.object.info.lease.state, LEASE_AVAILABLE);
    }
  }
}

static void
release_that_gets_no_answer_is_tried_again_and_then_left(void **state)
{
  struct bench b = bench("a", "");
  unsigned sent = 0;

  (void)state;
  hold(&b);
  event(&b, SESSION_DETACH);
  while (!b.session.finished) {
    assert_true(++sent < 10);
    assert_sends(&b, LEASE_RELEASE);
    reply_with(&b, STATUS_TRANSIENT);
    pass_time(&b, 5 * SECOND);
  }
  assert_int_equal(sent, 4);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(attach_takes_a_free_lease_and_claims_nothing),
      cmocka_unit_test(attach_to_a_lease_of_its_own_node_disturbs_nothing),
      cmocka_unit_test(attach_under_another_nodes_lease_stands_by),
      cmocka_unit_test(
          standby_asks_three_times_then_once_a_second_and_is_promoted),
      cmocka_unit_test(attach_failures_are_definite_or_retried),
      cmocka_unit_test(s2_gate_opens_only_with_a_claimed_epoch),
      cmocka_unit_test(claim_on_a_found_lease_acquires_it_first),
      cmocka_unit_test(a_reservations_lease_stays),
      cmocka_unit_test(claim_that_meets_a_newer_epoch_looks_again),
      cmocka_unit_test(detach_releases_under_the_own_epoch_and_marks_clean),
      cmocka_unit_test(s6_release_never_meets_a_newer_holders_lease),
      cmocka_unit_test(detach_at_any_moment_leaves_no_lease_behind),
      cmocka_unit_test(
          release_that_gets_no_answer_is_tried_again_and_then_left),
  };

  return cmocka_run_group_tests_name("session-attach", tests, NULL, NULL);
}
