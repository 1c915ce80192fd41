/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-hole-map.c: the store's map of holes: asked for once, and right however
 * much is written meanwhile. The first quarter of the volume is data.
 */
#include "cached-bench.h"

#include <string.h>

#define DATA (FAKE_SIZE / 4)
#define HOLE (3 * FAKE_SIZE / 4)

static struct cached
begin_with_holes(struct world *world, unsigned blocks)
{
  struct cached cached = begin(world, blocks, true);

  memset(world->store.data, 0, sizeof world->store.data);
  memset(world->store.data, 's', DATA);
  assert_int_equal(put(&cached, 'c', 0, 512), 0);
  assert_int_equal(flush(&cached), 0);
  return cached;
}

/* What the volume has there, once it is in no block any more. */
static char
read_after_all(struct cached *cached, uint64_t offset)
{
  char buffer[BLOCK];

  assert_int_equal(flush(cached), 0);
  for (uint64_t at = 0; at < DATA; at += BLOCK)
    assert_int_equal(call(cached, STORE_READ, 0, buffer, at, BLOCK), 0);
  assert_int_equal(call(cached, STORE_READ, 0, buffer, offset, BLOCK), 0);
  return buffer[0];
}

static void
holes_cost_nothing(void **state)
{
  struct cached cached = begin_with_holes(*state, 64);
  struct fake_store *store = &cached.world->store;
  unsigned reads, writes = store->writes_done;
  char buffer[4096];

  assert_int_equal(call(&cached, STORE_READ, 0, buffer, 4096, 4096), 0);
  assert_int_equal(store->maps_done, 1);
  reads = store->reads_done;
  for (uint64_t at = DATA; at < FAKE_SIZE; at += sizeof buffer) {
    memset(buffer, 'x', sizeof buffer);
    assert_int_equal(call(&cached, STORE_READ, 0, buffer, at, sizeof buffer),
                     0);
    assert_int_equal(buffer[0], 0);
    assert_int_equal(buffer[sizeof buffer - 1], 0);
    assert_int_equal(call(&cached, STORE_ZERO, 0, NULL, at, sizeof buffer), 0);
  }
  assert_int_equal(flush(&cached), 0);
  assert_int_equal(store->reads_done, reads);
  assert_int_equal(store->writes_done, writes + 1); /* proves the lease */
  assert_int_equal(store->maps_done, 1);
  /* What is written there is no hole any more. */
  assert_int_equal(put(&cached, 'w', HOLE, BLOCK), 0);
  assert_int_equal(read_after_all(&cached, HOLE), 'w');
  end(&cached);
}

/* The map has left the store before the write came there. */
static void
s9_changed_before_it_has_come(void **state)
{
  struct cached cached = begin_with_holes(*state, 8);
  struct fake_store *store = &cached.world->store;
  char buffer[512];
  struct call read;

  store->hold_io = true;
  call_begin(&cached, &read, STORE_READ, 0, buffer, 8192, 512);
  assert_int_equal(fake_pending(store), 2);
  fake_deliver(store, 0);
  fake_deliver(store, 1);
  store->hold_io = false;
  assert_int_equal(put(&cached, 'w', HOLE, BLOCK), 0);
  assert_int_equal(call(&cached, STORE_ZERO, 0, NULL, 0, BLOCK), 0);
  fake_answer(store, 0);
  fake_answer(store, 1);
  assert_true(volume_advance(&read.request));
  assert_int_equal(buffer[0], 's');
  assert_int_equal(read_after_all(&cached, HOLE), 'w');
  end(&cached);
}

/* The write was answered long ago, and is in the store after the map was made.
 */
static void
s9_unsent_when_it_was_asked_for(void **state)
{
  struct cached cached = begin_with_holes(*state, 8);
  struct fake_store *store = &cached.world->store;
  char buffer[512];
  struct call read;

  assert_int_equal(put(&cached, 'w', HOLE, BLOCK), 0);
  store->hold_io = true;
  call_begin(&cached, &read, STORE_READ, 0, buffer, 8192, 512);
  assert_int_equal(fake_pending(store), 2);
  fake_deliver(store, 0);
  fake_deliver(store, 1);
  store->hold_io = false;
  assert_int_equal(flush(&cached), 0);
  fake_answer(store, 0);
  fake_answer(store, 1);
  assert_true(volume_advance(&read.request));
  assert_int_equal(read_after_all(&cached, HOLE), 'w');
  end(&cached);
}

/* Others may have written while the lease was not provably held. */
static void
s8_too_late(void **state)
{
  struct cached cached = begin_with_holes(*state, 64);
  struct fake_store *store = &cached.world->store;
  char buffer[512];
  struct call read;
  unsigned reads;

  store->hold_io = true;
  call_begin(&cached, &read, STORE_READ, 0, buffer, 8192, 512);
  cached.world->clock.now_ns += 31 * SECOND; /* the keeper sleeps */
  fake_complete(store, 0);
  fake_complete(store, 1);
  store->hold_io = false;
  assert_true(volume_advance(&read.request));
  reads = store->reads_done;
  assert_int_equal(call(&cached, STORE_READ, 0, buffer, HOLE, 512), 0);
  assert_int_equal(store->reads_done, reads + 1);
  end(&cached);
}

/* A zero that was answered and not sent, for there was a hole: while it is in
 * doubt who has the volume, the store is not asked what is there.
 */
static void
s8_what_was_zeroed_is_not_read_in_doubt(void **state)
{
  struct cached cached = begin_with_holes(*state, 64);
  struct fake_store *store = &cached.world->store;
  char buffer[512] = "x";
  struct call read;
  unsigned reads;

  assert_int_equal(call(&cached, STORE_READ, 0, buffer, 4096, 512), 0);
  assert_int_equal(call(&cached, STORE_ZERO, 0, NULL, HOLE, 4096), 0);
  reads = store->reads_done;
  store->hold_commands = true;
  tenure_post(
      cached.connection.tenure,
      &(struct session_event){.kind = SESSION_UNKNOWN, .epoch = store->epoch});
  call_begin(&cached, &read, STORE_READ, 0, buffer, HOLE + 2048, 512);
  assert_false(read.finished);
  assert_int_equal(store->reads_done, reads);
  store->hold_commands = false;
  for (unsigned i = 0; i < fake_pending(store); i++)
    fake_complete(store, i);
  call_go_on(&cached, &read);
  assert_true(read.finished);
  assert_int_equal(read.request.status, 0);
  assert_int_equal(buffer[0], 0);
  assert_int_equal(flush(&cached), 0);
  end(&cached);
}

static void
a_failure_is_silent_and_the_last(void **state)
{
  struct cached cached = begin_with_holes(*state, 64);
  struct fake_store *store = &cached.world->store;
  char buffer[512];
  struct call read;

  store->hold_io = true;
  call_begin(&cached, &read, STORE_READ, 0, buffer, HOLE, 512);
  fake_deliver(store, 0);
  fake_answer_with(store, 0, STATUS_UNSUPPORTED);
  fake_complete(store, 1);
  store->hold_io = false;
  assert_true(volume_advance(&read.request));
  assert_int_equal(read.request.status, 0);
  assert_int_equal(call(&cached, STORE_READ, 0, buffer, HOLE + 2048, 512), 0);
  assert_int_equal(store->maps_done, 1);
  assert_int_equal(flush(&cached), 0);
  end(&cached);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(holes_cost_nothing),
      TEST(s9_changed_before_it_has_come),
      TEST(s9_unsent_when_it_was_asked_for),
      TEST(s8_too_late),
      TEST(s8_what_was_zeroed_is_not_read_in_doubt),
      TEST(a_failure_is_silent_and_the_last),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
