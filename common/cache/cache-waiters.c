/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cache-waiters.c: who waits for the cache, and for what; see cache.c.
 *
 * All of them are in one list. Whoever changes what one may wait for has them
 * checked; one that is woken looks itself, and waits again if it was in vain.
 */
#include "cache/volume-internal.h"

void
cache_waiter_add(struct cached_volume *volume, struct cache_waiter *waiter)
{
  struct cache *cache = volume->cache;

  if (waiter->link != NULL)
    return;
  waiter->volume = volume;
  waiter->failed = 0;
  waiter->again = false;
  waiter->next = cache->waiters;
  waiter->link = &cache->waiters;
  if (waiter->next != NULL)
    waiter->next->link = &waiter->next;
  cache->waiters = waiter;
  if (waiter->kind != CACHE_WAIT_FILL) /* nothing is to be done for that */
    cached_activate(volume);
}

void
cache_waiter_remove(struct cache_waiter *waiter)
{
  if (waiter->link == NULL)
    return;
  *waiter->link = waiter->next;
  if (waiter->next != NULL)
    waiter->next->link = waiter->link;
  waiter->link = NULL;
}

static bool
is_over(const struct cache_waiter *waiter)
{
  switch (waiter->kind) {
  case CACHE_WAIT_SPACE:
    return cached_has_space(waiter->volume);
  case CACHE_WAIT_DURABLE:
    return cached_durable(waiter->volume, waiter->begin, waiter->end,
                          waiter->sequence);
  case CACHE_WAIT_FILL:
    return !prefetch_loads(waiter->volume, waiter->begin, waiter->end);
  }
  return false;
}

void
cache_waiters_check(struct cache *cache)
{
  for (struct cache_waiter *waiter = cache->waiters; waiter != NULL;
       waiter = waiter->next)
    if (waiter->failed != 0 || waiter->again || is_over(waiter))
      waiter->wake(waiter);
}

void
cache_waiters_fail(struct cached_volume *volume, uint64_t begin, uint64_t end,
                   int status)
{
  for (struct cache_waiter *waiter = volume->cache->waiters; waiter != NULL;
       waiter = waiter->next)
    if (waiter->volume == volume && waiter->begin < end &&
        begin < waiter->end && waiter->failed == 0)
      waiter->failed = status;
}
