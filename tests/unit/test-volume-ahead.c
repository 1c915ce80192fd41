/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-volume-ahead.c: what is read ahead, and when it is not kept. The store
 * holds every request, so that the test has what is on its way in its hands.
 */
#include "cached-bench.h"

#include <string.h>

struct scan {
  struct cached cached;
  struct fake_store *store;
};

/* What is in the block's bytes: no zeroes. */
static char
content(unsigned block)
{
  return (char)(block + 1);
}

/* A holder with an empty cache, of a volume that has no holes. */
static struct scan
scan_begin(struct world *world)
{
  struct scan scan = {.cached = begin(world, 256, true),
                      .store = &world->store};
  char buffer[512];

  for (unsigned i = 0; i < FAKE_SIZE; i++)
    scan.store->data[i] = content(i / BLOCK);
  assert_int_equal(put(&scan.cached, 'w', FAKE_SIZE - 512, 512), 0);
  assert_int_equal(flush(&scan.cached), 0);
  /* With the first read the store's map is asked for. */
  assert_int_equal(
      call(&scan.cached, STORE_READ, 0, buffer, FAKE_SIZE - BLOCK, 512), 0);
  scan.store->hold_io = true;
  return scan;
}

static void
scan_end(struct scan *scan)
{
  scan->store->hold_io = false;
  for (unsigned i = 0; i < fake_pending(scan->store); i++)
    if (!scan->store->messages[i].delivered)
      fake_complete(scan->store, i);
  end(&scan->cached);
}

/* After the store has answered. */
static void
go_on_with(struct scan *scan, struct call *call)
{
  call->finished = volume_advance(&call->request);
  call_go_on(&scan->cached, call);
}

/* Reads one block; the store answers if it is asked for that. */
static void
read_block(struct scan *scan, unsigned block)
{
  char buffer[BLOCK];
  struct call read;

  call_begin(&scan->cached, &read, STORE_READ, 0, buffer, block * BLOCK, BLOCK);
  if (!read.finished) {
    fake_complete(scan->store, fake_pending(scan->store) - 1);
    go_on_with(scan, &read);
  }
  assert_true(read.finished);
  assert_int_equal(read.request.status, 0);
  assert_int_equal(buffer[0], content(block));
  assert_int_equal(buffer[BLOCK - 1], content(block));
}

/* Three reads; what is fetched then: the first of the messages from *first on,
 * which are contiguous, from the fourth block on.
 */
static unsigned
three_reads(struct scan *scan, unsigned *first)
{
  char buffer[BLOCK];
  struct call read;
  uint64_t at = 3 * BLOCK;
  unsigned count;

  read_block(scan, 0);
  read_block(scan, 1);
  call_begin(&scan->cached, &read, STORE_READ, 0, buffer, 2 * BLOCK, BLOCK);
  assert_false(read.finished);
  *first = 2; /* they are sent before it waits */
  count = fake_pending(scan->store) - 3;
  for (unsigned i = *first; i < *first + count; i++) {
    const struct store_io *io = &scan->store->messages[i].sent_io;

    assert_int_equal(io->kind, STORE_READ);
    assert_int_equal(io->offset, at);
    at += io->count;
  }
  fake_complete(scan->store, *first + count);
  go_on_with(scan, &read);
  assert_true(read.finished);
  assert_true(count > 0 && count <= 3); /* of four connections */
  return count;
}

static void
answer_all(struct scan *scan, unsigned first, unsigned count)
{
  for (unsigned i = first; i < first + count; i++)
    fake_complete(scan->store, i);
}

static uint64_t
ahead_of(const struct scan *scan, bool used)
{
  struct cache_counts counts;

  cache_count(scan->cached.cache, &counts);
  return used ? counts.used_ahead : counts.wasted_ahead;
}

static void
what_comes_next_is_there(void **state)
{
  struct scan scan = scan_begin(*state);
  unsigned first, count = three_reads(&scan, &first);

  answer_all(&scan, first, count);
  for (unsigned i = 3; i < 6; i++)
    read_block(&scan, i);
  assert_int_equal(ahead_of(&scan, true), 3 * BLOCK);
  assert_int_equal(ahead_of(&scan, false), 0);
  scan_end(&scan);
}

/* It is not asked for twice: who needs it waits. */
static void
a_read_waits_for_what_is_on_its_way(void **state)
{
  struct scan scan = scan_begin(*state);
  unsigned first, count = three_reads(&scan, &first), before;
  char buffer[BLOCK];
  struct call read;

  before = fake_pending(scan.store);
  call_begin(&scan.cached, &read, STORE_READ, 0, buffer, 3 * BLOCK, BLOCK);
  assert_false(read.finished);
  assert_int_equal(fake_pending(scan.store), before);
  answer_all(&scan, first, count);
  go_on_with(&scan, &read);
  assert_true(read.finished);
  assert_int_equal(buffer[0], content(3));
  scan_end(&scan);
}

/* The answer to what was sent before a change is not kept; what was in it and
 * was not changed is asked for once more.
 */
static void
s9_what_was_changed_is_not_kept(void **state)
{
  struct scan scan = scan_begin(*state);
  unsigned first, count = three_reads(&scan, &first), before;
  char buffer[BLOCK];
  struct call read;

  assert_int_equal(call(&scan.cached, STORE_ZERO, 0, NULL, 4 * BLOCK, BLOCK),
                   0);
  answer_all(&scan, first, count);
  before = fake_pending(scan.store);
  assert_int_equal(call(&scan.cached, STORE_READ, 0, buffer, 4 * BLOCK, BLOCK),
                   0);
  assert_int_equal(buffer[0], 0);
  call_begin(&scan.cached, &read, STORE_READ, 0, buffer, 3 * BLOCK, BLOCK);
  assert_false(read.finished);
  assert_true(fake_pending(scan.store) > before);
  fake_complete(scan.store, fake_pending(scan.store) - 1);
  go_on_with(&scan, &read);
  assert_int_equal(buffer[0], content(3));
  assert_true(ahead_of(&scan, false) > 0);
  scan_end(&scan);
}

/* The store may not have a change yet that was answered long ago. */
static void
s9_what_is_unsent_is_not_read(void **state)
{
  struct scan scan = scan_begin(*state);
  unsigned first = 0;
  struct call write;
  char buffer[BLOCK] = "x";

  call_begin(&scan.cached, &write, STORE_WRITE, 0, buffer, 3 * BLOCK, 512);
  assert_true(write.finished);
  for (unsigned i = 0; i < 3; i++)
    read_block(&scan, i);
  for (; first < fake_pending(scan.store); first++) {
    const struct store_io *io = &scan.store->messages[first].sent_io;

    assert_true(io->offset + io->count <= 3 * BLOCK || io->offset >= 4 * BLOCK);
  }
  scan_end(&scan);
}

/* Nobody knows who has written when the lease's time is over. */
static void
s8_what_came_too_late_is_not_kept(void **state)
{
  struct scan scan = scan_begin(*state);
  unsigned first, count = three_reads(&scan, &first);
  struct cache_counts counts;

  cache_count(scan.cached.cache, &counts);
  scan.cached.world->clock.now_ns += 31 * SECOND; /* the keeper sleeps */
  answer_all(&scan, first, count);
  assert_true(ahead_of(&scan, false) > 0);
  scan_end(&scan);
}

static void
s9_mistrusted(void **state)
{
  struct scan scan = scan_begin(*state);
  unsigned first, count = three_reads(&scan, &first);

  keeper_mistrust(scan.cached.gateway.keeper, "disk0");
  answer_all(&scan, first, count);
  assert_true(ahead_of(&scan, false) > 0);
  scan_end(&scan);
}

static void
s6_fenced(void **state)
{
  struct scan scan = scan_begin(*state);
  unsigned first, count = three_reads(&scan, &first);
  struct cache_counts counts;

  preempt(scan.cached.world, "a", "b");
  scan.store->hold_io = false;
  assert_int_equal(put(&scan.cached, 'b', 0, 512), 0); /* not sent */
  assert_int_equal(flush(&scan.cached), STATUS_FENCED);
  settle(&scan.cached);
  answer_all(&scan, first, count);
  cache_count(scan.cached.cache, &counts);
  assert_int_equal(counts.bytes, 0);
  scan_end(&scan);
}

/* Nobody hears of it, but that it is read once more. */
static void
failures_are_silent(void **state)
{
  struct scan scan = scan_begin(*state);
  unsigned first, count = three_reads(&scan, &first);
  char buffer[BLOCK];
  struct call read;

  call_begin(&scan.cached, &read, STORE_READ, 0, buffer, 3 * BLOCK, BLOCK);
  for (unsigned i = first; i < first + count; i++) {
    fake_deliver(scan.store, i);
    fake_answer_with(scan.store, i, STATUS_IO);
  }
  go_on_with(&scan, &read);
  assert_false(read.finished);
  fake_complete(scan.store, fake_pending(scan.store) - 1);
  go_on_with(&scan, &read);
  assert_true(read.finished);
  assert_int_equal(read.request.status, 0);
  assert_int_equal(buffer[0], content(3));
  scan.store->hold_io = false;
  assert_int_equal(flush(&scan.cached), 0);
  scan_end(&scan);
}

static void
random_reads_fetch_nothing_else(void **state)
{
  static const unsigned order[] = {7, 31, 2, 50, 12, 44, 21, 60, 38, 16};
  struct scan scan = scan_begin(*state);

  for (unsigned i = 0; i < COUNT(order); i++)
    read_block(&scan, order[i]);
  assert_int_equal(fake_pending(scan.store), COUNT(order));
  scan_end(&scan);
}

/* A store that reads inside submit is not made to do it for nobody. */
static void
a_store_that_blocks_is_left_alone(void **state)
{
  struct scan scan = scan_begin(*state);
  unsigned before;

  scan.store->hold_io = false;
  before = scan.store->reads_done;
  for (unsigned i = 0; i < 3; i++)
    read_block(&scan, i);
  assert_true(scan.store->reads_done <= before + 3 + 3);
  before = scan.store->reads_done;
  for (unsigned i = 40; i < 60; i++)
    read_block(&scan, i);
  assert_int_equal(scan.store->reads_done, before + 20);
  scan_end(&scan);
}

/* The session is there until the store has answered. */
static void
the_end_waits_for_it(void **state)
{
  struct scan scan = scan_begin(*state);
  unsigned first, count = three_reads(&scan, &first);

  keeper_detach(scan.cached.connection.tenure);
  settle(&scan.cached);
  answer_all(&scan, first, count);
  settle(&scan.cached);
  gateway_close(&scan.cached.gateway);
  cache_free(scan.cached.cache);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(what_comes_next_is_there),
      TEST(a_read_waits_for_what_is_on_its_way),
      TEST(s9_what_was_changed_is_not_kept),
      TEST(s9_what_is_unsent_is_not_read),
      TEST(s8_what_came_too_late_is_not_kept),
      TEST(s9_mistrusted),
      TEST(s6_fenced),
      TEST(failures_are_silent),
      TEST(random_reads_fetch_nothing_else),
      TEST(a_store_that_blocks_is_left_alone),
      TEST(the_end_waits_for_it),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
