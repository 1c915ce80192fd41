/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drain.c: flights: how changes get from memory into the store; see cache.c.
 *
 * pump:  with the lock, choose volumes in turn, and of each what is most
 *        urgent: the range of a change whose request waits for it, then the
 *        oldest dirty block that is due with its neighbours, then zeroes that
 *        are due. Without the lock, submit.
 * end:   in the store's thread, or in the submitter's: what the answer means is
 *        told to the session, then the tables are changed under the lock, those
 *        who wait are woken, and the cache's thread is kicked to send more.
 */
#include <stdlib.h>

#include "cache/cache-internal.h"
#include "leasehold/log.h"
#include "leasehold/timing.h"
#include "utils/cleanup.h"
#include "utils/mutation.h"

/* --- what to send ----------------------------------------------------- */

/* What flies nearest before and behind begin..end; false: over it. */
static bool
between_flights(const struct cached_volume *volume, uint64_t begin,
                uint64_t end, uint64_t *low, uint64_t *high)
{
  *low = 0;
  *high = UINT64_MAX;
  if (MUTATED(S4_TWO_IN_FLIGHT))
    return true;
  for (const struct flight *flight = volume->flights; flight != NULL;
       flight = flight->next) {
    uint64_t from = flight->io.offset, to = from + flight->io.count;

    if (from < end && begin < to)
      return false;
    if (to <= begin && *low < to)
      *low = to;
    if (from >= end && *high > from)
      *high = from;
  }
  return true;
}

static void
add_flight(struct flight *flight, struct cached_volume *volume)
{
  flight->volume = volume;
  flight->generation = volume->generation;
  flight->next = volume->flights;
  volume->flights = flight;
  volume->cache->flights++;
  volume->cache->counts.sent++;
}

/* A flight of begin..end, all dirty. NULL: no memory. */
static struct flight *
take_blocks(struct cached_volume *volume, uint64_t begin, uint64_t end)
{
  struct block_cache *blocks = &volume->cache->blocks;
  const uint32_t size = blocks->block_size;
  uint64_t first = begin / size, count = (end - 1) / size - first + 1;
  struct flight *flight = flight_new(count);

  if (flight == NULL)
    return NULL;
  flight->io.kind = STORE_WRITE;
  flight->io.offset = begin;
  flight->io.count = end - begin;
  for (uint64_t i = 0; i < count; i++) {
    uint64_t from = (first + i) * size, to = from + size;
    struct block *block = block_find(blocks, &volume->blocks, first + i);

    flight->pieces[i] = block->data;
    if (block->sequence < flight->sequence)
      flight->sequence = block->sequence;
    block_fly(blocks, block,
              block_sectors(blocks, from > begin ? from : begin,
                            to < end ? to : end));
  }
  if (count == 1) {
    flight->io.buffer = (char *)flight->pieces[0] + begin % size;
  } else {
    flight->io.pieces = flight->pieces;
    flight->io.piece_size = size;
    flight->io.piece_begin = (uint32_t)(begin % size);
  }
  add_flight(flight, volume);
  return flight;
}

static struct flight *
take_zeroes(struct cached_volume *volume, struct span span)
{
  struct flight *flight = flight_new(0);

  if (flight == NULL)
    return NULL;
  if (extent_map_clear(&volume->zeroes, span.begin, span.end) != 0) {
    free(flight);
    return NULL;
  }
  flight->sequence = span.sequence;
  flight->io.kind = STORE_ZERO;
  flight->io.flags = span.flags;
  flight->io.offset = span.begin;
  flight->io.count = span.end - span.begin;
  add_flight(flight, volume);
  return flight;
}

/* How much goes into one request: all connections are to be busy. */
static uint64_t
most_bytes(const struct cached_volume *volume)
{
  const struct cache *cache = volume->cache;
  uint64_t most = volume->blocks.unsent * cache->blocks.block_size /
                  cache->config.connections;

  if (most < FLIGHT_MIN)
    most = FLIGHT_MIN;
  return most < FLIGHT_MAX ? most : FLIGHT_MAX;
}

/* The dirty block's run in begin..end. NULL: not now. */
static struct flight *
take_run(struct cached_volume *volume, struct block *block, uint64_t begin,
         uint64_t end)
{
  const struct block_cache *blocks = &volume->cache->blocks;
  uint64_t from = block->index * blocks->block_size, low, high;

  if (block->flying != 0 && !MUTATED(S4_TWO_IN_FLIGHT))
    return NULL;
  if (block_is_filling(block) && copies_await(volume->cache))
    return NULL; /* when it has been copied */
  if (!between_flights(volume, from, from + blocks->block_size, &low, &high))
    return NULL;
  coalesce(blocks, block, low > begin ? low : begin, high < end ? high : end,
           most_bytes(volume), &begin, &end);
  return take_blocks(volume, begin, end);
}

static struct flight *
pick_zeroes(struct cached_volume *volume, uint64_t begin, uint64_t end,
            uint64_t sequence)
{
  const struct span *span;
  uint64_t low, high;

  for (span = extent_map_find(&volume->zeroes, begin);
       span != NULL && span->begin < end;
       span = extent_map_find(&volume->zeroes, span->end)) {
    if (span->sequence <= sequence &&
        between_flights(volume, span->begin, span->end, &low, &high))
      return take_zeroes(volume, *span);
  }
  return NULL;
}

/* Of a range that a request waits for. */
static struct flight *
pick_in_range(struct cached_volume *volume, const struct cache_waiter *waiter)
{
  const struct block_cache *blocks = &volume->cache->blocks;
  const uint32_t size = blocks->block_size;
  uint64_t index = waiter->begin / size;
  struct flight *flight = NULL;

  for (; index * size < waiter->end && flight == NULL; index++) {
    struct block *block = block_find(blocks, &volume->blocks, index);
    uint64_t from = index * size, to = from + size;

    if (from < waiter->begin)
      from = waiter->begin;
    if (to > waiter->end)
      to = waiter->end;
    if (block != NULL && block->sequence <= waiter->sequence &&
        block->dirty & block_sectors(blocks, from, to))
      flight = take_run(volume, block, waiter->begin, waiter->end);
  }
  if (flight == NULL)
    flight = pick_zeroes(volume, waiter->begin, waiter->end, waiter->sequence);
  return flight;
}

/* What is waited for, by more than those who wait for all. */
static struct flight *
pick_waited_for(struct cached_volume *volume)
{
  struct flight *flight = NULL;

  for (const struct cache_waiter *waiter = volume->cache->waiters;
       waiter != NULL && flight == NULL; waiter = waiter->next)
    if (waiter->volume == volume && waiter->kind == CACHE_WAIT_DURABLE &&
        waiter->end != UINT64_MAX)
      flight = pick_in_range(volume, waiter);
  return flight;
}

static uint64_t
due(const struct cached_volume *volume)
{
  const struct block_cache *blocks = &volume->cache->blocks;

  if (blocks->unsent > blocks->most / 4 ||
      volume->zeroes.count > ZEROES_MAX / 2)
    return UINT64_MAX;
  return volume->drain_to;
}

static struct flight *
pick_due(struct cached_volume *volume)
{
  uint64_t sequence = due(volume);
  struct block *block = volume->blocks.dirty.oldest;
  struct flight *flight = NULL;

  for (; block != NULL && block->sequence <= sequence && flight == NULL;
       block = block->newer)
    flight = take_run(volume, block, 0, UINT64_MAX);
  if (flight == NULL)
    flight = pick_zeroes(volume, 0, UINT64_MAX, sequence);
  return flight;
}

static struct flight *
pick_of(struct cached_volume *volume, uint64_t now_ns)
{
  struct gate gate;
  struct flight *flight;

  if (volume->retry_at_ns > now_ns)
    return NULL;
  if (volume->blocks.dirty.count == 0 && volume->zeroes.count == 0)
    return NULL;
  cached_gate(volume, &gate);
  if ((gate.position != GATE_OPEN && gate.position != GATE_DRAINING) ||
      gate.guard.epoch == volume->doubted_epoch)
    return NULL;
  flight = pick_waited_for(volume);
  if (flight == NULL)
    flight = pick_due(volume);
  if (flight != NULL)
    flight->io.guard = gate.guard;
  return flight;
}

/* The volume was served: the others come first now. */
static void
to_the_end(struct cache *cache, struct cached_volume *volume)
{
  if (volume->later == NULL)
    return;
  volume->later->earlier = volume->earlier;
  if (volume->earlier != NULL)
    volume->earlier->later = volume->later;
  else
    cache->first = volume->later;
  volume->earlier = cache->last;
  volume->later = NULL;
  cache->last->later = volume;
  cache->last = volume;
}

static struct flight *
pick(struct cache *cache, uint64_t now_ns)
{
  if (cache->flights >= cache->config.connections)
    return NULL;
  for (struct cached_volume *volume = cache->first; volume != NULL;
       volume = volume->later) {
    struct flight *flight = pick_of(volume, now_ns);

    if (flight != NULL) {
      to_the_end(cache, volume);
      return flight;
    }
  }
  return NULL;
}

/* --- how it ended ----------------------------------------------------- */

static void
landed(struct flight *flight)
{
  struct cached_volume *volume = flight->volume;
  struct block_cache *blocks = &volume->cache->blocks;
  const struct store_io *io = &flight->io;
  uint64_t end = io->offset + io->count;

  volume->attempts = 0;
  volume->trouble.status = STATUS_OK;
  volume->progress_ns = clock_now(volume->cache->config.clock);
  volume->cache->counts.landed += io->count;
  if (io->kind == STORE_ZERO) {
    if (!flight->spoiled && volume->holes.count < HOLES_MAX)
      extent_map_set(&volume->holes, io->offset, end, 0, 0);
    return;
  }
  for (uint64_t at = io->offset; at < end;) {
    uint64_t index = at / blocks->block_size;
    uint64_t to = (index + 1) * blocks->block_size;
    struct block *block;

    if (to > end)
      to = end;
    block = block_find(blocks, &volume->blocks, index);
    if (block != NULL) /* always, unless two may be on their way */
      block_landed(blocks, block, block_sectors(blocks, at, to));
    at = to;
  }
}

/* Zeroes are due again, but where something was taken in since: that is zero
 * already, or in a block. False: no memory.
 */
static bool
zeroes_returned(const struct flight *flight)
{
  struct cached_volume *volume = flight->volume;
  const uint32_t sectors = volume->cache->blocks.sectors;
  uint64_t end = flight->io.offset + flight->io.count, to;

  for (uint64_t at = flight->io.offset; at < end; at = to) {
    const struct span *span = extent_map_find(&volume->zeroes, at);

    to = end;
    if (span != NULL && span->begin <= at) {
      to = span->end;
      continue; /* made older below */
    }
    if (span != NULL && span->begin < end)
      to = span->begin;
    if (extent_map_set(&volume->zeroes, at, to, flight->sequence,
                       flight->io.flags & STORE_IO_MAY_TRIM) != 0)
      return false;
  }
  extent_map_make_older(&volume->zeroes, flight->io.offset, end,
                        flight->sequence);
  for (struct block *block = volume->blocks.blocks; block != NULL;
       block = block->following) {
    for (unsigned sector = 0; sector < sectors; sector++) {
      uint64_t from = (block->index * sectors + sector) * STORE_SECTOR;

      if (!(block->valid >> sector & 1) || from >= end ||
          from < flight->io.offset)
        continue;
      if (extent_map_clear(&volume->zeroes, from, from + STORE_SECTOR) != 0)
        return false;
      if (block->dirty >> sector & 1)
        block_make_older(&volume->cache->blocks, block, flight->sequence);
    }
  }
  return true;
}

/* lost: not to be sent again. False: no memory for that. */
static bool
returned(struct flight *flight, bool lost)
{
  struct cached_volume *volume = flight->volume;
  struct block_cache *blocks = &volume->cache->blocks;
  const struct store_io *io = &flight->io;
  uint64_t end = io->offset + io->count;
  struct block *hint = NULL;

  if (io->kind == STORE_ZERO) {
    if (lost)
      volume->cache->counts.lost += io->count;
    return lost || zeroes_returned(flight);
  }
  for (uint64_t at = io->offset; at < end;) {
    uint64_t index = at / blocks->block_size;
    uint64_t to = (index + 1) * blocks->block_size;
    struct block *block = block_find(blocks, &volume->blocks, index);
    uint8_t sectors;

    if (to > end)
      to = end;
    sectors = block_sectors(blocks, at, to);
    if (block == NULL) {
      /* Only if two may be on their way. */
    } else if (lost) {
      /* What was changed since is dirty: that is not lost. */
      uint8_t gone = sectors & (uint8_t)~block->dirty;

      block->valid &= (uint8_t)~gone;
      volume->cache->counts.lost +=
          STORE_SECTOR * (uint64_t)__builtin_popcount(gone);
      block_landed(blocks, block, sectors);
    } else {
      /* What is a zero now is waited for instead. */
      if (block->flying & sectors & ~block->valid)
        extent_map_make_older(&volume->zeroes, at, to, block->flying_sequence);
      block_returned(blocks, block, sectors, &hint);
    }
    at = to;
  }
  return true;
}

/* The changes in it will never be in the store (S5). */
static void
lose(struct flight *flight, int status)
{
  struct cached_volume *volume = flight->volume;
  const struct store_io *io = &flight->io;

  cached_spoil(volume, io->offset, io->offset + io->count);
  returned(flight, true);
  cache_waiters_fail(volume, io->offset, io->offset + io->count, status);
  if (volume->cache->config.write_back && !MUTATED(S5_WRITE_BACK_FORGETS))
    tenure_flush_failed(volume->tenure, status);
}

/* Is it sent again? What nobody has been told is done need not be, if the
 * store does not know our credentials any more.
 */
static bool
comes_again(const struct cache *cache, int status)
{
  return status == STATUS_TRANSIENT || status == STATUS_UNKNOWN ||
         status == STATUS_TIMEOUT ||
         (status == STATUS_DENIED && cache->config.write_back) ||
         status == STATUS_STOPPING || status == STATUS_NO_MEMORY ||
         status_is_refusal(status);
}

static void
conclude(struct flight *flight)
{
  struct cached_volume *volume = flight->volume;
  struct cache *cache = volume->cache;
  struct flight **link = &volume->flights;
  int status = flight->io.status;

  if (status != STATUS_OK)
    error_set(&volume->trouble, (enum status)status, "%s",
              flight->io.error.text[0] != '\0' ? flight->io.error.text
                                               : status_text(status));
  while (*link != flight)
    link = &(*link)->next;
  *link = flight->next;
  cache->flights--;
  flight_give_back(flight);
  if (status == STATUS_OK) {
    landed(flight);
  } else if (comes_again(cache, status)) {
    if (!returned(flight, flight->generation != volume->generation))
      lose(flight, STATUS_NO_MEMORY);
    if (status_is_refusal(status) ||
        (status == STATUS_UNKNOWN && !MUTATED(S4_WRITE_BACK_RESENT)))
      volume->doubted_epoch = flight->io.guard.epoch;
    else
      volume->retry_at_ns =
          timing_retry_at(clock_now(cache->config.clock), ++volume->attempts);
  } else {
    lose(flight, status);
  }
  cached_nothing_flies(volume);
  cache_waiters_check(cache);
}

/* The session is told first: from then on the gate is not open under the
 * flight's epoch, so nothing that it carried can be sent under it (S4).
 */
static void
tell_session(const struct flight *flight)
{
  struct session_event event = {.epoch = flight->io.guard.epoch,
                                .status = flight->io.status};

  if (status_is_refusal(flight->io.status))
    event.kind = SESSION_REFUSED;
  else if (flight->io.status == STATUS_UNKNOWN &&
           !MUTATED(S4_WRITE_BACK_RESENT))
    event.kind = SESSION_UNKNOWN;
  else
    return;
  tenure_post(flight->volume->tenure, &event);
}

static void
ended(struct flight *flight)
{
  struct cache *cache = flight->volume->cache;

  tell_session(flight);
  {
    LOCK_FOR_SCOPE(&cache->lock);
    conclude(flight);
    /* Under the lock: the volume, and with the last one the cache, may be gone
     * as soon as nothing of it is on its way.
     */
    cache_kick(cache);
  }
  free(flight);
}

static void
flight_done(struct store_io *io)
{
  ended((struct flight *)io);
}

static void
submit(struct flight *flight)
{
  int status;

  flight->io.done = flight_done;
  status = store_submit_io(tenure_volume(flight->volume->tenure), &flight->io);
  if (status != STORE_PENDING) {
    flight->io.status = status;
    ended(flight);
  }
}

static struct flight *
next_flight(struct cache *cache, uint64_t now_ns)
{
  LOCK_FOR_SCOPE(&cache->lock);
  return pick(cache, now_ns);
}

void
cache_pump(struct cache *cache, const struct cached_volume *waiting)
{
  uint64_t now_ns = clock_now(cache->config.clock);
  struct flight *flight = next_flight(cache, now_ns), *next;

  for (; flight != NULL; flight = next) {
    next = next_flight(cache, now_ns);
    if (next == NULL && flight->volume == waiting)
      flight->io.flags |= STORE_IO_MAY_BLOCK;
    submit(flight);
    if (next == NULL) /* it may have been done at once */
      next = next_flight(cache, now_ns);
  }
}
