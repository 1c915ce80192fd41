/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* extent-map.c: a set of disjoint ranges; see extent-map.h. */
#include "cache/extent-map.h"

#include <stdlib.h>
#include <string.h>

#include "leasehold/status.h"

void
extent_map_free(struct extent_map *map)
{
  free(map->items);
  *map = (struct extent_map){0};
}

/* A clear in the middle of a range makes two of it, and a set puts one more in
 * between.
 */
int
extent_map_reserve(struct extent_map *map)
{
  size_t capacity = map->capacity == 0 ? 8 : map->capacity * 2;
  struct span *items;

  if (map->count + 2 <= map->capacity)
    return STATUS_OK;
  items = reallocarray(map->items, capacity, sizeof *items);
  if (items == NULL)
    return STATUS_NO_MEMORY;
  map->items = items;
  map->capacity = capacity;
  return STATUS_OK;
}

/* The first one that ends behind offset. */
static size_t
index_of(const struct extent_map *map, uint64_t offset)
{
  size_t low = 0, high = map->count;

  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (map->items[middle].end > offset)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static void
insert(struct extent_map *map, size_t at, struct span span)
{
  memmove(&map->items[at + 1], &map->items[at],
          (map->count - at) * sizeof map->items[0]);
  map->items[at] = span;
  map->count++;
}

static void
take_out(struct extent_map *map, size_t at, size_t count)
{
  map->count -= count;
  memmove(&map->items[at], &map->items[at + count],
          (map->count - at) * sizeof map->items[0]);
}

int
extent_map_clear(struct extent_map *map, uint64_t begin, uint64_t end)
{
  size_t at = index_of(map, begin), behind;

  if (at == map->count || map->items[at].begin >= end)
    return STATUS_OK;
  if (map->items[at].begin < begin) {
    struct span rest = map->items[at];

    if (extent_map_reserve(map) != STATUS_OK)
      return STATUS_NO_MEMORY;
    map->items[at].end = begin;
    at++;
    if (rest.end > end) {
      rest.begin = end;
      insert(map, at, rest);
      return STATUS_OK;
    }
  }
  for (behind = at; behind < map->count && map->items[behind].end <= end;)
    behind++;
  take_out(map, at, behind - at);
  if (at < map->count && map->items[at].begin < end)
    map->items[at].begin = end;
  return STATUS_OK;
}

/* Makes one of the items at and at + 1, if they touch and are alike. */
static void
join(struct extent_map *map, size_t at)
{
  struct span *first = &map->items[at], *second = first + 1;

  if (at + 1 >= map->count || first->end != second->begin ||
      first->flags != second->flags)
    return;
  first->end = second->end;
  if (second->sequence < first->sequence)
    first->sequence = second->sequence;
  take_out(map, at + 1, 1);
}

int
extent_map_set(struct extent_map *map, uint64_t begin, uint64_t end,
               uint64_t sequence, unsigned flags)
{
  size_t at;

  if (extent_map_reserve(map) != STATUS_OK)
    return STATUS_NO_MEMORY;
  extent_map_clear(map, begin, end);
  at = index_of(map, begin);
  insert(map, at,
         (struct span){
             .begin = begin, .end = end, .sequence = sequence, .flags = flags});
  join(map, at);
  if (at > 0)
    join(map, at - 1);
  return STATUS_OK;
}

void
extent_map_make_older(struct extent_map *map, uint64_t begin, uint64_t end,
                      uint64_t sequence)
{
  for (size_t at = index_of(map, begin);
       at < map->count && map->items[at].begin < end; at++)
    if (map->items[at].sequence > sequence)
      map->items[at].sequence = sequence;
}

const struct span *
extent_map_find(const struct extent_map *map, uint64_t offset)
{
  size_t at = index_of(map, offset);

  return at < map->count ? &map->items[at] : NULL;
}

bool
extent_map_overlaps(const struct extent_map *map, uint64_t begin, uint64_t end)
{
  const struct span *span = extent_map_find(map, begin);

  return span != NULL && span->begin < end;
}

bool
extent_map_covers(const struct extent_map *map, uint64_t begin, uint64_t end)
{
  while (begin < end) {
    const struct span *span = extent_map_find(map, begin);

    if (span == NULL || span->begin > begin)
      return false;
    begin = span->end;
  }
  return true;
}
