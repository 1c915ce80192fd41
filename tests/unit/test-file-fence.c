/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file-fence.c: a process that is stopped inside its critical section is
 * ended, and only it; who is stopped elsewhere, runs, or is this very process,
 * is not.
 *
 * A child stops inside its critical section by its clock: the store reads it
 * with the lock held, to check a guard or to apply a command.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file-test.h"
#include "store/file-internal.h"

static unsigned calls_before_stop;

static void
stop_at_call(void)
{
  if (--calls_before_stop == 0)
    raise(SIGSTOP);
}

struct plan {
  bool command;          /* stop in a command, else in a write */
  bool outside;          /* stop without a lock */
  unsigned calls_before; /* of the clock, before the one that stops */
};

static void
stop_in_child(void *data)
{
  const struct plan *plan = data;
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_volume(store, "disk");
  char bytes[512] = "stopped";

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (plan->outside) {
    raise(SIGSTOP);
    _exit(0);
  }
  calls_before_stop = plan->calls_before + 1;
  file_test_clock_hook = stop_at_call;
  if (plan->command)
    file_test_renew(volume, &id_a);
  else
    file_test_write(volume, &id_a, 0, 0, bytes, sizeof bytes);
  _exit(0);
}

/* Starts a child and waits until it has stopped. */
static pid_t
start_stopped(struct plan *plan)
{
  pid_t pid = file_test_fork(stop_in_child, plan);
  int status;

  assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
  assert_true(WIFSTOPPED(status));
  return pid;
}

static void
expect_killed(pid_t pid)
{
  int status = file_test_wait(pid);
  char text[64];

  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGKILL);
  snprintf(text, sizeof text, "disk: process %d (test-file-fence", (int)pid);
  if (strstr(file_test_log, text) == NULL)
    fail_msg("no '%s' in the log: %s", text, file_test_log);
}

static void
expect_alive(pid_t pid)
{
  assert_int_equal(kill(pid, SIGCONT), 0);
  assert_int_equal(file_test_wait(pid), 0);
}

static unsigned
log_lines(void)
{
  unsigned lines = 0;

  for (const char *p = file_test_log; *p != '\0'; p++)
    lines += *p == '\n';
  return lines;
}

/* A renewal's first look at the clock is without a lock, its second with. */
#define RENEWAL_LOCKED 1

static void
test_stopped_writer(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct plan plan = {.command = false};
  char bytes[512];
  uint64_t began;
  pid_t pid;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  pid = start_stopped(&plan);
  began = file_test_real_ms();
  assert_int_equal(file_test_change(volume, &id_a, &id_b), 0);
  assert_true(file_test_real_ms() - began >= 1000);
  assert_true(file_test_real_ms() - began < 10000);
  expect_killed(pid);
  assert_int_equal(log_lines(), 1);
  /* Its write has not landed. */
  assert_int_equal(file_test_io(volume, STORE_READ, 0, bytes, 512), 0);
  assert_int_equal(bytes[0], 0);
  store_volume_close(volume);
  store_close(store);
}

/* A lease command that is stopped with both locks is in the way of commands
 * and of writes.
 */
static void
test_stopped_command(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct plan plan = {.command = true, .calls_before = RENEWAL_LOCKED};
  char bytes[512] = "x";
  pid_t pid;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  pid = start_stopped(&plan);
  assert_int_equal(file_test_write(volume, &id_a, 0, 0, bytes, 512), 0);
  expect_killed(pid);
  pid = start_stopped(&plan);
  assert_int_equal(file_test_renew(volume, &id_a), 0);
  expect_killed(pid);
  assert_int_equal(log_lines(), 2);
  store_volume_close(volume);
  store_close(store);
}

/* DESCRIBE, and what must fail anyway, disturb nobody. */
static void
test_looking_disturbs_nobody(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct plan plan = {.command = false};
  struct volume_info info;
  struct volume_list list;
  pid_t pid;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  pid = start_stopped(&plan);
  assert_int_equal(file_test_describe(volume, &info, NULL), 0);
  assert_int_equal(file_test_acquire(volume, &id_b, 60), STATUS_LEASE_HELD);
  assert_int_equal(file_test_change(volume, &id_b, &id_b),
                   STATUS_LEASE_MISMATCH);
  assert_int_equal(store_list(store, &list, NULL), 0);
  assert_int_equal(list.count, 1);
  volume_list_free(&list);
  assert_int_equal(log_lines(), 0);
  expect_alive(pid);
  store_volume_close(volume);
  store_close(store);
}

/* Of several stopped processes only those in the way are ended: not one that
 * has the volume open and no lock, nor one in the way of another volume.
 */
static void
test_only_who_is_in_the_way(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store), *other;
  struct plan inside = {.command = false}, outside = {.outside = true};
  struct plan waiting = {.command = true, .calls_before = 0};
  pid_t stopped[3], bystanders[2];

  (void)state;
  assert_int_equal(store_create(store, "other", 1 << 20, NULL), 0);
  other = file_test_volume(store, "other");
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  bystanders[0] = start_stopped(&outside);
  bystanders[1] = start_stopped(&waiting);
  for (size_t i = 0; i < COUNT(stopped); i++)
    stopped[i] = start_stopped(&inside);
  assert_int_equal(file_test_acquire(other, &id_b, 60), 0);
  assert_int_equal(log_lines(), 0);
  assert_int_equal(file_test_change(volume, &id_a, &id_b), 0);
  for (size_t i = 0; i < COUNT(stopped); i++)
    expect_killed(stopped[i]);
  assert_int_equal(log_lines(), COUNT(stopped));
  for (size_t i = 0; i < COUNT(bystanders); i++)
    expect_alive(bystanders[i]);
  store_volume_close(other);
  store_volume_close(volume);
  store_close(store);
}

/* Continued in time: not ended. */
static void
test_continued_in_time(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct plan plan = {.command = false};
  char bytes[512];
  pid_t pid, helper;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  pid = start_stopped(&plan);
  helper = fork();
  if (helper == 0) {
    usleep(500000); /* less than the second that it takes */
    kill(pid, SIGCONT);
    _exit(0);
  }
  assert_int_equal(file_test_change(volume, &id_a, &id_b), 0);
  assert_int_equal(file_test_wait(pid), 0);
  assert_int_equal(file_test_wait(helper), 0);
  assert_int_equal(log_lines(), 0);
  /* Its write came before the change. */
  assert_int_equal(file_test_io(volume, STORE_READ, 0, bytes, 512), 0);
  assert_string_equal(bytes, "stopped");
  store_volume_close(volume);
  store_close(store);
}

/* Locks of this process itself: the wait ends, nobody is ended. */
static void
test_own_process(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct file_place *place = &((struct file_volume *)volume)->place;
  struct store_command command = {
      .command = {.verb = LEASE_RENEW, .lease_id = id_a}};
  int fd;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  assert_int_equal(file_exclusive_begin(place, 0, &fd, NULL), 0);
  assert_int_equal(store_run_command(volume, &command), STATUS_TRANSIENT);
  assert_non_null(strstr(command.error.text, "of this process"));
  file_exclusive_end(fd);
  assert_int_equal(store_run_command(volume, &command), 0);
  assert_int_equal(log_lines(), 0);
  store_volume_close(volume);
  store_close(store);
}

/* A process that is not stopped is ended too, when it has held the lock for
 * ten seconds.
 */
static void
hang(void)
{
  for (;;)
    pause();
}

static void
hang_in_child(void *data)
{
  unsigned *ready = data;
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_volume(store, "disk");
  char bytes[512] = "";

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  file_test_set(ready);
  file_test_clock_hook = hang;
  file_test_write(volume, &id_a, 0, 0, bytes, sizeof bytes);
}

static void
test_stuck_writer(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct file_volume *own = (struct file_volume *)volume;
  unsigned *ready = file_test_shared(sizeof *ready);
  uint64_t began;
  pid_t pid;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  pid = file_test_fork(hang_in_child, ready);
  file_test_await(ready);
  /* Until it holds its shared lock, an exclusive one can be had. */
  for (bool held = false; !held;) {
    struct flock lock = {.l_type = F_WRLCK,
                         .l_whence = SEEK_SET,
                         .l_start = file_lock_offset(FILE_LOCK_DATA),
                         .l_len = 1};

    assert_int_equal(fcntl(own->data, F_OFD_GETLK, &lock), 0);
    held = lock.l_type != F_UNLCK;
  }
  began = file_test_real_ms();
  assert_int_equal(file_test_change(volume, &id_a, &id_b), 0);
  assert_true(file_test_real_ms() - began >= 10000);
  expect_killed(pid);
  store_volume_close(volume);
  store_close(store);
}

static void
test_parse_fdinfo(void **state)
{
  static const char text[] =
      "pos:\t7340035\nflags:\t0100002\nmnt_id:\t27\nino:\t10969126\n"
      "lock:\t1: POSIX  ADVISORY  WRITE 17 fe:00:10969126 0 EOF\n"
      "lock:\t2: OFDLCK ADVISORY  READ -1 fe:00:10969126 100 100\n"
      "lock:\t3: OFDLCK ADVISORY  WRITE -1 fe:00:10969126 200 201\n"
      "lock:\t4: FLOCK  ADVISORY  WRITE 17 fe:00:10969126 0 EOF\n";
  uint64_t tag = 1;

  (void)state;
  assert_true(file_fence_parse(text, 100, FILE_LOCK_EXCLUSIVE, &tag));
  assert_int_equal(tag, 0);
  assert_false(file_fence_parse(text, 100, FILE_LOCK_SHARED, &tag));
  assert_false(file_fence_parse(text, 100, FILE_LOCK_LOOK, &tag));
  assert_true(file_fence_parse(text, 201, FILE_LOCK_LOOK, &tag));
  assert_int_equal(tag, 7340035);
  assert_false(file_fence_parse(text, 99, FILE_LOCK_EXCLUSIVE, &tag));
  assert_false(file_fence_parse(text, 202, FILE_LOCK_EXCLUSIVE, &tag));
  assert_false(file_fence_parse("", 100, FILE_LOCK_EXCLUSIVE, &tag));
  assert_false(file_fence_parse("lock:", 100, FILE_LOCK_EXCLUSIVE, &tag));
}

static void
test_parse_stat(void **state)
{
  static const char text[] =
      "4711 (a) b (c) T 1 2 3 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0 123456 "
      "99 88 18446744073709551615\n";
  struct file_suspect suspect;

  (void)state;
  assert_true(file_fence_parse_stat(text, &suspect));
  assert_string_equal(suspect.command, "a) b (c");
  assert_int_equal(suspect.state, 'T');
  assert_int_equal(suspect.started, 123456);
  assert_false(file_fence_parse_stat("", &suspect));
  assert_false(file_fence_parse_stat("1 (a", &suspect));
  assert_false(file_fence_parse_stat("1 )a( T", &suspect));
  assert_false(file_fence_parse_stat("1 (a) T 1 2", &suspect));
}

int
main(void)
{
  int own = pidfd_open(getpid(), 0);

  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse_fdinfo),
      cmocka_unit_test(test_parse_stat),
      FILE_TEST(test_stopped_writer),
      FILE_TEST(test_stopped_command),
      FILE_TEST(test_looking_disturbs_nobody),
      FILE_TEST(test_only_who_is_in_the_way),
      FILE_TEST(test_continued_in_time),
      FILE_TEST(test_own_process),
      FILE_TEST(test_stuck_writer),
  };

  if (own < 0) {
    printf("skipped: no pidfd_open: %s (valgrind does not have it)\n",
           strerror(errno));
    return 77;
  }
  close(own);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
