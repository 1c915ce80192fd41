/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-clock.c: the system's clocks; one time for all time namespaces. */
#include "leasehold/clock.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define OFFSET_S 1000000

/* Forks a child into a time namespace whose boot time is far ahead; it writes
 * what our clock and the system's say there. False: not possible here.
 */
static bool
read_in_namespace(uint64_t *ours, uint64_t *raw)
{
  uint64_t both[2] = {0, 0};
  int pipe_fds[2], status;
  pid_t child;

  assert_int_equal(pipe(pipe_fds), 0);
  child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    char offsets[64];
    int fd, length;

    length = snprintf(offsets, sizeof offsets, "boottime %d 500", OFFSET_S);
    if (unshare(CLONE_NEWTIME) != 0)
      _exit(1);
    fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, offsets, (size_t)length) != length)
      _exit(1);
    close(fd);
    child = fork();
    if (child == 0) {
      struct timespec now;

      clock_gettime(CLOCK_BOOTTIME, &now);
      both[0] = clock_now(&system_clock);
      both[1] = (uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND;
      _exit(write(pipe_fds[1], both, sizeof both) != sizeof both);
    }
    _exit(child < 0 || waitpid(child, &status, 0) != child || status != 0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  close(pipe_fds[1]);
  if (status == 0)
    assert_int_equal(read(pipe_fds[0], both, sizeof both), sizeof both);
  close(pipe_fds[0]);
  *ours = both[0];
  *raw = both[1];
  return status == 0;
}

/* Must be the first test: a child inherits an offset that was read before. */
static void
time_namespaces_read_the_same(void **unused)
{
  uint64_t there, raw, now;

  (void)unused;
  if (!read_in_namespace(&there, &raw)) {
    print_message("skipped: no right to make a time namespace here\n");
    skip();
  }
  now = clock_now(&system_clock);
  assert_true(there <= now);
  assert_true(now - there < 600 * NANOSECONDS_PER_SECOND);
  assert_true(raw - there > (OFFSET_S - 2) * NANOSECONDS_PER_SECOND);
}

static void
boottime_goes_forward(void **unused)
{
  uint64_t before = clock_now(&system_clock);

  (void)unused;
  assert_true(before > 0);
  for (int i = 0; i < 1000; i++) {
    uint64_t now = clock_now(&system_clock);

    assert_true(now >= before);
    before = now;
  }
}

static void
wall_clock_is_unix_time(void **unused)
{
  int64_t before = (int64_t)time(NULL) * 1000;
  int64_t wall = system_clock.wall_ms(&system_clock);

  (void)unused;
  assert_true(wall >= before - 1000 && wall < before + 600000);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(time_namespaces_read_the_same),
      cmocka_unit_test(boottime_goes_forward),
      cmocka_unit_test(wall_clock_is_unix_time),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
