/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-session-drain.c: a session that is given up waits for what is under
 * way, but not for ever.
 */
#include "session-bench.h"

static struct bench
draining(const char *instance)
{
  struct bench b = bench("a", instance);

  b.session.config.drain_ns = 20 * SECOND;
  hold(&b);
  step(&b, (struct session_event){.kind = SESSION_DETACH, .clean = true});
  assert_true(b.session.draining);
  assert_false(b.session.send);
  assert_gate(&b, GATE_DRAINING);
  return b;
}

static void
drained(struct bench *b, bool clean)
{
  step(b, (struct session_event){.kind = SESSION_DRAINED, .clean = clean});
}

static void
assert_released(struct bench *b, bool clean)
{
  assert_sends(b, LEASE_RELEASE);
  assert_int_equal(b->session.command.clean, clean);
  assert_gate(b, GATE_CLOSED);
  serve(b);
  assert_true(b->session.finished);
  assert_int_equal(b->object.info.lease.state, LEASE_AVAILABLE);
  assert_int_equal(b->object.info.record.holder.clean, clean);
}

static void
the_lease_goes_when_all_is_sent(void **state)
{
  struct bench b = draining("");

  (void)state;
  assert_int_equal(b.session.gate.guard.epoch, b.object.info.epoch);
  assert_true(lease_id_equal(&b.session.gate.guard.lease_id, &ID_A));
  drained(&b, true);
  assert_false(b.session.draining);
  assert_released(&b, true);
}

static void
what_got_lost_while_draining_is_noted(void **state)
{
  struct bench b = draining("");

  (void)state;
  drained(&b, false);
  assert_released(&b, false);
}

static void
renewals_go_on(void **state)
{
  struct bench b = draining("");

  (void)state;
  pass_time(&b, 10 * SECOND);
  assert_sends(&b, LEASE_RENEW);
  drained(&b, true); /* the answer is waited for */
  assert_false(b.session.send);
  reply_with(&b, STATUS_OK);
  assert_released(&b, true);
}

static void
its_time_is_bounded(void **state)
{
  struct bench b = draining("");

  (void)state;
  for (unsigned i = 0; i < 19; i++) {
    pass_time(&b, SECOND);
    serve(&b);
    assert_gate(&b, GATE_DRAINING);
  }
  pass_time(&b, SECOND);
  assert_released(&b, false);
}

/* Also when the store answers nothing: then the lease cannot be given back. */
static void
its_time_is_bounded_without_a_store(void **state)
{
  struct bench b = draining("");
  unsigned steps = 0;

  (void)state;
  while (!b.session.finished && steps++ < 100) {
    pass_time(&b, SECOND);
    if (b.session.send)
      reply_with(&b, STATUS_TRANSIENT);
  }
  assert_true(b.session.finished);
  assert_in_range(steps, 20, 40);
}

static void
a_doubt_is_settled_and_the_drain_goes_on(void **state)
{
  static const enum session_event_kind doubts[] = {SESSION_REFUSED,
                                                   SESSION_UNKNOWN};

  (void)state;
  for (unsigned i = 0; i < COUNT(doubts); i++) {
    struct bench b = draining("");
    uint64_t epoch = b.object.info.epoch;

    step(&b, (struct session_event){.kind = doubts[i],
                                    .epoch = epoch,
                                    .status = STATUS_LEASE_LOST});
    assert_gate(&b, GATE_PENDING);
    serve(&b);
    assert_gate(&b, GATE_DRAINING);
    assert_int_equal(b.object.info.epoch, epoch + 1);
    assert_int_equal(b.session.gate.guard.epoch, epoch + 1);
    drained(&b, true);
    assert_released(&b, true);
  }
}

static void
drained_in_a_doubt_it_goes_at_once(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  b.session.config.drain_ns = 20 * SECOND;
  hold(&b);
  step(&b, (struct session_event){.kind = SESSION_UNKNOWN,
                                  .epoch = b.object.info.epoch});
  assert_sends(&b, LEASE_CLAIM);
  step(&b, (struct session_event){.kind = SESSION_DETACH, .clean = true});
  assert_true(b.session.draining);
  drained(&b, true);
  reply_with(&b, STATUS_TRANSIENT);
  assert_released(&b, true);
}

static void
a_fenced_session_has_nothing_to_drain(void **state)
{
  struct bench b = draining("");

  (void)state;
  other_takes_over(&b);
  other_claims(&b);
  step(&b, (struct session_event){.kind = SESSION_REFUSED,
                                  .epoch = b.session.epoch,
                                  .status = STATUS_LEASE_MISMATCH});
  serve(&b);
  assert_true(b.session.finished);
  assert_false(b.session.draining);
  assert_int_equal(b.object.info.lease.state, LEASE_LEASED);
}

static void
nothing_claimed_is_nothing_to_drain(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  b.session.config.drain_ns = 20 * SECOND;
  attach(&b);
  step(&b, (struct session_event){.kind = SESSION_DETACH, .clean = true});
  assert_false(b.session.draining);
  assert_released(&b, false);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_lease_goes_when_all_is_sent),
      cmocka_unit_test(what_got_lost_while_draining_is_noted),
      cmocka_unit_test(renewals_go_on),
      cmocka_unit_test(its_time_is_bounded),
      cmocka_unit_test(its_time_is_bounded_without_a_store),
      cmocka_unit_test(a_doubt_is_settled_and_the_drain_goes_on),
      cmocka_unit_test(drained_in_a_doubt_it_goes_at_once),
      cmocka_unit_test(a_fenced_session_has_nothing_to_drain),
      cmocka_unit_test(nothing_claimed_is_nothing_to_drain),
  };

  return cmocka_run_group_tests_name("session, draining", tests, NULL, NULL);
}
