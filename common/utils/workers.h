/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* workers.h: a pool of threads for things that block. */
#ifndef LEASEHOLD_WORKERS_H
#define LEASEHOLD_WORKERS_H

#include "leasehold/status.h"

/* Embedded in whatever the job is about, which run finds by its address. From
 * submit until run is called it belongs to the pool; run may free it.
 */
struct job {
  void (*run)(struct job *); /* in a thread of the pool, with no lock held */
  struct job *next;          /* private */
};

struct workers;

/* A pool that will have up to threads (at least 1) threads; starts none, so
 * that it may be made before the process forks. NULL: no memory.
 */
struct workers *workers_new(unsigned threads);

/* Queues a job: jobs begin in the order in which they came. 0: run will be
 * called exactly once. STATUS_STOPPING after workers_stop has begun,
 * STATUS_TRANSIENT when not even one thread can be started: run will not be
 * called. Any thread, also from inside run.
 */
int workers_submit(struct workers *workers, struct job *job);

/* Refuses new jobs, waits until all queued ones have run, and joins the
 * threads. Idempotent. Not from inside run.
 */
void workers_stop(struct workers *workers);

/* workers_stop, then frees. NULL is fine. */
void workers_free(struct workers *workers);

#endif
