/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* prefetch.c: reads of the cache's own, in front of those of clients.
 *
 *   plan:    with the cache's lock, in the step of a read that belongs to a
 *            stream (read-ahead.h): blocks are taken, in which the answer will
 *            be put by the store, without a copy; nobody finds them yet.
 *   submit:  without the lock, in the same thread.
 *   end:     in the store's thread: with the lock, the blocks become the
 *            volume's, or are given back; those who wait for them are woken.
 *
 * What has been read ahead is kept on the same terms as what a client has read
 * (cached-read.c): the gate was open when it was sent for and is open when it
 * has come, and nothing in its range was changed in between, which is what its
 * fill says. And it is sent for only where nothing is newer than the store: a
 * change that was under way already would not spoil it. Read ahead is for those
 * who are alone with the volume, and nobody is told when it fails: a read asks
 * again itself.
 *
 * A quarter of all blocks may be on their way, and three of four connections
 * used for it, the last is for reads that somebody waits for. A store that does
 * everything inside submit is left alone after the first: there is nothing to
 * be had.
 *
 *   struct prefetch   planned by a request, freed by who concludes it; in the
 *                     volume's list in between
 */
#include <stdlib.h>

#include "cache/volume-internal.h"
#include "utils/cleanup.h"
#include "utils/mutation.h"

/* The largest request: what a store does in one. */
#define PIECE_MAX (UINT64_C(1) << 20)

struct prefetch {
  struct store_io io; /* first */
  struct prefetch *next, **link;
  struct prefetch *later; /* planned after it, to be submitted */
  struct cached_volume *volume;
  struct fill fill;
  size_t count; /* blocks */
  struct block **blocks;
  void *pieces[]; /* their data; behind them are blocks */
};

static size_t
larger(size_t a, size_t b)
{
  return a > b ? a : b;
}

void
prefetch_init(struct cached_volume *volume)
{
  const struct block_cache *blocks = &volume->cache->blocks;
  const uint32_t size = blocks->block_size;
  uint64_t piece = larger(blocks->most / 16, 1) * size;

  volume->ahead = (struct read_ahead){
      .block = size,
      .most = larger(blocks->most / 8, 2) * size,
      .piece = piece < PIECE_MAX ? piece : PIECE_MAX,
  };
}

/* --- what is on its way ----------------------------------------------- */

bool
prefetch_covers(const struct cached_volume *volume, uint64_t at, uint64_t *end)
{
  for (const struct prefetch *prefetch = volume->prefetches; prefetch != NULL;
       prefetch = prefetch->next) {
    const struct fill *fill = &prefetch->fill;

    if (fill->spoiled || fill->end <= at || fill->begin >= *end)
      continue;
    if (fill->begin <= at) {
      *end = fill->end < *end ? fill->end : *end;
      return true;
    }
    *end = fill->begin;
  }
  return false;
}

bool
prefetch_loads(const struct cached_volume *volume, uint64_t begin, uint64_t end)
{
  uint64_t until = end;

  return prefetch_covers(volume, begin, &until) || until < end;
}

/* --- planning --------------------------------------------------------- */

static bool
may_load(const struct cache *cache, size_t blocks)
{
  unsigned connections = cache->config.connections;

  return cache->prefetches < connections - connections / 4 &&
         cache->blocks.loading + blocks <= larger(cache->blocks.most / 4, 1);
}

static void
give_blocks_back(struct prefetch *prefetch)
{
  for (size_t i = 0; i < prefetch->count; i++)
    block_give_back(&prefetch->volume->cache->blocks, prefetch->blocks[i]);
}

static bool
take_blocks(struct prefetch *prefetch, size_t count)
{
  for (; prefetch->count < count; prefetch->count++) {
    struct block *block = block_take(&prefetch->volume->cache->blocks);

    if (block == NULL)
      return false;
    prefetch->blocks[prefetch->count] = block;
    prefetch->pieces[prefetch->count] = block->data;
  }
  return true;
}

static struct prefetch *
prefetch_new(struct cached_volume *volume, uint64_t begin, uint64_t end)
{
  const uint32_t size = volume->cache->blocks.block_size;
  size_t count = (end - begin + size - 1) / size;
  struct prefetch *prefetch = NULL;

  if (may_load(volume->cache, count))
    prefetch = malloc(sizeof *prefetch + count * (sizeof prefetch->pieces[0] +
                                                  sizeof prefetch->blocks[0]));
  if (prefetch == NULL)
    return NULL;
  *prefetch = (struct prefetch){.volume = volume, .link = &volume->prefetches};
  prefetch->blocks = (struct block **)(prefetch->pieces + count);
  if (!take_blocks(prefetch, count)) {
    give_blocks_back(prefetch);
    free(prefetch);
    return NULL;
  }
  prefetch->io = (struct store_io){.kind = STORE_READ,
                                   .offset = begin,
                                   .count = end - begin,
                                   .pieces = prefetch->pieces,
                                   .piece_size = size};
  fill_begin(volume, &prefetch->fill, begin, end);
  prefetch->next = volume->prefetches;
  if (prefetch->next != NULL)
    prefetch->next->link = &prefetch->next;
  volume->prefetches = prefetch;
  volume->cache->prefetches++;
  return prefetch;
}

static bool
is_known(const struct cached_volume *volume, uint64_t at, uint64_t end)
{
  const struct block_cache *blocks = &volume->cache->blocks;
  const struct block *block =
      block_find(blocks, &volume->blocks, at / blocks->block_size);
  uint8_t sectors = block_sectors(blocks, at, end);

  return (block != NULL && (block->valid & sectors) == sectors) ||
         extent_map_covers(&volume->holes, at, end);
}

/* What of the piece is to be read: not what is known at its ends. False:
 * nothing is, or not now.
 */
static bool
trim(const struct cached_volume *volume, uint64_t *begin, uint64_t *end)
{
  const uint32_t size = volume->cache->blocks.block_size;

  while (*begin < *end &&
         is_known(volume, *begin, *begin + size < *end ? *begin + size : *end))
    *begin += size;
  while (*begin < *end) {
    uint64_t last = (*end - 1) / size * size;

    if (!is_known(volume, last, *end))
      break;
    *end = last;
  }
  return *begin < *end && !prefetch_loads(volume, *begin, *end) &&
         (!cached_unsent(volume, *begin, *end) || MUTATED(AHEAD_OF_CHANGES));
}

struct prefetch *
prefetch_plan(struct cached_volume *volume, struct read_stream *stream)
{
  struct prefetch *first = NULL, **last = &first;
  struct volume_info info;
  uint64_t begin, end, at;

  if (volume->blocking)
    return NULL;
  tenure_view(volume->tenure, &info, NULL, NULL);
  while (may_load(volume->cache, 1) &&
         read_ahead_next(&volume->ahead, stream, info.size, &begin, &end)) {
    struct prefetch *prefetch;

    at = begin;
    if (!trim(volume, &begin, &end))
      continue;
    prefetch = prefetch_new(volume, begin, end);
    if (prefetch == NULL) {
      read_ahead_undo(stream, at);
      break;
    }
    *last = prefetch;
    last = &prefetch->later;
  }
  return first;
}

/* --- how it ended ----------------------------------------------------- */

static void
take_over(struct prefetch *prefetch)
{
  struct cached_volume *volume = prefetch->volume;
  struct block_cache *blocks = &volume->cache->blocks;
  const uint32_t size = blocks->block_size;
  uint64_t at = prefetch->fill.begin;

  for (size_t i = 0; i < prefetch->count; i++, at += size) {
    uint64_t end = at + size;

    if (end > prefetch->fill.end)
      end = prefetch->fill.end;
    block_put(blocks, prefetch->blocks[i], &volume->blocks, at / size,
              block_sectors(blocks, at, end));
  }
}

static void
drop(struct prefetch *prefetch)
{
  if (prefetch->io.status == STATUS_OK)
    prefetch->volume->cache->blocks.wasted_ahead += prefetch->count;
  give_blocks_back(prefetch);
}

static void
leave_lists(struct prefetch *prefetch)
{
  fill_end(&prefetch->fill);
  *prefetch->link = prefetch->next;
  if (prefetch->next != NULL)
    prefetch->next->link = prefetch->link;
  prefetch->volume->cache->prefetches--;
}

static void
conclude(struct prefetch *prefetch)
{
  struct cached_volume *volume = prefetch->volume;
  uint64_t now_ns = clock_now(volume->cache->config.clock);
  struct gate gate;
  /* First of all, for it spoils all if others may have written since. */
  bool usable = cached_usable(volume, &gate, now_ns);

  leave_lists(prefetch);
  if (prefetch->io.status != STATUS_OK)
    read_ahead_forget(&volume->ahead);
  if (prefetch->io.status == STATUS_OK && usable &&
      (!prefetch->fill.spoiled || MUTATED(AHEAD_KEPT_SPOILED)))
    take_over(prefetch);
  else
    drop(prefetch);
  cached_nothing_flies(volume);
  cache_waiters_check(volume->cache);
}

static void
ended(struct prefetch *prefetch, bool blocking)
{
  struct cache *cache = prefetch->volume->cache;

  {
    LOCK_FOR_SCOPE(&cache->lock);
    prefetch->volume->blocking |= blocking;
    conclude(prefetch);
  }
  free(prefetch);
}

static void
prefetch_done(struct store_io *io)
{
  ended((struct prefetch *)io, false);
}

void
prefetch_submit(struct prefetch *first)
{
  struct prefetch *later;

  for (struct prefetch *prefetch = first; prefetch != NULL; prefetch = later) {
    struct store_volume *store = tenure_volume(prefetch->volume->tenure);
    int status;

    later = prefetch->later;
    prefetch->io.done = prefetch_done;
    status = store_submit_io(store, &prefetch->io);
    if (status != STORE_PENDING) {
      prefetch->io.status = status;
      ended(prefetch, true);
    }
  }
}

void
prefetch_abandon(struct cached_volume *volume)
{
  while (volume->prefetches != NULL) {
    struct prefetch *prefetch = volume->prefetches;

    leave_lists(prefetch);
    give_blocks_back(prefetch);
    free(prefetch);
  }
}
