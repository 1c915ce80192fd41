/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-holder.c: what holder records say to those who come after (S12, S13).
 */
#include <stdio.h>
#include <string.h>

#include "lease/holder.h"
#include "unit.h"

static struct holder
holder(const char *node, const char *instance, uint64_t epoch)
{
  struct holder made = {.epoch = epoch};

  snprintf(made.node, sizeof made.node, "%s", node);
  snprintf(made.instance, sizeof made.instance, "%s", instance);
  snprintf(made.session, sizeof made.session, "nonce-%u", (unsigned)epoch);
  return made;
}

static bool
listed(const struct holder_record *record, const char *node,
       const char *instance)
{
  struct volume_info info = {.record = *record};

  return holder_judge(&info, node, instance) == HOLDER_LOST_VOLUME;
}

static void
first_claim_lists_nobody(void **state)
{
  struct holder_record record = {.fenced_count = 0};
  struct holder next = holder("a", "one", 1);

  (void)state;
  holder_succeed(&record, &next);
  assert_int_equal(record.fenced_count, 0);
  assert_string_equal(record.holder.node, "a");
  holder_succeed(&record, &next); /* the same again: a reclaim */
  assert_int_equal(record.fenced_count, 0);
}

static void
s12_any_other_claim_lists_the_one_before(void **state)
{
  static const struct {
    const char *node, *instance;
  } others[] = {{"b", ""}, {"b", "one"}, {"a", "two"}, {"a", ""}};

  (void)state;
  for (unsigned i = 0; i < COUNT(others); i++) {
    struct holder_record record = {.holder = holder("a", "one", 1)};
    struct holder next = holder(others[i].node, others[i].instance, 2);

    holder_succeed(&record, &next);
    assert_int_equal(record.fenced_count, 1);
    assert_true(listed(&record, "a", "one"));
    assert_false(listed(&record, "a", "two"));
    assert_false(listed(&record, "b", "one"));
    assert_int_equal(record.fenced[0].epoch, 1);
  }
}

static void
holder_without_instance_is_never_listed(void **state)
{
  struct holder_record record = {.holder = holder("a", "", 1)};
  struct holder next = holder("b", "", 2);

  (void)state;
  holder_succeed(&record, &next);
  assert_int_equal(record.fenced_count, 0);
}

static void
s12_full_list_keeps_the_last_of_each_node(void **state)
{
  struct holder_record record = {.holder = holder("once", "x", 1)};
  char instance[16];

  (void)state;
  for (unsigned i = 0; i < 5 * FENCED_INSTANCES_MAX; i++) {
    struct holder next;

    snprintf(instance, sizeof instance, "boot-%u", i);
    next = holder("often", instance, i + 2);
    holder_succeed(&record, &next);
  }
  assert_int_equal(record.fenced_count, FENCED_INSTANCES_MAX);
  assert_true(listed(&record, "once", "x"));
  snprintf(instance, sizeof instance, "boot-%u", 5 * FENCED_INSTANCES_MAX - 2);
  assert_true(listed(&record, "often", instance)); /* the last but one */
  assert_false(listed(&record, "often", "boot-0"));
}

static void
full_list_of_many_nodes_drops_the_oldest(void **state)
{
  struct holder_record record = {.fenced_count = 0};
  char node[16];

  (void)state;
  for (unsigned i = 0; i < FENCED_INSTANCES_MAX + 2; i++) {
    struct holder next;

    snprintf(node, sizeof node, "node-%u", i);
    next = holder(node, "x", i + 1);
    holder_succeed(&record, &next);
  }
  assert_false(listed(&record, "node-0", "x"));
  assert_true(listed(&record, "node-1", "x"));
}

static void
verdicts_about_the_last_holder(void **state)
{
  static const struct {
    const char *instance;
    uint64_t epoch;
    bool write_back, clean;
    enum holder_verdict verdict;
  } rows[] = {
      {"one", 5, false, false, HOLDER_MAY_GO_ON},
      {"one", 5, true, true, HOLDER_MAY_GO_ON},
      {"one", 5, true, false, HOLDER_LOST_WRITES}, /* S13 */
      {"one", 4, false, true, HOLDER_SUPERSEDED},  /* not believed */
      {"two", 4, true, false, HOLDER_MAY_GO_ON},
      {"", 4, true, false, HOLDER_MAY_GO_ON},
  };

  (void)state;
  for (unsigned i = 0; i < COUNT(rows); i++) {
    struct volume_info info = {.epoch = 5};

    info.record.holder = holder("a", "one", rows[i].epoch);
    info.record.holder.write_back = rows[i].write_back;
    info.record.holder.clean = rows[i].clean;
    assert_int_equal(holder_judge(&info, "a", rows[i].instance),
                     rows[i].verdict);
    assert_int_equal(holder_judge(&info, "b", rows[i].instance),
                     HOLDER_MAY_GO_ON);
  }
}

static void
session_is_recognised_only_in_a_believed_record(void **state)
{
  struct volume_info info = {.epoch = 5};

  (void)state;
  info.record.holder = holder("a", "", 5);
  assert_true(holder_is_session(&info, "nonce-5"));
  assert_false(holder_is_session(&info, "nonce-4"));
  info.epoch = 6;
  assert_false(holder_is_session(&info, "nonce-5"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_claim_lists_nobody),
      cmocka_unit_test(s12_any_other_claim_lists_the_one_before),
      cmocka_unit_test(holder_without_instance_is_never_listed),
      cmocka_unit_test(s12_full_list_keeps_the_last_of_each_node),
      cmocka_unit_test(full_list_of_many_nodes_drops_the_oldest),
      cmocka_unit_test(verdicts_about_the_last_holder),
      cmocka_unit_test(session_is_recognised_only_in_a_believed_record),
  };

  return cmocka_run_group_tests_name("holder", tests, NULL, NULL);
}
