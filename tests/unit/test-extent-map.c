/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-extent-map.c: ranges against an array of what they say of each byte. */
#include "cache/extent-map.h"
#include "leasehold/status.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define SIZE 64

/* 0: not in the set; else sequence * 2 + flags. */
struct model {
  unsigned bytes[SIZE];
};

static void
check(const struct extent_map *map, const struct model *model)
{
  uint64_t end = 0;
  unsigned flags = 2;

  for (size_t i = 0; i < map->count; i++) {
    const struct span *span = &map->items[i];

    assert_true(span->begin < span->end);
    assert_true(span->begin > end || i == 0 ||
                (span->begin == end && span->flags != flags));
    end = span->end;
    flags = span->flags;
  }
  for (uint64_t at = 0; at < SIZE; at++) {
    const struct span *span = extent_map_find(map, at);
    bool in = span != NULL && span->begin <= at;

    assert_int_equal(in, model->bytes[at] != 0);
    assert_true(span == NULL || span->end > at);
    assert_int_equal(extent_map_overlaps(map, at, at + 1), in);
    assert_int_equal(extent_map_covers(map, at, at + 1), in);
    if (in) { /* as old as its oldest part */
      assert_true(span->sequence <= model->bytes[at] / 2);
      assert_int_equal(span->flags, model->bytes[at] % 2);
    }
  }
}

static void
random_changes(void **state)
{
  (void)state;
  for (unsigned seed = 1; seed <= 50; seed++) {
    struct extent_map map = {0};
    struct model model = {0};

    srand(seed);
    for (unsigned sequence = 1; sequence <= 200; sequence++) {
      uint64_t begin = (uint64_t)rand() % SIZE;
      uint64_t end = begin + 1 + (uint64_t)rand() % 12;
      unsigned flags = (unsigned)rand() % 2, value = sequence * 2 + flags;

      if (end > SIZE)
        end = SIZE;
      if (rand() % 3 == 0) {
        assert_int_equal(extent_map_clear(&map, begin, end), 0);
        value = 0;
      } else {
        assert_int_equal(extent_map_set(&map, begin, end, sequence, flags), 0);
      }
      for (uint64_t at = begin; at < end; at++)
        model.bytes[at] = value;
      check(&map, &model);
    }
    extent_map_free(&map);
  }
}

static void
what_is_reserved_cannot_fail(void **state)
{
  struct extent_map map = {0};

  (void)state;
  for (uint64_t i = 0; i < 1000; i++) {
    struct span *items;

    assert_int_equal(extent_map_reserve(&map), 0);
    items = map.items;
    if (i % 2 == 0)
      assert_int_equal(extent_map_set(&map, i * 10, i * 10 + 9, i, 0), 0);
    else
      assert_int_equal(extent_map_clear(&map, i * 10 - 7, i * 10 - 3), 0);
    assert_ptr_equal(map.items, items);
  }
  extent_map_free(&map);
}

static void
covers_and_ages(void **state)
{
  struct extent_map map = {0};

  (void)state;
  assert_int_equal(extent_map_set(&map, 10, 20, 5, 0), 0);
  assert_int_equal(extent_map_set(&map, 20, 30, 4, 1), 0);
  assert_true(extent_map_covers(&map, 10, 30));
  assert_false(extent_map_covers(&map, 9, 30));
  assert_false(extent_map_covers(&map, 10, 31));
  assert_false(extent_map_overlaps(&map, 30, 40));
  extent_map_make_older(&map, 25, 40, 2);
  assert_int_equal(extent_map_find(&map, 10)->sequence, 5);
  assert_int_equal(extent_map_find(&map, 29)->sequence, 2);
  extent_map_make_older(&map, 0, 40, 9);
  assert_int_equal(extent_map_find(&map, 10)->sequence, 5);
  extent_map_free(&map);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_changes),
      cmocka_unit_test(what_is_reserved_cannot_fail),
      cmocka_unit_test(covers_and_ages),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
