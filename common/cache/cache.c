/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cache.c: what a server keeps in memory of its volumes: blocks that were read
 * or written, changes that are not in the store yet, and where holes are.
 *
 * While a session's gate is open nobody else can write to the volume, so what
 * was read once under it is right for as long as the gate is open (S8). It
 * stays right while the gate is not open, too: either the session goes on,
 * and then nobody else has claimed (every claim is conditional on the epoch
 * before it), so nobody has written; or it is fenced, and then everything is
 * dropped (S6). In between, reads go to the store, and those that overlap
 * something unsent wait, as changes do.
 *
 * A sector is in one of these states:
 *
 *   nothing is known
 *   valid      in a block; as in the store
 *   dirty      in a block; newer than the store
 *   zero       in the map of zeroes; newer than the store
 *   hole       in the map of holes; the store has nothing there
 *
 * valid and hole may be both at once, and the others exclude one another: a
 * change takes its sectors out of what they were in before. With write-back a
 * change is answered when it has been taken in, otherwise (and with FUA) when
 * it is in the store, for which its request waits. There is no other way for
 * a change to the store: the order of changes is the order in which they were
 * taken in.
 *
 * Flights (drain.c) carry changes to the store: runs of dirty sectors, merged,
 * from where they lie in blocks, or one range of zeroes. What is on its way is
 * noted in the blocks (flying) and in the volume's list of flights, and nothing
 * that overlaps it is sent before it has been answered: of two changes to one
 * place the older can never land last. A flight that was not done, or of
 * unknown outcome, makes its sectors dirty again, with their age, unless they
 * have been changed since; they go with the next flight, under the gate as it
 * is then. For an unknown outcome that is a new epoch (S4), because the session
 * is told before the sectors become dirty again.
 *
 * A flight that failed for good has lost something: that is noted for good,
 * and every later flush fails (S5). If changes are not answered before they
 * are in the store, those who wait are told, and nobody else has to know.
 *
 * Changes have numbers. A flush waits until nothing up to the last number is
 * dirty, zero or flying; FUA the same for its own range.
 *
 * When is something sent? At once if somebody waits for it (a flush, FUA, a
 * change that needs space, a drain); when it is as old as config.age_ns (every
 * so often the last number is marked, and all up to the mark before is due);
 * and when more than half of what may be unsent is.
 *
 * How much may be unsent? Half of all blocks; and of that, one volume may have
 * twice as much as is left, so that there always is something left for others
 * (dynamic thresholds, Choudhury and Hahne).
 *
 * Reads of the store that run while something changes are not kept (fills),
 * neither those of clients nor those of the cache's own (prefetch.c). Where the
 * store has holes it is asked once (hole-map.c).
 *
 * Threads. Requests call in here from their own threads; they and flights that
 * end change the tables under cache->lock, which is one for all volumes, and
 * held for look-ups only, a microsecond of some twenty that a request costs
 * elsewhere. What requests copy, in pieces of at most 64 KiB, they copy without
 * it (copies.c); it is never held over I/O. Each block has a lock of its own
 * for that, its claims: many may copy out of it, or one into it.
 *
 *   a claim        begins with cache->lock held, in the same holding in which
 *                  the tables are changed as if it had been copied: so the
 *                  order of copies of one block is that of the changes
 *   who has one    never waits, neither for cache->lock nor for another claim;
 *                  it copies, and ends the claim without cache->lock
 *   who needs one  and has none waits (copies_wait), and begins the step anew,
 *                  for all may be different; who has some ends those first
 *   eviction       leaves claimed blocks alone
 *   fence, zero    take sectors out of valid and dirty at once; a claimed block
 *                  stays, and nobody claims it until the copy is done
 *   flights        do not take blocks that are copied into; who ends that claim
 *                  has the thread look again. What they took is sent from where
 *                  it is: a block gets other memory before it is written to
 *                  while it flies (flight.c)
 *   valid, dirty   are set before the bytes are there: to read or to send them
 *                  takes a claim, or that there is none
 *
 * Whoever makes something due calls cache_pump, which takes the lock, picks
 * flights, and submits them without the lock. One thread (cache-thread.c; in
 * the simulator, turns) does the same for what is due by age, by an answer or
 * by the gate. cache->lock is taken before a tenure's lock, never after, so
 * what the keeper calls with a tenure's lock held (the watch) only kicks.
 *
 *   what                         freed by
 *   struct cached_volume         its tenure, when nothing of it is on its way
 *   struct flight                who concludes it, or it is kept for the next
 *   struct prefetch, hole_fetch  who concludes it
 *   struct block                 block-cache.c
 *   waiters, fills               are in requests; nobody frees them
 */
#include "cache/volume-internal.h"

#include <stdlib.h>
#include <time.h>

#include "utils/cleanup.h"
#include "utils/mutation.h"

void
cache_kick(struct cache *cache)
{
  if (cache->kick != NULL)
    cache->kick->kick(cache->kick);
}

void
cache_set_kick(struct cache *cache, struct cache_kick *kick)
{
  cache->kick = kick;
}

struct cache *
cache_new(const struct cache_config *config)
{
  struct cache *cache = calloc(1, sizeof *cache);
  pthread_condattr_t attributes;

  if (cache == NULL)
    return NULL;
  cache->config = *config;
  if (block_cache_init(&cache->blocks, config->size, config->block_size) != 0) {
    free(cache);
    return NULL;
  }
  pthread_mutex_init(&cache->lock, NULL);
  pthread_cond_init(&cache->copied, NULL);
  pthread_mutex_init(&cache->kick_lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&cache->kicks, &attributes);
  pthread_condattr_destroy(&attributes);
  return cache;
}

void
cache_free(struct cache *cache)
{
  if (cache == NULL)
    return;
  block_cache_destroy(&cache->blocks);
  pthread_cond_destroy(&cache->kicks);
  pthread_mutex_destroy(&cache->kick_lock);
  pthread_cond_destroy(&cache->copied);
  pthread_mutex_destroy(&cache->lock);
  free(cache);
}

void
cache_count(struct cache *cache, struct cache_counts *out)
{
  LOCK_FOR_SCOPE(&cache->lock);
  *out = cache->counts;
  out->bytes = cache->blocks.count * cache->blocks.block_size;
  out->unsent_bytes = cache->blocks.unsent * cache->blocks.block_size;
  out->used_ahead = cache->blocks.used_ahead * cache->blocks.block_size;
  out->wasted_ahead = cache->blocks.wasted_ahead * cache->blocks.block_size;
}

/* --- volumes ---------------------------------------------------------- */

/* With the tenure's lock held. */
static void
gate_changed(struct tenure_waiter *watch)
{
  struct cached_volume *volume =
      (struct cached_volume *)((char *)watch -
                               offsetof(struct cached_volume, watch));

  cache_kick(volume->cache);
}

struct cached_volume *
cached_volume_new(struct cache *cache, struct tenure *tenure)
{
  struct cached_volume *volume = calloc(1, sizeof *volume);

  if (volume == NULL)
    return NULL;
  volume->cache = cache;
  volume->tenure = tenure;
  volume->watch.wake = gate_changed;
  volume->sequence = 1;

  LOCK_FOR_SCOPE(&cache->lock);
  prefetch_init(volume);
  volume->blocks.number = ++cache->numbers;
  volume->next = cache->volumes;
  volume->link = &cache->volumes;
  if (volume->next != NULL)
    volume->next->link = &volume->next;
  cache->volumes = volume;
  return volume;
}

void
cached_activate(struct cached_volume *volume)
{
  struct cache *cache = volume->cache;

  if (volume->active)
    return;
  volume->active = true;
  volume->earlier = cache->last;
  volume->later = NULL;
  if (cache->last != NULL)
    cache->last->later = volume;
  else
    cache->first = volume;
  cache->last = volume;
  cache_kick(cache); /* for the watch and the mark */
}

static void
deactivate(struct cached_volume *volume)
{
  struct cache *cache = volume->cache;

  if (!volume->active)
    return;
  volume->active = false;
  if (volume->earlier != NULL)
    volume->earlier->later = volume->later;
  else
    cache->first = volume->later;
  if (volume->later != NULL)
    volume->later->earlier = volume->earlier;
  else
    cache->last = volume->earlier;
}

void
cached_volume_free(struct cached_volume *volume)
{
  struct flight *flight;
  struct cache *cache;

  if (volume == NULL)
    return;
  cache = volume->cache;
  tenure_forget(volume->tenure, &volume->watch);
  {
    LOCK_FOR_SCOPE(&cache->lock);
    deactivate(volume);
    prefetch_abandon(volume);
    hole_map_abandon(volume);
    *volume->link = volume->next;
    if (volume->next != NULL)
      volume->next->link = volume->link;
    for (flight = volume->flights; flight != NULL; flight = flight->next)
      flight_give_back(flight);
    block_drop_owner(&cache->blocks, &volume->blocks);
    cache_kick(cache); /* there is space for others */
  }
  while ((flight = volume->flights) != NULL) {
    volume->flights = flight->next;
    free(flight);
  }
  extent_map_free(&volume->zeroes);
  extent_map_free(&volume->holes);
  free(volume);
}

bool
cached_has_space(const struct cached_volume *volume)
{
  const struct cache *cache = volume->cache;
  size_t most = cache->blocks.most / 2, all = cache->blocks.unsent;

  return all < most && volume->blocks.unsent < 2 * (most - all) &&
         volume->zeroes.count < ZEROES_MAX;
}

static bool
flies(const struct cached_volume *volume, uint64_t begin, uint64_t end,
      uint64_t sequence)
{
  for (const struct flight *flight = volume->flights; flight != NULL;
       flight = flight->next) {
    if (flight->sequence <= sequence && flight->io.offset < end &&
        begin < flight->io.offset + flight->io.count)
      return true;
  }
  return false;
}

static bool
dirty_in(const struct block_cache *blocks, const struct block *block,
         uint64_t begin, uint64_t end, uint64_t sequence)
{
  uint64_t from = block->index * blocks->block_size;
  uint64_t to = from + blocks->block_size;

  if (from < begin)
    from = begin;
  if (to > end)
    to = end;
  return from < to && block->sequence <= sequence &&
         (block->dirty & block_sectors(blocks, from, to));
}

/* Blocks that are dirty since this sequence or before. Few blocks are looked
 * up, of many those that are there are gone through.
 */
static bool
dirty_blocks(const struct cached_volume *volume, uint64_t begin, uint64_t end,
             uint64_t sequence)
{
  const struct block_cache *blocks = &volume->cache->blocks;
  const uint32_t size = blocks->block_size;
  const struct block *block = volume->blocks.dirty.oldest;

  if (block == NULL || block->sequence > sequence)
    return false;
  if (begin == 0 && end == UINT64_MAX)
    return true;
  if ((end - begin) / size > volume->blocks.dirty.count) {
    for (; block != NULL; block = block->newer)
      if (dirty_in(blocks, block, begin, end, sequence))
        return true;
    return false;
  }
  for (uint64_t index = begin / size; index * size < end; index++) {
    block = block_find(blocks, &volume->blocks, index);
    if (block != NULL && dirty_in(blocks, block, begin, end, sequence))
      return true;
  }
  return false;
}

bool
cached_durable(const struct cached_volume *volume, uint64_t begin, uint64_t end,
               uint64_t sequence)
{
  const struct span *span;

  if (MUTATED(S5_FLUSH_TOO_EARLY))
    return true;
  if (flies(volume, begin, end, sequence) ||
      dirty_blocks(volume, begin, end, sequence))
    return false;
  for (span = extent_map_find(&volume->zeroes, begin);
       span != NULL && span->begin < end;
       span = extent_map_find(&volume->zeroes, span->end)) {
    if (span->sequence <= sequence)
      return false;
  }
  return true;
}

bool
cached_unsent(const struct cached_volume *volume, uint64_t begin, uint64_t end)
{
  return flies(volume, begin, end, UINT64_MAX) ||
         dirty_blocks(volume, begin, end, UINT64_MAX) ||
         extent_map_overlaps(&volume->zeroes, begin, end);
}

void
cached_spoil(struct cached_volume *volume, uint64_t begin, uint64_t end)
{
  for (struct fill *fill = volume->fills; fill != NULL; fill = fill->next)
    if (fill->begin < end && begin < fill->end)
      fill->spoiled = true;
  for (struct flight *flight = volume->flights; flight != NULL;
       flight = flight->next)
    if (flight->io.offset < end && begin < flight->io.offset + flight->io.count)
      flight->spoiled = true;
  hole_map_changed(volume, begin, end);
}

static bool
nothing_unsent(const struct cached_volume *volume)
{
  return volume->blocks.unsent == 0 && volume->zeroes.count == 0 &&
         volume->flights == NULL;
}

static uint64_t
dirty_bytes(const struct cached_volume *volume)
{
  uint64_t bytes = 0;

  for (const struct block *block = volume->blocks.dirty.oldest; block != NULL;
       block = block->newer)
    bytes += STORE_SECTOR * (uint64_t)__builtin_popcount(block->dirty);
  for (size_t i = 0; i < volume->zeroes.count; i++)
    bytes += volume->zeroes.items[i].end - volume->zeroes.items[i].begin;
  return bytes;
}

static void
begin_anew(const struct cached_volume *volume)
{
  for (struct cache_waiter *waiter = volume->cache->waiters; waiter != NULL;
       waiter = waiter->next)
    if (waiter->volume == volume &&
        !cached_durable(volume, waiter->begin, waiter->end, waiter->sequence))
      waiter->again = true;
}

void
cached_drop(struct cached_volume *volume, int status)
{
  struct cache *cache = volume->cache;

  if (nothing_unsent(volume)) {
    /* nobody loses anything */
  } else if (status == STATUS_OK) {
    begin_anew(volume);
  } else {
    tenure_flush_failed(volume->tenure, status);
    cache_waiters_fail(volume, 0, UINT64_MAX, status);
    cache->counts.lost += dirty_bytes(volume);
  }
  volume->generation++;
  cached_spoil(volume, 0, UINT64_MAX);
  block_forget_all(&cache->blocks, &volume->blocks);
  extent_map_free(&volume->zeroes);
  hole_map_forget(volume);
  cache_waiters_check(cache);
}

/* A session may become one of a group of writers (gate.shared), and leave it
 * again. As long as it is one, nothing is read from memory, and changes go past
 * it. What it had not sent may still go on its way as long as nobody else has
 * claimed, which every session does before it writes. Otherwise it is lost:
 * others may have written there. Without write-back it was in no order with
 * what they have written, for it was not answered: it is sent after that.
 */
void
cached_gate(struct cached_volume *volume, struct gate *gate)
{
  tenure_gate(volume->tenure, gate);
  if (gate->position != GATE_OPEN && gate->position != GATE_DRAINING)
    return;
  if (volume->alone_since != 0 && gate->alone_since != volume->alone_since)
    cached_drop(volume,
                volume->cache->config.write_back ? STATUS_IO : STATUS_OK);
  volume->alone_since = gate->alone_since;
}

bool
cached_volume_drained(struct cached_volume *volume)
{
  LOCK_FOR_SCOPE(&volume->cache->lock);
  if (nothing_unsent(volume) || MUTATED(S13_CLEAN_WITHOUT_DRAIN))
    return true;
  volume->draining = true;
  volume->drain_to = volume->sequence;
  cached_activate(volume);
  cache_kick(volume->cache);
  return false;
}

static bool
is_with_store(const struct cached_volume *volume)
{
  return volume->flights != NULL || volume->prefetches != NULL ||
         volume->hole_fetch != NULL;
}

bool
cached_volume_busy(struct cached_volume *volume)
{
  LOCK_FOR_SCOPE(&volume->cache->lock);
  volume->awaited = is_with_store(volume);
  return volume->awaited;
}

void
cached_nothing_flies(struct cached_volume *volume)
{
  if (!volume->awaited || is_with_store(volume))
    return;
  volume->awaited = false;
  tenure_post(volume->tenure, &(struct session_event){.kind = SESSION_DRAINED});
}

/* --- turns ------------------------------------------------------------ */

static void
earlier(uint64_t *time_ns, uint64_t other_ns)
{
  if (other_ns < *time_ns)
    *time_ns = other_ns;
}

/* What was the last change when the age began to count is due. */
static void
mark(struct cached_volume *volume, uint64_t now_ns, uint64_t *next_ns)
{
  uint64_t age_ns = volume->cache->config.age_ns;

  if (volume->mark_sequence != 0 && volume->mark_ns + age_ns <= now_ns) {
    if (volume->drain_to < volume->mark_sequence)
      volume->drain_to = volume->mark_sequence;
    volume->mark_sequence = 0;
  }
  if (volume->mark_sequence == 0) {
    volume->mark_sequence = volume->sequence;
    volume->mark_ns = now_ns;
  }
  earlier(next_ns, volume->mark_ns + age_ns);
}

static bool
waited_for(const struct cached_volume *volume)
{
  for (const struct cache_waiter *waiter = volume->cache->waiters;
       waiter != NULL; waiter = waiter->next)
    if (waiter->volume == volume)
      return true;
  return false;
}

/* Looks after an active volume. */
static void
serve(struct cached_volume *volume, uint64_t now_ns, uint64_t *next_ns)
{
  struct gate gate;

  cached_gate(volume, &gate);
  if ((gate.position == GATE_FENCED && !MUTATED(S6_FENCED_GOES_ON)) ||
      gate.position == GATE_CLOSED)
    cached_drop(volume,
                gate.position == GATE_FENCED ? STATUS_FENCED : STATUS_STOPPING);
  if (nothing_unsent(volume)) {
    volume->mark_sequence = 0;
    if (volume->draining) {
      volume->draining = false;
      tenure_post(volume->tenure,
                  &(struct session_event){.kind = SESSION_DRAINED});
    }
    if (!waited_for(volume))
      deactivate(volume);
    return;
  }
  mark(volume, now_ns, next_ns);
  if (volume->retry_at_ns > now_ns)
    earlier(next_ns, volume->retry_at_ns);
  tenure_forget(volume->tenure, &volume->watch);
  if (!tenure_wait(volume->tenure, gate.version, &volume->watch))
    cache_kick(volume->cache);
}

uint64_t
cache_turn(struct cache *cache)
{
  uint64_t now_ns = clock_now(cache->config.clock), next_ns = TIME_NEVER;

  {
    struct cached_volume *volume, *later;

    LOCK_FOR_SCOPE(&cache->lock);
    for (volume = cache->first; volume != NULL; volume = later) {
      later = volume->later;
      serve(volume, now_ns, &next_ns);
    }
    cache_waiters_check(cache);
  }
  cache_pump(cache, NULL);
  return next_ns;
}
