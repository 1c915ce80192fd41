/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cache.h: what a server keeps in memory of its volumes; see
 * common/cache/cache.c for how it works.
 */
#ifndef LEASEHOLD_CACHE_H
#define LEASEHOLD_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "leasehold/clock.h"
#include "leasehold/status.h"

struct cache;
struct cached_volume;

struct cache_config {
  const struct clock *clock; /* outlives the cache */
  uint64_t size;             /* bytes for blocks and what describes them */
  uint32_t block_size;       /* 512 to 4096, a power of two */
  unsigned connections;      /* most changes on their way at a time */
  uint64_t age_ns; /* a change is sent when it is between one and two of these
                      old, if nothing asks for it before */
  bool write_back; /* changes are answered before they are in the store */
};

#define CACHE_BLOCK_SIZE 4096
#define CACHE_AGE_NS (500 * NANOSECONDS_PER_MILLISECOND)

/* Makes a cache without a thread. NULL: no memory. */
struct cache *cache_new(const struct cache_config *config);

/* Starts its thread; call after the process has forked for the last time. */
int cache_start(struct cache *cache, struct error *err);
/* Joins the thread. No tenure sends anything after that. Idempotent; NULL is
 * fine.
 */
void cache_stop(struct cache *cache);
/* After cache_stop, and after the keeper was freed (with all tenures). NULL is
 * fine.
 */
void cache_free(struct cache *cache);

/* Without a thread (tests, simulator): does everything that is due at the
 * clock's time and returns when the next thing is (TIME_NEVER: nothing is).
 */
uint64_t cache_turn(struct cache *cache);

/* Called (if set) instead of waking the cache's own thread, whenever
 * cache_turn should run. Any thread, with locks held: it only notes and
 * signals.
 */
struct cache_kick {
  void (*kick)(struct cache_kick *);
};
void cache_set_kick(struct cache *cache, struct cache_kick *kick);

/* For tests and operators: bytes that are newer than the store, and all. */
struct cache_counts {
  uint64_t bytes, unsent_bytes;
  uint64_t hits, misses;  /* sectors */
  uint64_t changes, sent; /* sectors taken in; requests to the store */
  uint64_t landed, lost;  /* bytes that these brought there; never there */
  uint64_t used_ahead, wasted_ahead; /* bytes read ahead that were asked for;
                                        that never were */
};
void cache_count(struct cache *cache, struct cache_counts *out);
/* Writes them (leasehold/metrics.h). Any thread. */
struct metrics;
void cache_collect(struct cache *cache, struct metrics *metrics);

/* --- what a request on its way keeps (volume.h) ----------------------- */

/* A read of the store whose answer may be kept, unless something in its range
 * is changed before that.
 */
struct fill {
  struct fill *next, **link; /* link NULL: it is in no list */
  uint64_t begin, end;
  bool spoiled;
};

enum cache_wait {
  CACHE_WAIT_SPACE,   /* a change may be taken in */
  CACHE_WAIT_DURABLE, /* changes in begin..end up to sequence are in the store
                       */
  CACHE_WAIT_FILL     /* no prefetch of begin..end is on its way */
};

struct cache_waiter {
  struct cache_waiter *next, **link; /* link NULL: it is in no list */
  struct cached_volume *volume;
  enum cache_wait kind;
  uint64_t begin, end, sequence;
  int failed; /* why it never will be */
  bool again; /* what it had taken in has been dropped unsent */
  /* With the cache's lock held: it only notes and signals. */
  void (*wake)(struct cache_waiter *);
};

#endif
