/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-volume.c: the fenced I/O path with keeper and sessions when
 * all goes well but for other nodes.
 */
#include "volume-bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void
first_write_claims_and_reads_do_not(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");

  assert_int_equal(run(&a, STORE_READ, 0, 0), 0);
  assert_int_equal(run(&a, STORE_FLUSH, 0, 0), 0);
  assert_int_equal(world->store.epoch, 0);
  assert_int_equal(write_at(&a, 'a', 0), 0);
  assert_int_equal(write_at(&a, 'b', 512), 0);
  assert_int_equal(world->store.epoch, 1);
  assert_int_equal(world->store.data[0], 'a');
  assert_int_equal(world->store.data[512], 'b');
  disconnect(&a);
  assert_int_equal(world->store.lease.state, LEASE_AVAILABLE);
  assert_true(world->store.record.holder.clean);
  gateway_close(&gateway);
}

static void
s1_every_change_carries_lease_and_epoch(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  static const enum store_io_kind kinds[] = {STORE_WRITE, STORE_ZERO};

  world->store.hold_io = true;
  for (unsigned i = 0; i < COUNT(kinds); i++) {
    struct client client;
    const struct guard *guard = &world->store.messages[i].sent_io.guard;

    start(&a, &client, kinds[i], 'a', 0);
    go_on(&a, &client);
    assert_int_equal(fake_pending(&world->store), i + 1);
    assert_int_equal(guard->epoch, world->store.epoch);
    assert_true(lease_id_equal(&guard->lease_id, &world->store.lease.id));
    fake_complete(&world->store, i);
    woken(&a, &client);
    assert_int_equal(client.request.status, 0);
  }
  disconnect(&a);
  gateway_close(&gateway);
}

static void
conflict_is_refused_or_waited_out(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", ""),
                    b = connect_to(&gateway, "b", "");
  struct client waiting;

  assert_int_equal(write_at(&a, 'a', 0), 0);
  assert_int_equal(write_at(&b, 'b', 0), STATUS_CONFLICT);
  assert_int_equal(run(&b, STORE_READ, 0, 0), 0);

  b.volume.limits.gate_wait_ns = 5 * SECOND;
  start(&b, &waiting, STORE_WRITE, 'b', 0);
  go_on(&b, &waiting);
  assert_false(waiting.finished);
  world->clock.now_ns += 2 * SECOND;
  go_on(&b, &waiting);
  assert_false(waiting.finished);
  disconnect(&a);
  world->clock.now_ns += SECOND;
  go_on(&b, &waiting);
  assert_true(waiting.finished);
  assert_int_equal(waiting.request.status, 0);
  assert_int_equal(world->store.data[0], 'b');

  struct connection again = connect_to(&gateway, "a", "");

  again.volume.limits.gate_wait_ns = 5 * SECOND;
  start(&again, &waiting, STORE_WRITE, 'a', 0);
  go_on(&again, &waiting);
  assert_false(waiting.finished);
  world->clock.now_ns += 5 * SECOND;
  go_on(&again, &waiting);
  assert_int_equal(waiting.request.status, STATUS_CONFLICT);
  disconnect(&again);
  disconnect(&b);
  gateway_close(&gateway);
}

static void
s6_fenced_session_says_so_every_time(void **state)
{
  struct world *world = *state;
  struct gateway one = gateway_open(world), two = gateway_open(world);
  struct connection a = connect_to(&one, "a", ""),
                    a2 = connect_to(&one, "a", ""),
                    b = connect_to(&two, "b", "");

  assert_int_equal(write_at(&a, 'a', 0), 0);
  preempt(world, "a", "b");
  world->clock.now_ns += SECOND;
  assert_int_equal(write_at(&b, 'b', 0), 0);
  for (unsigned i = 0; i < 3; i++) {
    assert_int_equal(write_at(&a, 'x', 0), STATUS_FENCED);
    assert_int_equal(run(&a, STORE_ZERO, 0, 0), STATUS_FENCED);
    assert_int_equal(run(&a2, STORE_FLUSH, 0, 0), STATUS_FENCED);
  }
  assert_int_equal(run(&a, STORE_READ, 0, 0), 0);
  assert_int_equal(world->store.data[0], 'b');
  disconnect(&a);
  disconnect(&a2);
  assert_int_equal(world->store.lease.state, LEASE_LEASED);
  assert_int_equal(write_at(&b, 'c', 0), 0);
  disconnect(&b);
  gateway_close(&one);
  gateway_close(&two);
}

static void
new_connection_of_a_fenced_node_begins_anew_without_an_instance(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", ""),
                    one = connect_to(&gateway, "c", "one"), fresh, same;

  assert_int_equal(write_at(&a, 'a', 0), 0);
  preempt(world, "a", "b");
  assert_int_equal(write_at(&a, 'x', 0), STATUS_FENCED);
  fresh = connect_to(&gateway, "a", "");
  assert_int_equal(gate_of(&fresh), GATE_CONFLICT);

  preempt(world, "b", "c");
  world->clock.now_ns += SECOND;
  assert_int_equal(write_at(&one, 'c', 0), 0);
  preempt(world, "c", "b");
  assert_int_equal(write_at(&one, 'x', 0), STATUS_FENCED);
  same = connect_to(&gateway, "c", "one");
  assert_int_equal(gate_of(&same), GATE_FENCED);
  disconnect(&a);
  disconnect(&fresh);
  disconnect(&one);
  disconnect(&same);
  gateway_close(&gateway);
}

static void
s9_observer_reads_the_store_and_never_writes(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", ""), observer = a;
  struct store_volume *volume;
  struct error error = ERROR_INIT;
  struct client client;

  assert_int_equal(
      store_volume_open(&world->store.store, "disk0", &volume, &error), 0);
  observer.volume.tenure = NULL;
  observer.volume.observed = volume;
  for (char fill = 'a'; fill < 'd'; fill++) {
    assert_int_equal(write_at(&a, fill, 0), 0);
    start(&observer, &client, STORE_READ, 0, 0);
    assert_true(client.finished);
    assert_int_equal(client.buffer[0], fill);
  }
  assert_int_equal(run(&observer, STORE_WRITE, 'x', 0), STATUS_READ_ONLY);
  assert_int_equal(run(&observer, STORE_ZERO, 0, 0), STATUS_READ_ONLY);
  store_volume_close(volume);
  disconnect(&a);
  gateway_close(&gateway);
}

static void
connections_of_a_node_share_one_session(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection first = connect_to(&gateway, "a", ""),
                    second = connect_to(&gateway, "a", "");

  assert_ptr_equal(first.tenure, second.tenure);
  assert_int_equal(write_at(&first, 'a', 0), 0);
  assert_int_equal(write_at(&second, 'b', 0), 0);
  assert_int_equal(world->store.epoch, 1);
  disconnect(&first);
  assert_int_equal(world->store.commands[LEASE_RELEASE], 0);
  assert_int_equal(write_at(&second, 'c', 0), 0);
  disconnect(&second);
  assert_int_equal(world->store.commands[LEASE_RELEASE], 1);
  gateway_close(&gateway);
}

/* A Release on its way must not meet the lease of the next session. */
static void
attach_waits_for_the_release_before_it(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", ""), next;

  assert_int_equal(write_at(&a, 'a', 0), 0);
  world->store.hold_commands = true;
  disconnect(&a); /* message 0: the Release */
  next = connect_to(&gateway, "a", "");
  assert_int_equal(fake_pending(&world->store), 1);
  assert_int_equal(gate_of(&next), GATE_PENDING);
  fake_complete(&world->store, 0);
  world->store.hold_commands = false;
  turn(&gateway);
  assert_int_equal(gate_of(&next), GATE_ASK);
  assert_int_equal(world->store.lease.state, LEASE_LEASED);
  disconnect(&next);
  gateway_close(&gateway);
}

static void
renewals_keep_the_lease(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", ""),
                    b = connect_to(&gateway, "b", "");

  assert_int_equal(write_at(&a, 'a', 0), 0);
  for (unsigned i = 0; i < 120; i++) {
    world->clock.now_ns += SECOND;
    turn(&gateway);
    assert_int_equal(blob_lease_state(&world->store.lease, world->clock.now_ns),
                     LEASE_LEASED);
  }
  assert_true(world->store.commands[LEASE_RENEW] <= 14);
  assert_int_equal(write_at(&b, 'b', 0), STATUS_CONFLICT);
  disconnect(&b);
  disconnect(&a);
  gateway_close(&gateway);
}

static void
keeper_turn_says_when_it_is_needed_next(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a;
  uint64_t next;

  assert_true(keeper_turn(gateway.keeper) == TIME_NEVER);
  a = connect_to(&gateway, "a", "");
  next = keeper_turn(gateway.keeper);
  assert_true(next > world->clock.now_ns + 4 * SECOND);
  assert_true(next <= world->clock.now_ns + 10 * SECOND);
  disconnect(&a);
  gateway_close(&gateway);
}

static void
missing_volume_is_refused_at_attach(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct tenure *tenure;
  struct error error = ERROR_INIT;

  assert_int_equal(keeper_attach(gateway.keeper, &world->store.store, "disk1",
                                 "a", "", &tenure, &error),
                   STATUS_NOT_FOUND);
  assert_string_equal(error.text, "disk1: no such volume");
  gateway_close(&gateway);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(first_write_claims_and_reads_do_not),
      TEST(s1_every_change_carries_lease_and_epoch),
      TEST(conflict_is_refused_or_waited_out),
      TEST(s6_fenced_session_says_so_every_time),
      TEST(new_connection_of_a_fenced_node_begins_anew_without_an_instance),
      TEST(s9_observer_reads_the_store_and_never_writes),
      TEST(connections_of_a_node_share_one_session),
      TEST(attach_waits_for_the_release_before_it),
      TEST(renewals_keep_the_lease),
      TEST(keeper_turn_says_when_it_is_needed_next),
      TEST(missing_volume_is_refused_at_attach),
  };

  return cmocka_run_group_tests_name("volume", tests, NULL, NULL);
}
