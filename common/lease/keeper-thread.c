/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper-thread.c: the keeper's one thread: sleeps until a kick or a time.
 *
 * A kick adds to an eventfd; the next time arms a timerfd on CLOCK_BOOTTIME,
 * which also fires after a suspend that ran past it. Kicks that come while a
 * turn runs are seen at the next poll. Four steps: new (keeper.c), start,
 * stop (waits for the last releases, then quit and join), free. Both
 * descriptors are there until the last one: an answer that comes late kicks,
 * too.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lease/keeper-internal.h"
#include "utils/cleanup.h"

static void
kick_thread(struct keeper_kick *kick)
{
  struct keeper *keeper =
      (struct keeper *)((char *)kick - offsetof(struct keeper, thread_kick));
  uint64_t one = 1;

  /* Fails only when the counter is full: then a wake-up is pending anyway. */
  if (write(keeper->event_fd, &one, sizeof one) < 0)
    return;
}

static void
arm(struct keeper *keeper, uint64_t next_ns)
{
  struct itimerspec timer = {0};

  if (next_ns != TIME_NEVER) {
    uint64_t now_ns = clock_now(keeper->config.clock);
    uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 1;

    timer.it_value.tv_sec = (time_t)(wait_ns / NANOSECONDS_PER_SECOND);
    timer.it_value.tv_nsec = (long)(wait_ns % NANOSECONDS_PER_SECOND);
  }
  timerfd_settime(keeper->timer_fd, 0, &timer, NULL);
}

static void
empty(int fd)
{
  uint64_t count;

  while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
    continue;
}

static void *
run(void *opaque)
{
  struct keeper *keeper = opaque;

  while (!__atomic_load_n(&keeper->quit, __ATOMIC_ACQUIRE)) {
    struct pollfd fds[] = {{.fd = keeper->event_fd, .events = POLLIN},
                           {.fd = keeper->timer_fd, .events = POLLIN}};

    arm(keeper, keeper_turn(keeper));
    if (poll(fds, 2, -1) < 0)
      continue;
    if (fds[0].revents != 0)
      empty(keeper->event_fd);
  }
  return NULL;
}

int
keeper_start(struct keeper *keeper, struct error *err)
{
  int failure;

  keeper->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  keeper->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (keeper->event_fd < 0 || keeper->timer_fd < 0)
    return error_set_errno(err, errno, "keeper: cannot make its timer");
  keeper->thread_kick.kick = kick_thread;
  keeper_set_kick(keeper, &keeper->thread_kick);
  failure = pthread_create(&keeper->thread, NULL, run, keeper);
  if (failure != 0)
    return error_set_errno(err, failure, "keeper: cannot start its thread");
  keeper->running = true;
  return 0;
}

/* keeper->lock is held. */
static bool
anything_drains_locked(struct keeper *keeper)
{
  for (struct tenure *tenure = keeper->tenures; tenure != NULL;
       tenure = tenure->next) {
    LOCK_FOR_SCOPE(&tenure->lock);
    if (tenure->draining || tenure->notes.set & NOTE_DETACH)
      return true;
  }
  return false;
}

static bool
anything_left_locked(struct keeper *keeper)
{
  return keeper->tenures != NULL;
}

/* Waits until a turn leaves nothing of what is asked for, or for_ns. */
static void
wait_until_none(struct keeper *keeper, bool (*any_locked)(struct keeper *),
                uint64_t for_ns)
{
  struct timespec until;

  clock_gettime(CLOCK_MONOTONIC, &until);
  for_ns += (uint64_t)until.tv_nsec;
  until.tv_sec += (time_t)(for_ns / NANOSECONDS_PER_SECOND);
  until.tv_nsec = (long)(for_ns % NANOSECONDS_PER_SECOND);

  LOCK_FOR_SCOPE(&keeper->lock);
  while (any_locked(keeper)) {
    if (pthread_cond_timedwait(&keeper->gone, &keeper->lock, &until) != 0)
      return;
  }
}

void
keeper_stop(struct keeper *keeper, uint64_t grace_ns)
{
  if (!keeper->running)
    return;
  keeper_detach_all(keeper);
  wait_until_none(keeper, anything_drains_locked, keeper->config.drain_ns);
  wait_until_none(keeper, anything_left_locked, grace_ns);
  __atomic_store_n(&keeper->quit, true, __ATOMIC_RELEASE);
  kick_thread(&keeper->thread_kick);
  pthread_join(keeper->thread, NULL);
  keeper->running = false;
}

void
keeper_close(struct keeper *keeper)
{
  if (keeper->event_fd >= 0)
    close(keeper->event_fd);
  if (keeper->timer_fd >= 0)
    close(keeper->timer_fd);
}
