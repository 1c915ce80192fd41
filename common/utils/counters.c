/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* counters.c: counters for many threads; see metrics.h.
 *
 * There are SHARDS copies of every counter, and each thread adds to the one
 * that it was given when it first counted anything. A sum is not of one moment,
 * and never goes back.
 */
#include "leasehold/metrics.h"

#include <stdlib.h>

#define SHARDS 8
#define LINE 64 /* bytes that one processor's cache takes from another's */

struct counters {
  size_t stride;    /* counters in a shard, filled up to whole lines */
  uint64_t *values; /* atomic; SHARDS * stride, on a line's beginning */
};

static unsigned
shard(void)
{
  static unsigned threads; /* atomic */
  static __thread unsigned mine;

  if (mine == 0)
    mine = 1 + __atomic_fetch_add(&threads, 1, __ATOMIC_RELAXED) % SHARDS;
  return mine - 1;
}

struct counters *
counters_new(unsigned count)
{
  const size_t per_line = LINE / sizeof(uint64_t);
  struct counters *counters = malloc(sizeof *counters);
  size_t all;

  if (counters == NULL)
    return NULL;
  counters->stride = (count + per_line - 1) / per_line * per_line;
  all = SHARDS * counters->stride;
  counters->values = aligned_alloc(LINE, all * sizeof(uint64_t));
  if (counters->values == NULL) {
    free(counters);
    return NULL;
  }
  for (size_t i = 0; i < all; i++)
    counters->values[i] = 0;
  return counters;
}

void
counters_free(struct counters *counters)
{
  if (counters == NULL)
    return;
  free(counters->values);
  free(counters);
}

void
counters_add(struct counters *counters, unsigned index, uint64_t amount)
{
  if (counters != NULL)
    __atomic_fetch_add(&counters->values[shard() * counters->stride + index],
                       amount, __ATOMIC_RELAXED);
}

uint64_t
counters_sum(const struct counters *counters, unsigned index)
{
  uint64_t sum = 0;

  for (unsigned i = 0; counters != NULL && i < SHARDS; i++)
    sum += __atomic_load_n(&counters->values[i * counters->stride + index],
                           __ATOMIC_RELAXED);
  return sum;
}
