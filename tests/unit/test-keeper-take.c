/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-keeper-take.c: a keeper has a session take over: whoever waits is told
 * once, and the answer of a look that is not waited for does no harm, whenever
 * it comes.
 */
#include <stdlib.h>

#include "fake-store.h"
#include "leasehold/keeper.h"
#include "unit.h"

#define SECOND NANOSECONDS_PER_SECOND

static struct fake_clock frozen;
static struct fake_store store;
static struct keeper *keeper;
static struct tenure *a, *b;
static struct lease_id id_a;

static struct {
  struct takeover takeover; /* first */
  unsigned ends;
  int status;
} order;

static void
ended(struct takeover *takeover, int status)
{
  (void)takeover;
  order.ends++;
  order.status = status;
}

static struct tenure *
attach(const char *node)
{
  struct tenure *tenure;

  assert_int_equal(
      keeper_attach(keeper, &store.store, "disk0", node, "", &tenure, NULL), 0);
  keeper_turn(keeper);
  return tenure;
}

static void
post_write(struct tenure *tenure)
{
  tenure_post(tenure, &(struct session_event){.kind = SESSION_WANT_WRITE});
  keeper_turn(keeper);
}

static enum gate_position
position(struct tenure *tenure)
{
  struct gate gate;

  tenure_gate(tenure, &gate);
  return gate.position;
}

/* "a" holds it, "b" stands by; what comes from here on is held. */
static int
set_up(void **state)
{
  struct keeper_config config = {.clock = &frozen.clock, .duration_s = 30};

  (void)state;
  order.takeover.ended = ended;
  order.ends = 0;
  fake_clock_init(&frozen);
  fake_store_init(&store, &frozen);
  keeper = keeper_new(&config);
  assert_int_equal(lease_id_from_node("a", &config.key, &id_a), 0);
  a = attach("a");
  post_write(a);
  b = attach("b");
  assert_int_equal(position(b), GATE_CONFLICT);
  store.hold_commands = true;
  return 0;
}

static int
tear_down(void **state)
{
  (void)state;
  store.hold_commands = false;
  keeper_detach(a);
  keeper_detach(b);
  keeper_turn(keeper);
  assert_true(keeper_free(keeper));
  fake_store_destroy(&store);
  return 0;
}

static bool
take_over(void)
{
  bool taken = keeper_take_over(keeper, "disk0", "b", &id_a, &order.takeover);

  keeper_turn(keeper);
  return taken;
}

/* Delivers and answers the message, and the renewal behind it. */
static void
complete(unsigned index)
{
  store.hold_commands = false;
  fake_complete(&store, index);
  keeper_turn(keeper);
}

static void
assert_taken(void)
{
  assert_int_equal(order.ends, 1);
  assert_int_equal(order.status, 0);
  assert_int_equal(position(b), GATE_OPEN);
}

static void
test_it_is_told(void **state)
{
  (void)state;
  assert_true(take_over());
  assert_int_equal(order.ends, 0);
  complete(0);
  assert_taken();
}

static void
test_nobody_stands_by(void **state)
{
  (void)state;
  assert_false(keeper_take_over(keeper, "disk0", "a", &id_a, &order.takeover));
  assert_false(keeper_take_over(keeper, "disk1", "b", &id_a, &order.takeover));
  assert_false(keeper_take_over(keeper, "disk0", "c", &id_a, &order.takeover));
  assert_int_equal(order.ends, 0);
}

static void
test_refused(void **state)
{
  (void)state;
  store.hold_commands = false;
  store.command_status = STATUS_LEASE_MISMATCH;
  assert_true(take_over());
  store.command_status = 0;
  assert_int_equal(order.ends, 1);
  assert_int_equal(order.status, STATUS_CONFLICT);
}

static void
test_one_at_a_time(void **state)
{
  (void)state;
  assert_true(take_over());
  assert_false(take_over());
  complete(0);
  assert_taken();
}

/* A look is on its way, and is answered last. */
static void
test_a_late_look(void **state)
{
  (void)state;
  post_write(b);
  assert_int_equal(fake_pending(&store), 1);
  assert_true(take_over());
  assert_int_equal(fake_pending(&store), 2);
  complete(1);
  assert_taken();
  fake_complete(&store, 0);
  keeper_turn(keeper);
  assert_int_equal(position(b), GATE_OPEN);
}

/* It is answered first: its answer is not that of the other. */
static void
test_an_early_look(void **state)
{
  (void)state;
  post_write(b);
  assert_true(take_over());
  fake_complete(&store, 0);
  keeper_turn(keeper);
  assert_int_equal(order.ends, 0);
  assert_int_equal(position(b), GATE_PENDING);
  complete(1);
  assert_taken();
}

/* Both are there when the keeper's turn comes. */
static void
test_a_look_at_the_same_time(void **state)
{
  (void)state;
  post_write(b);
  assert_true(keeper_take_over(keeper, "disk0", "b", &id_a, &order.takeover));
  store.hold_commands = false;
  fake_complete(&store, 0);
  keeper_turn(keeper);
  assert_taken();
}

static void
test_whoever_has_left_is_not_told(void **state)
{
  (void)state;
  assert_true(take_over());
  keeper_forget_takeover(keeper, &order.takeover);
  complete(0);
  assert_int_equal(order.ends, 0);
  assert_int_equal(position(b), GATE_OPEN);
}

/* The session ends while it is asked for. */
static void
test_the_last_connection_leaves(void **state)
{
  (void)state;
  assert_true(keeper_take_over(keeper, "disk0", "b", &id_a, &order.takeover));
  keeper_detach(b);
  b = NULL;
  keeper_turn(keeper);
  assert_int_equal(order.ends, 0);
  complete(0);
  assert_int_equal(order.ends, 1);
  assert_int_equal(order.status, STATUS_CONFLICT);
}

#define TEST(function)                                                         \
  cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_it_is_told),
      TEST(test_nobody_stands_by),
      TEST(test_refused),
      TEST(test_one_at_a_time),
      TEST(test_a_late_look),
      TEST(test_an_early_look),
      TEST(test_a_look_at_the_same_time),
      TEST(test_whoever_has_left_is_not_told),
      TEST(test_the_last_connection_leaves),
  };

  return cmocka_run_group_tests_name("keeper, taking over", tests, NULL, NULL);
}
