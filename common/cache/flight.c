/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flight.c: the memory of flights; see cache-internal.h. */
#include <stdlib.h>
#include <sys/mman.h>

#include "cache/cache-internal.h"

/* From this size on a flight is a mapping with room for the largest, of which
 * some are kept for the next flights. malloc would keep its memory in the arena
 * of whichever thread came to send it, up to FLIGHTS_BYTES_MAX in each.
 */
#define MAPPED_MIN 65536
#define MAPPED_SIZE (sizeof(struct flight) + FLIGHT_MAX)
#define SPARES_MAX 4

static struct flight *
map_flight(struct cache *cache)
{
  struct flight *flight = cache->spare;

  if (flight != NULL) {
    cache->spare = flight->next;
    cache->spares--;
    return flight;
  }
  flight = mmap(NULL, MAPPED_SIZE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return flight != MAP_FAILED ? flight : NULL;
}

struct flight *
flight_new(struct cache *cache, uint64_t count)
{
  bool mapped = count >= MAPPED_MIN;
  struct flight *flight =
      mapped ? map_flight(cache) : malloc(sizeof *flight + count);

  if (flight != NULL)
    *flight = (struct flight){.sequence = UINT64_MAX, .mapped = mapped};
  return flight;
}

void
flight_free(struct flight *flight)
{
  if (flight->mapped)
    munmap(flight, MAPPED_SIZE);
  else
    free(flight);
}

bool
flight_keep(struct cache *cache, struct flight *flight)
{
  if (!flight->mapped || cache->spares == SPARES_MAX ||
      cache->flight_bytes + (cache->spares + 1) * FLIGHT_MAX >
          FLIGHTS_BYTES_MAX)
    return false;
  flight->next = cache->spare;
  cache->spare = flight;
  cache->spares++;
  return true;
}
