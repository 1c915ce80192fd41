/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block-cache.h: blocks of many volumes in bounded memory.
 *
 * A block has up to eight sectors of 512 bytes, and three sets of them: valid
 * (in memory), dirty (newer than the store) and flying (on its way to the
 * store, from the block's own memory). Dirty sectors are valid. Each block is
 * in at most one list:
 *
 *   BLOCK_NEW    clean, first in first out: what was read once
 *   BLOCK_HOT    clean, least recently used last: what was read again
 *   BLOCK_DIRTY  of its volume, oldest change first
 *   BLOCK_NONE   flying and not dirty
 *
 * Only clean blocks are given up: of NEW as long as that, with what is on its
 * way from the store, has more than a quarter of all, else of HOT. A block that
 * comes back after it was given up from NEW (a table of fingerprints remembers,
 * and forgets by being written over) becomes HOT: a scan runs through NEW and
 * leaves HOT as it was (this is the 2Q of Johnson and Shasha). One that was
 * read ahead and given up unread is not remembered.
 *
 * All blocks and their data lie in one mapping, made in the beginning, of which
 * a page takes memory from its first use on until all volumes' blocks have been
 * dropped. So they are never scattered over malloc's arenas, between what is
 * there longer.
 *
 * Data are copied out of blocks and into them without the cache's lock
 * (copies.c). A block of which a copy goes on stays, even if nothing in it is
 * valid any more; what is copied into it is called valid before it is there,
 * for nobody else may touch its data until then.
 *
 * Nothing here has a lock or does I/O; the caller has the cache's lock, but for
 * block_copy_ends.
 */
#ifndef LEASEHOLD_BLOCK_CACHE_H
#define LEASEHOLD_BLOCK_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leasehold/store.h"

#define BLOCK_SIZE_MAX (8 * STORE_SECTOR)

enum block_list { BLOCK_NONE, BLOCK_NEW, BLOCK_HOT, BLOCK_DIRTY };

struct block_owner;

struct block {
  struct block *hash_next;         /* or the next one that is free */
  struct block *newer, *older;     /* in its list */
  struct block *following, **link; /* of its owner's */
  struct block_owner *owner;
  uint64_t index;
  uint64_t sequence;        /* DIRTY: of its oldest change */
  uint64_t flying_sequence; /* flying: of the oldest change in it */
  uint8_t valid, dirty, flying;
  uint8_t list;
  bool hot;   /* belongs to HOT when it is clean */
  bool ahead; /* was read ahead, and not asked for yet */
  bool apart; /* what flies is in another one's memory, see block_part */
  atomic_short copies; /* that go on: out of it, or -1: one into it */
  char *data;
};

struct block_ring {
  struct block *newest, *oldest;
  size_t count;
};

/* What a volume keeps of its own. All zeroes is an empty one. */
struct block_owner {
  uint64_t number; /* tells it from others; set by the caller */
  struct block *blocks;
  struct block_ring dirty;
  size_t count;
  size_t unsent; /* blocks that are dirty or flying */
};

struct block_cache {
  uint32_t block_size, sectors;
  size_t most;   /* blocks */
  size_t count;  /* blocks there are */
  size_t unsent; /* of all owners */
  size_t
      loading; /* of count: those that belong to nobody yet, see block_take */
  struct block_ring fresh, hot;
  struct block **table;
  uint32_t *ghosts;
  size_t table_mask;
  char *memory;       /* room for all data, and behind them for all blocks */
  size_t used;        /* of that, as blocks, from its beginning on */
  struct block *free; /* used before */
  uint64_t used_ahead, wasted_ahead; /* blocks read ahead that were asked for,
                                        or gone before that */
};

/* size in bytes, at least two blocks'. 0 or STATUS_NO_MEMORY. */
int block_cache_init(struct block_cache *cache, uint64_t size,
                     uint32_t block_size);
/* All owners' blocks have been dropped. */
void block_cache_destroy(struct block_cache *cache);

/* NULL: it is not there. */
struct block *block_find(const struct block_cache *cache,
                         const struct block_owner *owner, uint64_t index);
/* In copies.c: a copy into it, or out of it, may begin now. False: it has to
 * wait.
 */
bool block_copy_begins(struct block *block, bool into);
/* Without the lock. The block may be gone then. */
void block_copy_ends(struct block *block);
/* Is it copied, or are its data about to change? */
bool block_is_copied(const struct block *block);
bool block_is_filling(const struct block *block);

/* One that is not there yet, with nothing valid in it; another one may go for
 * it. NULL: none can be given up.
 */
struct block *block_make(struct block_cache *cache, struct block_owner *owner,
                         uint64_t index);
/* For what is on its way from the store: memory for a block that nobody finds
 * yet. It is the caller's until one of the next two. NULL: none can be given
 * up.
 */
struct block *block_take(struct block_cache *cache);
/* Makes it the owner's, with these sectors valid, as one that was read ahead.
 * Where there is a block already, that gets what it does not have.
 */
void block_put(struct block_cache *cache, struct block *block,
               struct block_owner *owner, uint64_t index, uint8_t valid);
void block_give_back(struct block_cache *cache, struct block *block);
/* It was used. */
void block_touch(struct block_cache *cache, struct block *block);

/* These sectors are valid, and newer than the store since a change of this
 * sequence.
 */
void block_changed(struct block_cache *cache, struct block *block,
                   uint8_t sectors, uint64_t sequence);
/* The block, which is dirty, is so since this sequence, or before. */
void block_make_older(struct block_cache *cache, struct block *block,
                      uint64_t sequence);
/* Dirty sectors have become flying ones. */
void block_fly(struct block_cache *cache, struct block *block, uint8_t sectors);
/* They have landed. The block may be gone then. */
void block_landed(struct block_cache *cache, struct block *block,
                  uint8_t sectors);
/* The block is about to be written to. If something of it flies from its
 * memory, it gets other memory, with a copy of all: what flies stays where it
 * is, in *out, to be given back when it flies no more. NULL: nothing had to be
 * done. False: no memory can be given up. Nothing is being copied out of it.
 */
bool block_part(struct block_cache *cache, struct block *block,
                struct block **out);
/* They have not: those that are valid still are dirty again. hint: where the
 * last one was put (or NULL), for the next.
 */
void block_returned(struct block_cache *cache, struct block *block,
                    uint8_t sectors, struct block **hint);
/* These sectors are not valid any more. The block may be gone then. */
void block_forget(struct block_cache *cache, struct block *block,
                  uint8_t sectors);
/* Nothing of the owner's is valid any more; blocks that fly stay. */
void block_forget_all(struct block_cache *cache, struct block_owner *owner);
/* The clean ones only. */
void block_forget_clean(struct block_cache *cache, struct block_owner *owner);
/* All are freed, whatever they are; nothing of them may be on its way. */
void block_drop_owner(struct block_cache *cache, struct block_owner *owner);

/* The sectors that begin..end touches, bytes of the volume in one block, as a
 * set.
 */
uint8_t block_sectors(const struct block_cache *cache, uint64_t begin,
                      uint64_t end);

#endif
