/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cached-read.c: reads of a volume that is cached; see cached-request.c. */
#include "cache/volume-internal.h"
#include "utils/cleanup.h"

/* The most that is copied at a time. */
#define COPY_MAX 65536

static uint64_t
smaller(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

static uint64_t
up(uint64_t offset)
{
  return (offset + STORE_SECTOR - 1) / STORE_SECTOR * STORE_SECTOR;
}

static bool
is_valid(const struct cached_volume *volume, const struct block *block,
         uint64_t at)
{
  return block->valid >> (at / STORE_SECTOR % volume->cache->blocks.sectors) &
         1;
}

/* Notes for copying what is known from at on, of one block or one range of
 * zeroes; how much that is. *busy: nothing, because of another copy.
 */
static uint64_t
copy_known(struct cached_volume *volume, struct copies *copies, char *to,
           uint64_t at, uint64_t end, bool *busy)
{
  struct block_cache *blocks = &volume->cache->blocks;
  const uint32_t size = blocks->block_size;
  struct block *block = block_find(blocks, &volume->blocks, at / size);
  uint64_t known = at, zero_end;

  end = smaller(end, (at / size + 1) * size);
  while (block != NULL && known < end && is_valid(volume, block, known))
    known = smaller(end, known / STORE_SECTOR * STORE_SECTOR + STORE_SECTOR);
  if (known > at) {
    *busy = !copies_claim(copies, block, false);
    if (*busy)
      return 0;
    copies_add(copies, to, block->data + at % size, known - at);
    block_touch(blocks, block);
    return known - at;
  }
  zero_end = end;
  if (block != NULL)
    zero_end = smaller(end, up(at + 1));
  if (!cached_is_zero(volume, at, &zero_end))
    return 0;
  copies_add(copies, to, NULL, zero_end - at);
  return zero_end - at;
}

/* Where what is not known from at on ends. */
static uint64_t
unknown_end(const struct cached_volume *volume, uint64_t at, uint64_t end)
{
  const struct block_cache *blocks = &volume->cache->blocks;
  const uint32_t size = blocks->block_size;

  cached_is_zero(volume, at, &end);
  if (volume->blocks.count == 0)
    return end;
  while (at < end) {
    const struct block *block = block_find(blocks, &volume->blocks, at / size);
    uint64_t block_end = smaller(end, (at / size + 1) * size);

    for (; block != NULL && at < block_end; at = up(at + 1)) {
      if (is_valid(volume, block, at))
        return at;
    }
    at = block_end;
  }
  return end;
}

/* What has to be in the store before the range is read there: what was changed
 * in it; or, where a zero of holes was taken in, the sector that shall prove
 * that they still are holes (cached-change.c).
 */
static bool
has_to_wait(const struct cached_volume *volume, uint64_t *begin, uint64_t *end)
{
  if (cached_unsent(volume, *begin, *end))
    return true;
  if (!extent_map_overlaps(&volume->holes, *begin, *end))
    return false;
  *begin = volume->proof;
  *end = volume->proof + STORE_SECTOR;
  return cached_unsent(volume, *begin, *end);
}

/* Not from memory, not into it: who may not cache, or not at this time. */
static enum passage
read_store(struct volume_request *request, uint64_t end, uint64_t now_ns)
{
  struct cached_volume *volume = request->cached.volume;
  uint64_t at = request->cached.at, first = at, last = end;
  char *buffer = request->whole.buffer;

  if (request->gate.position == GATE_FENCED ||
      request->gate.position == GATE_CLOSED)
    cached_drop(volume, request->gate.position == GATE_FENCED
                            ? STATUS_FENCED
                            : STATUS_STOPPING);
  else if (has_to_wait(volume, &first, &last))
    return request->gate.position == GATE_OPEN
               ? cached_wait(request, CACHE_WAIT_DURABLE, first, last,
                             volume->sequence)
               : volume_wait_for_store(request, now_ns);
  cached_prepare_read(request, at, end, buffer + (at - request->whole.offset),
                      false);
  return PASSED;
}

/* Once for each request: what is to be fetched in front of it. */
static struct prefetch *
read_ahead(struct volume_request *request, uint64_t end)
{
  struct cached_volume *volume = request->cached.volume;
  uint64_t at = request->cached.at, until = end;
  bool missed = at < end;
  struct read_stream *stream;

  if (request->cached.noted || request->gate.position != GATE_OPEN)
    return NULL;
  request->cached.noted = true;
  stream = read_ahead_note(&volume->ahead, request->whole.offset,
                           request->whole.count, missed);
  if (stream == NULL)
    return NULL;
  if (missed && read_ahead_asked(stream, at) &&
      !prefetch_covers(volume, at, &until))
    read_ahead_lost(&volume->ahead, stream);
  return prefetch_plan(volume, stream);
}

/* Notes for copying what is known from the request's at on. False: there is
 * more, or it may have become another.
 */
static bool
copy_all_known(struct volume_request *request, struct copies *copies,
               uint64_t end)
{
  struct cached_volume *volume = request->cached.volume;
  uint64_t *at = &request->cached.at;
  char *buffer = request->whole.buffer;
  bool busy = false;

  while (*at < end && copies->bytes < COPY_MAX && !copies_full(copies)) {
    uint64_t known =
        copy_known(volume, copies, buffer + (*at - request->whole.offset), *at,
                   end, &busy);

    if (busy)
      copies_wait(copies);
    if (known == 0)
      return !busy;
    volume->cache->counts.hits += known / STORE_SECTOR;
    *at += known;
  }
  return *at == end;
}

/* What is not known is on its way already, or has to be fetched. */
static enum passage
fetch(struct volume_request *request, uint64_t end)
{
  struct cached_volume *volume = request->cached.volume;
  uint64_t at = request->cached.at;
  char *buffer = request->whole.buffer;

  end = unknown_end(volume, at, end);
  if (prefetch_covers(volume, at, &end))
    return cached_wait(request, CACHE_WAIT_FILL, at, end, 0);
  volume->cache->counts.misses += (end - at) / STORE_SECTOR;
  cached_prepare_read(request, at, end, buffer + (at - request->whole.offset),
                      true);
  return PASSED;
}

/* What is to be submitted without the lock. */
struct background {
  struct prefetch *prefetches;
  struct hole_fetch *holes;
};

static enum passage
step(struct volume_request *request, struct copies *copies,
     struct background *background)
{
  struct cached_volume *volume = request->cached.volume;
  uint64_t end = request->whole.offset + request->whole.count;
  uint64_t now_ns = clock_now(request->volume->clock);

  LOCK_FOR_SCOPE(&volume->cache->lock);
  if (request->cached.at < end &&
      !cached_usable(volume, &request->gate, now_ns))
    return read_store(request, end, now_ns);
  if (!copy_all_known(request, copies, end))
    return CHANGED;
  background->prefetches = read_ahead(request, end);
  if (request->cached.at < end) {
    background->holes = hole_map_plan(volume, &request->gate);
    return fetch(request, end);
  }
  volume_finish(request, STATUS_OK);
  return ENDED;
}

enum passage
cached_read_step(struct volume_request *request)
{
  struct copies copies = {.cache = request->cached.volume->cache};
  struct background background = {NULL, NULL};
  enum passage passage = step(request, &copies, &background);

  copies_do(&copies);
  prefetch_submit(background.prefetches);
  hole_map_submit(background.holes);
  return passage;
}

/* Of what the store has answered, the sectors at..to of one block, which has
 * not got all of them.
 */
static void
complete(struct cached_volume *volume, struct copies *copies,
         struct block *block, const char *from, uint64_t at, uint64_t to)
{
  struct block_cache *blocks = &volume->cache->blocks;
  uint64_t end;

  for (uint64_t begin = at; begin < to; begin = end) {
    end = begin + STORE_SECTOR;
    if (is_valid(volume, block, begin))
      continue;
    while (end < to && !is_valid(volume, block, end))
      end += STORE_SECTOR;
    copies_add(copies, block->data + begin % blocks->block_size,
               from + (begin - at), end - begin);
  }
  block->valid |= block_sectors(blocks, at, to);
}

/* What the store has answered from *at on becomes valid, but where a block
 * knows more, or is in use. False: that was all.
 */
static bool
keep(struct volume_request *request, struct copies *copies, uint64_t *at)
{
  struct cached_volume *volume = request->cached.volume;
  struct block_cache *blocks = &volume->cache->blocks;
  const struct fill *fill = &request->cached.fill;
  const uint32_t size = blocks->block_size;
  uint64_t end = fill->end - fill->end % STORE_SECTOR, to;
  const char *from = request->io.buffer;

  for (; *at < end && !copies_full(copies); *at = to) {
    struct block *block = block_find(blocks, &volume->blocks, *at / size);
    uint8_t sectors;

    to = smaller(end, (*at / size + 1) * size);
    sectors = block_sectors(blocks, *at, to);
    if (block == NULL)
      block = block_make(blocks, &volume->blocks, *at / size);
    if (block == NULL)
      return copies->claims > 0;
    if ((block->valid & sectors) != sectors &&
        (block->flying & ~block->valid) == 0 &&
        copies_claim(copies, block, true))
      complete(volume, copies, block, from + (*at - fill->begin), *at, to);
  }
  return *at < end;
}

/* The gate has to be open still, or again: if it is under another epoch, the
 * session has claimed that itself, and nobody else has written in between.
 */
static bool
may_keep(struct volume_request *request)
{
  struct cached_volume *volume = request->cached.volume;
  const struct block_cache *blocks = &volume->cache->blocks;
  const struct fill *fill = &request->cached.fill;

  /* First of all, for it spoils all if others may have written since. */
  return cached_usable(volume, &request->gate,
                       clock_now(request->volume->clock)) &&
         !fill->spoiled &&
         fill->end - fill->begin <= blocks->most / 4 * blocks->block_size;
}

void
cached_read_answered(struct volume_request *request)
{
  struct cache *cache = request->cached.volume->cache;
  uint64_t at = up(request->cached.fill.begin);
  bool more;

  request->cached.at = request->cached.fill.end;
  do {
    struct copies copies = {.cache = cache};

    {
      LOCK_FOR_SCOPE(&cache->lock);
      more = may_keep(request) && keep(request, &copies, &at);
    }
    copies_do(&copies);
  } while (more);
}
