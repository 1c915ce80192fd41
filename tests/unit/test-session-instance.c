/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-session-instance.c: fenced instances (S12, S13), and the machine
 * under torture: the nth command fails.
 */
#include "session-bench.h"

#include <stdio.h>
#include <string.h>

static void
s12_claim_lists_the_instance_before_it(void **state)
{
  struct bench b = bench("a", "one");
  struct object *object = &b.object;

  (void)state;
  snprintf(object->info.record.holder.node, 8, "b");
  snprintf(object->info.record.holder.instance, 8, "x");
  object->info.record.holder.epoch = 7;
  hold(&b);
  assert_int_equal(object->info.record.fenced_count, 1);
  assert_string_equal(object->info.record.fenced[0].node, "b");
  assert_string_equal(object->info.record.fenced[0].instance, "x");
}

static void
s12_listed_instance_is_fenced_at_attach(void **state)
{
  struct bench b = bench("a", "one");

  (void)state;
  b.object.info.record.fenced_count = 1;
  snprintf(b.object.info.record.fenced[0].node, 8, "a");
  snprintf(b.object.info.record.fenced[0].instance, 8, "one");
  attach(&b);
  assert_gate(&b, GATE_FENCED);
  assert_int_equal(b.object.by_verb[LEASE_ACQUIRE], 0);

  struct bench two = bench("a", "two");

  two.object = b.object;
  hold(&two);
}

static void
s12_standby_instance_that_lost_is_fenced_when_it_asks(void **state)
{
  struct bench b = bench("a", "one");

  (void)state;
  other_takes_over(&b);
  attach(&b);
  b.object.info.lease.state = LEASE_AVAILABLE;
  b.object.info.record.fenced_count = 1;
  snprintf(b.object.info.record.fenced[0].node, 8, "a");
  snprintf(b.object.info.record.fenced[0].instance, 8, "one");
  pass_time(&b, SECOND);
  event(&b, SESSION_WANT_WRITE);
  serve(&b);
  assert_gate(&b, GATE_FENCED);
}

static void
s13_unclean_write_back_session_is_not_let_back_in(void **state)
{
  static const struct {
    bool write_back, clean;
    uint64_t epoch;
    enum gate_position gate;
  } rows[] = {
      {true, false, 7, GATE_FENCED}, {true, true, 7, GATE_ASK},
      {false, false, 7, GATE_ASK},   {false, true, 7, GATE_ASK},
      {false, true, 6, GATE_FENCED}, /* superseded by somebody unknown */
  };

  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct bench b = bench("a", "one");
    struct holder *holder = &b.object.info.record.holder;

    snprintf(holder->node, sizeof holder->node, "a");
    snprintf(holder->instance, sizeof holder->instance, "one");
    holder->write_back = rows[i].write_back;
    holder->clean = rows[i].clean;
    holder->epoch = rows[i].epoch;
    attach(&b);
    assert_gate(&b, rows[i].gate);
  }
}

/* --- torture ----------------------------------------------------------------
 */

/* Attach, write, unknown outcome, renew, detach, with the nth command failing
 * in every way: the session always gets where it should in the end.
 */
static bool
cycle(unsigned nth, int status, bool after_effect)
{
  struct bench b = bench("a", "one");
  unsigned count = 0, turns = 0;
  int stage = 0;

  event(&b, SESSION_ATTACH);
  while (!b.session.finished) {
    assert_true(++turns < 200);
    if (b.session.send) {
      struct lease_reply reply = {.status = status, .info = b.object.info};

      if (++count != nth)
        reply = answer(&b.object, &b.session.command);
      else if (after_effect)
        answer(&b.object, &b.session.command);
      step(&b, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
    } else if (stage == 0 && b.session.gate.position == GATE_ASK) {
      stage++;
      event(&b, SESSION_WANT_WRITE);
    } else if (b.session.gate.position == GATE_OPEN) {
      assert_int_equal(b.session.gate.guard.epoch, b.object.info.epoch);
      if (stage++ == 1)
        step(&b, (struct session_event){.kind = SESSION_UNKNOWN,
                                        .epoch = b.session.gate.guard.epoch});
      else if (stage == 3)
        pass_time(&b, 10 * SECOND);
      else if (stage == 4)
        step(&b, (struct session_event){.kind = SESSION_DETACH, .clean = true});
      else
        pass_time(&b, b.session.wake_at_ns - b.now_ns);
    } else {
      assert_true(b.session.wake_at_ns != TIME_NEVER);
      assert_int_not_equal(b.session.gate.position, GATE_FENCED);
      b.now_ns = b.session.wake_at_ns;
      event(&b, SESSION_TIMER);
    }
  }
  assert_int_equal(b.object.info.lease.state, LEASE_AVAILABLE);
  return count >= nth;
}

static void
torture_nth_command_fails(void **state)
{
  unsigned nth = 1;

  (void)state;
  while (cycle(nth, STATUS_TRANSIENT, false)) {
    assert_true(cycle(nth, STATUS_UNKNOWN, false));
    assert_true(cycle(nth, STATUS_UNKNOWN, true));
    nth++;
  }
  assert_true(nth > 6);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(s12_claim_lists_the_instance_before_it),
      cmocka_unit_test(s12_listed_instance_is_fenced_at_attach),
      cmocka_unit_test(s12_standby_instance_that_lost_is_fenced_when_it_asks),
      cmocka_unit_test(s13_unclean_write_back_session_is_not_let_back_in),
      cmocka_unit_test(torture_nth_command_fails),
  };

  return cmocka_run_group_tests_name("session-instance", tests, NULL, NULL);
}
