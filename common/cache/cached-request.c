/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cached-request.c: requests of a tenure whose volume is cached.
 *
 * A request is a loop of steps, one kind of step for each kind of request:
 *
 *   AT_GATE --- step: PASSED ---> AT_STORE --- answered ---> AT_GATE
 *      |  ^                                    (or BACKING_OFF, or DONE)
 *      |  +------ woken: a step again
 *      +--------- step: ENDED ---> DONE
 *
 * A step does under the cache's lock what can be done at once (copies what is
 * in memory, takes a change in), and then either is at the end, or needs the
 * store for a read or a flush, or waits (cached_wait). cache.c has the rules.
 *
 * A request that waits until its changes are in the store is in the list of
 * waiters from before the first of them is taken in until its end, so that it
 * cannot miss that one of them was lost.
 */
#include <stddef.h>

#include "cache/volume-internal.h"
#include "utils/cleanup.h"
#include "utils/mutation.h"

static struct cached_volume *
volume_of(struct volume_request *request)
{
  struct tenure *tenure = request->volume->tenure;
  struct shared *shared = (struct shared *)tenure_extra(tenure);
  struct cached_volume *there = NULL, *made;

  if (shared == NULL)
    return NULL;
  there = __atomic_load_n(&shared->cached, __ATOMIC_ACQUIRE);
  if (there != NULL)
    return there;
  made = cached_volume_new(request->volume->cache, tenure);
  if (made == NULL ||
      __atomic_compare_exchange_n(&shared->cached, &there, made, false,
                                  __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return made;
  cached_volume_free(made); /* another one was first */
  return there;
}

static void
woken(struct cache_waiter *waiter)
{
  struct volume_request *request =
      (struct volume_request *)((char *)waiter -
                                offsetof(struct volume_request, cached.waiter));

  request->wake(request, VOLUME_WAKE_GATE);
}

void
cached_begin(struct volume_request *request)
{
  request->cached = (struct volume_cached){
      .volume = volume_of(request),
      .at = request->whole.offset,
      .sector = UINT64_MAX,
      .waiter = {.wake = woken},
  };
  if (request->cached.volume == NULL)
    volume_finish_with(request, STATUS_NO_MEMORY, "no memory for the cache");
}

enum passage
cached_wait(struct volume_request *request, enum cache_wait kind,
            uint64_t begin, uint64_t end, uint64_t sequence)
{
  struct cached_volume *volume = request->cached.volume;
  struct cache_waiter *waiter = &request->cached.waiter;
  enum passage passage;

  waiter->kind = kind;
  waiter->begin = begin;
  waiter->end = end;
  waiter->sequence = sequence;
  cache_waiter_add(volume, waiter);
  if (request->answered_ns < volume->progress_ns)
    request->answered_ns = volume->progress_ns;
  passage = volume_wait_for_store(request, clock_now(request->volume->clock));
  if (passage == ENDED && volume->trouble.status != STATUS_OK)
    error_set(&request->io.error, STATUS_TIMEOUT,
              "io-timeout passed, the store last said: %s",
              volume->trouble.text);
  return passage;
}

bool
cached_usable(struct cached_volume *volume, struct gate *gate, uint64_t now_ns)
{
  cached_gate(volume, gate);
  if (MUTATED(S9_OBSERVERS_CACHE) &&
      (gate->position == GATE_ASK || gate->position == GATE_CONFLICT))
    return true;
  if (MUTATED(S8_READS_PAST_END) && gate->position == GATE_PENDING)
    return true;
  return (gate->position == GATE_OPEN || gate->position == GATE_DRAINING) &&
         (!gate->shared || MUTATED(GROUP_READS_CACHE)) &&
         volume->straight == 0 &&
         (now_ns < gate->valid_until_ns || MUTATED(S8_READS_PAST_END));
}

/* Takes the nearest of the ranges in map into account. */
static bool
in_map(const struct extent_map *map, uint64_t at, uint64_t *end)
{
  const struct span *span = extent_map_find(map, at);

  if (span == NULL)
    return false;
  if (span->begin <= at) {
    if (span->end < *end)
      *end = span->end;
    return true;
  }
  if (span->begin < *end)
    *end = span->begin;
  return false;
}

bool
cached_is_zero(const struct cached_volume *volume, uint64_t at, uint64_t *end)
{
  uint64_t nowhere = UINT64_MAX;

  if (end == NULL)
    end = &nowhere;
  if (in_map(&volume->zeroes, at, end) || in_map(&volume->holes, at, end))
    return true;
  for (const struct flight *flight = volume->flights; flight != NULL;
       flight = flight->next) {
    uint64_t from = flight->io.offset, to = from + flight->io.count;

    if (flight->io.kind != STORE_ZERO || to <= at)
      continue;
    if (from <= at) {
      if (to < *end)
        *end = to;
      return true;
    }
    if (from < *end)
      *end = from;
  }
  return false;
}

void
fill_begin(struct cached_volume *volume, struct fill *fill, uint64_t begin,
           uint64_t end)
{
  *fill = (struct fill){.begin = begin, .end = end, .next = volume->fills};
  fill->link = &volume->fills;
  if (fill->next != NULL)
    fill->next->link = &fill->next;
  volume->fills = fill;
}

void
fill_end(struct fill *fill)
{
  if (fill->link == NULL)
    return;
  *fill->link = fill->next;
  if (fill->next != NULL)
    fill->next->link = fill->link;
  fill->link = NULL;
}

void
cached_prepare_read(struct volume_request *request, uint64_t begin,
                    uint64_t end, void *buffer, bool keep)
{
  struct fill *fill = &request->cached.fill;
  struct store_io *io = &request->io;

  io->kind = STORE_READ;
  io->flags = request->whole.flags & STORE_IO_MAY_BLOCK;
  io->offset = begin;
  io->count = end - begin;
  io->buffer = buffer;
  fill_end(fill);
  if (keep)
    fill_begin(request->cached.volume, fill, begin, end);
  else
    *fill = (struct fill){.begin = begin, .end = end, .spoiled = true};
}

static void
answered_well(struct volume_request *request)
{
  request->state = VOLUME_AT_GATE;
  switch (request->whole.kind) {
  case STORE_READ:
    break;
  case STORE_WRITE:
  case STORE_ZERO:
    if (request->io.kind == STORE_READ) {
      cached_sector_answered(request);
      return;
    }
    volume_finish(request, STATUS_OK);
    break;
  default:
    volume_finish(request, STATUS_OK);
    break;
  }
  fill_end(&request->cached.fill);
}

/* The store has finished with io. */
static void
answered(struct volume_request *request)
{
  struct cache *cache = request->cached.volume->cache;
  int status = request->io.status;

  if (status == STATUS_OK && request->whole.kind == STORE_READ)
    cached_read_answered(request);
  LOCK_FOR_SCOPE(&cache->lock);
  if (status == STATUS_OK) {
    answered_well(request);
  } else if (status == STATUS_TRANSIENT || status == STATUS_UNKNOWN) {
    volume_back_off(request);
  } else {
    if (status == STATUS_IO && request->io.kind == STORE_FLUSH &&
        !MUTATED(S5_FLUSH_FORGETS))
      tenure_flush_failed(request->volume->tenure, status);
    volume_finish(request, status);
  }
  if (status != STATUS_OK)
    fill_end(&request->cached.fill);
}

/* What was unsent in the range has to be in the store first. */
static enum passage
extents_step(struct volume_request *request)
{
  struct cached_volume *volume = request->cached.volume;
  uint64_t begin = request->whole.offset;
  uint64_t end = begin + request->whole.count;

  LOCK_FOR_SCOPE(&volume->cache->lock);
  tenure_gate(request->volume->tenure, &request->gate);
  if (!cached_unsent(volume, begin, end) ||
      request->gate.position == GATE_FENCED ||
      request->gate.position == GATE_CLOSED)
    return PASSED;
  return cached_wait(request, CACHE_WAIT_DURABLE, begin, end, volume->sequence);
}

static enum passage
step(struct volume_request *request)
{
  switch (request->whole.kind) {
  case STORE_READ:
    return cached_read_step(request);
  case STORE_WRITE:
  case STORE_ZERO:
    return cached_change_step(request);
  case STORE_FLUSH:
    return cached_flush_step(request);
  case STORE_EXTENTS:
    return extents_step(request);
  case STORE_PREFETCH:
    break;
  }
  volume_finish(request, STATUS_OK);
  return ENDED;
}

/* Those who wait for their changes stay until the end, and so does a sector
 * that was read for one.
 */
static void
stop_waiting(struct volume_request *request)
{
  struct cached_volume *volume = request->cached.volume;
  enum store_io_kind kind = request->whole.kind;
  struct cache_waiter *waiter = &request->cached.waiter;

  if (waiter->volume == NULL && request->cached.sector == UINT64_MAX)
    return; /* it has never waited */
  LOCK_FOR_SCOPE(&volume->cache->lock);
  if (request->state == VOLUME_DONE)
    fill_end(&request->cached.fill);
  if (request->state == VOLUME_DONE || kind == STORE_READ ||
      kind == STORE_EXTENTS || waiter->begin == waiter->end)
    cache_waiter_remove(waiter);
}

static bool
advance_straight(struct volume_request *request)
{
  struct cached_volume *volume = request->cached.volume;

  if (!volume_advance_straight(request))
    return false;
  LOCK_FOR_SCOPE(&volume->cache->lock);
  fill_end(&request->cached.fill);
  volume->straight--;
  return true;
}

bool
cached_advance(struct volume_request *request)
{
  struct cache *cache = request->cached.volume->cache;
  enum passage passage = CHANGED;

  if (request->cached.straight)
    return advance_straight(request);
  stop_waiting(request);
  if (request->state == VOLUME_AT_STORE)
    answered(request);
  else if (request->state == VOLUME_BACKING_OFF)
    request->state = VOLUME_AT_GATE;
  while (request->state == VOLUME_AT_GATE) {
    passage = step(request);
    if (request->cached.straight)
      return advance_straight(request);
    if (passage == WAITING) {
      cache_pump(cache, request->cached.volume);
      return false;
    }
    if (passage == PASSED) {
      if (!volume_submit(request))
        return false;
      answered(request);
    }
  }
  if (request->state == VOLUME_DONE)
    stop_waiting(request);
  return request->state == VOLUME_DONE;
}
