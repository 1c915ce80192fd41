/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-linger.c: the thread that gives back turns which outlast their writes.
 *
 * file-tenure.c says what such a turn is. A volume whose turn may linger is put
 * in the list when the turn begins; while there is one in it the thread makes a
 * pass over the list each TENURE_LINGER_NS, and takes out those whose turn is
 * over. Each of them was written to since the pass before, or is taken out now:
 * so passes cost in proportion to writes, and nothing when nobody writes.
 *
 * The thread is started by the first volume that is added, ended and joined by
 * file_linger_free. The lock protects everything here, and the list's links in
 * the volumes; a pass holds it, so that a volume that is being removed is in no
 * pass. The mutex of a tenure is taken inside it, never the other way round. It
 * is held while a lock that we have is given back, and for no other I/O.
 */
#include <signal.h>
#include <stdlib.h>

#include "store/file-internal.h"
#include "utils/cleanup.h"

struct file_linger {
  pthread_mutex_t lock; /* protects the rest */
  pthread_cond_t added; /* a volume, or stopping was set */
  struct file_volume *first;
  bool started, stopping;
  pthread_t thread;
};

struct file_linger *
file_linger_new(void)
{
  struct file_linger *linger = calloc(1, sizeof *linger);

  if (linger == NULL)
    return NULL;
  pthread_mutex_init(&linger->lock, NULL);
  pthread_cond_init(&linger->added, NULL);
  return linger;
}

static void
pass_locked(struct file_linger *linger)
{
  struct file_volume **link = &linger->first, *volume;

  while ((volume = *link) != NULL) {
    if (file_tenure_pass(volume)) {
      link = &volume->next_lingering;
    } else {
      volume->lingering = false;
      *link = volume->next_lingering;
    }
  }
}

/* False: it is time to stop. */
static bool
wait_and_pass(struct file_linger *linger)
{
  LOCK_FOR_SCOPE(&linger->lock);
  pass_locked(linger);
  while (linger->first == NULL && !linger->stopping)
    pthread_cond_wait(&linger->added, &linger->lock);
  return !linger->stopping;
}

static void *
run(void *opaque)
{
  const struct timespec pause = {.tv_nsec = (long)TENURE_LINGER_NS};

  while (wait_and_pass(opaque))
    nanosleep(&pause, NULL);
  return NULL;
}

static bool
start_locked(struct file_linger *linger)
{
  sigset_t all, before;

  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  linger->started = pthread_create(&linger->thread, NULL, run, linger) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return linger->started;
}

bool
file_linger_add(struct file_linger *linger, struct file_volume *volume)
{
  LOCK_FOR_SCOPE(&linger->lock);
  if (!linger->started && !start_locked(linger))
    return false;
  if (volume->lingering)
    return true;
  volume->lingering = true;
  volume->next_lingering = linger->first;
  if (linger->first == NULL)
    pthread_cond_signal(&linger->added);
  linger->first = volume;
  return true;
}

void
file_linger_remove(struct file_linger *linger, struct file_volume *volume)
{
  struct file_volume **link;

  if (linger == NULL)
    return;
  LOCK_FOR_SCOPE(&linger->lock);
  if (!volume->lingering)
    return;
  for (link = &linger->first; *link != volume; link = &(*link)->next_lingering)
    ;
  *link = volume->next_lingering;
}

void
file_linger_free(struct file_linger *linger)
{
  if (linger == NULL)
    return;
  {
    LOCK_FOR_SCOPE(&linger->lock);
    linger->stopping = true;
    pthread_cond_signal(&linger->added);
  }
  if (linger->started)
    pthread_join(linger->thread, NULL);
  pthread_cond_destroy(&linger->added);
  pthread_mutex_destroy(&linger->lock);
  free(linger);
}
