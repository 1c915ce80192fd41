/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cached-change.c: writes, zeroes and flushes of a volume that is cached; see
 * cached-request.c.
 *
 * A write goes into blocks, in pieces of at most 64 KiB: what has been taken in
 * with the lock is copied without it. Of a sector that it covers in part, the
 * rest has to be known: read from the store, if it is not in memory. A zero of
 * whole sectors goes into the map of zeroes, and its sectors out of their
 * blocks; what is left at its ends is written.
 */
#include "cache/volume-internal.h"
#include "utils/cleanup.h"
#include "utils/mutation.h"

#define PIECE_MAX 65536

static uint64_t
smaller(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

static uint64_t
end_of(const struct volume_request *request)
{
  return request->whole.offset + request->whole.count;
}

static uint64_t
sector_begin(uint64_t offset)
{
  return offset - offset % STORE_SECTOR;
}

static uint64_t
sector_end(uint64_t offset)
{
  return sector_begin(offset + STORE_SECTOR - 1);
}

/* Is it answered only when it is in the store? */
static bool
is_durable(const struct volume_request *request)
{
  return request->whole.flags & STORE_IO_FUA ||
         !request->cached.volume->cache->config.write_back;
}

enum taken { TAKEN, NO_SPACE, NO_ROOM, SECTOR_UNKNOWN, BUSY };

/* None can be given up now. */
static enum taken
no_memory(struct cached_volume *volume)
{
  return copies_await(volume->cache) ? BUSY : NO_SPACE;
}

/* The block to write to. BUSY: another copy is in the way. */
static enum taken
block_for(struct cached_volume *volume, struct copies *copies, uint64_t at,
          struct block **out)
{
  struct block_cache *blocks = &volume->cache->blocks;
  uint64_t index = at / blocks->block_size;
  struct block *block = block_find(blocks, &volume->blocks, index);

  if ((block == NULL || (block->dirty | block->flying) == 0) &&
      !cached_has_space(volume))
    return NO_SPACE;
  if (block == NULL)
    block = block_make(blocks, &volume->blocks, index);
  if (block == NULL)
    return no_memory(volume);
  *out = block;
  if (!copies_claim(copies, block, true))
    return BUSY;
  return flight_leaves(volume, block) ? TAKEN : no_memory(volume);
}

/* What was known of begin..end as zero or hole is not so any more, nor is what
 * is being read. There is room in the maps. The change's sequence: if it takes
 * the place of an older one that is not in the store, it is as old as that one,
 * for somebody may wait for it.
 */
static uint64_t
changes(struct cached_volume *volume, uint64_t begin, uint64_t end)
{
  uint64_t sequence = ++volume->sequence;
  const struct span *span = extent_map_find(&volume->zeroes, begin);

  for (; span != NULL && span->begin < end;
       span = extent_map_find(&volume->zeroes, span->end))
    sequence = smaller(sequence, span->sequence);
  extent_map_clear(&volume->zeroes, begin, end);
  extent_map_clear(&volume->holes, begin, end);
  cached_spoil(volume, begin, end);
  volume->cache->counts.changes += (end - begin) / STORE_SECTOR;
  return sequence;
}

static void
copy_in(const struct volume_request *request, struct copies *copies, char *to,
        uint64_t at, uint64_t count)
{
  const struct volume_whole *whole = &request->whole;
  const char *from = whole->buffer;

  copies_add(copies, to,
             whole->kind == STORE_WRITE ? from + (at - whole->offset) : NULL,
             count);
}

/* A part of a sector. */
static enum taken
take_part(struct volume_request *request, struct copies *copies)
{
  struct cached_volume *volume = request->cached.volume;
  struct block_cache *blocks = &volume->cache->blocks;
  uint64_t at = request->cached.at, sector = sector_begin(at);
  uint64_t end = smaller(end_of(request), sector + STORE_SECTOR);
  uint8_t bit = block_sectors(blocks, sector, sector + STORE_SECTOR);
  struct block *block;
  enum taken taken = block_for(volume, copies, at, &block);
  char *data;

  if (taken != TAKEN)
    return taken;
  data = block->data + sector % blocks->block_size;
  if (block->valid & bit) {
    /* it is there */
  } else if (cached_is_zero(volume, sector, NULL)) {
    copies_add(copies, data, NULL, STORE_SECTOR);
  } else if (request->cached.sector == sector &&
             !request->cached.fill.spoiled) {
    copies_add(copies, data, request->sector, STORE_SECTOR);
  } else {
    return SECTOR_UNKNOWN;
  }
  copy_in(request, copies, data + at % STORE_SECTOR, at, end - at);
  block_changed(blocks, block, bit,
                changes(volume, sector, sector + STORE_SECTOR));
  request->cached.at = end;
  return TAKEN;
}

/* Whole sectors of one block, from the request's at on and before end. */
static enum taken
take_sectors(struct volume_request *request, struct copies *copies,
             uint64_t end)
{
  struct cached_volume *volume = request->cached.volume;
  struct block_cache *blocks = &volume->cache->blocks;
  const uint32_t size = blocks->block_size;
  uint64_t at = request->cached.at;
  struct block *block;
  enum taken taken = block_for(volume, copies, at, &block);

  if (taken != TAKEN)
    return taken;
  end = smaller(sector_begin(end), (at / size + 1) * size);
  copy_in(request, copies, block->data + at % size, at, end - at);
  block_changed(blocks, block, block_sectors(blocks, at, end),
                changes(volume, at, end));
  request->cached.at = end;
  return TAKEN;
}

/* These sectors are in no block any more. *sequence comes down to that of what
 * was dirty.
 */
static void
leave_block(struct cached_volume *volume, struct block *block, uint64_t begin,
            uint64_t end, uint64_t *sequence)
{
  struct block_cache *blocks = &volume->cache->blocks;
  uint64_t from = block->index * blocks->block_size;
  uint64_t to = smaller(end, from + blocks->block_size);
  uint8_t sectors;

  if (from >= end || from + blocks->block_size <= begin)
    return;
  sectors = block_sectors(blocks, from < begin ? begin : from, to);
  if (block->dirty & sectors)
    *sequence = smaller(*sequence, block->sequence);
  block_forget(blocks, block, sectors);
}

static void
leave_blocks(struct cached_volume *volume, uint64_t begin, uint64_t end,
             uint64_t *sequence)
{
  const struct block_cache *blocks = &volume->cache->blocks;
  const uint32_t size = blocks->block_size;
  struct block *block, *following;

  if ((end - begin) / size > volume->blocks.count) {
    for (block = volume->blocks.blocks; block != NULL; block = following) {
      following = block->following;
      leave_block(volume, block, begin, end, sequence);
    }
    return;
  }
  for (uint64_t index = begin / size; index * size < end; index++) {
    block = block_find(blocks, &volume->blocks, index);
    if (block != NULL)
      leave_block(volume, block, begin, end, sequence);
  }
}

/* Zeroes of holes need not be sent. But that there are holes is only what this
 * session knows: another one may have taken over without its knowing, and a
 * flush must not succeed then. So one sector of them is sent as if it were
 * none: the store takes it only from the holder.
 */
static bool
are_holes(struct cached_volume *volume, uint64_t begin, uint64_t end)
{
  if (!extent_map_covers(&volume->holes, begin, end) ||
      cached_unsent(volume, begin, end))
    return false;
  if (extent_map_overlaps(&volume->zeroes, volume->proof,
                          volume->proof + STORE_SECTOR))
    return true; /* one is due already */
  volume->proof = begin;
  extent_map_set(&volume->zeroes, begin, begin + STORE_SECTOR,
                 ++volume->sequence, STORE_IO_MAY_TRIM);
  cached_activate(volume);
  return true;
}

/* All whole sectors from at on. */
static enum taken
take_zeroes(struct volume_request *request)
{
  struct cached_volume *volume = request->cached.volume;
  uint64_t begin = request->cached.at, end = sector_begin(end_of(request));
  unsigned flags = request->whole.flags & STORE_IO_MAY_TRIM;
  uint64_t sequence;

  request->cached.at = end;
  if (!is_durable(request) && are_holes(volume, begin, end))
    return TAKEN;
  if (volume->zeroes.count >= ZEROES_MAX) {
    request->cached.at = begin;
    return NO_SPACE;
  }
  sequence = changes(volume, begin, end);
  leave_blocks(volume, begin, end, &sequence);
  extent_map_set(&volume->zeroes, begin, end, sequence, flags);
  cached_activate(volume);
  return TAKEN;
}

static enum taken
take_some(struct volume_request *request, struct copies *copies)
{
  uint64_t at = request->cached.at;

  if (copies_full(copies))
    return BUSY;
  if (at % STORE_SECTOR != 0 || end_of(request) - at < STORE_SECTOR)
    return take_part(request, copies);
  if (request->whole.kind == STORE_ZERO)
    return take_zeroes(request);
  return take_sectors(request, copies, end_of(request));
}

static enum taken
take_piece(struct volume_request *request, struct copies *copies)
{
  struct cached_volume *volume = request->cached.volume;
  uint64_t end = smaller(end_of(request), request->cached.at + PIECE_MAX);
  enum taken taken = TAKEN;

  while (request->cached.at < end && taken == TAKEN) {
    taken = extent_map_reserve(&volume->zeroes) == 0 &&
                    extent_map_reserve(&volume->holes) == 0
                ? take_some(request, copies)
                : NO_ROOM;
  }
  return taken;
}

/* All of it, for a sector may have been read for it, and some taken in. */
static void
set_whole(struct volume_request *request)
{
  const struct volume_whole *whole = &request->whole;
  struct store_io *io = &request->io;

  io->kind = whole->kind;
  io->flags = whole->flags;
  io->offset = whole->offset;
  io->count = whole->count;
  io->buffer = whole->buffer;
}

/* The cache's own changes have to be in the store, and what it knows has to be
 * forgotten, before changes go past it.
 */
static enum passage
go_straight(struct volume_request *request)
{
  struct cached_volume *volume = request->cached.volume;

  if (cached_unsent(volume, 0, UINT64_MAX)) {
    volume->drain_to = volume->sequence;
    return cached_wait(request, CACHE_WAIT_DURABLE, 0, UINT64_MAX,
                       volume->sequence);
  }
  cache_waiter_remove(&request->cached.waiter);
  set_whole(request);
  cached_spoil(volume, 0, UINT64_MAX);
  block_forget_clean(&volume->cache->blocks, &volume->blocks);
  hole_map_forget(volume);
  volume->straight++;
  request->cached.straight = true;
  volume_begin_straight(request);
  return CHANGED;
}

static enum passage
need_space(struct volume_request *request)
{
  struct cached_volume *volume = request->cached.volume;
  const struct cache_waiter *waiter = &request->cached.waiter;

  if (volume->cache->blocks.unsent == 0 && volume->zeroes.count == 0) {
    volume_finish_with(request, STATUS_NO_MEMORY, "no memory for the cache");
    return ENDED;
  }
  volume->drain_to = volume->sequence;
  return cached_wait(request, CACHE_WAIT_SPACE, waiter->begin, waiter->end,
                     waiter->sequence);
}

static enum passage
need_sector(struct volume_request *request)
{
  uint64_t sector = sector_begin(request->cached.at);

  cached_prepare_read(request, sector, sector + STORE_SECTOR, request->sector,
                      true);
  return PASSED;
}

/* Its fill stays: until the sector is taken in, it may be changed by others. */
void
cached_sector_answered(struct volume_request *request)
{
  request->cached.sector = request->cached.fill.begin;
}

/* More than half of what may be unsent is: the thread sends it. */
static void
ask_for_drain(struct cached_volume *volume)
{
  struct cache *cache = volume->cache;

  cached_activate(volume);
  if (cache->blocks.unsent > cache->blocks.most / 4 &&
      cache->flights < cache->config.connections)
    cache_kick(cache);
}

/* All is taken in. */
static enum passage
taken_in(struct volume_request *request)
{
  struct cached_volume *volume = request->cached.volume;

  request->cached.sequence = volume->sequence;
  request->cached.waiter.sequence = volume->sequence;
  ask_for_drain(volume);
  if (is_durable(request))
    return CHANGED;
  volume_finish(request, STATUS_OK);
  return ENDED;
}

/* A waiter for what is to be durable, before the first piece of it. */
static void
wait_from_now(struct volume_request *request)
{
  struct cache_waiter *waiter = &request->cached.waiter;

  if (waiter->link != NULL || !is_durable(request))
    return;
  waiter->kind = CACHE_WAIT_DURABLE;
  waiter->begin = sector_begin(request->whole.offset);
  waiter->end = sector_end(end_of(request));
  waiter->sequence = UINT64_MAX;
  cache_waiter_add(request->cached.volume, waiter);
}

static enum passage
failed(struct volume_request *request)
{
  const struct error *trouble = &request->cached.volume->trouble;
  int status = request->cached.waiter.failed;

  volume_finish_with(request, status,
                     (int)trouble->status == status ? trouble->text
                                                    : status_text(status));
  return ENDED;
}

/* Others may have written since it was taken in, and none of it was sent
 * again: from the beginning.
 */
static bool
begins_anew(struct volume_request *request)
{
  struct volume_cached *cached = &request->cached;

  if (!cached->waiter.again)
    return false;
  cache_waiter_remove(&cached->waiter);
  cached->waiter.again = false;
  cached->at = request->whole.offset;
  cached->sequence = 0;
  cached->sector = UINT64_MAX;
  return true;
}

/* copies, *fetch: to be done and submitted without the lock. */
static enum passage
take_in(struct volume_request *request, struct copies *copies,
        struct hole_fetch **fetch)
{
  struct cached_volume *volume = request->cached.volume;

  LOCK_FOR_SCOPE(&volume->cache->lock);
  cached_gate(volume, &request->gate);
  if (request->gate.position != GATE_OPEN &&
      request->gate.position != GATE_DRAINING)
    return CHANGED;
  begins_anew(request);
  if (request->gate.shared || volume->straight > 0)
    return go_straight(request);
  if (request->cached.waiter.failed != 0)
    return failed(request);
  wait_from_now(request);
  if (request->whole.kind == STORE_ZERO)
    *fetch = hole_map_plan(volume, &request->gate);
  switch (take_piece(request, copies)) {
  case NO_ROOM:
    volume_finish_with(request, STATUS_NO_MEMORY, "no memory for the cache");
    return ENDED;
  case NO_SPACE:
    return need_space(request);
  case SECTOR_UNKNOWN:
    return need_sector(request);
  case BUSY:
    copies_wait(copies);
    return CHANGED;
  case TAKEN:
    break;
  }
  return request->cached.at < end_of(request) ? CHANGED : taken_in(request);
}

/* The store has it, but perhaps in memory of its own (S5). */
static enum passage
sync_store(struct volume_request *request)
{
  struct store_io *io = &request->io;

  io->kind = STORE_FLUSH;
  io->flags = request->whole.flags & STORE_IO_MAY_BLOCK;
  io->offset = io->count = 0;
  io->buffer = NULL;
  return PASSED;
}

/* All is taken in, and has to be in the store. */
static enum passage
settle(struct volume_request *request)
{
  struct cached_volume *volume = request->cached.volume;
  const struct cache_waiter *waiter = &request->cached.waiter;

  LOCK_FOR_SCOPE(&volume->cache->lock);
  tenure_gate(request->volume->tenure, &request->gate);
  if (begins_anew(request))
    return CHANGED;
  if (waiter->failed != 0)
    return failed(request);
  if (!cached_durable(volume, waiter->begin, waiter->end,
                      request->cached.sequence))
    return cached_wait(request, CACHE_WAIT_DURABLE, waiter->begin, waiter->end,
                       request->cached.sequence);
  if (request->whole.flags & STORE_IO_FUA)
    return sync_store(request);
  volume_finish(request, STATUS_OK);
  return ENDED;
}

enum passage
cached_change_step(struct volume_request *request)
{
  struct copies copies = {.cache = request->cached.volume->cache};
  struct hole_fetch *fetch = NULL;
  enum passage passage;

  if (request->cached.sequence != 0)
    return settle(request);
  passage = volume_pass_gate(request);
  if (passage != PASSED)
    return passage;
  passage = take_in(request, &copies, &fetch);
  copies_do(&copies);
  hole_map_submit(fetch);
  return passage;
}

/* Everything up to now, in the store, and then the store's own flush. */
static enum passage
flush_all(struct volume_request *request)
{
  struct cached_volume *volume = request->cached.volume;
  struct volume_cached *cached = &request->cached;
  int failed;

  LOCK_FOR_SCOPE(&volume->cache->lock);
  /* Again, for something may have been lost since the gate was passed. */
  failed = tenure_flush_status(request->volume->tenure);
  if (failed != 0 && !MUTATED(S5_FLUSH_FORGETS)) {
    volume_finish_with(request, failed, "a change was lost");
    return ENDED;
  }
  if (cached->sequence == 0)
    cached->sequence = volume->sequence;
  if (cached_durable(volume, 0, UINT64_MAX, cached->sequence))
    return PASSED;
  if (volume->drain_to < cached->sequence)
    volume->drain_to = cached->sequence;
  return cached_wait(request, CACHE_WAIT_DURABLE, 0, UINT64_MAX,
                     cached->sequence);
}

enum passage
cached_flush_step(struct volume_request *request)
{
  enum passage passage = volume_pass_flush(request);

  return passage == PASSED ? flush_all(request) : passage;
}
