/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cache-internal.h: what the files of the cache share; see cache.c. */
#ifndef LEASEHOLD_CACHE_INTERNAL_H
#define LEASEHOLD_CACHE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "cache/block-cache.h"
#include "cache/extent-map.h"
#include "cache/read-ahead.h"
#include "leasehold/cache.h"
#include "leasehold/keeper.h"
#include "leasehold/store.h"

/* The largest request of merged changes; and how large they become before more
 * of them are sent at a time.
 */
#define FLIGHT_MAX (UINT64_C(4) << 20)
#define FLIGHT_MIN (UINT64_C(1) << 20)
/* Ranges of zeroes that wait to be sent, per volume. */
#define ZEROES_MAX 4096
/* Ranges that are known to be holes, per volume. */
#define HOLES_MAX 65536

/* A request with merged changes on its way to the store. */
struct flight {
  struct store_io io; /* first */
  struct flight *next;
  struct cached_volume *volume;
  uint64_t sequence;   /* of its oldest change */
  bool spoiled;        /* a zero: something was written to its range since */
  unsigned generation; /* the volume's when it was sent */
  struct block *apart; /* a list (following): what it has left of blocks that
                          were written to since */
  void *pieces[];      /* a write: where its bytes are */
};

struct cached_volume {
  struct cached_volume *next, **link;    /* cache's list of all */
  struct cached_volume *later, *earlier; /* ACTIVE: the list of those */
  bool active; /* something is unsent, or waited for */
  struct cache *cache;
  struct tenure *tenure;
  struct tenure_waiter watch; /* while active: kicks when the gate changes */
  struct block_owner blocks;
  struct extent_map zeroes; /* newer than the store, not on their way */
  struct extent_map holes;  /* the store has nothing there */
  uint64_t proof; /* offset of a sector of holes that was taken in all the same
                   */
  struct fill *fills;
  struct read_ahead ahead;
  struct prefetch *prefetches;
  struct hole_fetch *hole_fetch; /* on its way, or NULL */
  unsigned maps_unused;
  uint64_t mapped; /* the store's holes are known up to here, see hole-map.c */
  bool blocking;   /* the store does reads inside submit */
  struct flight *flights;
  unsigned straight;      /* changes on their way past the cache */
  uint64_t sequence;      /* of the last change */
  uint64_t drain_to;      /* changes up to this one are to be sent now */
  uint64_t mark_sequence; /* what was the last one at mark_ns; 0: no mark */
  uint64_t mark_ns;
  uint64_t progress_ns; /* when the store last took a change */
  uint64_t retry_at_ns;
  unsigned attempts;
  uint64_t doubted_epoch; /* nothing is sent under it any more */
  struct error trouble;   /* why the last one was not taken, if it was not */
  uint64_t alone_since;   /* the gate's when it was last OPEN or DRAINING */
  unsigned generation;    /* how often all was forgotten */
  bool awaited;           /* SESSION_DRAINED is due when nothing is on its way
                           */
  bool draining;          /* SESSION_DRAINED is due when nothing is unsent */
};

struct cache {
  struct cache_config config;

  pthread_mutex_t lock; /* protects from here ... */
  struct block_cache blocks;
  struct cached_volume *volumes;
  struct cached_volume *first, *last; /* active ones; first is served next */
  struct cache_waiter *waiters;
  uint64_t numbers;             /* given to volumes */
  unsigned flights, prefetches; /* on their way */
  struct cache_counts counts;   /* ... to here */

  /* copies.c's. */
  atomic_uint copiers;        /* who has claims */
  atomic_bool copies_awaited; /* tell when they end; cleared with the lock */
  pthread_cond_t copied;      /* one has ended; with lock */

  struct cache_kick *kick; /* set before any volume, then constant */

  /* cache-thread.c's. */
  struct cache_kick thread_kick;
  pthread_t thread;
  bool running;
  pthread_mutex_t kick_lock; /* protects kicked and quit */
  pthread_cond_t kicks;
  bool kicked, quit;
};

/* --- cache.c ---------------------------------------------------------- */

/* NULL: no memory. The tenure's, until cached_volume_free. */
struct cached_volume *cached_volume_new(struct cache *cache,
                                        struct tenure *tenure);
/* Nothing of it is on its way, or will ever be answered. NULL is fine. */
void cached_volume_free(struct cached_volume *volume);
/* tenure_extra.drain's and busy's part. */
bool cached_volume_drained(struct cached_volume *volume);
bool cached_volume_busy(struct cached_volume *volume);

void cache_kick(struct cache *cache);

/* From here on the cache's lock is held. */

void cached_activate(struct cached_volume *volume);
/* Reads the gate, and forgets everything if others may have written. */
void cached_gate(struct cached_volume *volume, struct gate *gate);
/* Is anything in the range newer than the store, or on its way there? */
bool cached_unsent(const struct cached_volume *volume, uint64_t begin,
                   uint64_t end);
/* Are the changes in the range up to this one in the store? */
bool cached_durable(const struct cached_volume *volume, uint64_t begin,
                    uint64_t end, uint64_t sequence);
/* What is read from the store in this range is not to be kept. */
void cached_spoil(struct cached_volume *volume, uint64_t begin, uint64_t end);
/* A read of the store has begun, or has ended (or never began). */
void fill_begin(struct cached_volume *volume, struct fill *fill, uint64_t begin,
                uint64_t end);
void fill_end(struct fill *fill);
/* Tells a session that waits for that, if it is so. */
void cached_nothing_flies(struct cached_volume *volume);
/* Nothing is valid any more, and what is unsent is lost. status 0: nobody has
 * been told that any of it is done, and who waits for it has to begin anew.
 */
void cached_drop(struct cached_volume *volume, int status);
/* May one more block of the volume's become dirty? */
bool cached_has_space(const struct cached_volume *volume);
/* cached_has_space is not asked for a block that is unsent already. */

/* --- copies.c --------------------------------------------------------- */

#define COPIES_MAX 32

/* What one thread copies at a time. Begins as {.cache = cache}. */
struct copies {
  struct cache *cache;
  unsigned claims, count;
  size_t bytes;
  struct block *blocks[COPIES_MAX];
  struct copy {
    void *to;
    const void *from; /* NULL: zeroes */
    size_t count;
  } items[COPIES_MAX];
};

/* The cache's lock is held for these. A claim is for copies into the block, or
 * out of it. False: another one is in the way, or there are too many.
 */
bool copies_claim(struct copies *copies, struct block *block, bool into);
/* Of a block that was claimed, or of none. There is room, unless copies_full.
 */
void copies_add(struct copies *copies, void *to, const void *from,
                size_t count);
bool copies_full(const struct copies *copies);
/* A claim was refused: until one of another thread has ended, perhaps, unless
 * there are own ones, which have to end first. Everything may have changed.
 */
void copies_wait(const struct copies *copies);
/* The thread is kicked when a claim has ended. False: there are none. */
bool copies_await(struct cache *cache);

/* Without the lock: copies, and ends the claims. */
void copies_do(struct copies *copies);

/* --- cache-waiters.c; the cache's lock is held ------------------------ */

void cache_waiter_add(struct cached_volume *volume,
                      struct cache_waiter *waiter);
void cache_waiter_remove(struct cache_waiter *waiter);
/* Wakes those who have what they wait for. */
void cache_waiters_check(struct cache *cache);
/* Tells those who wait for something in the range that it is lost. */
void cache_waiters_fail(struct cached_volume *volume, uint64_t begin,
                        uint64_t end, int status);

/* --- prefetch.c ------------------------------------------------------- */

/* Whatever is on its way will never be answered. The cache's lock is held. */
void prefetch_abandon(struct cached_volume *volume);

/* --- hole-map.c; the cache's lock is held ----------------------------- */

/* A map that is on its way does not say what is there. */
void hole_map_changed(struct cached_volume *volume, uint64_t begin,
                      uint64_t end);
/* Nothing is known of holes any more. */
void hole_map_forget(struct cached_volume *volume);
/* As prefetch_abandon. */
void hole_map_abandon(struct cached_volume *volume);

/* --- coalesce.c: pure ------------------------------------------------- */

/* The run of dirty sectors around the block's first dirty one, in low..high
 * and not longer than most bytes. No block in it flies.
 */
void coalesce(const struct block_cache *cache, const struct block *block,
              uint64_t low, uint64_t high, uint64_t most, uint64_t *begin,
              uint64_t *end);

/* --- flight.c --------------------------------------------------------- */

/* For a write of bytes in so many blocks. NULL: no memory. To be freed. */
struct flight *flight_new(size_t pieces);
/* The block, which is claimed, will be written to: what flies of it is the
 * flight's from now on. False: there is no memory now. The cache's lock is held
 * for this and the next.
 */
bool flight_leaves(struct cached_volume *volume, struct block *block);
/* It has ended. */
void flight_give_back(struct flight *flight);

/* --- drain.c ---------------------------------------------------------- */

/* Sends what is due, as much as may be on its way. Without the lock. waiting:
 * whose changes the caller is about to wait for; the last one of them may be
 * sent in this thread. NULL: it must not wait.
 */
void cache_pump(struct cache *cache, const struct cached_volume *waiting);

#endif
