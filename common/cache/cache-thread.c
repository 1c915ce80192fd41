/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cache-thread.c: the cache's one thread: sleeps until a kick or a time.
 *
 * Four steps: new (cache.c), start, stop (quit and join), free. After stop
 * nothing is sent any more; whoever wants changes sent has the sessions
 * drained before it (keeper_stop).
 */
#include <signal.h>
#include <time.h>

#include "cache/cache-internal.h"
#include "utils/cleanup.h"

/* A time on CLOCK_BOOTTIME is waited for on CLOCK_MONOTONIC: across a suspend
 * it comes late, and nothing here minds.
 */
#define SLEEP_MAX_NS (60 * NANOSECONDS_PER_SECOND)

static void
kick_thread(struct cache_kick *kick)
{
  struct cache *cache =
      (struct cache *)((char *)kick - offsetof(struct cache, thread_kick));

  LOCK_FOR_SCOPE(&cache->kick_lock);
  if (cache->kicked)
    return;
  cache->kicked = true;
  pthread_cond_signal(&cache->kicks);
}

/* Until a kick or next_ns. False: it is time to end. */
static bool
sleep_until(struct cache *cache, uint64_t next_ns)
{
  uint64_t now_ns = clock_now(cache->config.clock);
  uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
  struct timespec until;

  if (wait_ns > SLEEP_MAX_NS)
    wait_ns = SLEEP_MAX_NS;
  clock_gettime(CLOCK_MONOTONIC, &until);
  wait_ns += (uint64_t)until.tv_nsec;
  until.tv_sec += (time_t)(wait_ns / NANOSECONDS_PER_SECOND);
  until.tv_nsec = (long)(wait_ns % NANOSECONDS_PER_SECOND);

  LOCK_FOR_SCOPE(&cache->kick_lock);
  while (!cache->kicked && !cache->quit) {
    if (pthread_cond_timedwait(&cache->kicks, &cache->kick_lock, &until) != 0)
      break;
  }
  cache->kicked = false;
  return !cache->quit;
}

static void *
run(void *opaque)
{
  struct cache *cache = opaque;

  while (sleep_until(cache, cache_turn(cache)))
    continue;
  return NULL;
}

int
cache_start(struct cache *cache, struct error *err)
{
  sigset_t all, before;
  int failure;

  cache->thread_kick.kick = kick_thread;
  cache_set_kick(cache, &cache->thread_kick);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  failure = pthread_create(&cache->thread, NULL, run, cache);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failure != 0)
    return error_set_errno(err, failure, "cache: cannot start its thread");
  cache->running = true;
  return 0;
}

void
cache_stop(struct cache *cache)
{
  if (cache == NULL || !cache->running)
    return;
  {
    LOCK_FOR_SCOPE(&cache->kick_lock);
    cache->quit = true;
    pthread_cond_signal(&cache->kicks);
  }
  pthread_join(cache->thread, NULL);
  cache->running = false;
}
