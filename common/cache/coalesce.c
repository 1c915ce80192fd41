/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coalesce.c: which dirty sectors go together. Pure. */
#include "cache/cache-internal.h"

/* The sector at this byte of the volume. */
static bool
is_dirty(const struct block_cache *cache, const struct block *block,
         uint64_t at)
{
  return block->dirty >> (at / STORE_SECTOR % cache->sectors) & 1;
}

/* The block, if what is dirty in it may go along. */
static const struct block *
next_to(const struct block_cache *cache, const struct block *block,
        uint64_t index)
{
  const struct block *next = block_find(cache, block->owner, index);

  return next != NULL && next->flying == 0 && !block_is_filling(next) ? next
                                                                      : NULL;
}

void
coalesce(const struct block_cache *cache, const struct block *block,
         uint64_t low, uint64_t high, uint64_t most, uint64_t *begin,
         uint64_t *end)
{
  const struct block *at;

  *begin = block->index * cache->block_size;
  while (!is_dirty(cache, block, *begin) || *begin < low)
    *begin += STORE_SECTOR;
  *end = *begin;

  for (at = block; at != NULL && *end < high && *end - *begin < most;) {
    if (!is_dirty(cache, at, *end))
      break;
    *end += STORE_SECTOR;
    if (*end % cache->block_size == 0)
      at = next_to(cache, at, *end / cache->block_size);
  }
  for (at = block; *begin > low && *end - *begin < most;) {
    if (*begin % cache->block_size == 0)
      at = next_to(cache, at, *begin / cache->block_size - 1);
    if (at == NULL || !is_dirty(cache, at, *begin - STORE_SECTOR))
      break;
    *begin -= STORE_SECTOR;
  }
}
