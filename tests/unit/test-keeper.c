/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-keeper.c: the keeper's own thread, with many connections at once; meant
 * for the thread sanitizer above all. Real clock, store in memory.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fake-store.h"
#include "leasehold/keeper.h"
#include "leasehold/volume.h"
#include "unit.h"
#include "utils/cleanup.h"

#define SECOND NANOSECONDS_PER_SECOND
#define THREADS 8
#define ROUNDS 40
#define OTHERS 3

static struct fake_clock frozen; /* the store's: no lease expires */
static struct fake_store store;
static struct keeper *keeper;

struct run {
  struct volume_request request; /* first */
  pthread_mutex_t lock;          /* protects woken */
  pthread_cond_t signal;
  bool woken[2];
};

static void
wake(struct volume_request *request, enum volume_wake kind)
{
  struct run *run = (struct run *)request;

  LOCK_FOR_SCOPE(&run->lock);
  run->woken[kind] = true;
  pthread_cond_signal(&run->signal);
}

/* Waits without a time limit: every wait here ends with a wake. */
static int
write_once(struct volume *volume, char *buffer, uint64_t offset)
{
  struct run run = {.request.io = {.kind = STORE_WRITE,
                                   .count = 512,
                                   .offset = offset,
                                   .buffer = buffer},
                    .request.wake = wake,
                    .lock = PTHREAD_MUTEX_INITIALIZER,
                    .signal = PTHREAD_COND_INITIALIZER};

  volume_begin(volume, &run.request);
  while (!volume_advance(&run.request)) {
    LOCK_FOR_SCOPE(&run.lock);
    enum volume_wake kind = run.request.wake_at_ns == TIME_NEVER
                                ? VOLUME_WAKE_STORE
                                : VOLUME_WAKE_GATE;

    while (!run.woken[kind])
      pthread_cond_wait(&run.signal, &run.lock);
    run.woken[0] = run.woken[1] = false;
  }
  return run.request.status;
}

static struct tenure *
attach(const char *node)
{
  struct tenure *tenure;
  struct error error = ERROR_INIT;

  if (keeper_attach(keeper, &store.store, "disk0", node, "", &tenure, &error) !=
      0)
    abort();
  return tenure;
}

/* Connects, writes and leaves, again and again, all as one node. */
static void *
connect_and_write(void *opaque)
{
  uint64_t offset = *(uint64_t *)opaque;
  char buffer[512];

  for (unsigned i = 0; i < ROUNDS; i++) {
    struct volume volume = {.tenure = attach("a"),
                            .clock = &system_clock,
                            .limits.io_timeout_ns = 600 * SECOND};

    memset(buffer, (char)i, sizeof buffer);
    if (write_once(&volume, buffer, offset) != 0)
      abort();
    keeper_detach(volume.tenure);
  }
  return NULL;
}

static int
start(void **state)
{
  struct keeper_config config = {.clock = &system_clock,
                                 .duration_s = 30,
                                 .drain_ns = 600 * SECOND,
                                 .extra_new = volume_extra_new};
  struct error error = ERROR_INIT;

  (void)state;
  fake_clock_init(&frozen);
  fake_store_init(&store, &frozen);
  keeper = keeper_new(&config);
  return keeper_start(keeper, &error);
}

static int
stop(void **state)
{
  (void)state;
  keeper_stop(keeper, 60 * SECOND);
  keeper_stop(keeper, 60 * SECOND); /* idempotent */
  if (!keeper_free(keeper))
    return -1;
  fake_store_destroy(&store);
  return 0;
}

static void
connections_come_and_go_at_once(void **state)
{
  pthread_t threads[THREADS];
  uint64_t offsets[THREADS];

  (void)state;
  for (unsigned i = 0; i < THREADS; i++) {
    offsets[i] = 512 * i;
    assert_int_equal(
        pthread_create(&threads[i], NULL, connect_and_write, &offsets[i]), 0);
  }
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  for (unsigned i = 0; i < THREADS; i++)
    assert_int_equal(store.data[512 * i], ROUNDS - 1);
  keeper_stop(keeper, 60 * SECOND);
  assert_int_equal(store.lease.state, LEASE_AVAILABLE);
  assert_int_equal(store.writes_done, THREADS * ROUNDS);
  assert_true(store.epoch >= 1);
}

static void
stop_releases_what_is_left(void **state)
{
  struct volume volume = {.tenure = attach("a"),
                          .clock = &system_clock,
                          .limits.io_timeout_ns = 600 * SECOND};
  char buffer[512] = "x";

  (void)state;
  assert_int_equal(write_once(&volume, buffer, 0), 0);
  keeper_stop(keeper, 60 * SECOND);
  assert_int_equal(store.lease.state, LEASE_AVAILABLE);
}

struct writer {
  struct tenure *tenure;
  uint64_t offset;
  unsigned written;
  int status; /* of the last write */
  pthread_t thread;
};

static atomic_uint first_writes;

/* Writes until it may not. */
static void *
write_on(void *opaque)
{
  struct writer *writer = opaque;
  struct volume volume = {.tenure = writer->tenure,
                          .clock = &system_clock,
                          .limits.io_timeout_ns = 600 * SECOND};
  char buffer[512] = {0};

  do {
    writer->written++;
    memcpy(buffer, &writer->written, sizeof writer->written);
    writer->status = write_once(&volume, buffer, writer->offset);
    if (writer->written == 1)
      atomic_fetch_add(&first_writes, 1);
  } while (writer->status == 0);
  keeper_detach(writer->tenure);
  return NULL;
}

/* Under full load: the store never sees a write that it has to refuse, and
 * each one that was answered well is there.
 */
static void
retire_drains(void **state)
{
  struct writer writers[THREADS];

  (void)state;
  atomic_store(&first_writes, 0);
  for (unsigned i = 0; i < THREADS; i++) {
    writers[i] = (struct writer){.tenure = attach("a"), .offset = 512 * i};
    assert_int_equal(
        pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
  }
  while (atomic_load(&first_writes) < THREADS)
    sched_yield();
  keeper_retire(keeper);
  for (unsigned i = 0; i < THREADS; i++) {
    pthread_join(writers[i].thread, NULL);
    assert_int_equal(writers[i].status, STATUS_STOPPING);
    writers[i].written--;
    assert_memory_equal(&store.data[512 * i], &writers[i].written,
                        sizeof writers[i].written);
  }
  keeper_stop(keeper, 60 * SECOND);
  assert_int_equal(store.writes_refused, 0);
  assert_int_equal(store.lease.state, LEASE_AVAILABLE);
  assert_true(store.record.holder.clean);
}

static void
attach_after_stop_is_refused(void **state)
{
  struct tenure *tenure;
  struct error error = ERROR_INIT;

  (void)state;
  keeper_stop(keeper, 60 * SECOND);
  assert_int_equal(
      keeper_attach(keeper, &store.store, "disk0", "a", "", &tenure, &error),
      STATUS_STOPPING);
}

/* The keeper has gone by then, and what it was woken by may be anything. */
static void
a_late_answer_wakes_nobody(void **state)
{
  struct tenure *tenure;
  uint64_t count;
  int others[OTHERS];

  (void)state;
  store.hold_commands = true;
  tenure = attach("a");
  while (fake_pending(&store) == 0)
    sched_yield();
  keeper_stop(keeper, 0);
  for (unsigned i = 0; i < OTHERS; i++)
    others[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  fake_complete(&store, 0);
  for (unsigned i = 0; i < OTHERS; i++) {
    assert_true(others[i] >= 0);
    assert_int_equal(read(others[i], &count, sizeof count), -1);
    close(others[i]);
  }
  keeper_detach(tenure);
  keeper_turn(keeper);
}

/* What a tenure has, with a request or a thread that posts something at the
 * very end.
 */
static struct ending {
  struct tenure_extra extra; /* first */
  struct tenure *tenure;
} ending;

static void
post_drained(void)
{
  tenure_post(ending.tenure, &(struct session_event){.kind = SESSION_DRAINED});
}

static bool
ends_now(struct tenure_extra *extra)
{
  (void)extra;
  post_drained();
  return false;
}

static void
free_ending(struct tenure_extra *extra)
{
  (void)extra;
  post_drained();
}

static struct tenure_extra *
new_ending(void)
{
  ending.extra = (struct tenure_extra){.free = free_ending, .busy = ends_now};
  return &ending.extra;
}

/* It was freed in the queue of those that are to be served. */
static void
a_note_at_the_very_end_is_harmless(void **state)
{
  struct keeper_config config = {.clock = &system_clock,
                                 .duration_s = 30,
                                 .drain_ns = 600 * SECOND,
                                 .extra_new = new_ending};
  struct error error = ERROR_INIT;

  (void)state;
  fake_clock_init(&frozen);
  fake_store_init(&store, &frozen);
  keeper = keeper_new(&config);
  assert_int_equal(keeper_start(keeper, &error), 0);
  ending.tenure = attach("a");
  keeper_detach(ending.tenure);
  keeper_stop(keeper, 60 * SECOND);
  assert_true(keeper_free(keeper));
  fake_store_destroy(&store);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(connections_come_and_go_at_once, start,
                                      stop),
      cmocka_unit_test_setup_teardown(stop_releases_what_is_left, start, stop),
      cmocka_unit_test_setup_teardown(retire_drains, start, stop),
      cmocka_unit_test_setup_teardown(attach_after_stop_is_refused, start,
                                      stop),
      cmocka_unit_test_setup_teardown(a_late_answer_wakes_nobody, start, stop),
      cmocka_unit_test(a_note_at_the_very_end_is_harmless),
  };

  return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
