/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handover-take.c: a hand-over by force, carried out by a session of this
 * process: whoever asks waits for the session (session-take.c).
 *
 * The session ends it in the keeper's thread, which wakes the asker by a
 * condition, for what is waited for takes a few round trips. Should that take
 * long, the asker looks whether it may go on waiting, now and then.
 */
#include "leasehold/handover.h"

#include <pthread.h>
#include <time.h>

#include "utils/cleanup.h"

#define PATIENCE_NS (250 * NANOSECONDS_PER_MILLISECOND)

struct wait {
  struct takeover takeover; /* first */
  pthread_mutex_t lock;     /* protects the rest */
  pthread_cond_t ended;
  bool done;
  int status;
};

static void
ended(struct takeover *takeover, int status)
{
  struct wait *wait = (struct wait *)takeover;

  LOCK_FOR_SCOPE(&wait->lock);
  wait->done = true;
  wait->status = status;
  pthread_cond_signal(&wait->ended);
}

/* For a second at most, or not at all. */
static bool
is_done(struct wait *wait, bool now)
{
  struct timespec until;

  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec++;

  LOCK_FOR_SCOPE(&wait->lock);
  while (!wait->done && !now)
    now = pthread_cond_clockwait(&wait->ended, &wait->lock, CLOCK_MONOTONIC,
                                 &until) != 0;
  return wait->done;
}

/* Waits for it. False: the asker is to leave. */
static bool
wait_for(const struct handover *handover, struct wait *wait)
{
  struct handover_patience *patience = handover->patience;

  if (is_done(wait, false))
    return true;
  while (patience->wait(patience, PATIENCE_NS))
    if (is_done(wait, true))
      return true;
  return false;
}

int
handover_take(const struct handover *handover)
{
  struct wait wait = {.takeover.ended = ended,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .ended = PTHREAD_COND_INITIALIZER,
                      .status = STATUS_CONFLICT};
  struct lease_id victim;

  if (handover->keeper == NULL ||
      lease_id_from_node(handover->from, &handover->key, &victim) != 0 ||
      !keeper_take_over(handover->keeper, handover->name, handover->to, &victim,
                        &wait.takeover))
    return STATUS_CONFLICT;
  if (!wait_for(handover, &wait)) {
    keeper_forget_takeover(handover->keeper, &wait.takeover);
    wait.status = STATUS_STOPPING;
  }
  pthread_cond_destroy(&wait.ended);
  pthread_mutex_destroy(&wait.lock);
  return wait.status;
}
