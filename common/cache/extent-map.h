/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* extent-map.h: a set of disjoint ranges, each with an age.
 *
 * The ranges stand in one sorted array: found by bisection, changed by moving
 * what lies behind. What touches is one range, if its flags are the same; its
 * age is that of its oldest part. Pure; the caller has the lock.
 */
#ifndef LEASEHOLD_EXTENT_MAP_H
#define LEASEHOLD_EXTENT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
  uint64_t begin, end; /* bytes; not empty */
  uint64_t sequence;   /* its age: the smaller, the older */
  unsigned flags;
};

/* All zeroes is an empty one. */
struct extent_map {
  struct span *items;
  size_t count, capacity;
};

void extent_map_free(struct extent_map *map);

/* Room for one more set or clear, which then cannot fail. 0 or
 * STATUS_NO_MEMORY.
 */
int extent_map_reserve(struct extent_map *map);

/* begin..end is in the set, as that and nothing else. 0, or STATUS_NO_MEMORY
 * and nothing is changed.
 */
int extent_map_set(struct extent_map *map, uint64_t begin, uint64_t end,
                   uint64_t sequence, unsigned flags);
/* begin..end is not in it. 0, or STATUS_NO_MEMORY and nothing is changed. */
int extent_map_clear(struct extent_map *map, uint64_t begin, uint64_t end);

/* What of it overlaps begin..end is not younger than sequence. */
void extent_map_make_older(struct extent_map *map, uint64_t begin, uint64_t end,
                           uint64_t sequence);

/* The range that offset lies in, or the first one behind it; NULL: none. Valid
 * until the next change.
 */
const struct span *extent_map_find(const struct extent_map *map,
                                   uint64_t offset);

bool extent_map_overlaps(const struct extent_map *map, uint64_t begin,
                         uint64_t end);

/* Is all of begin..end in it? */
bool extent_map_covers(const struct extent_map *map, uint64_t begin,
                       uint64_t end);

#endif
