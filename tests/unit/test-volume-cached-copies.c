/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-volume-cached-copies.c: what may happen to a block while it is copied
 * to or from, which is done without the cache's lock. First one thing at a
 * time, with the copy held up; then all at once, in threads.
 */
#include "cache/cache-internal.h"
#include "cached-bench.h"
#include "utils/cleanup.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* --- copies that are held up -------------------------------------------- */

static struct cached *bench;
static void (*while_copying)(void); /* once, before the copies are done */
static bool crowd;

void __real_copies_do(struct copies *);
void __wrap_copies_do(struct copies *);
void
__wrap_copies_do(struct copies *copies)
{
  void (*now)(void) = while_copying;

  if (crowd) {
    sched_yield();
  } else if (now != NULL && copies->claims > 0) {
    while_copying = NULL;
    now();
  }
  __real_copies_do(copies);
}

static int
get(struct cached *cached, char *buffer, uint64_t offset, uint64_t count)
{
  return call(cached, STORE_READ, 0, buffer, offset, count);
}

static void
fill_memory(void)
{
  char buffer[BLOCK];

  for (unsigned i = 16; i < 48; i++)
    assert_int_equal(get(bench, buffer, i * BLOCK, BLOCK), 0);
}

static void
it_is_not_given_up(void **state)
{
  struct cached cached = begin(*state, 8, true);
  struct fake_store *store = &cached.world->store;
  char buffer[BLOCK], expected[BLOCK];

  bench = &cached;
  for (unsigned i = 0; i < FAKE_SIZE; i++)
    store->data[i] = (char)('0' + i / BLOCK);
  memset(expected, '0', sizeof expected);
  assert_int_equal(put(&cached, 'a', 63 * BLOCK, 512), 0); /* claims */
  while_copying = fill_memory;                             /* into it */
  assert_int_equal(get(&cached, buffer, 0, BLOCK), 0);
  assert_null(while_copying);
  assert_memory_equal(buffer, expected, BLOCK);
  while_copying = fill_memory; /* out of it */
  assert_int_equal(get(&cached, buffer, 0, BLOCK), 0);
  assert_null(while_copying);
  assert_memory_equal(buffer, expected, BLOCK);
  assert_int_equal(get(&cached, buffer, 0, BLOCK), 0);
  assert_memory_equal(buffer, expected, BLOCK);
  end(&cached);
}

static unsigned kicks;

static void
count_kick(struct cache_kick *kick)
{
  (void)kick;
  kicks++;
}

/* All that is unsent is due, but the block is not there yet. */
static void
send_all(void)
{
  struct call flush;

  memset(&flush, 0, sizeof flush);
  flush.request.io.kind = STORE_FLUSH;
  flush.request.wake = bench_wake;
  volume_begin(&bench->connection.volume, &flush.request);
  assert_false(volume_advance(&flush.request));
  settle(bench);
  assert_int_equal(bench->world->store.writes_done, 0);
  assert_false(volume_advance(&flush.request));
  bench->world->clock.now_ns += 31 * SECOND; /* it is not waited for */
  assert_true(volume_advance(&flush.request));
  kicks = 0;
}

static void
it_is_not_sent(void **state)
{
  struct cached cached = begin(*state, 8, true);
  struct fake_store *store = &cached.world->store;
  struct cache_kick kick = {count_kick};

  bench = &cached;
  cache_set_kick(cached.cache, &kick);
  while_copying = send_all;
  assert_int_equal(put(&cached, 'a', 0, BLOCK), 0);
  assert_null(while_copying);
  /* Whoever could not send it is told when it can be sent. */
  assert_int_equal(kicks, 1);
  assert_int_equal(flush(&cached), 0);
  assert_int_equal(store->data[0], 'a');
  assert_int_equal(store->data[BLOCK - 1], 'a');
  end(&cached);
}

static void
zero_it(void)
{
  char buffer[BLOCK];

  assert_int_equal(call(bench, STORE_ZERO, 0, NULL, 0, BLOCK), 0);
  assert_int_equal(get(bench, buffer, 16 * BLOCK, BLOCK), 0);
}

static void
what_was_forgotten_is_not_there(void **state)
{
  struct cached cached = begin(*state, 8, true);
  struct fake_store *store = &cached.world->store;
  char buffer[BLOCK], zeroes[BLOCK] = "";

  bench = &cached;
  memset(store->data, 's', sizeof store->data);
  while_copying = zero_it;
  assert_int_equal(put(&cached, 'a', 0, BLOCK), 0);
  assert_null(while_copying);
  assert_int_equal(get(&cached, buffer, 0, BLOCK), 0);
  assert_memory_equal(buffer, zeroes, BLOCK);
  assert_int_equal(get(&cached, buffer, 16 * BLOCK, BLOCK), 0);
  assert_memory_equal(buffer, store->data + 16 * BLOCK, BLOCK);
  assert_int_equal(flush(&cached), 0);
  assert_memory_equal(store->data, zeroes, BLOCK);
  end(&cached);
}

/* --- another thread has to wait ------------------------------------------ */

static struct other {
  pthread_t thread;
  enum store_io_kind kind;
  char buffer[BLOCK];
  bool finished; /* atomic */
} other;

static void *
run_other(void *opaque)
{
  struct call call;

  (void)opaque;
  memset(&call, 0, sizeof call);
  call.request.io.kind = other.kind;
  call.request.io.buffer = other.buffer;
  call.request.io.count = BLOCK;
  call.request.wake = bench_wake;
  volume_begin(&bench->connection.volume, &call.request);
  if (!volume_advance(&call.request) || call.request.status != 0)
    abort();
  __atomic_store_n(&other.finished, true, __ATOMIC_SEQ_CST);
  return NULL;
}

static void
start_other(void)
{
  pthread_create(&other.thread, NULL, run_other, NULL);
  while (!atomic_load(&bench->cache->copies_awaited) &&
         !__atomic_load_n(&other.finished, __ATOMIC_SEQ_CST))
    sched_yield();
  assert_false(__atomic_load_n(&other.finished, __ATOMIC_SEQ_CST));
}

static void
one_after_the_other(void **state)
{
  struct cached cached = begin(*state, 8, true);
  char buffer[BLOCK];

  bench = &cached;
  assert_int_equal(put(&cached, 'a', 0, BLOCK), 0);
  other = (struct other){.kind = STORE_READ};
  while_copying = start_other; /* it reads what is being written */
  assert_int_equal(put(&cached, 'b', 0, BLOCK), 0);
  assert_null(while_copying);
  pthread_join(other.thread, NULL);
  assert_int_equal(other.buffer[0], 'b');
  assert_int_equal(other.buffer[BLOCK - 1], 'b');

  other = (struct other){.kind = STORE_WRITE};
  memset(other.buffer, 'c', BLOCK);
  while_copying = start_other; /* it writes to what is being read */
  assert_int_equal(get(&cached, buffer, 0, BLOCK), 0);
  assert_null(while_copying);
  pthread_join(other.thread, NULL);
  assert_int_equal(buffer[0], 'b');
  assert_int_equal(buffer[BLOCK - 1], 'b');
  assert_int_equal(get(&cached, buffer, 0, BLOCK), 0);
  assert_int_equal(buffer[0], 'c');
  assert_int_equal(flush(&cached), 0);
  assert_int_equal(cached.world->store.data[0], 'c');
  end(&cached);
}

/* --- all at once --------------------------------------------------------- */

#define CLIENTS 4
#define ROUNDS 400
#define BLOCKS (FAKE_SIZE / BLOCK)
#define SHARED 8 /* the first blocks are everybody's, each other one's own */

struct member {
  pthread_t thread;
  unsigned number;
  struct call call;
  pthread_mutex_t lock; /* protects woken */
  pthread_cond_t wakes;
  bool woken;
  char written[BLOCKS]; /* to its own blocks */
  char buffer[4 * BLOCK];
};

/* Of a call, which is first in no member. */
static void
wake_member(struct volume_request *request, enum volume_wake kind)
{
  struct member *member =
      (struct member *)((char *)request - offsetof(struct member, call));

  (void)kind;
  LOCK_FOR_SCOPE(&member->lock);
  member->woken = true;
  pthread_cond_signal(&member->wakes);
}

static void
do_call(struct member *member, enum store_io_kind kind, uint64_t offset,
        uint64_t count)
{
  struct volume_request *request = &member->call.request;

  memset(request, 0, sizeof *request);
  request->io.kind = kind;
  request->io.buffer = member->buffer;
  request->io.offset = offset;
  request->io.count = count;
  request->wake = wake_member;
  volume_begin(&bench->connection.volume, request);
  while (!volume_advance(request)) {
    LOCK_FOR_SCOPE(&member->lock);
    while (!member->woken)
      pthread_cond_wait(&member->wakes, &member->lock);
    member->woken = false;
  }
  if (request->status != 0)
    abort();
}

/* Every block is as one write has left it. */
static void
check_whole(const struct member *member, uint64_t count)
{
  for (uint64_t at = 0; at < count; at++)
    if (member->buffer[at] != member->buffer[at - at % BLOCK])
      abort();
}

static void
share(struct member *member, unsigned round)
{
  uint64_t first = (round * 7 + member->number) % (SHARED - 3);

  memset(member->buffer, (int)(1 + (round + member->number) % 120),
         sizeof member->buffer);
  if (round % 3 == 0)
    do_call(member, STORE_WRITE, first * BLOCK, sizeof member->buffer);
  do_call(member, STORE_READ, first * BLOCK, sizeof member->buffer);
  check_whole(member, sizeof member->buffer);
}

static void
use_own(struct member *member, unsigned round)
{
  unsigned own = (BLOCKS - SHARED) / CLIENTS;
  unsigned block = SHARED + member->number * own + round * 5 % own;

  do_call(member, STORE_READ, block * BLOCK, BLOCK);
  check_whole(member, BLOCK);
  if (member->buffer[0] != member->written[block])
    abort();
  if (round % 2 == 0)
    return;
  member->written[block] = (char)(1 + round % 120);
  memset(member->buffer, member->written[block], BLOCK);
  do_call(member, STORE_WRITE, block * BLOCK, BLOCK);
}

static void *
run_member(void *opaque)
{
  struct member *member = opaque;

  for (unsigned round = 0; round < ROUNDS; round++) {
    share(member, round);
    use_own(member, round);
    if (round % 16 == member->number)
      do_call(member, STORE_FLUSH, 0, 0);
  }
  do_call(member, STORE_FLUSH, 0, 0);
  return NULL;
}

static void
many_at_once(void **state)
{
  struct cached cached = begin(*state, 40, true);
  static struct member members[CLIENTS];
  struct error error = ERROR_INIT;

  bench = &cached;
  assert_int_equal(cache_start(cached.cache, &error), 0);
  assert_int_equal(put(&cached, 0, 0, 512), 0); /* claims */
  crowd = true;
  for (unsigned i = 0; i < CLIENTS; i++) {
    members[i] = (struct member){.number = i};
    pthread_mutex_init(&members[i].lock, NULL);
    pthread_cond_init(&members[i].wakes, NULL);
    pthread_create(&members[i].thread, NULL, run_member, &members[i]);
  }
  for (unsigned i = 0; i < CLIENTS; i++) {
    pthread_join(members[i].thread, NULL);
    for (unsigned block = SHARED; block < BLOCKS; block++)
      if (members[i].written[block] != 0)
        assert_int_equal(cached.world->store.data[block * BLOCK],
                         members[i].written[block]);
    pthread_cond_destroy(&members[i].wakes);
    pthread_mutex_destroy(&members[i].lock);
  }
  crowd = false;
  cache_stop(cached.cache);
  end(&cached);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(it_is_not_given_up),
      TEST(it_is_not_sent),
      TEST(what_was_forgotten_is_not_there),
      TEST(one_after_the_other),
      TEST(many_at_once),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
