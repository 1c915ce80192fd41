/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sleeper.c: how a thread of nbdkit waits for us, for nbdkit, or for a time.
 *
 * nbdkit tells a thread that the server is to stop, or that its client has
 * gone, only when it asks (nbdkit_nanosleep). So a sleep is made of slices,
 * and nbdkit is asked between them; whoever calls sleeper_wake ends it at
 * once.
 */
#include "plugin.h"

#include <time.h>

#define SLICE_NS (200 * NANOSECONDS_PER_MILLISECOND)
#define LONG_SLICE_NS (3600 * NANOSECONDS_PER_SECOND)

void
sleeper_init(struct sleeper *sleeper)
{
  *sleeper = (struct sleeper){.lock = PTHREAD_MUTEX_INITIALIZER,
                              .woken_up = PTHREAD_COND_INITIALIZER};
}

void
sleeper_destroy(struct sleeper *sleeper)
{
  pthread_cond_destroy(&sleeper->woken_up);
  pthread_mutex_destroy(&sleeper->lock);
}

void
sleeper_wake(struct sleeper *sleeper)
{
  pthread_mutex_lock(&sleeper->lock);
  sleeper->woken = true;
  pthread_cond_signal(&sleeper->woken_up);
  pthread_mutex_unlock(&sleeper->lock);
}

/* Sleeps for at most duration_ns; true if woken. */
static bool
sleep_slice(struct sleeper *sleeper, uint64_t duration_ns)
{
  struct timespec until;
  bool woken;

  clock_gettime(CLOCK_MONOTONIC, &until);
  duration_ns += (uint64_t)until.tv_nsec;
  until.tv_sec += (time_t)(duration_ns / NANOSECONDS_PER_SECOND);
  until.tv_nsec = (long)(duration_ns % NANOSECONDS_PER_SECOND);

  pthread_mutex_lock(&sleeper->lock);
  while (!sleeper->woken) {
    if (pthread_cond_clockwait(&sleeper->woken_up, &sleeper->lock,
                               CLOCK_MONOTONIC, &until) != 0)
      break;
  }
  woken = sleeper->woken;
  sleeper->woken = false;
  pthread_mutex_unlock(&sleeper->lock);
  return woken;
}

enum sleep_end
sleeper_sleep(struct sleeper *sleeper, const struct clock *clock,
              uint64_t until_ns, bool may_leave)
{
  const uint64_t slice_ns = may_leave ? SLICE_NS : LONG_SLICE_NS;

  for (;;) {
    uint64_t now = clock_now(clock);
    uint64_t left = until_ns > now ? until_ns - now : 0;

    if (sleep_slice(sleeper, left < slice_ns ? left : slice_ns))
      return SLEEP_WOKEN;
    if (left <= slice_ns)
      return SLEEP_OVER;
    if (may_leave && nbdkit_nanosleep(0, 0) == -1)
      return SLEEP_LEAVE;
  }
}
