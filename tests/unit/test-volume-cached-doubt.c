/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-volume-cached-doubt.c: what was read before others wrote, or before a
 * doubt, is not used after it.
 */
#include "cached-bench.h"

#include <string.h>

/* Until the keeper's next turn the gate is closed, and then another epoch. */
static void
raise_doubt(struct cached *cached)
{
  tenure_post(cached->connection.tenure,
              &(struct session_event){.kind = SESSION_UNKNOWN,
                                      .epoch = cached->world->store.epoch});
}

/* Two changes of one sector, each of a part. One has read the sector and waits;
 * meanwhile the other one goes all the way, and its block is given up.
 */
static void
a_sector_that_was_read_may_have_changed(void **state)
{
  struct cached cached = begin(*state, 8, true);
  struct fake_store *store = &cached.world->store;
  char buffer[512], scan[BLOCK];
  struct call write;

  memset(store->data, 's', sizeof store->data);
  memset(buffer, 'w', sizeof buffer);
  assert_int_equal(put(&cached, 'a', 0, 512), 0);
  store->hold_io = true;
  call_begin(&cached, &write, STORE_WRITE, 0, buffer, 4096, 100);
  fake_complete(store, fake_pending(store) - 1);
  raise_doubt(&cached);
  assert_false(volume_advance(&write.request));
  store->hold_io = false;
  turn(&cached.gateway);
  assert_int_equal(put(&cached, 'b', 4096 + 200, 100), 0);
  assert_int_equal(flush(&cached), 0);
  for (uint64_t at = 16 * BLOCK; at < 48 * BLOCK; at += BLOCK)
    assert_int_equal(call(&cached, STORE_READ, 0, scan, at, BLOCK), 0);
  call_go_on(&cached, &write);
  assert_int_equal(write.request.status, 0);
  assert_int_equal(flush(&cached), 0);
  assert_int_equal(store->data[4096], 'w');
  assert_int_equal(store->data[4096 + 200], 'b');
  assert_int_equal(store->data[4096 + 300], 's');
  end(&cached);
}

/* A zero of holes sends but one sector. Until that is in the store it is not
 * known whether the others still are zero: when in doubt, they are not read.
 */
static void
zeroes_of_holes_are_in_doubt_together(void **state)
{
  struct cached cached = begin(*state, 16, true);
  struct fake_store *store = &cached.world->store;
  char buffer[512];
  struct call read = {.request.wake = bench_wake};

  read.request.io = (struct store_io){
      .kind = STORE_READ, .buffer = buffer, .offset = 8192, .count = 512};
  assert_int_equal(call(&cached, STORE_ZERO, 0, NULL, 0, 16384), 0);
  assert_int_equal(flush(&cached), 0);
  memset(store->data + 8192, 'o', 512); /* another session of the node */
  assert_int_equal(call(&cached, STORE_ZERO, 0, NULL, 4096, 8192), 0);
  raise_doubt(&cached);
  volume_begin(&cached.connection.volume, &read.request);
  assert_false(volume_advance(&read.request));
  assert_int_equal(store->reads_done, 0);
  preempt(cached.world, "a", "b");
  turn(&cached.gateway);
  call_go_on(&cached, &read);
  assert_true(read.finished);
  assert_int_equal(flush(&cached), STATUS_FENCED);
  end(&cached);
}

static void
run_lease(struct cached *cached, const struct lease_command *command)
{
  struct store_command run = {.command = *command};

  assert_int_equal(
      store_run_command(tenure_volume(cached->connection.tenure), &run), 0);
}

/* The lease is handed to b, which claims, and writes 'n' everywhere. */
static void
b_writes(struct cached *cached)
{
  struct fake_store *store = &cached->world->store;
  struct handover_order order = {.epoch = store->epoch, .to = "b"};
  struct lease_command command = {.verb = LEASE_CLAIM};

  assert_int_equal(lease_id_from_node("b", NULL, &order.to_lease), 0);
  tenure_order(cached->connection.tenure, &order);
  turn(&cached->gateway);
  assert_int_equal(gate_of(&cached->connection), GATE_CONFLICT);
  command.lease_id = order.to_lease;
  command.expected_epoch = store->epoch;
  strcpy(command.record.holder.node, "b");
  run_lease(cached, &command);
  memset(store->data, 'n', sizeof store->data);
  command.verb = LEASE_RELEASE;
  command.expected_epoch = store->epoch;
  run_lease(cached, &command);
}

/* A read is answered when others have written since, and the volume is the
 * session's again.
 */
static void
s8_an_old_read_is_not_kept(void **state)
{
  struct cached cached = begin(*state, 64, false);
  struct fake_store *store = &cached.world->store;
  struct call read;
  char buffer[512];

  memset(store->data, 's', sizeof store->data);
  assert_int_equal(put(&cached, 'a', 0, 512), 0);
  settle(&cached);
  /* With the first read the store's map is asked for. */
  assert_int_equal(call(&cached, STORE_READ, 0, buffer, 32768, 512), 0);
  store->hold_io = true;
  call_begin(&cached, &read, STORE_READ, 0, buffer, 8192, 512);
  fake_deliver(store, fake_pending(store) - 1);
  store->hold_io = false;
  b_writes(&cached);
  cached.world->clock.now_ns += 2 * SECOND;
  tenure_post(cached.connection.tenure,
              &(struct session_event){.kind = SESSION_WANT_WRITE});
  turn(&cached.gateway);
  assert_int_equal(gate_of(&cached.connection), GATE_OPEN);
  fake_answer(store, fake_pending(store) - 1);
  assert_true(volume_advance(&read.request));
  assert_int_equal(call(&cached, STORE_READ, 0, buffer, 8192, 512), 0);
  assert_int_equal(buffer[0], 'n');
  end(&cached);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(a_sector_that_was_read_may_have_changed),
      TEST(zeroes_of_holes_are_in_doubt_together),
      TEST(s8_an_old_read_is_not_kept),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
