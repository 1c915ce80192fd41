/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* range-lock.c: ranges that are being written; see range-lock.h. */
#include "leasehold/range-lock.h"

#include <stddef.h>

#include "utils/cleanup.h"

void
range_lock_init(struct range_lock *lock)
{
  pthread_mutex_init(&lock->mutex, NULL);
  lock->held = lock->waiting = NULL;
}

void
range_lock_destroy(struct range_lock *lock)
{
  pthread_mutex_destroy(&lock->mutex);
}

static bool
in_the_way(const struct range *held, const struct range *range)
{
  return (held->exclusive || range->exclusive) &&
         held->offset < range->offset + range->count &&
         range->offset < held->offset + held->count;
}

static void
unlink_from(struct range **list, struct range *range)
{
  while (*list != range)
    list = &(*list)->next;
  *list = range->next;
}

bool
range_take(struct range_lock *lock, struct range *range)
{
  LOCK_FOR_SCOPE(&lock->mutex);
  for (const struct range *held = lock->held; held != NULL; held = held->next) {
    if (in_the_way(held, range)) {
      range->state = RANGE_WAITING;
      range->next = lock->waiting;
      lock->waiting = range;
      return false;
    }
  }
  range->state = RANGE_HELD;
  range->next = lock->held;
  lock->held = range;
  return true;
}

void
range_drop(struct range_lock *lock, struct range *range)
{
  LOCK_FOR_SCOPE(&lock->mutex);
  if (range->state == RANGE_WAITING) {
    unlink_from(&lock->waiting, range);
  } else if (range->state == RANGE_HELD) {
    unlink_from(&lock->held, range);
    while (lock->waiting != NULL) {
      struct range *waiter = lock->waiting;

      lock->waiting = waiter->next;
      waiter->state = RANGE_FREE;
      waiter->retry(waiter);
    }
  }
  range->state = RANGE_FREE;
}
