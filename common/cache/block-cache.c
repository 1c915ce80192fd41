/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block-cache.c: blocks of many volumes; see block-cache.h. */
#include "cache/block-cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "leasehold/status.h"
#include "utils/mutation.h"

/* A sanitizer is told which blocks are free. */
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(begin, size) ((void)(begin), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(begin, size) ((void)(begin), (void)(size))
#endif

/* --- memory ----------------------------------------------------------- */

static size_t
memory_of(const struct block_cache *cache, size_t blocks)
{
  return blocks * (sizeof(struct block) + cache->block_size);
}

static struct block *
structs_of(const struct block_cache *cache)
{
  return (struct block *)(cache->memory + cache->most * cache->block_size);
}

/* There are fewer than cache->most. */
static struct block *
allocate(struct block_cache *cache)
{
  struct block *block = cache->free;

  if (block == NULL) {
    block = &structs_of(cache)[cache->used];
    block->data = cache->memory + cache->used * cache->block_size;
    cache->used++;
    return block;
  }
  cache->free = block->hash_next;
  ASAN_UNPOISON_MEMORY_REGION(block->data, cache->block_size);
  return block;
}

static void
release(struct block_cache *cache, struct block *block)
{
  block->hash_next = cache->free;
  cache->free = block;
  ASAN_POISON_MEMORY_REGION(block->data, cache->block_size);
}

/* There are no blocks. */
static void
release_all(struct block_cache *cache)
{
  if (cache->used == 0)
    return;
  ASAN_UNPOISON_MEMORY_REGION(cache->memory, cache->used * cache->block_size);
  madvise(cache->memory, memory_of(cache, cache->most), MADV_DONTNEED);
  cache->used = 0;
  cache->free = NULL;
}

/* --- the whole -------------------------------------------------------- */

int
block_cache_init(struct block_cache *cache, uint64_t size, uint32_t block_size)
{
  size_t slots = 16;

  *cache =
      (struct block_cache){.block_size = block_size,
                           .sectors = block_size / STORE_SECTOR,
                           .most = size / (block_size + sizeof(struct block))};
  if (cache->most < 2)
    cache->most = 2;
  while (slots < cache->most)
    slots *= 2;
  cache->table_mask = slots - 1;
  cache->table = calloc(slots, sizeof cache->table[0]);
  cache->ghosts = calloc(slots, sizeof cache->ghosts[0]);
  cache->memory =
      mmap(NULL, memory_of(cache, cache->most), PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (cache->memory == MAP_FAILED)
    cache->memory = NULL;
  else
    madvise(cache->memory, memory_of(cache, cache->most), MADV_HUGEPAGE);
  if (cache->table != NULL && cache->ghosts != NULL && cache->memory != NULL)
    return STATUS_OK;
  block_cache_destroy(cache);
  return STATUS_NO_MEMORY;
}

void
block_cache_destroy(struct block_cache *cache)
{
  if (cache->memory != NULL) {
    release_all(cache);
    munmap(cache->memory, memory_of(cache, cache->most));
  }
  free(cache->table);
  free(cache->ghosts);
  cache->memory = NULL;
  cache->table = NULL;
  cache->ghosts = NULL;
}

/* The finalizer of SplitMix64. */
static uint64_t
hash_of(const struct block_owner *owner, uint64_t index)
{
  uint64_t z = index + owner->number * 0x9e3779b97f4a7c15U;

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

static uint32_t
fingerprint(uint64_t hash)
{
  return (uint32_t)(hash >> 32) | 1; /* 0 is an empty slot */
}

/* --- lists ------------------------------------------------------------ */

static struct block_ring *
ring_of(struct block_cache *cache, struct block *block)
{
  switch (block->list) {
  case BLOCK_NEW:
    return &cache->fresh;
  case BLOCK_HOT:
    return &cache->hot;
  case BLOCK_DIRTY:
    return &block->owner->dirty;
  default:
    return NULL;
  }
}

static void
leave_list(struct block_cache *cache, struct block *block)
{
  struct block_ring *ring = ring_of(cache, block);

  if (ring == NULL)
    return;
  if (block->newer != NULL)
    block->newer->older = block->older;
  else
    ring->newest = block->older;
  if (block->older != NULL)
    block->older->newer = block->newer;
  else
    ring->oldest = block->newer;
  ring->count--;
  block->newer = block->older = NULL;
  block->list = BLOCK_NONE;
}

/* Next to older, on its newer side; NULL: as the oldest. */
static void
enter_list_after(struct block_cache *cache, struct block *block,
                 enum block_list list, struct block *older)
{
  struct block_ring *ring;

  block->list = (uint8_t)list;
  ring = ring_of(cache, block);
  block->older = older;
  block->newer = older != NULL ? older->newer : ring->oldest;
  if (block->newer != NULL)
    block->newer->older = block;
  else
    ring->newest = block;
  if (older != NULL)
    older->newer = block;
  else
    ring->oldest = block;
  ring->count++;
}

static void
enter_list(struct block_cache *cache, struct block *block, enum block_list list)
{
  block->list = (uint8_t)list;
  enter_list_after(cache, block, list, ring_of(cache, block)->newest);
}

/* To where it belongs when it is neither dirty nor flying; or it goes. */
static void
settle(struct block_cache *cache, struct block *block)
{
  if (block->dirty != 0 || block->flying != 0)
    return;
  enter_list(cache, block, block->hot ? BLOCK_HOT : BLOCK_NEW);
}

/* --- blocks ----------------------------------------------------------- */

struct block *
block_find(const struct block_cache *cache, const struct block_owner *owner,
           uint64_t index)
{
  struct block *block = cache->table[hash_of(owner, index) & cache->table_mask];

  while (block != NULL && (block->owner != owner || block->index != index))
    block = block->hash_next;
  return block;
}

/* What was read ahead is not that any more. */
static void
read_ahead_ends(struct block *block, uint64_t *count)
{
  if (block->ahead)
    ++*count;
  block->ahead = false;
}

/* Out of everything, but still in memory. */
static void
take_out(struct block_cache *cache, struct block *block)
{
  uint64_t hash = hash_of(block->owner, block->index);
  struct block **slot = &cache->table[hash & cache->table_mask];

  read_ahead_ends(block, &cache->wasted_ahead);
  leave_list(cache, block);
  while (*slot != block)
    slot = &(*slot)->hash_next;
  *slot = block->hash_next;
  *block->link = block->following;
  if (block->following != NULL)
    block->following->link = block->link;
  if (block->dirty != 0 || block->flying != 0) {
    block->owner->unsent--;
    cache->unsent--;
  }
  block->owner->count--;
  cache->count--;
}

/* The first that may go. */
static struct block *
oldest_of(const struct block_ring *ring)
{
  struct block *block = ring->oldest;

  while (block != NULL && block_is_copied(block))
    block = block->newer;
  return block;
}

/* The memory of one that is given up; NULL: none can be. */
static struct block *
give_up(struct block_cache *cache)
{
  bool fresh = cache->fresh.count > 0 &&
               (cache->hot.count == 0 ||
                cache->fresh.count + cache->loading > cache->most / 4);
  struct block *block = oldest_of(fresh ? &cache->fresh : &cache->hot);

  if (block == NULL)
    return NULL;
  if (fresh && !block->ahead) {
    uint64_t hash = hash_of(block->owner, block->index);

    cache->ghosts[hash & cache->table_mask] = fingerprint(hash);
  }
  take_out(cache, block);
  return block;
}

/* One with nothing in it, which nobody finds. */
static struct block *
get_memory(struct block_cache *cache)
{
  struct block *block =
      cache->count < cache->most ? allocate(cache) : give_up(cache);

  if (block != NULL) {
    *block = (struct block){.data = block->data};
    cache->count++;
  }
  return block;
}

static void
put_in(struct block_cache *cache, struct block *block,
       struct block_owner *owner, uint64_t index)
{
  uint64_t hash = hash_of(owner, index);
  size_t slot = hash & cache->table_mask;

  block->hash_next = cache->table[slot];
  block->following = owner->blocks;
  block->link = &owner->blocks;
  block->owner = owner;
  block->index = index;
  block->hot = cache->ghosts[slot] == fingerprint(hash);
  cache->table[slot] = block;
  if (block->following != NULL)
    block->following->link = &block->following;
  owner->blocks = block;
  owner->count++;
  settle(cache, block);
}

struct block *
block_make(struct block_cache *cache, struct block_owner *owner, uint64_t index)
{
  struct block *block = get_memory(cache);

  if (block != NULL)
    put_in(cache, block, owner, index);
  return block;
}

struct block *
block_take(struct block_cache *cache)
{
  struct block *block = get_memory(cache);

  if (block != NULL)
    cache->loading++;
  return block;
}

/* Of the sectors that block has not, those that from has. */
static void
complete(const struct block_cache *cache, struct block *block,
         const struct block *from, uint8_t valid)
{
  for (uint32_t sector = 0; sector < cache->sectors; sector++) {
    uint8_t bit = (uint8_t)(1U << sector);
    size_t at = sector * STORE_SECTOR;

    if (!(valid & bit) || block->valid & bit)
      continue;
    memcpy(block->data + at, from->data + at, STORE_SECTOR);
    block->valid |= bit;
  }
}

void
block_put(struct block_cache *cache, struct block *block,
          struct block_owner *owner, uint64_t index, uint8_t valid)
{
  struct block *there = block_find(cache, owner, index);

  if (there != NULL) {
    if (!block_is_copied(there) && (there->flying & ~there->valid) == 0)
      complete(cache, there, block, valid);
    block_give_back(cache, block);
    return;
  }
  cache->loading--;
  put_in(cache, block, owner, index);
  block->valid = valid;
  block->ahead = true;
}

void
block_give_back(struct block_cache *cache, struct block *block)
{
  cache->count--;
  cache->loading--;
  release(cache, block);
}

void
block_touch(struct block_cache *cache, struct block *block)
{
  read_ahead_ends(block, &cache->used_ahead);
  if (block->list != BLOCK_HOT || cache->hot.newest == block)
    return;
  leave_list(cache, block);
  enter_list(cache, block, BLOCK_HOT);
}

/* Into DIRTY by its sequence. */
static void
enter_dirty(struct block_cache *cache, struct block *block, struct block *hint)
{
  struct block *older = hint;

  while (older != NULL && older->sequence > block->sequence)
    older = older->older;
  for (;;) {
    struct block *next =
        older != NULL ? older->newer : block->owner->dirty.oldest;

    if (next == NULL || next->sequence > block->sequence)
      break;
    older = next;
  }
  enter_list_after(cache, block, BLOCK_DIRTY, older);
}

void
block_make_older(struct block_cache *cache, struct block *block,
                 uint64_t sequence)
{
  if (block->sequence <= sequence)
    return;
  leave_list(cache, block);
  block->sequence = sequence;
  enter_dirty(cache, block, NULL);
}

void
block_changed(struct block_cache *cache, struct block *block, uint8_t sectors,
              uint64_t sequence)
{
  read_ahead_ends(block, &cache->wasted_ahead);
  if (block->dirty == 0 && block->flying == 0) {
    block->owner->unsent++;
    cache->unsent++;
  }
  if (block->dirty == 0) {
    leave_list(cache, block);
    block->sequence = sequence;
    enter_dirty(cache, block, block->owner->dirty.newest);
  } else {
    block_make_older(cache, block, sequence);
  }
  block->dirty |= sectors;
  block->valid |= sectors;
}

void
block_fly(struct block_cache *cache, struct block *block, uint8_t sectors)
{
  block->flying |= sectors;
  block->flying_sequence = block->sequence;
  block->apart = false;
  block->dirty &= (uint8_t)~sectors;
  if (block->dirty == 0)
    leave_list(cache, block);
}

bool
block_part(struct block_cache *cache, struct block *block, struct block **out)
{
  struct block *other;
  char *data = block->data;

  *out = NULL;
  if (block->flying == 0 || block->apart || MUTATED(FLYING_OVERWRITTEN))
    return true;
  other = block_take(cache);
  if (other == NULL)
    return false;
  memcpy(other->data, data, cache->block_size);
  block->data = other->data;
  other->data = data;
  block->apart = true;
  *out = other;
  return true;
}

static void
gone_if_empty(struct block_cache *cache, struct block *block)
{
  if (block->valid == 0 && block->flying == 0 && !block_is_copied(block)) {
    take_out(cache, block);
    release(cache, block);
  }
}

void
block_landed(struct block_cache *cache, struct block *block, uint8_t sectors)
{
  block->flying &= (uint8_t)~sectors;
  if (block->dirty == 0 && block->flying == 0) {
    block->owner->unsent--;
    cache->unsent--;
    settle(cache, block);
  }
  gone_if_empty(cache, block);
}

void
block_returned(struct block_cache *cache, struct block *block, uint8_t sectors,
               struct block **hint)
{
  uint8_t again = block->flying & sectors & block->valid;

  if (again == 0) {
    block_landed(cache, block, sectors);
    return;
  }
  if (*hint == block)
    *hint = NULL;
  leave_list(cache, block);
  if (block->dirty == 0 || block->flying_sequence < block->sequence)
    block->sequence = block->flying_sequence;
  block->flying &= (uint8_t)~sectors;
  block->dirty |= again;
  enter_dirty(cache, block, *hint);
  *hint = block;
}

void
block_forget(struct block_cache *cache, struct block *block, uint8_t sectors)
{
  bool was_dirty = block->dirty != 0;

  block->valid &= (uint8_t)~sectors;
  block->dirty &= (uint8_t)~sectors;
  if (was_dirty && block->dirty == 0) {
    leave_list(cache, block);
    if (block->flying == 0) {
      block->owner->unsent--;
      cache->unsent--;
      settle(cache, block);
    }
  }
  gone_if_empty(cache, block);
}

void
block_forget_all(struct block_cache *cache, struct block_owner *owner)
{
  struct block *block = owner->blocks, *following;

  for (; block != NULL; block = following) {
    following = block->following;
    block_forget(cache, block, UINT8_MAX);
  }
}

void
block_forget_clean(struct block_cache *cache, struct block_owner *owner)
{
  struct block *block = owner->blocks, *following;

  for (; block != NULL; block = following) {
    following = block->following;
    block_forget(cache, block, (uint8_t) ~(block->dirty | block->flying));
  }
}

void
block_drop_owner(struct block_cache *cache, struct block_owner *owner)
{
  while (owner->blocks != NULL) {
    struct block *block = owner->blocks;

    take_out(cache, block);
    release(cache, block);
  }
  if (cache->count == 0)
    release_all(cache);
}

uint8_t
block_sectors(const struct block_cache *cache, uint64_t begin, uint64_t end)
{
  unsigned first = (unsigned)(begin / STORE_SECTOR % cache->sectors);
  unsigned count = (unsigned)((end + STORE_SECTOR - 1) / STORE_SECTOR -
                              begin / STORE_SECTOR);

  return (uint8_t)(((1U << count) - 1) << first);
}
