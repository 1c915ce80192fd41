/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-block-cache.c: blocks, their lists, and which one is given up. */
#include "cache/block-cache.h"
#include "cache/cache-internal.h"
#include "leasehold/status.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define SIZE 1024 /* two sectors */
#define ROOM(blocks) ((blocks) * (SIZE + sizeof(struct block)))

static void
count_ring(const struct block_ring *ring, size_t expected)
{
  size_t count = 0;
  const struct block *newer = NULL;

  for (const struct block *block = ring->newest; block != NULL;
       block = block->older) {
    assert_ptr_equal(block->newer, newer);
    newer = block;
    count++;
  }
  assert_ptr_equal(ring->oldest, newer);
  assert_int_equal(count, expected);
  assert_int_equal(ring->count, expected);
}

/* All that block-cache.h says of the lists holds. */
static void
check(const struct block_cache *cache, const struct block_owner *owner)
{
  size_t fresh = 0, hot = 0, dirty = 0, unsent = 0, all = 0;
  uint64_t sequence = 0;

  for (const struct block *block = owner->blocks; block != NULL;
       block = block->following) {
    all++;
    assert_ptr_equal(block_find(cache, owner, block->index), block);
    assert_int_equal(block->dirty & ~block->valid, 0);
    fresh += block->list == BLOCK_NEW;
    hot += block->list == BLOCK_HOT;
    dirty += block->list == BLOCK_DIRTY;
    unsent += (block->dirty | block->flying) != 0;
    assert_int_equal(block->list == BLOCK_DIRTY, block->dirty != 0);
    assert_int_equal(block->list == BLOCK_NONE,
                     block->dirty == 0 && block->flying != 0);
  }
  count_ring(&cache->fresh, fresh);
  count_ring(&cache->hot, hot);
  count_ring(&owner->dirty, dirty);
  assert_int_equal(owner->count, all);
  assert_int_equal(cache->count, all);
  assert_true(cache->count <= cache->used && cache->used <= cache->most);
  assert_int_equal(owner->unsent, unsent);
  assert_int_equal(cache->unsent, unsent);
  for (const struct block *block = owner->dirty.oldest; block != NULL;
       block = block->newer) {
    assert_true(block->sequence >= sequence);
    sequence = block->sequence;
  }
}

static struct block *
make(struct block_cache *cache, struct block_owner *owner, uint64_t index)
{
  struct block *block = block_make(cache, owner, index);

  if (block != NULL)
    block->valid = 3;
  return block;
}

static void
a_scan_leaves_what_is_hot(void **state)
{
  struct block_cache cache;
  struct block_owner owner = {.number = 1};

  (void)state;
  assert_int_equal(block_cache_init(&cache, ROOM(64), SIZE), 0);
  /* Blocks 0 to 15 come, go, and come again: then they are hot. */
  for (uint64_t i = 0; i < 16; i++)
    make(&cache, &owner, i);
  for (uint64_t i = 1000; i < 1064; i++)
    make(&cache, &owner, i);
  for (uint64_t i = 0; i < 16; i++) {
    assert_null(block_find(&cache, &owner, i));
    make(&cache, &owner, i);
  }
  count_ring(&cache.hot, cache.hot.count);
  assert_true(cache.hot.count >= 12); /* some fingerprints collide */
  for (uint64_t i = 5000; i < 15000; i++) {
    if (block_find(&cache, &owner, i) == NULL)
      make(&cache, &owner, i);
  }
  size_t there = 0;
  for (uint64_t i = 0; i < 16; i++)
    there += block_find(&cache, &owner, i) != NULL;
  assert_true(there >= 8);
  check(&cache, &owner);
  block_drop_owner(&cache, &owner);
  block_cache_destroy(&cache);
}

static void
dirty_and_flying_ones_stay(void **state)
{
  struct block_cache cache;
  struct block_owner owner = {.number = 1};
  struct block *block, *hint = NULL;

  (void)state;
  assert_int_equal(block_cache_init(&cache, ROOM(2), SIZE), 0);
  block = make(&cache, &owner, 0);
  block_changed(&cache, block, 1, 7);
  block_changed(&cache, make(&cache, &owner, 1), 3, 8);
  assert_null(make(&cache, &owner, 2));
  block_fly(&cache, block, 1);
  check(&cache, &owner);
  assert_null(make(&cache, &owner, 2));
  block_changed(&cache, block, 2, 9); /* while it flies */
  block_returned(&cache, block, 1, &hint);
  assert_int_equal(block->dirty, 3);
  assert_int_equal(block->sequence, 7);
  assert_ptr_equal(owner.dirty.oldest, block);
  check(&cache, &owner);
  block_fly(&cache, block, 3);
  block_landed(&cache, block, 3);
  check(&cache, &owner);
  assert_non_null(make(&cache, &owner, 2));
  assert_null(block_find(&cache, &owner, 0));
  block_drop_owner(&cache, &owner);
  block_cache_destroy(&cache);
}

static void
forgotten_while_it_flies(void **state)
{
  struct block_cache cache;
  struct block_owner owner = {.number = 1};
  struct block *block, *hint = NULL;

  (void)state;
  assert_int_equal(block_cache_init(&cache, ROOM(4), SIZE), 0);
  block = make(&cache, &owner, 0);
  block_changed(&cache, block, 3, 1);
  block_fly(&cache, block, 3);
  block_forget_all(&cache, &owner);
  check(&cache, &owner);
  assert_int_equal(owner.count, 1);
  block_returned(&cache, block, 3, &hint); /* not dirty again */
  assert_int_equal(owner.count, 0);
  check(&cache, &owner);
  block_cache_destroy(&cache);
}

static void
random_changes(void **state)
{
  (void)state;
  for (unsigned seed = 1; seed <= 30; seed++) {
    struct block_cache cache;
    struct block_owner owner = {.number = seed};
    uint64_t sequence = 0;

    srand(seed);
    assert_int_equal(block_cache_init(&cache, ROOM(6), SIZE), 0);
    for (unsigned i = 0; i < 500; i++) {
      uint64_t index = (uint64_t)rand() % 10;
      uint8_t sectors = (uint8_t)(1 + rand() % 3);
      struct block *block = block_find(&cache, &owner, index), *hint = NULL;

      if (block == NULL)
        block = make(&cache, &owner, index);
      if (block == NULL)
        continue;
      switch (rand() % 6) {
      case 0:
        block_changed(&cache, block, sectors, ++sequence);
        break;
      case 1:
        if (block->dirty != 0 && block->flying == 0)
          block_fly(&cache, block, block->dirty);
        break;
      case 2:
        if (block->flying != 0)
          block_landed(&cache, block, block->flying);
        break;
      case 3:
        if (block->flying != 0)
          block_returned(&cache, block, block->flying, &hint);
        break;
      case 4:
        block_forget(&cache, block, sectors);
        break;
      default:
        block_touch(&cache, block);
        break;
      }
      check(&cache, &owner);
    }
    block_forget_clean(&cache, &owner);
    check(&cache, &owner);
    block_drop_owner(&cache, &owner);
    check(&cache, &owner);
    assert_int_equal(cache.used, 0);
    block_cache_destroy(&cache);
  }
}

/* See block-cache.h. */
static void
copied_ones_stay_as_they_are(void **state)
{
  struct block_cache cache;
  struct block_owner owner = {.number = 1};
  struct block *block, *loaded;

  (void)state;
  assert_int_equal(block_cache_init(&cache, ROOM(3), SIZE), 0);
  block = make(&cache, &owner, 0);
  assert_true(block_copy_begins(block, false));
  assert_true(block_copy_begins(block, false));
  assert_false(block_copy_begins(block, true));
  make(&cache, &owner, 1);
  for (uint64_t i = 2; i < 9; i++)
    assert_non_null(make(&cache, &owner, i));
  assert_ptr_equal(block_find(&cache, &owner, 0), block);
  /* Nor does it change, or go, when nothing in it is valid any more. */
  block_forget(&cache, block, 3);
  loaded = block_take(&cache);
  assert_non_null(loaded);
  block_put(&cache, loaded, &owner, 0, 3);
  assert_ptr_equal(block_find(&cache, &owner, 0), block);
  assert_int_equal(block->valid, 0);
  block_copy_ends(block);
  assert_false(block_copy_begins(block, true));
  block_copy_ends(block);
  assert_true(block_copy_begins(block, true));
  assert_true(block_is_filling(block));
  assert_false(block_copy_begins(block, false));
  block_copy_ends(block);
  block_drop_owner(&cache, &owner);
  block_cache_destroy(&cache);
}

/* What flies stays where it is, and as it is. */
static void
written_to_while_it_flies(void **state)
{
  struct block_cache cache;
  struct block_owner owner = {.number = 1};
  struct block *block, *apart, *other, *hint = NULL;
  char *flying;

  (void)state;
  assert_int_equal(block_cache_init(&cache, ROOM(4), SIZE), 0);
  block = make(&cache, &owner, 0);
  memset(block->data, 'a', SIZE);
  block_changed(&cache, block, 3, 7);
  assert_true(block_part(&cache, block, &apart));
  assert_null(apart); /* nothing flies */
  block_fly(&cache, block, 1);
  flying = block->data;
  assert_true(block_part(&cache, block, &apart));
  assert_ptr_equal(apart->data, flying);
  assert_ptr_not_equal(block->data, flying);
  assert_memory_equal(block->data, flying, SIZE);
  assert_true(block_part(&cache, block, &other)); /* once is enough */
  assert_null(other);
  for (uint64_t i = 1; i < 9; i++)
    memset(make(&cache, &owner, i)->data, 'x', SIZE);
  assert_int_equal(flying[0], 'a');
  assert_int_equal(flying[SIZE - 1], 'a');
  assert_int_equal(cache.count, owner.count + 1);
  block_give_back(&cache, apart);
  block_returned(&cache, block, 1, &hint);
  check(&cache, &owner);
  /* Again, and there is no memory for it. */
  block_fly(&cache, block, 3);
  for (uint64_t i = 10; cache.count < cache.most; i++)
    make(&cache, &owner, i);
  for (other = owner.blocks; other != NULL; other = other->following)
    block_changed(&cache, other, 2, 9);
  flying = block->data;
  assert_false(block_part(&cache, block, &apart));
  assert_ptr_equal(block->data, flying);
  block_drop_owner(&cache, &owner);
  block_cache_destroy(&cache);
}

static void
neighbours_go_together(void **state)
{
  struct block_cache cache;
  struct block_owner owner = {.number = 1};
  uint64_t begin, end;
  struct block *block;

  (void)state;
  assert_int_equal(block_cache_init(&cache, ROOM(32), SIZE), 0);
  for (uint64_t i = 2; i <= 9; i++)
    block_changed(&cache, make(&cache, &owner, i), 3, i);
  block_changed(&cache, make(&cache, &owner, 1), 2, 20);
  block_changed(&cache, make(&cache, &owner, 10), 1, 21);
  block = block_find(&cache, &owner, 5);
  coalesce(&cache, block, 0, UINT64_MAX, UINT64_MAX, &begin, &end);
  assert_int_equal(begin, SIZE + 512);
  assert_int_equal(end, 10 * SIZE + 512);
  coalesce(&cache, block, 4 * SIZE + 512, 7 * SIZE, UINT64_MAX, &begin, &end);
  assert_int_equal(begin, 4 * SIZE + 512);
  assert_int_equal(end, 7 * SIZE);
  coalesce(&cache, block, 0, UINT64_MAX, 1024, &begin, &end);
  assert_int_equal(end - begin, 1024);
  assert_true(begin <= 5 * SIZE && 5 * SIZE < end);
  block_fly(&cache, block_find(&cache, &owner, 7), 1);
  coalesce(&cache, block, 0, UINT64_MAX, UINT64_MAX, &begin, &end);
  assert_int_equal(end, 7 * SIZE);
  block_drop_owner(&cache, &owner);
  block_cache_destroy(&cache);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_scan_leaves_what_is_hot),
      cmocka_unit_test(dirty_and_flying_ones_stay),
      cmocka_unit_test(forgotten_while_it_flies),
      cmocka_unit_test(random_changes),
      cmocka_unit_test(copied_ones_stay_as_they_are),
      cmocka_unit_test(written_to_while_it_flies),
      cmocka_unit_test(neighbours_go_together),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
