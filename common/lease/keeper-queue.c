/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper-queue.c: the tenures that the keeper's next turn has to look at.
 *
 * A tenure with a note is in one of two queues: ready, in the order in which
 * the first notes came; or held back, until a tenure has gone. One without is
 * in none. So what a turn costs depends on what is due, not on how many tenures
 * there are. A tenure's notes are changed together with its place in a queue,
 * under its lock; the queues have a lock of their own, which is taken last.
 */
#include "lease/keeper-internal.h"

#include "utils/cleanup.h"

static void
leave_locked(struct tenure *tenure)
{
  struct tenure_queue *queue = tenure->queue;

  if (queue == NULL)
    return;
  *tenure->queue_link = tenure->queue_next;
  if (tenure->queue_next != NULL)
    tenure->queue_next->queue_link = tenure->queue_link;
  else
    queue->end = tenure->queue_link;
  queue->count--;
  tenure->queue = NULL;
}

static void
enter_locked(struct tenure *tenure, struct tenure_queue *queue)
{
  tenure->queue = queue;
  tenure->queue_next = NULL;
  tenure->queue_link = queue->end;
  *queue->end = tenure;
  queue->end = &tenure->queue_next;
  queue->count++;
}

void
keeper_queues_init(struct keeper *keeper)
{
  pthread_mutex_init(&keeper->queue_lock, NULL);
  keeper->ready.end = &keeper->ready.first;
  keeper->held_back.end = &keeper->held_back.first;
}

void
keeper_queues_destroy(struct keeper *keeper)
{
  pthread_mutex_destroy(&keeper->queue_lock);
}

void
tenure_ready(struct tenure *tenure)
{
  struct keeper *keeper = tenure->keeper;

  LOCK_FOR_SCOPE(&keeper->queue_lock);
  if (tenure->queue == NULL)
    enter_locked(tenure, &keeper->ready);
}

void
tenure_hold_back(struct tenure *tenure)
{
  struct keeper *keeper = tenure->keeper;

  LOCK_FOR_SCOPE(&keeper->queue_lock);
  leave_locked(tenure);
  enter_locked(tenure, &keeper->held_back);
}

void
tenure_served(struct tenure *tenure)
{
  LOCK_FOR_SCOPE(&tenure->keeper->queue_lock);
  leave_locked(tenure);
}

void
keeper_hold_nothing_back(struct keeper *keeper)
{
  LOCK_FOR_SCOPE(&keeper->queue_lock);
  struct tenure *tenure;

  while ((tenure = keeper->held_back.first) != NULL) {
    leave_locked(tenure);
    enter_locked(tenure, &keeper->ready);
  }
}

struct tenure *
keeper_first_ready(struct keeper *keeper, unsigned *count)
{
  LOCK_FOR_SCOPE(&keeper->queue_lock);

  *count = keeper->ready.count;
  return keeper->ready.first;
}
