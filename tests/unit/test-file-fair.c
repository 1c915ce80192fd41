/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file-fair.c: a busy holder does not starve a lease command, and writes
 * that share a lock are all inside it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "file-test.h"
#include "store/file-internal.h"

#define WRITERS 6
#define COMMANDS 20

static atomic_bool stop;
static atomic_uint written;

static void *
write_busily(void *data)
{
  struct store_volume *volume = data;
  static const char bytes[65536];
  int r = 0;

  while (r == 0 && !stop) {
    r = file_test_write(volume, &id_a, 0, 0, bytes, sizeof bytes);
    written++;
  }
  return r == 0 ? NULL : data;
}

/* Writers that never pause, of one open volume, so that there is always one
 * inside the lock, or it lingers: without fairness a command would wait until
 * it gives up.
 */
static void
run_busy_writers(unsigned workers, int writers)
{
  struct store *store = file_test_open(workers);
  struct store_volume *volume = file_test_disk(store), *other;
  pthread_t threads[WRITERS];
  uint64_t worst = 0;

  stop = false;
  other = file_test_volume(store, "disk");
  assert_int_equal(file_test_acquire(volume, &id_a, LEASE_DURATION_INFINITE),
                   0);
  for (int i = 0; i < writers; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, write_busily, volume),
                     0);
  for (int i = 0; i < COMMANDS; i++) {
    unsigned before = written;
    uint64_t began = file_test_real_ms(), took;

    assert_int_equal(file_test_renew(other, &id_a), 0);
    took = file_test_real_ms() - began;
    worst = took > worst ? took : worst;
    while (written - before < WRITERS)
      sched_yield(); /* the writers go on, too */
  }
  stop = true;
  for (int i = 0; i < writers; i++) {
    void *failed;

    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
  print_message("%u writes; the slowest of %d commands took %llu ms\n",
                (unsigned)written, COMMANDS, (unsigned long long)worst);
  /* Generous: a wait that is not fair lasts 12 s and fails. */
  assert_true(worst < 3000);
  assert_string_equal(file_test_log, "");
  store_volume_close(other);
  store_volume_close(volume);
  store_close(store);
}

static void
test_busy_writers(void **state)
{
  (void)state;
  run_busy_writers(0, WRITERS);
}

static void
test_busy_writers_that_linger(void **state)
{
  (void)state;
  run_busy_writers(2, WRITERS);
}

static void
test_one_writer_that_lingers(void **state)
{
  (void)state;
  run_busy_writers(2, 1);
}

static bool
data_is_locked(struct store_volume *volume)
{
  struct file_volume *own = (struct file_volume *)volume;
  char path[64];
  struct flock lock = {.l_type = F_WRLCK,
                       .l_whence = SEEK_SET,
                       .l_start = file_lock_offset(FILE_LOCK_DATA),
                       .l_len = 1};
  int fd;

  /* Another open file description: our own lock would not be in its way. */
  snprintf(path, sizeof path, "/proc/self/fd/%d", own->data);
  fd = open(path, O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(fcntl(fd, F_OFD_GETLK, &lock), 0);
  close(fd);
  return lock.l_type != F_UNLCK;
}

/* The kernel does not count the shared locks of one open file description:
 * the lock must stay until the last of several writers is out.
 */
static void
test_shared_lock_is_counted(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct file_volume *own = (struct file_volume *)volume;
  struct guard guard = {.lease_id = id_a};

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  assert_false(data_is_locked(volume));
  assert_int_equal(file_tenure_enter(own, &guard, 512, NULL), 0);
  assert_true(data_is_locked(volume));
  assert_int_equal(file_tenure_enter(own, &guard, 512, NULL), 0);
  file_tenure_leave(own);
  assert_true(data_is_locked(volume));
  /* One that is refused leaves nothing, and takes nothing away. */
  guard.epoch = 7;
  assert_int_equal(file_tenure_enter(own, &guard, 512, NULL),
                   STATUS_EPOCH_STALE);
  assert_true(data_is_locked(volume));
  file_tenure_leave(own);
  assert_false(data_is_locked(volume));
  assert_int_equal(file_tenure_enter(own, &guard, 512, NULL),
                   STATUS_EPOCH_STALE);
  assert_false(data_is_locked(volume));
  store_volume_close(volume);
  store_close(store);
}

/* A write in a turn that may linger: as if another one had just been. True if
 * the lock was still held when it was over.
 */
static bool
write_in_stream(struct store_volume *volume, const struct lease_id *id)
{
  struct file_tenure *tenure = &((struct file_volume *)volume)->tenure;

  pthread_mutex_lock(&tenure->mutex);
  tenure->ended_ns = file_monotonic_ns();
  pthread_mutex_unlock(&tenure->mutex);
  assert_int_equal(file_test_write(volume, id, 0, 0, "x", 1), 0);
  return data_is_locked(volume);
}

/* Writes until a turn was seen to linger: mostly the first one is. */
static void
make_linger(struct store_volume *volume, const struct lease_id *id)
{
  for (int i = 0; i < 10000; i++)
    if (write_in_stream(volume, id))
      return;
  fail_msg("no turn lingers");
}

/* A stream's lock outlasts its writes, is given back by itself, and is in the
 * way neither of a command nor of closing; what the command fences is refused.
 */
static void
test_turn_lingers(void **state)
{
  struct store *store = file_test_open(2);
  struct store_volume *volume = file_test_disk(store);
  struct store_volume *other = file_test_volume(store, "disk");
  uint64_t until_ms = file_test_real_ms() + 20000;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, LEASE_DURATION_INFINITE),
                   0);
  make_linger(volume, &id_a);
  while (data_is_locked(other))
    assert_true(file_test_real_ms() < until_ms);
  for (int i = 0; i < 10; i++) {
    make_linger(volume, &id_a);
    assert_int_equal(file_test_change(other, &id_a, &id_b), 0);
    assert_int_equal(file_test_write(volume, &id_a, 0, 0, "y", 1),
                     STATUS_LEASE_MISMATCH);
    make_linger(volume, &id_b);
    assert_int_equal(file_test_change(other, &id_b, &id_a), 0);
  }
  make_linger(volume, &id_a);
  store_volume_close(volume);
  assert_false(data_is_locked(other));
  store_volume_close(other);
  store_close(store);
}

/* A store without workers has no thread that could give a turn back. */
static void
test_no_turn_lingers_without_workers(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  for (int i = 0; i < 10; i++)
    assert_false(write_in_stream(volume, &id_a));
  store_volume_close(volume);
  store_close(store);
}

/* A turn takes no more once a command waits: those inside drain. */
static void *
enter_and_leave(void *data)
{
  struct file_volume *own = data;
  struct guard guard = {.lease_id = id_a};
  int r = file_tenure_enter(own, &guard, 512, NULL);

  atomic_store(&written, 1);
  if (r == 0)
    file_tenure_leave(own);
  return r == 0 ? NULL : data;
}

static void
test_turn_drains(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct file_volume *own = (struct file_volume *)volume;
  struct guard guard = {.lease_id = id_a};
  pthread_t thread;
  void *failed;
  int fd;

  (void)state;
  written = 0;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  assert_int_equal(file_tenure_enter(own, &guard, 512, NULL), 0);
  fd = openat(own->place.directory, FILE_DATA, O_RDWR | O_CLOEXEC);
  assert_int_equal(
      file_lock(&own->place, fd, FILE_LOCK_INTENT, FILE_LOCK_EXCLUSIVE, NULL),
      0);
  usleep(20000); /* more than the 5 ms in which nobody looks */
  assert_int_equal(pthread_create(&thread, NULL, enter_and_leave, own), 0);
  usleep(50000); /* it could have come in by now */
  assert_int_equal(written, 0);
  file_tenure_leave(own);
  assert_int_equal(
      file_lock(&own->place, fd, FILE_LOCK_DATA, FILE_LOCK_EXCLUSIVE, NULL), 0);
  usleep(50000);
  assert_int_equal(written, 0);
  file_exclusive_end(fd);
  pthread_join(thread, &failed);
  assert_null(failed);
  store_volume_close(volume);
  store_close(store);
}

static void *
enter_in_vain(void *data)
{
  struct file_volume *own = data;
  struct guard guard = {.lease_id = id_a};
  struct error error = ERROR_INIT;
  int r = file_tenure_enter(own, &guard, 512, &error);

  return r == STATUS_TRANSIENT && error.status == r && error.text[0] != '\0'
             ? NULL
             : data;
}

/* Writers that wait for the same turn fail together when it cannot begin: not
 * each after one more wait. Nor does a look that has failed count as one.
 */
static void
test_writers_fail_together(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct file_volume *own = (struct file_volume *)volume;
  struct guard guard = {.lease_id = id_a};
  pthread_t threads[WRITERS];
  uint64_t began = file_test_real_ms();
  int fd;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  fd = openat(own->place.directory, FILE_DATA, O_RDWR | O_CLOEXEC);
  assert_int_equal(
      file_lock(&own->place, fd, FILE_LOCK_INTENT, FILE_LOCK_EXCLUSIVE, NULL),
      0);
  for (int i = 0; i < WRITERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, enter_in_vain, own), 0);
  for (int i = 0; i < WRITERS; i++) {
    void *failed;

    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
  assert_true(file_test_real_ms() - began >= 10000); /* they have waited */
  assert_true(file_test_real_ms() - began < 20000);  /* once */
  assert_int_equal(own->tenure.looked_ns, 0);
  file_exclusive_end(fd);
  /* The failure is not kept. */
  assert_int_equal(file_tenure_enter(own, &guard, 512, NULL), 0);
  file_tenure_leave(own);
  store_volume_close(volume);
  store_close(store);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      FILE_TEST(test_busy_writers),
      FILE_TEST(test_busy_writers_that_linger),
      FILE_TEST(test_one_writer_that_lingers),
      FILE_TEST(test_shared_lock_is_counted),
      FILE_TEST(test_turn_lingers),
      FILE_TEST(test_no_turn_lingers_without_workers),
      FILE_TEST(test_turn_drains),
      FILE_TEST(test_writers_fail_together),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
