/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-session-doubt.c: refusals, unknown outcomes, lost leases and
 * renewals, on a fake clock.
 */
#include "session-bench.h"

#include <stdio.h>
#include <string.h>

static void
s3_refused_write_of_a_superseded_incarnation_fences(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  other_claims(&b);
  step(&b, (struct session_event){.kind = SESSION_REFUSED,
                                  .epoch = 8,
                                  .status = STATUS_EPOCH_STALE});
  assert_gate(&b, GATE_PENDING);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
  assert_non_null(strstr(b.session.cause, "epoch 9 was claimed by b"));
}

static void
refusals_of_an_epoch_that_is_over_are_no_news(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  step(&b, (struct session_event){.kind = SESSION_REFUSED,
                                  .epoch = 7,
                                  .status = STATUS_EPOCH_STALE});
  step(&b, (struct session_event){.kind = SESSION_UNKNOWN, .epoch = 7});
  assert_false(b.session.send);
  assert_gate(&b, GATE_OPEN);
}

static void
s4_unknown_outcome_claims_before_the_gate_opens_again(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  step(&b, (struct session_event){.kind = SESSION_UNKNOWN, .epoch = 8});
  assert_gate(&b, GATE_PENDING);
  assert_sends(&b, LEASE_CLAIM);
  assert_int_equal(b.session.command.expected_epoch, 8);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.gate.guard.epoch, 9);
  assert_int_equal(b.session.reclaims, 1);
}

static void
s4_claim_whose_own_answer_is_lost_is_recognised(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  step(&b, (struct session_event){.kind = SESSION_UNKNOWN, .epoch = 8});
  answer(&b.object, &b.session.command); /* done, but nobody hears of it */
  reply_with(&b, STATUS_UNKNOWN);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.gate.guard.epoch, b.object.info.epoch);
  assert_true(b.session.gate.guard.epoch > 9); /* not just taken for granted */
}

static void
s4_lost_claim_answer_does_not_hide_another_claim(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  step(&b, (struct session_event){.kind = SESSION_UNKNOWN, .epoch = 8});
  other_claims(&b);
  reply_with(&b, STATUS_UNKNOWN);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
}

static void
s4_unknown_outcome_while_a_renewal_is_on_its_way(void **state)
{
  struct bench b = bench("a", "");
  uint64_t epoch;

  (void)state;
  hold(&b);
  epoch = b.session.gate.guard.epoch;
  pass_time(&b, 10 * SECOND);
  assert_sends(&b, LEASE_RENEW);
  step(&b, (struct session_event){.kind = SESSION_UNKNOWN, .epoch = epoch});
  assert_gate(&b, GATE_PENDING);
  assert_false(b.session.send);
  reply_with(&b, STATUS_OK);
  assert_gate(&b, GATE_PENDING);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.gate.guard.epoch, epoch + 1);
}

/* The provable end has passed, a renewal is on its way, and a write's answer is
 * lost: the renewal's answer must not open the gate under the old epoch.
 */
static void
s4_unknown_outcome_while_uncertain_is_not_settled_by_a_renewal(void **state)
{
  struct bench b = bench("a", "");
  uint64_t epoch;

  (void)state;
  hold(&b);
  epoch = b.session.gate.guard.epoch;
  pass_time(&b, 10 * SECOND);
  assert_sends(&b, LEASE_RENEW);
  pass_time(&b, 15 * SECOND);
  assert_gate(&b, GATE_PENDING);
  step(&b, (struct session_event){.kind = SESSION_UNKNOWN, .epoch = epoch});
  reply_with(&b, STATUS_OK);
  assert_gate(&b, GATE_PENDING);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.gate.guard.epoch, epoch + 1);
}

static void
s6_fenced_session_sends_nothing_whatever_happens(void **state)
{
  static const enum session_event_kind kinds[] = {
      SESSION_WANT_WRITE, SESSION_WANT_LEASE, SESSION_TIMER,
      SESSION_REFUSED,    SESSION_UNKNOWN,    SESSION_DETACH};
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  other_takes_over(&b);
  pass_time(&b, 10 * SECOND);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
  b.object.info.lease.state = LEASE_AVAILABLE; /* free again: no matter */
  for (size_t i = 0; i < COUNT(kinds); i++) {
    b.now_ns += 100 * SECOND;
    step(&b, (struct session_event){
                 .kind = kinds[i], .epoch = 8, .status = STATUS_LEASE_LOST});
    assert_false(b.session.send);
    assert_true(b.session.wake_at_ns == TIME_NEVER);
    assert_int_equal(b.session.gate.position == GATE_OPEN, 0);
  }
  assert_true(b.session.finished);
}

static void
s6_fenced_while_a_renewal_is_on_its_way_stays_fenced(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  pass_time(&b, 10 * SECOND);
  assert_sends(&b, LEASE_RENEW);
  other_takes_over(&b);
  reply_with(&b, STATUS_LEASE_MISMATCH);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
  assert_non_null(strstr(b.session.cause, "passed to b"));
}

static void
s7_lease_lost_without_successor_is_taken_again(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  b.object.info.lease.state = LEASE_BROKEN;
  step(&b, (struct session_event){.kind = SESSION_REFUSED,
                                  .epoch = 8,
                                  .status = STATUS_LEASE_LOST});
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.gate.guard.epoch, 9);
}

static void
s7_lease_free_again_after_a_successor_fences(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  other_claims(&b);
  b.object.info.lease.state = LEASE_AVAILABLE;
  step(&b, (struct session_event){.kind = SESSION_REFUSED,
                                  .epoch = 8,
                                  .status = STATUS_LEASE_ABSENT});
  serve(&b);
  assert_gate(&b, GATE_FENCED);
  assert_int_equal(b.object.by_verb[LEASE_ACQUIRE], 1); /* the first one */
}

static void
s7_successor_between_look_and_claim_fences(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  b.object.info.lease.state = LEASE_EXPIRED;
  step(&b, (struct session_event){.kind = SESSION_REFUSED,
                                  .epoch = 8,
                                  .status = STATUS_LEASE_LOST});
  assert_sends(&b, LEASE_DESCRIBE);
  reply_with(&b, STATUS_OK);
  assert_sends(&b, LEASE_ACQUIRE);
  other_claims(&b); /* took it, claimed, gave it back: all in between */
  serve(&b);
  assert_gate(&b, GATE_FENCED);
}

static void
s8_gate_closes_at_the_provable_end_counted_from_sending(void **state)
{
  struct bench b = bench("a", "");
  uint64_t sent_ns;

  (void)state;
  hold(&b);
  pass_time(&b, 10 * SECOND);
  assert_sends(&b, LEASE_RENEW);
  sent_ns = b.now_ns;
  b.now_ns += 3 * SECOND; /* the answer takes its time */
  serve(&b);
  assert_true(b.session.gate.valid_until_ns == timing_valid_until(sent_ns, 30));
  pass_time(&b, 7 * SECOND);
  assert_sends(&b, LEASE_RENEW);
  pass_time(&b, sent_ns + 25 * SECOND - b.now_ns - 1);
  assert_gate(&b, GATE_OPEN);
  pass_time(&b, 1);
  assert_gate(&b, GATE_PENDING); /* UNCERTAIN: writes wait */
  reply_with(&b, STATUS_OK);
  assert_gate(&b, GATE_OPEN);
}

static void
s10_failed_renewals_do_not_give_the_lease_up(void **state)
{
  static const int failures[] = {STATUS_TRANSIENT, STATUS_UNKNOWN,
                                 STATUS_TIMEOUT,   STATUS_IO,
                                 STATUS_DENIED,    STATUS_NO_SPACE};

  (void)state;
  for (size_t i = 0; i < COUNT(failures); i++) {
    struct bench b = bench("a", "");
    unsigned tries = 0;

    hold(&b);
    while (b.session.gate.position == GATE_OPEN) {
      assert_true(++tries < 50);
      b.now_ns = b.session.wake_at_ns;
      event(&b, SESSION_TIMER);
      if (b.session.send)
        reply_with(&b, failures[i]);
    }
    assert_true(tries > 4);
    assert_gate(&b, GATE_PENDING);
    assert_int_equal(b.session.gate.status, failures[i]);
    b.now_ns += 3600 * SECOND; /* an hour later the store is back */
    b.object.info.lease.state = LEASE_EXPIRED;
    event(&b, SESSION_TIMER);
    serve(&b);
    assert_gate(&b, GATE_OPEN);
  }
}

static void
renewal_that_shows_a_newer_epoch_fences(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  other_claims(&b); /* a newer incarnation of the same node: same lease ID */
  pass_time(&b, 10 * SECOND);
  assert_sends(&b, LEASE_RENEW);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
}

static void
breaking_lease_is_waited_out_and_taken_again(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  b.object.info.lease.state = LEASE_BREAKING;
  pass_time(&b, 10 * SECOND);
  serve(&b);
  assert_gate(&b, GATE_PENDING);
  b.object.info.lease.state = LEASE_BROKEN;
  pass_time(&b, 5 * SECOND);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
}

static void
deleted_volume_ends_the_session(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  step(&b, (struct session_event){.kind = SESSION_REFUSED,
                                  .epoch = 8,
                                  .status = STATUS_LEASE_LOST});
  reply_with(&b, STATUS_NOT_FOUND);
  assert_gate(&b, GATE_CLOSED);
  assert_int_equal(b.session.gate.status, STATUS_NOT_FOUND);
  assert_true(b.session.wake_at_ns == TIME_NEVER);
  event(&b, SESSION_DETACH);
  assert_true(b.session.finished);
}

static void
infinite_lease_has_no_end_but_is_looked_after(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  b.session.config.duration_s = LEASE_DURATION_INFINITE;
  hold(&b);
  assert_true(b.session.gate.valid_until_ns == TIME_NEVER);
  other_takes_over(&b);
  pass_time(&b, 20 * SECOND);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(s3_refused_write_of_a_superseded_incarnation_fences),
      cmocka_unit_test(refusals_of_an_epoch_that_is_over_are_no_news),
      cmocka_unit_test(s4_unknown_outcome_claims_before_the_gate_opens_again),
      cmocka_unit_test(s4_claim_whose_own_answer_is_lost_is_recognised),
      cmocka_unit_test(s4_lost_claim_answer_does_not_hide_another_claim),
      cmocka_unit_test(s4_unknown_outcome_while_a_renewal_is_on_its_way),
      cmocka_unit_test(
          s4_unknown_outcome_while_uncertain_is_not_settled_by_a_renewal),
      cmocka_unit_test(s6_fenced_session_sends_nothing_whatever_happens),
      cmocka_unit_test(s6_fenced_while_a_renewal_is_on_its_way_stays_fenced),
      cmocka_unit_test(s7_lease_lost_without_successor_is_taken_again),
      cmocka_unit_test(s7_lease_free_again_after_a_successor_fences),
      cmocka_unit_test(s7_successor_between_look_and_claim_fences),
      cmocka_unit_test(s8_gate_closes_at_the_provable_end_counted_from_sending),
      cmocka_unit_test(s10_failed_renewals_do_not_give_the_lease_up),
      cmocka_unit_test(renewal_that_shows_a_newer_epoch_fences),
      cmocka_unit_test(breaking_lease_is_waited_out_and_taken_again),
      cmocka_unit_test(deleted_volume_ends_the_session),
      cmocka_unit_test(infinite_lease_has_no_end_but_is_looked_after),
  };

  return cmocka_run_group_tests_name("session-doubt", tests, NULL, NULL);
}
