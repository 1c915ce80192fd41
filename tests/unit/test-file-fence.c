/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file-fence.c: a process that is stopped inside its critical section is
 * ended, and so is a frozen one, and only it; who is stopped elsewhere, runs,
 * however slow, or is this very process, is not.
 *
 * A child stops inside its critical section by its clock: the store reads it
 * with the lock held, to check a guard or to apply a command.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
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

/* Two searches too far apart prove nothing: the searcher was suspended, too. */
static void
test_searcher_was_suspended(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct file_volume *own = (struct file_volume *)volume;
  struct plan plan = {.command = false};
  struct file_fence fence = {.place = &own->place,
                             .fd = own->data,
                             .byte = FILE_LOCK_DATA,
                             .mode = FILE_LOCK_EXCLUSIVE};
  pid_t pid;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  pid = start_stopped(&plan);
  file_fence_search(&fence, file_monotonic_ns() - 3 * NANOSECONDS_PER_SECOND);
  assert_int_equal(fence.last.pid, pid);
  fence.searched_ns -= 3 * NANOSECONDS_PER_SECOND;
  file_fence_search(&fence, file_monotonic_ns());
  assert_int_equal(fence.fenced, 0);
  assert_int_equal(log_lines(), 0);
  /* Now with no more than a second in between. */
  file_fence_search(&fence, file_monotonic_ns() + NANOSECONDS_PER_SECOND);
  assert_int_equal(fence.fenced, 1);
  expect_killed(pid);
  store_volume_close(volume);
  store_close(store);
}

/* Searches twice, a second apart. */
static void
search_for_a_second(struct file_fence *fence)
{
  file_fence_search(fence, file_monotonic_ns());
  file_fence_search(fence, file_monotonic_ns() + NANOSECONDS_PER_SECOND);
}

/* In a PID namespace of its own, but with the /proc of the one outside. The
 * numbers found there are other processes inside, or nobody.
 */
static void
search_inside(void *data)
{
  struct file_fence *fence = data;
  pid_t pid;

  if (unshare(CLONE_NEWPID) != 0)
    _exit(77);
  pid = fork();
  if (pid == 0) {
    search_for_a_second(fence);
    file_test_require(fence->last.pid > 0, "it is found");
    file_test_require(fence->fenced == 0, "nobody is ended");
    file_test_require(fence->kill_errno == EINVAL, "and the error says why");
    _exit(0);
  }
  _exit(pid > 0 && file_test_wait(pid) == 0 ? 0 : 1);
}

static void
test_other_pid_namespace(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct file_volume *own = (struct file_volume *)volume;
  struct plan plan = {.command = false};
  struct file_fence fence = {.place = &own->place,
                             .fd = own->data,
                             .byte = FILE_LOCK_DATA,
                             .mode = FILE_LOCK_EXCLUSIVE};
  pid_t pid;
  int status;
  bool skipped;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  pid = start_stopped(&plan);
  status = file_test_wait(file_test_fork(search_inside, &fence));
  skipped = WIFEXITED(status) && WEXITSTATUS(status) == 77;
  if (!skipped)
    assert_int_equal(status, 0);
  assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
  search_for_a_second(&fence); /* from outside it can be ended */
  assert_int_equal(fence.fenced, 1);
  expect_killed(pid);
  store_volume_close(volume);
  store_close(store);
  if (skipped) {
    print_message("no PID namespace can be made here\n");
    skip();
  }
}

/* A process that is slow holds the lock as long as it will. */
static void
hang(void)
{
  for (;;)
    pause();
}

static void
hang_in_child(void *data)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_volume(store, "disk");
  char bytes[512] = "";

  (void)data;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  file_test_clock_hook = hang;
  file_test_write(volume, &id_a, 0, 0, bytes, sizeof bytes);
}

static void
renew_in_child(void *data)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_volume(store, "disk");

  (void)data;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  file_test_require(file_test_renew(volume, &id_a) == STATUS_TRANSIENT,
                    "a renewal waits in vain");
}

/* Until somebody holds the lock so that one of this type cannot be had. */
static void
await_lock(struct store_volume *volume, enum file_lock_byte byte, short type)
{
  struct file_volume *own = (struct file_volume *)volume;
  struct flock lock = {.l_type = F_UNLCK};

  while (lock.l_type == F_UNLCK) {
    lock = (struct flock){.l_type = type,
                          .l_whence = SEEK_SET,
                          .l_start = file_lock_offset(byte),
                          .l_len = 1};
    assert_int_equal(fcntl(own->data, F_OFD_GETLK, &lock), 0);
  }
}

static pid_t
start_hanging(struct store_volume *volume)
{
  pid_t pid = file_test_fork(hang_in_child, NULL);

  await_lock(volume, FILE_LOCK_DATA, F_WRLCK);
  return pid;
}

static void
end_hanging(pid_t pid)
{
  assert_int_equal(kill(pid, 0), 0);
  assert_int_equal(kill(pid, SIGKILL), 0);
  file_test_wait(pid);
}

/* A slow process is waited for, then named, and never ended. Nor is a command
 * that waits for it while others wait for that command.
 */
static void
test_slow_writer(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct store_command command = {
      .command = {.verb = LEASE_RENEW, .lease_id = id_a}};
  pid_t pid, waiting;
  uint64_t began;
  char text[64], other[64];

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  pid = start_hanging(volume);
  waiting = file_test_fork(renew_in_child, NULL);
  await_lock(volume, FILE_LOCK_INTENT, F_RDLCK);
  began = file_test_real_ms();
  assert_int_equal(store_run_command(volume, &command), STATUS_TRANSIENT);
  assert_true(file_test_real_ms() - began >= 10000);
  snprintf(text, sizeof text, "by process %d (test-file-fence", (int)pid);
  snprintf(other, sizeof other, "by process %d (test-file-fence", (int)waiting);
  if (strstr(command.error.text, text) == NULL &&
      strstr(command.error.text, other) == NULL)
    fail_msg("neither '%s' nor '%s' in: %s", text, other, command.error.text);
  assert_int_equal(file_test_wait(waiting), 0);
  assert_int_equal(log_lines(), 0);
  end_hanging(pid);
  assert_int_equal(file_test_renew(volume, &id_a), 0);
  assert_int_equal(log_lines(), 0);
  store_volume_close(volume);
  store_close(store);
}

/* A command that is stopped while it waits for DATA keeps INTENT from all. */
static void
test_stopped_waiter(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct file_volume *own = (struct file_volume *)volume;
  pid_t pid, waiting;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  pid = start_hanging(volume);
  waiting = file_test_fork(renew_in_child, NULL);
  await_lock(volume, FILE_LOCK_INTENT, F_RDLCK);
  assert_int_equal(kill(waiting, SIGSTOP), 0);
  assert_int_equal(
      file_lock(&own->place, own->data, FILE_LOCK_INTENT, FILE_LOCK_LOOK, NULL),
      0);
  expect_killed(waiting);
  assert_int_equal(log_lines(), 1);
  end_hanging(pid);
  store_volume_close(volume);
  store_close(store);
}

static bool
put(const char *directory, const char *name, const char *text)
{
  char path[128];
  bool ok;
  int fd;

  snprintf(path, sizeof path, "%s/%s", directory, name);
  fd = open(path, O_WRONLY | O_CLOEXEC);
  ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  if (fd >= 0)
    close(fd);
  return ok;
}

/* A cgroup (version 2) of its own with the process in it, frozen. */
static bool
freeze(pid_t pid, char *directory, size_t size)
{
  static const char *const mounts[] = {"/sys/fs/cgroup",
                                       "/sys/fs/cgroup/unified"};
  char number[16];

  snprintf(number, sizeof number, "%d", (int)pid);
  for (size_t i = 0; i < COUNT(mounts); i++) {
    snprintf(directory, size, "%s/leasehold-test-%d", mounts[i], (int)pid);
    if (mkdir(directory, 0700) != 0)
      continue;
    if (put(directory, "cgroup.procs", number) &&
        put(directory, "cgroup.freeze", "1"))
      return true;
    rmdir(directory);
  }
  return false;
}

static void
test_frozen_writer(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  char directory[64];
  bool skipped = false;
  pid_t pid;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  pid = start_hanging(volume);
  if (freeze(pid, directory, sizeof directory)) {
    assert_int_equal(file_test_change(volume, &id_a, &id_b), 0);
    expect_killed(pid);
    assert_non_null(strstr(file_test_log, "frozen"));
    assert_int_equal(log_lines(), 1);
    assert_int_equal(rmdir(directory), 0);
  } else {
    end_hanging(pid);
    skipped = true;
  }
  store_volume_close(volume);
  store_close(store);
  if (skipped) {
    print_message("no cgroup (version 2) can be made here\n");
    skip();
  }
}

int
main(void)
{
  int own = pidfd_open(getpid(), 0);

  const struct CMUnitTest tests[] = {
      FILE_TEST(test_stopped_writer),
      FILE_TEST(test_stopped_command),
      FILE_TEST(test_looking_disturbs_nobody),
      FILE_TEST(test_only_who_is_in_the_way),
      FILE_TEST(test_continued_in_time),
      FILE_TEST(test_own_process),
      FILE_TEST(test_searcher_was_suspended),
      FILE_TEST(test_other_pid_namespace),
      FILE_TEST(test_slow_writer),
      FILE_TEST(test_stopped_waiter),
      FILE_TEST(test_frozen_writer),
  };

  if (own < 0) {
    printf("skipped: no pidfd_open: %s (valgrind does not have it)\n",
           strerror(errno));
    return 77;
  }
  close(own);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
