/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clock.c: the system's clocks; see clock.h.
 *
 * A time namespace adds an offset to CLOCK_BOOTTIME (time_namespaces(7)), and
 * two processes that share a store may live in two of them. The offset stands
 * in /proc/self/timens_offsets and cannot change once a process is in the
 * namespace, so it is read once.
 */
#include "leasehold/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static pthread_once_t offset_once = PTHREAD_ONCE_INIT;
static int64_t offset_ns; /* written by offset_once only */

static void
read_offset(void)
{
  FILE *file = fopen("/proc/self/timens_offsets", "re");
  char name[32];
  long long seconds, nanoseconds;

  if (file == NULL)
    return; /* a kernel without time namespaces */
  while (fscanf(file, "%31s %lld %lld", name, &seconds, &nanoseconds) == 3)
    if (strcmp(name, "boottime") == 0)
      offset_ns = seconds * (int64_t)NANOSECONDS_PER_SECOND + nanoseconds;
  fclose(file);
}

static uint64_t
system_boottime_ns(const struct clock *clock)
{
  struct timespec now;

  (void)clock;
  pthread_once(&offset_once, read_offset);
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec -
         (uint64_t)offset_ns;
}

static int64_t
system_wall_ms(const struct clock *clock)
{
  struct timespec now;

  (void)clock;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const struct clock system_clock = {
    .boottime_ns = system_boottime_ns,
    .wall_ms = system_wall_ms,
};
