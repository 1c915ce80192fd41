/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* in-flight.c: counts the changes that have passed a gate; see in-flight.h. */
#include "leasehold/in-flight.h"

#include <assert.h>

#define COUNT_BITS 24
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)
#define WAITED_FOR (UINT64_C(1) << COUNT_BITS)
#define OVER_SHIFT (COUNT_BITS + 1)

bool
in_flight_begin(struct in_flight *changes, uint64_t version)
{
  uint64_t word = atomic_load(&changes->word);

  do {
    if (version <= word >> OVER_SHIFT)
      return false;
    assert((word & COUNT_MASK) != COUNT_MASK);
  } while (!atomic_compare_exchange_weak(&changes->word, &word, word + 1));
  return true;
}

bool
in_flight_end(struct in_flight *changes)
{
  uint64_t word = atomic_load(&changes->word), next;

  do {
    assert((word & COUNT_MASK) != 0);
    next = word - 1;
    if ((next & COUNT_MASK) == 0)
      next &= ~WAITED_FOR;
  } while (!atomic_compare_exchange_weak(&changes->word, &word, next));
  return (word & WAITED_FOR) != 0 && (next & WAITED_FOR) == 0;
}

bool
in_flight_drained(struct in_flight *changes, uint64_t version)
{
  uint64_t word = atomic_load(&changes->word), next;

  do {
    uint64_t over = word >> OVER_SHIFT;

    next = (version > over ? version : over) << OVER_SHIFT;
    if ((word & COUNT_MASK) != 0)
      next |= WAITED_FOR | (word & COUNT_MASK);
  } while (!atomic_compare_exchange_weak(&changes->word, &word, next));
  return (next & COUNT_MASK) == 0;
}
