/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* workers.c: a pool of threads for things that block.
 *
 * Jobs wait in one queue, first in, first out. The life of the pool:
 *
 *   new     no thread. The process may still fork.
 *   submit  appends the job. If more jobs wait than threads are idle, and
 *           fewer than the maximum exist, one more thread is started: an idle
 *           pool costs nothing, a busy one is full after as many jobs.
 *   stop    sets stopping, wakes everybody and joins. A thread ends when it
 *           finds stopping set and the queue empty, so every job accepted has
 *           run: whoever waits for one is never left waiting.
 *   free    after stop.
 *
 * Every field is protected by lock, except that the array of threads is read
 * without it in stop, when no thread can be added any more. While a job runs
 * its thread holds no lock. Signals are blocked in our threads: they are for
 * the program that we are in.
 */
#include "utils/workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "utils/cleanup.h"

struct workers {
  pthread_mutex_t lock;
  pthread_cond_t changed; /* a job was queued, or stopping was set */
  struct job *first, **last;
  unsigned queued, idle, started, maximum;
  bool stopping;
  pthread_t threads[]; /* maximum of them, started are in use */
};

struct workers *
workers_new(unsigned threads)
{
  struct workers *workers =
      calloc(1, sizeof *workers + threads * sizeof workers->threads[0]);

  if (workers == NULL)
    return NULL;
  pthread_mutex_init(&workers->lock, NULL);
  pthread_cond_init(&workers->changed, NULL);
  workers->last = &workers->first;
  workers->maximum = threads;
  return workers;
}

/* Waits for a job and takes it; NULL: there will be no more. */
static struct job *
next_job(struct workers *workers)
{
  struct job *job;

  LOCK_FOR_SCOPE(&workers->lock);
  workers->idle++;
  while (workers->first == NULL && !workers->stopping)
    pthread_cond_wait(&workers->changed, &workers->lock);
  workers->idle--;
  job = workers->first;
  if (job != NULL) {
    workers->first = job->next;
    if (workers->first == NULL)
      workers->last = &workers->first;
    workers->queued--;
  }
  return job;
}

static void *
work(void *argument)
{
  struct workers *workers = argument;
  struct job *job;

  while ((job = next_job(workers)) != NULL)
    job->run(job);
  return NULL;
}

static bool
start_thread_locked(struct workers *workers)
{
  sigset_t all, before;
  bool ok;

  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  ok = pthread_create(&workers->threads[workers->started], NULL, work,
                      workers) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (ok)
    workers->started++;
  return ok;
}

int
workers_submit(struct workers *workers, struct job *job)
{
  LOCK_FOR_SCOPE(&workers->lock);
  if (workers->stopping)
    return STATUS_STOPPING;
  if (workers->queued >= workers->idle && workers->started < workers->maximum &&
      !start_thread_locked(workers) && workers->started == 0)
    return STATUS_TRANSIENT;
  job->next = NULL;
  *workers->last = job;
  workers->last = &job->next;
  workers->queued++;
  pthread_cond_signal(&workers->changed);
  return 0;
}

void
workers_stop(struct workers *workers)
{
  bool again;

  {
    LOCK_FOR_SCOPE(&workers->lock);
    again = workers->stopping;
    workers->stopping = true;
    pthread_cond_broadcast(&workers->changed);
  }
  if (again)
    return;
  for (unsigned i = 0; i < workers->started; i++)
    pthread_join(workers->threads[i], NULL);
}

void
workers_free(struct workers *workers)
{
  if (workers == NULL)
    return;
  workers_stop(workers);
  pthread_cond_destroy(&workers->changed);
  pthread_mutex_destroy(&workers->lock);
  free(workers);
}
