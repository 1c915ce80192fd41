/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flight.c: the memory of flights; see cache-internal.h.
 *
 * A flight's bytes are those of the blocks, where they lie. When one of these
 * is written to, it gets other memory (block_part), and what flies is the
 * flight's until it has ended.
 */
#include <stdlib.h>

#include "cache/cache-internal.h"

struct flight *
flight_new(size_t pieces)
{
  struct flight *flight =
      malloc(sizeof *flight + pieces * sizeof flight->pieces[0]);

  if (flight != NULL)
    *flight = (struct flight){.sequence = UINT64_MAX};
  return flight;
}

bool
flight_leaves(struct cached_volume *volume, struct block *block)
{
  struct block_cache *blocks = &volume->cache->blocks;
  uint64_t from = block->index * blocks->block_size;
  struct flight *flight = volume->flights;
  struct block *apart;

  if (!block_part(blocks, block, &apart))
    return false;
  if (apart == NULL)
    return true;
  while (flight->io.kind != STORE_WRITE ||
         flight->io.offset >= from + blocks->block_size ||
         flight->io.offset + flight->io.count <= from)
    flight = flight->next;
  apart->following = flight->apart;
  flight->apart = apart;
  return true;
}

void
flight_give_back(struct flight *flight)
{
  while (flight->apart != NULL) {
    struct block *block = flight->apart;

    flight->apart = block->following;
    block_give_back(&flight->volume->cache->blocks, block);
  }
}
