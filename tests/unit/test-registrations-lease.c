/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-registrations-lease.c: what reservation commands mean for the lease. */
#include <string.h>

#include "registrations-bench.h"

static void
assert_effect(enum lease_effect_kind kind, const char *from, const char *to)
{
  assert_int_equal(effect.kind, kind);
  assert_string_equal(effect.from.node, from);
  assert_string_equal(effect.to.node, to);
}

static void
test_effects_of_single_types(void **state)
{
  struct pr_command move = {.action = PR_REGISTER_AND_MOVE,
                            .key = KEY_A,
                            .service_key = KEY_C,
                            .destination = "c"};

  (void)state;
  reserved(WRITE_EXCLUSIVE);
  assert_effect(EFFECT_ACQUIRE, "", "a");
  GOOD("a", PR_RESERVE, KEY_A, 0, WRITE_EXCLUSIVE);
  assert_effect(EFFECT_ACQUIRE, "a", "a"); /* for good, not for a while */
  GOOD("b", PR_PREEMPT, KEY_B, KEY_A, WRITE_EXCLUSIVE);
  assert_effect(EFFECT_CHANGE, "a", "b");
  GOOD("b", PR_RELEASE, KEY_B, 0, WRITE_EXCLUSIVE);
  assert_effect(EFFECT_RELEASE, "b", "");
  reserved(WRITE_EXCLUSIVE);
  GOOD("a", PR_REGISTER, KEY_A, 0, 0);
  assert_effect(EFFECT_RELEASE, "a", "");
  reserved(WRITE_EXCLUSIVE);
  assert_result(run("a", &move), good);
  assert_effect(EFFECT_CHANGE, "a", "c");
  GOOD("b", PR_REGISTER, KEY_B, 0, 0);
  assert_effect(EFFECT_NONE, "c", "c");
  assert_int_equal(now.group, 0);
}

/* A lease that a node holds which has not registered: nobody has its key, but
 * CLEAR takes it.
 */
static void
test_effects_of_unregistered_holder(void **state)
{
  (void)state;
  now.reservation.type = WRITE_EXCLUSIVE;
  strcpy(now.reservation.holder, "a");
  GOOD("b", PR_REGISTER, 0, KEY_B, 0);
  CONFLICT("b", PR_RESERVE, KEY_B, 0, WRITE_EXCLUSIVE);
  CONFLICT("b", PR_PREEMPT, KEY_B, KEY_A, WRITE_EXCLUSIVE);
  GOOD("a", PR_REGISTER, 0, KEY_A, 0);
  GOOD("b", PR_PREEMPT, KEY_B, KEY_A, WRITE_EXCLUSIVE);
  assert_effect(EFFECT_CHANGE, "a", "b");
  strcpy(now.reservation.holder, ""); /* not known whose it is */
  GOOD("b", PR_CLEAR, KEY_B, 0, 0);
  assert_int_equal(effect.kind, EFFECT_BREAK);
}

/* Whoever is removed from a group is not in the next one. */
static void
test_effects_of_groups(void **state)
{
  (void)state;
  for (size_t i = 2; i < COUNT(all_types); i++) {
    uint64_t group;

    reserved(all_types[i]);
    assert_int_equal(effect.kind, EFFECT_ACQUIRE);
    assert_int_equal(effect.to.kind, OWNER_GROUP);
    group = effect.to.group;
    assert_int_equal(group, now.group);
    GOOD("c", PR_REGISTER, 0, KEY_C, 0); /* joins */
    assert_int_equal(effect.kind, EFFECT_NONE);
    GOOD("a", PR_PREEMPT, KEY_A, KEY_B, all_types[i]);
    assert_int_equal(effect.kind, EFFECT_CHANGE);
    assert_int_equal(effect.from.group, group);
    assert_int_equal(effect.to.group, group + 1);
    GOOD("c", PR_REGISTER, KEY_C, 0, 0);
    assert_int_equal(effect.kind, EFFECT_CHANGE);
    assert_int_equal(effect.to.group, group + 2);
    GOOD("a", PR_RELEASE, KEY_A, 0, all_types[i]);
    assert_int_equal(effect.kind, EFFECT_RELEASE);
    GOOD("a", PR_RESERVE, KEY_A, 0, all_types[i]); /* never the same again */
    assert_int_equal(effect.to.group, group + 3);
    GOOD("a", PR_PREEMPT, KEY_A, KEY_A, WRITE_EXCLUSIVE);
    assert_int_equal(effect.kind, reservation_type_is_all(all_types[i])
                                      ? EFFECT_RELEASE
                                      : EFFECT_CHANGE);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      SCENARIO(test_effects_of_single_types),
      SCENARIO(test_effects_of_unregistered_holder),
      SCENARIO(test_effects_of_groups),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
