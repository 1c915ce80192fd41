/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-session-take.c: a session that stands by takes the lease over when it is
 * told to: at once, if what it has seen is still so, and else by the ordinary
 * way. What it has is not proven before a renewal (S8), and nothing is written
 * before the claim (S2).
 */
#include "session-bench.h"

#include <string.h>

static void
order(struct bench *b, const struct lease_id *victim)
{
  step(b, (struct session_event){.kind = SESSION_TAKE_OVER, .victim = victim});
}

static void
assert_state(const struct bench *b, const char *state)
{
  assert_string_equal(session_state_text(b->session.state), state);
}

/* "b" holds it, and "a" stands by. */
static struct bench
standing_by(const char *instance)
{
  struct bench b = bench("a", instance);

  other_takes_over(&b);
  other_claims(&b);
  attach(&b);
  assert_state(&b, "standby");
  return b;
}

/* The answer by the model, once. */
static void
answer_one(struct bench *b)
{
  struct lease_reply reply = answer(&b->object, &b->session.command);

  step(b, (struct session_event){.kind = SESSION_REPLY, .reply = &reply});
}

static void
it_takes_and_claims_by_one_command(void **state)
{
  struct bench b = standing_by("");
  const struct lease_command *command = &b.session.command;

  (void)state;
  order(&b, &ID_B);
  assert_sends(&b, LEASE_TAKE_OVER);
  assert_false(b.session.supersedes);
  assert_gate(&b, GATE_PENDING);
  assert_true(lease_id_equal(&command->lease_id, &ID_B));
  assert_true(lease_id_equal(&command->proposed_id, &ID_A));
  assert_int_equal(command->expected_epoch, b.object.info.epoch);
  answer_one(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.gate.guard.epoch, b.object.info.epoch);
  assert_string_equal(b.object.info.record.holder.node, "a");
}

/* S8: a Change restarts no clock. */
static void
nothing_is_proven_before_a_renewal(void **state)
{
  struct bench b = standing_by("");

  (void)state;
  order(&b, &ID_B);
  answer_one(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.gate.valid_until_ns, 0);
  pass_time(&b, SECOND / 100);
  assert_sends(&b, LEASE_RENEW);
  reply_with(&b, STATUS_TRANSIENT);
  assert_int_equal(b.session.gate.valid_until_ns, 0);
  pass_time(&b, SECOND);
  assert_sends(&b, LEASE_RENEW);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.gate.valid_until_ns,
                   timing_valid_until(b.now_ns, 30));
}

static void
a_renewal_that_never_comes_ends_it(void **state)
{
  struct bench b = standing_by("");

  (void)state;
  order(&b, &ID_B);
  answer_one(&b);
  pass_time(&b, SECOND);
  assert_sends(&b, LEASE_RENEW);
  pass_time(&b, 23 * SECOND);
  assert_gate(&b, GATE_OPEN);
  pass_time(&b, SECOND);
  assert_state(&b, "verifying");
}

static void
a_refused_renewal_is_looked_into(void **state)
{
  struct bench b = standing_by("");

  (void)state;
  order(&b, &ID_B);
  answer_one(&b);
  pass_time(&b, SECOND);
  reply_with(&b, STATUS_LEASE_MISMATCH);
  assert_state(&b, "verifying");
}

/* What it will say is older than what is known then. */
static void
a_look_is_not_waited_for(void **state)
{
  struct bench b = standing_by("");

  (void)state;
  event(&b, SESSION_WANT_WRITE);
  assert_sends(&b, LEASE_DESCRIBE);
  order(&b, &ID_B);
  assert_sends(&b, LEASE_TAKE_OVER);
  assert_true(b.session.supersedes);
  answer_one(&b);
  assert_gate(&b, GATE_OPEN);
  assert_false(b.session.supersedes);
}

/* S12: the record that it would replace is not the one that it has seen. */
static void
who_has_claimed_since_is_looked_at(void **state)
{
  struct bench b = standing_by("");

  (void)state;
  other_claims(&b);
  order(&b, &ID_B);
  answer_one(&b);
  assert_state(&b, "looking");
  assert_string_equal(b.object.info.record.holder.node, "b");
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_string_equal(b.object.info.record.holder.node, "a");
}

static void
a_record_that_is_not_whole_is_not_built_upon(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  other_takes_over(&b);
  other_claims(&b);
  b.object.info.epoch++;
  attach(&b);
  order(&b, &ID_B);
  assert_false(b.session.send);
  assert_state(&b, "standby");
}

/* A third node's: it stands by as before. */
static void
it_takes_only_from_the_victim(void **state)
{
  struct bench b = standing_by("");
  const struct lease_id third = {"cccccccc-cccc-5ccc-8ccc-cccccccccccc"};

  (void)state;
  order(&b, &third);
  reply_with(&b, STATUS_LEASE_MISMATCH);
  assert_sends(&b, LEASE_DESCRIBE);
  serve(&b);
  assert_state(&b, "standby");
  assert_gate(&b, GATE_CONFLICT);
}

/* Done, and not known: the record says so. */
static void
an_unknown_outcome_is_found_out(void **state)
{
  struct bench b = standing_by("boot");

  (void)state;
  order(&b, &ID_B);
  answer(&b.object, &b.session.command);
  reply_with(&b, STATUS_UNKNOWN);
  assert_gate(&b, GATE_PENDING);
  serve(&b);
  assert_gate(&b, GATE_OPEN);
  assert_int_equal(b.session.epoch, b.object.info.epoch);
}

static void
one_that_leaves_gives_back_what_it_took(void **state)
{
  struct bench b = standing_by("");

  (void)state;
  order(&b, &ID_B);
  event(&b, SESSION_DETACH);
  answer_one(&b);
  assert_sends(&b, LEASE_RELEASE);
  serve(&b);
  assert_int_equal(b.object.info.lease.state, LEASE_AVAILABLE);
}

static void
who_holds_it_is_not_told_twice(void **state)
{
  struct bench b = bench("a", "");

  (void)state;
  hold(&b);
  order(&b, &ID_B);
  assert_false(b.session.send);
  assert_gate(&b, GATE_OPEN);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_takes_and_claims_by_one_command),
      cmocka_unit_test(nothing_is_proven_before_a_renewal),
      cmocka_unit_test(a_renewal_that_never_comes_ends_it),
      cmocka_unit_test(a_refused_renewal_is_looked_into),
      cmocka_unit_test(a_look_is_not_waited_for),
      cmocka_unit_test(who_has_claimed_since_is_looked_at),
      cmocka_unit_test(a_record_that_is_not_whole_is_not_built_upon),
      cmocka_unit_test(it_takes_only_from_the_victim),
      cmocka_unit_test(an_unknown_outcome_is_found_out),
      cmocka_unit_test(one_that_leaves_gives_back_what_it_took),
      cmocka_unit_test(who_holds_it_is_not_told_twice),
  };

  return cmocka_run_group_tests_name("session, taking over", tests, NULL, NULL);
}
