/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* range-lock.h: which ranges of a volume are being written, and how.
 *
 * Where a store takes whole sectors only, a write of part of one is a read and
 * a write, and nothing else may be written to that sector in between. So a
 * request locks its range: shared if it covers whole sectors (such requests
 * may overtake each other, as on any disk), exclusive if it does not.
 *
 * Nobody waits here: a request that does not get its lock is told when to try
 * again. Ranges are few (requests in flight), so they stand in a list.
 */
#ifndef LEASEHOLD_RANGE_LOCK_H
#define LEASEHOLD_RANGE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct range {
  uint64_t offset, count; /* whole sectors */
  bool exclusive;
  /* Called once, with the lock held, when a range was given back after this
   * one was refused: notes and signals only.
   */
  void (*retry)(struct range *);

  struct range *next; /* private */
  enum { RANGE_FREE, RANGE_HELD, RANGE_WAITING } state;
};

struct range_lock {
  pthread_mutex_t mutex; /* protects both lists and all that is in them */
  struct range *held, *waiting;
};

void range_lock_init(struct range_lock *lock);
void range_lock_destroy(struct range_lock *lock);

/* True: the range is held. False: it waits, and retry will be called. */
bool range_take(struct range_lock *lock, struct range *range);

/* Gives back what is held, or stops waiting; nothing if it is neither. */
void range_drop(struct range_lock *lock, struct range *range);

#endif
