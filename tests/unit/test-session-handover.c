/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-session-handover.c: a session that is to hand its lease over drains,
 * gives it and stands by; it obeys only what was asked in its own epoch, and is
 * never left without an answer to who has the lease.
 */
#include "session-bench.h"

#include <string.h>

#include "lease/holder.h"

static void
order_for(struct bench *b, uint64_t epoch)
{
  struct handover_order order = {.epoch = epoch, .to = "b", .to_lease = ID_B};

  step(b, (struct session_event){.kind = SESSION_HAND_OVER, .order = &order});
}

static struct bench
holding(const char *instance)
{
  struct bench b = bench("a", instance);

  b.session.config.drain_ns = 20 * SECOND;
  hold(&b);
  return b;
}

static void
drained(struct bench *b, bool clean)
{
  step(b, (struct session_event){.kind = SESSION_DRAINED, .clean = clean});
}

/* Ordered and drained: the Change is on its way. */
static struct bench
offering(bool tells_ids)
{
  struct bench b = holding("");

  b.object.tells_ids = tells_ids;
  order_for(&b, b.session.epoch);
  drained(&b, true);
  assert_sends(&b, LEASE_CHANGE);
  return b;
}

static void
b_claims(struct bench *b)
{
  other_takes_over(b);
  other_claims(b);
}

static void
assert_given(struct bench *b)
{
  assert_string_equal(session_state_text(b->session.state), "standby");
  assert_gate(b, GATE_CONFLICT);
  assert_int_equal(b->session.handovers, 1);
  assert_string_equal(b->session.seen.lease.node, "b");
  assert_false(b->session.send);
}

static void
it_drains_gives_and_stands_by(void **state)
{
  struct bench b = holding("");

  (void)state;
  order_for(&b, b.session.epoch);
  assert_gate(&b, GATE_DRAINING);
  assert_false(b.session.send);
  drained(&b, true);
  assert_gate(&b, GATE_PENDING);
  assert_sends(&b, LEASE_CHANGE);
  assert_true(lease_id_equal(&b.session.command.proposed_id, &ID_B));
  assert_true(b.session.command.check_epoch);
  assert_int_equal(b.session.command.expected_epoch, b.session.epoch);
  other_takes_over(&b);
  reply_with(&b, STATUS_OK);
  assert_sends(&b, LEASE_RENEW);
  assert_true(lease_id_equal(&b.session.command.lease_id, &ID_B));
  reply_with(&b, STATUS_OK);
  assert_given(&b);
}

/* The node that was given it may lose it before its clock is started. */
static void
the_renewal_for_the_other_is_a_courtesy(void **state)
{
  struct bench b = offering(true);

  (void)state;
  reply_with(&b, STATUS_OK);
  reply_with(&b, STATUS_TRANSIENT);
  assert_given(&b);
}

static void
a_renewal_on_its_way_is_waited_for(void **state)
{
  struct bench b = holding("");

  (void)state;
  pass_time(&b, 10 * SECOND);
  assert_sends(&b, LEASE_RENEW);
  order_for(&b, b.session.epoch);
  drained(&b, true);
  assert_false(b.session.send);
  assert_gate(&b, GATE_DRAINING);
  reply_with(&b, STATUS_OK);
  assert_sends(&b, LEASE_CHANGE);
}

static void
orders_of_other_epochs_are_nothing(void **state)
{
  struct bench b = holding("");

  (void)state;
  order_for(&b, b.session.epoch - 1);
  order_for(&b, b.session.epoch + 1);
  assert_gate(&b, GATE_OPEN);
  assert_false(b.session.send);
}

static void
who_has_not_claimed_gives_what_he_took(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  attach(&b);
  order_for(&b, b.object.info.epoch + 1);
  assert_false(b.session.send);
  order_for(&b, b.object.info.epoch);
  assert_sends(&b, LEASE_CHANGE);
  reply_with(&b, STATUS_OK);
  reply_with(&b, STATUS_OK);
  assert_given(&b);
}

/* A session of the same node that has claimed, and may be writing. */
static void
what_another_session_has_claimed_is_not_given(void **state)
{
  struct bench b = bench("a", "");
  struct holder *holder = &b.object.info.record.holder;

  (void)state;
  strcpy(holder->node, "a");
  strcpy(holder->session, "another");
  holder->epoch = b.object.info.epoch;
  attach(&b);
  assert_gate(&b, GATE_ASK);
  order_for(&b, b.object.info.epoch);
  assert_false(b.session.send);
}

static void
it_gets_the_lease_back(void **state)
{
  struct bench b = offering(true);

  (void)state;
  other_takes_over(&b);
  reply_with(&b, STATUS_OK);
  reply_with(&b, STATUS_OK);
  other_claims(&b);
  b.object.info.lease.state = LEASE_AVAILABLE;
  b.now_ns += SECOND;
  event(&b, SESSION_WANT_WRITE);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.gate.guard.epoch, b.object.info.epoch);
}

/* With nobody's claim in between, and an instance that S13 would not let in. */
static void
it_gets_back_what_nobody_has_claimed(void **state)
{
  struct bench b = bench("a", "boot-1");

  (void)state;
  b.session.config.write_back = true;
  b.session.config.drain_ns = 20 * SECOND;
  hold(&b);
  order_for(&b, b.session.epoch);
  drained(&b, true);
  other_takes_over(&b);
  reply_with(&b, STATUS_OK);
  reply_with(&b, STATUS_OK);
  assert_given(&b);
  b.now_ns += SECOND;
  event(&b, SESSION_WANT_WRITE);
  serve(&b);
  assert_gate(&b, GATE_CONFLICT);
  b.object.info.lease.state = LEASE_EXPIRED;
  b.now_ns += SECOND;
  event(&b, SESSION_WANT_WRITE);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
}

/* S12: after another's claim an instance is fenced, given or not. */
static void
an_instance_is_fenced_by_the_next_claim(void **state)
{
  struct bench b = bench("a", "boot-1");
  struct holder next = {.node = "b"};

  (void)state;
  b.session.config.drain_ns = 20 * SECOND;
  hold(&b);
  order_for(&b, b.session.epoch);
  drained(&b, true);
  other_takes_over(&b);
  reply_with(&b, STATUS_OK);
  reply_with(&b, STATUS_OK);
  assert_given(&b);
  holder_succeed(&b.object.info.record, &next);
  b.object.info.record.holder.epoch = ++b.object.info.epoch;
  b.now_ns += SECOND;
  event(&b, SESSION_WANT_WRITE);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
}

/* --- when it does not go well ------------------------------------------ */

static void
it_goes_on_when_the_drain_takes_too_long(void **state)
{
  struct bench b = holding("");

  (void)state;
  order_for(&b, b.session.epoch);
  for (unsigned i = 0; i < 20; i++) {
    assert_gate(&b, GATE_DRAINING);
    pass_time(&b, SECOND);
    serve(&b);
  }
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.object.by_verb[LEASE_CHANGE], 0);
  drained(&b, true); /* too late */
  assert_gate(&b, GATE_OPEN);
}

static void
it_goes_on_when_something_is_lost(void **state)
{
  struct bench b = holding("");

  (void)state;
  order_for(&b, b.session.epoch);
  drained(&b, false);
  assert_gate(&b, GATE_OPEN);
  assert_false(b.session.send);
}

/* It was not done: on, under a newer epoch that a late one would meet. */
static void
a_change_that_was_not_done_is_over(void **state)
{
  static const int statuses[] = {STATUS_TRANSIENT, STATUS_UNKNOWN,
                                 STATUS_EPOCH_STALE};

  (void)state;
  for (unsigned i = 0; i < COUNT(statuses); i++) {
    struct bench b = offering(i != 1);
    uint64_t epoch = b.session.epoch;

    reply_with(&b, statuses[i]);
    assert_gate(&b, GATE_PENDING);
    serve(&b);
    assert_gate(&b, GATE_OPEN);
    assert_int_equal(b.session.gate.guard.epoch, epoch + 1);
  }
}

static void
a_lost_answer_is_found_out(void **state)
{
  (void)state;
  for (unsigned tells_ids = 0; tells_ids < 2; tells_ids++) {
    for (unsigned claims = 0; claims < 2; claims++) {
      struct bench b = offering(tells_ids != 0);

      if (claims)
        b_claims(&b);
      else
        other_takes_over(&b);
      reply_with(&b, STATUS_UNKNOWN);
      serve(&b);
      assert_given(&b);
    }
  }
}

/* Taken by a third node, whatever our Change was to do. */
static void
taken_by_another_it_is_fenced(void **state)
{
  struct bench b = offering(true);

  (void)state;
  other_takes_over(&b);
  other_claims(&b);
  strcpy(b.object.info.lease.id.text, "cccccccc-cccc-5ccc-8ccc-cccccccccccc");
  strcpy(b.object.info.record.holder.node, "c");
  reply_with(&b, STATUS_UNKNOWN);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
}

/* It has passed to the other node in the end, but somebody has claimed before.
 */
static void
claimed_in_between_it_is_fenced(void **state)
{
  struct bench b = offering(true);

  (void)state;
  other_claims(&b);
  b_claims(&b);
  reply_with(&b, STATUS_UNKNOWN);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
}

/* It has claimed since: what passes the lease on after that is not its Change.
 */
static void
preempted_after_a_lost_claim_it_is_fenced(void **state)
{
  struct bench b = offering(true);

  (void)state;
  reply_with(&b, STATUS_UNKNOWN);
  while (b.session.command.verb != LEASE_CLAIM) {
    struct lease_reply reply = answer(&b.object, &b.session.command);

    step(&b, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
  }
  answer(&b.object, &b.session.command);
  other_takes_over(&b);
  reply_with(&b, STATUS_UNKNOWN);
  serve(&b);
  pass_time(&b, 2 * SECOND);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
}

static void
fenced_while_draining_it_is_fenced(void **state)
{
  struct bench b = holding("");

  (void)state;
  order_for(&b, b.session.epoch);
  b_claims(&b);
  step(&b, (struct session_event){.kind = SESSION_REFUSED,
                                  .epoch = b.session.epoch,
                                  .status = STATUS_LEASE_MISMATCH});
  serve(&b);
  assert_gate(&b, GATE_FENCED);
  assert_false(b.session.draining);
}

/* The last client leaves: whoever is to have the lease finds it free. */
static void
a_detach_comes_before_a_hand_over(void **state)
{
  struct bench b = holding("");

  (void)state;
  order_for(&b, b.session.epoch);
  step(&b, (struct session_event){.kind = SESSION_DETACH, .clean = true});
  drained(&b, true);
  assert_sends(&b, LEASE_RELEASE);
  serve(&b);
  assert_true(b.session.finished);

  b = offering(true);
  step(&b, (struct session_event){.kind = SESSION_DETACH, .clean = true});
  assert_false(b.session.send);
  other_takes_over(&b);
  reply_with(&b, STATUS_OK);
  assert_sends(&b, LEASE_RELEASE); /* which is not B's */
  assert_true(lease_id_equal(&b.session.command.lease_id, &ID_A));
  serve(&b);
  assert_true(b.session.finished);
  assert_int_equal(b.object.info.lease.state, LEASE_LEASED);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_drains_gives_and_stands_by),
      cmocka_unit_test(the_renewal_for_the_other_is_a_courtesy),
      cmocka_unit_test(a_renewal_on_its_way_is_waited_for),
      cmocka_unit_test(orders_of_other_epochs_are_nothing),
      cmocka_unit_test(who_has_not_claimed_gives_what_he_took),
      cmocka_unit_test(what_another_session_has_claimed_is_not_given),
      cmocka_unit_test(it_gets_the_lease_back),
      cmocka_unit_test(it_gets_back_what_nobody_has_claimed),
      cmocka_unit_test(an_instance_is_fenced_by_the_next_claim),
      cmocka_unit_test(it_goes_on_when_the_drain_takes_too_long),
      cmocka_unit_test(it_goes_on_when_something_is_lost),
      cmocka_unit_test(a_change_that_was_not_done_is_over),
      cmocka_unit_test(a_lost_answer_is_found_out),
      cmocka_unit_test(taken_by_another_it_is_fenced),
      cmocka_unit_test(claimed_in_between_it_is_fenced),
      cmocka_unit_test(preempted_after_a_lost_claim_it_is_fenced),
      cmocka_unit_test(fenced_while_draining_it_is_fenced),
      cmocka_unit_test(a_detach_comes_before_a_hand_over),
  };

  return cmocka_run_group_tests_name("session, handing over", tests, NULL,
                                     NULL);
}
