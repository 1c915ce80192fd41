/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-volume-cached.c: what the cache takes in, keeps, sends, and counts. The
 * simulator has the races; here are numbers of requests, bytes that are no
 * whole sectors, and memory that there is none of.
 */
#include "cached-bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* --- memory ----------------------------------------------------------- */

static unsigned fail_in; /* 0: none does */

static bool
fails(void)
{
  return fail_in > 0 && --fail_in == 0;
}

#define WRAP(name, parameters, arguments)                                      \
  void *__real_##name parameters;                                              \
  void *__wrap_##name parameters;                                              \
  void *__wrap_##name parameters                                               \
  {                                                                            \
    return fails() ? NULL : __real_##name arguments;                           \
  }

WRAP(malloc, (size_t a), (a))
WRAP(calloc, (size_t a, size_t b), (a, b))
WRAP(reallocarray, (void *a, size_t b, size_t c), (a, b, c))

/* Mappings: for blocks. */
static unsigned mappings, mapping_fails_in;

void *__real_mmap(void *, size_t, int, int, int, off_t);
void *__wrap_mmap(void *, size_t, int, int, int, off_t);
void *
__wrap_mmap(void *at, size_t size, int protection, int flags, int fd,
            off_t offset)
{
  if (mapping_fails_in > 0 && --mapping_fails_in == 0) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  mappings++;
  return __real_mmap(at, size, protection, flags, fd, offset);
}

int __real_munmap(void *, size_t);
int __wrap_munmap(void *, size_t);
int
__wrap_munmap(void *at, size_t size)
{
  mappings--;
  return __real_munmap(at, size);
}

/* --- tests ------------------------------------------------------------ */

static void
neighbours_are_one_request(void **state)
{
  struct cached cached = begin(*state, 64, true);
  const struct fake_store *store = &cached.world->store;

  for (unsigned i = 0; i < 16; i++)
    assert_int_equal(put(&cached, (char)('a' + i), i * 512, 512), 0);
  assert_int_equal(store->writes_done, 0);
  assert_int_equal(flush(&cached), 0);
  assert_int_equal(store->writes_done, 1);
  for (unsigned i = 0; i < 16; i++)
    assert_int_equal(store->data[i * 512], 'a' + (char)i);
  assert_int_equal(flush(&cached), 0);
  assert_int_equal(store->writes_done, 1);
  end(&cached);
}

static void
overwritten_before_it_is_sent(void **state)
{
  struct cached cached = begin(*state, 64, true);

  for (unsigned i = 0; i < 100; i++)
    assert_int_equal(put(&cached, (char)i, 512, 2048), 0);
  assert_int_equal(flush(&cached), 0);
  assert_int_equal(cached.world->store.writes_done, 1);
  assert_int_equal(cached.world->store.data[512], 99);
  end(&cached);
}

static void
without_write_back_nothing_is_answered_early(void **state)
{
  struct cached cached = begin(*state, 64, false);
  struct fake_store *store = &cached.world->store;
  struct call write;
  char buffer[512] = "x";

  assert_int_equal(put(&cached, 'a', 0, 512), 0);
  assert_int_equal(store->writes_done, 1);
  store->hold_io = true;
  call_begin(&cached, &write, STORE_WRITE, 0, buffer, 512, 512);
  assert_false(write.finished);
  assert_int_equal(fake_pending(store), 1);
  fake_complete(store, 0);
  call_go_on(&cached, &write);
  assert_true(write.finished);
  assert_int_equal(write.request.status, 0);
  store->hold_io = false;
  end(&cached);
}

static void
fua_sends_its_own_only(void **state)
{
  struct cached cached = begin(*state, 64, true);
  const struct fake_store *store = &cached.world->store;
  char buffer[512] = "f";

  assert_int_equal(put(&cached, 'a', 0, 4096), 0);
  assert_int_equal(put(&cached, 'a', 8192, 512), 0);
  assert_int_equal(call(&cached, STORE_WRITE, STORE_IO_FUA, buffer, 1024, 512),
                   0);
  assert_int_equal(store->writes_done, 1);
  assert_int_equal(store->data[1024], 'f');
  assert_int_equal(store->data[0], 0);
  assert_int_equal(store->data[8192], 0);
  end(&cached);
  assert_int_equal(((struct world *)*state)->store.data[8192], 'a');
}

/* What the store has may be in memory of its own. */
static void
s5_fua_syncs_the_store(void **state)
{
  for (unsigned write_back = 0; write_back < 2; write_back++) {
    struct cached cached = begin(*state, 64, write_back);
    struct fake_store *store = &cached.world->store;
    unsigned before = store->flushes_done;
    char buffer[512] = "f";

    assert_int_equal(
        call(&cached, STORE_WRITE, STORE_IO_FUA, buffer, 1024, 512), 0);
    assert_int_equal(store->flushes_done, before + 1);
    store->flush_status = STATUS_IO;
    assert_int_equal(
        call(&cached, STORE_WRITE, STORE_IO_FUA, buffer, 1024, 512), STATUS_IO);
    store->flush_status = 0;
    assert_int_equal(flush(&cached), STATUS_IO);
    end(&cached);
  }
}

static void
what_was_read_is_kept_after_the_claim(void **state)
{
  struct cached cached = begin(*state, 64, true);
  struct fake_store *store = &cached.world->store;
  char buffer[4096];

  memset(store->data, 's', sizeof store->data);
  for (unsigned i = 1; i <= 3; i++) { /* not claimed */
    assert_int_equal(call(&cached, STORE_READ, 0, buffer, 4096, 4096), 0);
    assert_int_equal(store->reads_done, i);
  }
  assert_int_equal(put(&cached, 'a', 6144, 512), 0);
  for (unsigned i = 0; i < 3; i++) {
    assert_int_equal(call(&cached, STORE_READ, 0, buffer, 4096, 4096), 0);
    assert_int_equal(buffer[0], 's');
    assert_int_equal(buffer[2048], 'a');
    assert_int_equal(buffer[2560], 's');
  }
  assert_int_equal(store->reads_done, 4 + 1); /* before and behind the write */
  end(&cached);
}

static void
s8_past_the_end_the_store_is_read(void **state)
{
  struct cached cached = begin(*state, 64, false);
  struct fake_store *store = &cached.world->store;
  char buffer[512];

  assert_int_equal(put(&cached, 'a', 0, 512), 0);
  assert_int_equal(call(&cached, STORE_READ, 0, buffer, 0, 512), 0);
  assert_int_equal(store->reads_done, 0);
  /* The keeper has not had its turn yet. */
  cached.world->clock.now_ns += 26 * SECOND;
  struct call read;

  memset(&read, 0, sizeof read);
  read.request.io = (struct store_io){
      .kind = STORE_READ, .buffer = buffer, .offset = 0, .count = 512};
  read.request.wake = bench_wake;
  volume_begin(&cached.connection.volume, &read.request);
  assert_true(volume_advance(&read.request));
  assert_int_equal(store->reads_done, 1);
  end(&cached);
}

static void
zeroes_are_one_range_and_holes_cost_nothing(void **state)
{
  struct cached cached = begin(*state, 64, true);
  struct fake_store *store = &cached.world->store;
  char buffer[1024];

  memset(store->data, 's', sizeof store->data);
  assert_int_equal(put(&cached, 'a', 1024, 512), 0);
  for (uint64_t at = 0; at < 32768; at += 2048)
    assert_int_equal(call(&cached, STORE_ZERO, 0, NULL, at, 2048), 0);
  assert_int_equal(call(&cached, STORE_READ, 0, buffer, 1024, 1024), 0);
  assert_int_equal(buffer[0], 0);
  assert_int_equal(flush(&cached), 0);
  assert_int_equal(store->writes_done, 1); /* the write is gone */
  assert_int_equal(store->data[32767], 0);
  assert_int_equal(store->data[32768], 's');
  /* One request for all of them, which proves that nobody else has written. */
  for (uint64_t at = 0; at < 32768; at += 2048)
    assert_int_equal(call(&cached, STORE_ZERO, 0, NULL, at, 2048), 0);
  assert_int_equal(call(&cached, STORE_READ, 0, buffer, 4096, 1024), 0);
  assert_int_equal(flush(&cached), 0);
  assert_int_equal(store->writes_done, 2);
  assert_int_equal(store->reads_done, 0);
  preempt(cached.world, "a", "b");
  assert_int_equal(call(&cached, STORE_ZERO, 0, NULL, 0, 2048), 0);
  assert_int_equal(flush(&cached), STATUS_FENCED);
  end(&cached);
}

static void
age_and_watermark(void **state)
{
  struct cached cached = begin(*state, 16, true);
  const struct fake_store *store = &cached.world->store;

  assert_int_equal(put(&cached, 'a', 0, 512), 0);
  settle(&cached);
  assert_int_equal(store->writes_done, 0);
  cached.world->clock.now_ns += AGE + 1;
  settle(&cached);
  assert_int_equal(store->writes_done, 1);
  /* More than a quarter of all blocks. */
  for (uint64_t i = 0; i < 6; i++)
    assert_int_equal(put(&cached, 'b', 8192 + i * 2048, 512), 0);
  settle(&cached);
  assert_true(store->writes_done > 1);
  end(&cached);
}

static void
s5_what_is_lost_is_said_for_ever(void **state)
{
  struct cached cached = begin(*state, 64, true);
  struct fake_store *store = &cached.world->store;
  struct cache_counts counts;

  assert_int_equal(put(&cached, 'a', 0, 512), 0);
  store->write_status = STATUS_NO_SPACE;
  assert_int_equal(flush(&cached), STATUS_NO_SPACE);
  store->write_status = 0;
  assert_int_equal(put(&cached, 'b', 512, 512), 0);
  assert_int_equal(flush(&cached), STATUS_NO_SPACE);
  cache_count(cached.cache, &counts);
  assert_int_equal(counts.lost, 512);
  end(&cached);
  assert_false(store->record.holder.clean); /* S13 */
}

static void
s6_fenced(void **state)
{
  struct cached cached = begin(*state, 64, true);
  struct fake_store *store = &cached.world->store;
  struct cache_counts counts;

  assert_int_equal(put(&cached, 'a', 0, 512), 0);
  preempt(cached.world, "a", "b");
  assert_int_equal(flush(&cached), STATUS_FENCED);
  assert_int_equal(put(&cached, 'b', 0, 512), STATUS_FENCED);
  assert_int_equal(flush(&cached), STATUS_FENCED);
  assert_int_equal(store->data[0], 0);
  cache_count(cached.cache, &counts);
  assert_int_equal(counts.unsent_bytes, 0);
  assert_int_equal(counts.lost, 512);
  end(&cached);
}

static void
s13_a_detach_drains(void **state)
{
  struct cached cached = begin(*state, 64, true);
  const struct fake_store *store = &cached.world->store;

  assert_int_equal(put(&cached, 'a', 0, 8192), 0);
  assert_int_equal(store->writes_done, 0);
  end(&cached);
  assert_int_equal(store->data[8191], 'a');
  assert_true(store->record.holder.write_back);
  assert_true(store->record.holder.clean);
  assert_int_equal(store->lease.state, LEASE_AVAILABLE);
}

static void
writers_wait_for_space(void **state)
{
  struct cached cached = begin(*state, 8, true);
  struct fake_store *store = &cached.world->store;
  struct call writes[12];
  char buffer[BLOCK] = "w";
  unsigned finished = 0;

  assert_int_equal(put(&cached, 'a', 0, 512), 0);
  assert_int_equal(flush(&cached), 0);
  store->hold_io = true;
  for (unsigned i = 0; i < COUNT(writes); i++) {
    call_begin(&cached, &writes[i], STORE_WRITE, 0, buffer, i * 2 * BLOCK,
               BLOCK);
    finished += writes[i].finished;
  }
  assert_true(finished > 0 && finished <= 4); /* half of the blocks */
  for (unsigned i = 0; i < fake_pending(store); i++) {
    fake_complete(store, i);
    settle(&cached);
    for (unsigned j = 0; j < COUNT(writes); j++)
      call_go_on(&cached, &writes[j]);
  }
  for (unsigned i = 0; i < COUNT(writes); i++)
    assert_true(writes[i].finished && writes[i].request.status == 0);
  store->hold_io = false;
  end(&cached);
}

/* Any bytes, in a cache that is much too small. */
static void
bytes_are_right(void **state)
{
  struct world *world = *state;
  static char model[FAKE_SIZE], buffer[8192];

  for (unsigned seed = 1; seed <= 20; seed++) {
    struct cached cached = begin(world, 6 + seed, seed % 2 == 0);

    srand(seed);
    memcpy(model, world->store.data, sizeof model);
    for (unsigned i = 0; i < 400; i++) {
      uint64_t offset = (uint64_t)rand() % (FAKE_SIZE - sizeof buffer);
      uint64_t count = 1 + (uint64_t)rand() % (i % 2 ? 700 : sizeof buffer);

      switch (rand() % 5) {
      case 0:
        assert_int_equal(call(&cached, STORE_ZERO, 0, NULL, offset, count), 0);
        memset(model + offset, 0, count);
        break;
      case 1:
        assert_int_equal(flush(&cached), 0);
        assert_memory_equal(world->store.data, model, sizeof model);
        break;
      case 2:
      case 3:
        memset(buffer, (int)i, count);
        assert_int_equal(call(&cached, STORE_WRITE,
                              i % 7 == 0 ? STORE_IO_FUA : 0, buffer, offset,
                              count),
                         0);
        memset(model + offset, (int)i, count);
        break;
      default:
        assert_int_equal(call(&cached, STORE_READ, 0, buffer, offset, count),
                         0);
        assert_memory_equal(buffer, model + offset, count);
      }
    }
    end(&cached);
    assert_memory_equal(world->store.data, model, sizeof model);
  }
}

/* The nth call fails: then a request may fail, but nothing that was answered
 * well is lost, and it all goes on.
 */
static void
no_memory(void **state)
{
  struct world *world = *state;
  static char buffer[8192];
  bool failed = true;

  for (unsigned n = 1; failed; n++) {
    struct cached cached = begin(world, 24, true);
    bool written, zeroed;

    assert_true(n < 1000);
    memset(world->store.data, 's', sizeof world->store.data);
    assert_int_equal(put(&cached, 's', 60000, 100), 0);
    fail_in = n;
    written = put(&cached, 'w', 1000, 5000) == 0;
    zeroed = call(&cached, STORE_ZERO, 0, NULL, 8192, 4096) == 0;
    if (zeroed)
      zeroed = put(&cached, 'z', 9000, 100) == 0;
    call(&cached, STORE_READ, 0, buffer, 20000, 4096);
    if (flush(&cached) == 0) {
      assert_true(!written || world->store.data[5999] == 'w');
      assert_true(!zeroed || (world->store.data[8192] == 0 &&
                              world->store.data[9050] == 'z' &&
                              world->store.data[12287] == 0));
    }
    failed = fail_in == 0;
    fail_in = 0;
    end(&cached);
  }
}

static void
no_memory_for_a_cache(void **state)
{
  const struct cache_config config = {.clock = &system_clock,
                                      .size = 1 << 20,
                                      .block_size = BLOCK,
                                      .connections = 1};
  struct cache *cache = NULL;

  (void)state;
  for (unsigned n = 1; cache == NULL; n++) {
    assert_true(n < 100);
    fail_in = n;
    cache = cache_new(&config);
    fail_in = 0;
    assert_int_equal(mappings, cache != NULL);
  }
  cache_free(cache);
  mapping_fails_in = 1;
  assert_null(cache_new(&config));
  assert_int_equal(mappings, 0);
}

/* One that there is no memory for goes later. It takes none for the bytes. */
static void
no_memory_for_a_flight(void **state)
{
  struct cached cached = begin(*state, 512, true);
  const struct fake_store *store = &cached.world->store;

  assert_int_equal(mappings, 1); /* of the blocks */
  for (unsigned i = 0; i < FAKE_SIZE / 8192; i++)
    assert_int_equal(put(&cached, 'w', i * 8192, 8192), 0);
  fail_in = 1;
  assert_int_equal(flush(&cached), 0);
  assert_int_equal(fail_in, 0);
  assert_int_equal(mappings, 1);
  assert_int_equal(store->writes_done, 1);
  for (unsigned i = 0; i < FAKE_SIZE; i++)
    if (store->data[i] != 'w')
      fail_msg("byte %u", i);
  end(&cached);
  assert_int_equal(mappings, 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(neighbours_are_one_request),
      TEST(overwritten_before_it_is_sent),
      TEST(without_write_back_nothing_is_answered_early),
      TEST(fua_sends_its_own_only),
      TEST(s5_fua_syncs_the_store),
      TEST(what_was_read_is_kept_after_the_claim),
      TEST(s8_past_the_end_the_store_is_read),
      TEST(zeroes_are_one_range_and_holes_cost_nothing),
      TEST(age_and_watermark),
      TEST(s5_what_is_lost_is_said_for_ever),
      TEST(s6_fenced),
      TEST(s13_a_detach_drains),
      TEST(writers_wait_for_space),
      TEST(bytes_are_right),
      TEST(no_memory),
      TEST(no_memory_for_a_cache),
      TEST(no_memory_for_a_flight),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
