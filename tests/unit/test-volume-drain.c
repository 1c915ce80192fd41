/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-volume-drain.c: what is under way when a session is given up is
 * finished first; what is new waits.
 */
#include "volume-bench.h"

#include "leasehold/in-flight.h"

/* A write of a's that the store has, and the session is to be given up. */
static void
write_and_retire(struct world *world, struct connection *a,
                 struct client *under_way)
{
  assert_int_equal(write_at(a, '0', 0), 0);
  world->store.hold_io = true;
  start(a, under_way, STORE_WRITE, 'w', 0);
  go_on(a, under_way);
  assert_int_equal(fake_pending(&world->store), 1);
  keeper_retire(a->gateway->keeper);
  turn(a->gateway);
  assert_int_equal(gate_of(a), GATE_DRAINING);
}

static void
assert_gone(struct world *world, struct connection *a, bool clean)
{
  turn(a->gateway);
  assert_int_equal(gate_of(a), GATE_CLOSED);
  assert_int_equal(world->store.lease.state, LEASE_AVAILABLE);
  assert_int_equal(world->store.record.holder.clean, clean);
  disconnect(a);
}

static void
what_is_under_way_is_finished(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client under_way, fresh;

  write_and_retire(world, &a, &under_way);
  start(&a, &fresh, STORE_WRITE, 'f', 512);
  go_on(&a, &fresh);
  assert_false(fresh.finished);
  assert_int_equal(fake_pending(&world->store), 1); /* it waits at the gate */

  world->store.hold_io = false;
  assert_int_equal(run(&a, STORE_FLUSH, 0, 0), 0);
  fake_complete(&world->store, 0);
  woken(&a, &under_way);
  assert_int_equal(under_way.request.status, 0);
  assert_int_equal(world->store.data[0], 'w');
  assert_int_equal(world->store.writes_refused, 0);
  go_on(&a, &fresh);
  assert_int_equal(fresh.request.status, STATUS_STOPPING);
  assert_gone(world, &a, true);
  gateway_close(&gateway);
}

/* Its second try goes out while the session drains, in the new epoch (S4). */
static void
one_in_doubt_is_finished_too(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client under_way;

  write_and_retire(world, &a, &under_way);
  fake_answer_with(&world->store, 0, STATUS_UNKNOWN);
  woken(&a, &under_way);
  go_on(&a, &under_way);
  assert_int_equal(world->store.epoch, 2);
  assert_int_equal(gate_of(&a), GATE_DRAINING);
  assert_int_equal(world->store.messages[1].sent_io.guard.epoch, 2);
  fake_complete(&world->store, 1);
  woken(&a, &under_way);
  assert_int_equal(under_way.request.status, 0);
  assert_gone(world, &a, true);
  fake_deliver(&world->store, 0);
  assert_int_equal(world->store.writes_refused, 1);
  gateway_close(&gateway);
}

static void
it_is_not_waited_for_without_end(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client under_way;

  write_and_retire(world, &a, &under_way);
  for (unsigned i = 0; i < 30; i++) {
    assert_int_equal(gate_of(&a), GATE_DRAINING);
    world->clock.now_ns += SECOND;
    turn(&gateway);
  }
  fake_complete(&world->store, 0);
  woken(&a, &under_way);
  go_on(&a, &under_way);
  assert_int_equal(under_way.request.status, STATUS_STOPPING);
  assert_int_equal(world->store.writes_refused, 1);
  assert_gone(world, &a, false);
  gateway_close(&gateway);
}

static void
a_gate_that_is_over_lets_nothing_pass(void **state)
{
  struct in_flight changes = {0};

  (void)state;
  assert_true(in_flight_begin(&changes, 3));
  assert_true(in_flight_begin(&changes, 4));
  assert_false(in_flight_drained(&changes, 4));
  assert_false(in_flight_begin(&changes, 3));
  assert_false(in_flight_begin(&changes, 4));
  assert_false(in_flight_end(&changes));
  assert_true(in_flight_end(&changes));
  assert_true(in_flight_drained(&changes, 4));
  assert_false(in_flight_begin(&changes, 4));

  /* Opened anew: nobody waits any more. */
  assert_true(in_flight_begin(&changes, 5));
  assert_false(in_flight_end(&changes));
  assert_true(in_flight_drained(&changes, 2)); /* it only grows */
  assert_false(in_flight_begin(&changes, 4));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(what_is_under_way_is_finished),
      TEST(one_in_doubt_is_finished_too),
      TEST(it_is_not_waited_for_without_end),
      cmocka_unit_test(a_gate_that_is_over_lets_nothing_pass),
  };

  return cmocka_run_group_tests_name("volume, draining", tests, NULL, NULL);
}
