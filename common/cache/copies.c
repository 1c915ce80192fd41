/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* copies.c: copies between clients' memory and blocks, without the cache's
 * lock; see cache.c.
 *
 * Who has the lock claims blocks (block-cache.h: many may copy out of one, or
 * one into it), notes what is to be copied, and changes the tables as if it had
 * been copied. Then it gives the lock back, copies, and ends its claims, for
 * which it needs no lock. So it never waits while it has a claim, and whoever
 * waits for a block (copies_wait) waits for memcpy only, and cannot be waited
 * for.
 */
#include <string.h>

#include "cache/cache-internal.h"
#include "utils/cleanup.h"

/* --- blocks ------------------------------------------------------------ */

bool
block_is_copied(const struct block *block)
{
  return atomic_load(&block->copies) != 0;
}

bool
block_is_filling(const struct block *block)
{
  return atomic_load(&block->copies) < 0;
}

bool
block_copy_begins(struct block *block, bool into)
{
  if (into ? block_is_copied(block) : block_is_filling(block))
    return false;
  atomic_fetch_add(&block->copies, into ? -1 : 1);
  return true;
}

void
block_copy_ends(struct block *block)
{
  if (block_is_filling(block))
    atomic_store(&block->copies, 0);
  else
    atomic_fetch_sub(&block->copies, 1);
}

/* --- what a thread copies ----------------------------------------------- */

/* A block is at most so many ranges: of eight sectors, every other one. */
#define RANGES_OF_BLOCK 4

bool
copies_full(const struct copies *copies)
{
  return copies->count > COPIES_MAX - RANGES_OF_BLOCK;
}

bool
copies_claim(struct copies *copies, struct block *block, bool into)
{
  unsigned claims = copies->claims;

  if (claims > 0 && copies->blocks[claims - 1] == block)
    return true;
  if (claims == COPIES_MAX || !block_copy_begins(block, into))
    return false;
  if (claims == 0)
    atomic_fetch_add(&copies->cache->copiers, 1);
  copies->blocks[copies->claims++] = block;
  return true;
}

void
copies_add(struct copies *copies, void *to, const void *from, size_t count)
{
  copies->items[copies->count++] = (struct copy){to, from, count};
  copies->bytes += count;
}

void
copies_do(struct copies *copies)
{
  struct cache *cache = copies->cache;

  for (unsigned i = 0; i < copies->count; i++) {
    const struct copy *copy = &copies->items[i];

    if (copy->from != NULL)
      memcpy(copy->to, copy->from, copy->count);
    else
      memset(copy->to, 0, copy->count);
  }
  if (copies->claims == 0)
    return;
  for (unsigned i = 0; i < copies->claims; i++)
    block_copy_ends(copies->blocks[i]);
  atomic_fetch_sub(&cache->copiers, 1);
  if (!atomic_load(&cache->copies_awaited))
    return;
  {
    LOCK_FOR_SCOPE(&cache->lock);
    atomic_store(&cache->copies_awaited, false);
    pthread_cond_broadcast(&cache->copied);
  }
  cache_kick(cache);
}

/* In this order: copies_do ends its claims first, and then looks. */
bool
copies_await(struct cache *cache)
{
  atomic_store(&cache->copies_awaited, true);
  return atomic_load(&cache->copiers) > 0;
}

void
copies_wait(const struct copies *copies)
{
  struct cache *cache = copies->cache;

  if (copies->claims == 0 && copies_await(cache))
    pthread_cond_wait(&cache->copied, &cache->lock);
}
