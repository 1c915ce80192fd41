/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-workers.c: every accepted job runs once, in order, in our threads. */
#include "utils/workers.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "unit.h"
#include "utils/cleanup.h"

#define JOBS 1000

struct counted_job {
  struct job job;
  unsigned number, runs;
};

/* Jobs of one test at a time. */
static struct {
  pthread_mutex_t lock; /* protects all below */
  pthread_cond_t changed;
  unsigned order[JOBS], finished, running;
  bool open; /* jobs that wait may go on */
  struct workers *workers;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER,
            .changed = PTHREAD_COND_INITIALIZER};

static void
reset(struct workers *workers)
{
  LOCK_FOR_SCOPE(&shared.lock);
  shared.finished = shared.running = 0;
  shared.open = false;
  shared.workers = workers;
}

static void
count(struct job *job)
{
  struct counted_job *counted = (struct counted_job *)job;

  LOCK_FOR_SCOPE(&shared.lock);
  counted->runs++;
  shared.order[shared.finished++ % JOBS] = counted->number;
  pthread_cond_broadcast(&shared.changed);
}

/* Stays until the test opens the door. */
static void
wait_for_door(struct job *job)
{
  {
    LOCK_FOR_SCOPE(&shared.lock);
    shared.running++;
    pthread_cond_broadcast(&shared.changed);
    while (!shared.open)
      pthread_cond_wait(&shared.changed, &shared.lock);
  }
  count(job);
}

static void
open_door(void)
{
  LOCK_FOR_SCOPE(&shared.lock);
  shared.open = true;
  pthread_cond_broadcast(&shared.changed);
}

static void
wait_until(const unsigned *what, unsigned value)
{
  LOCK_FOR_SCOPE(&shared.lock);
  while (*what != value)
    pthread_cond_wait(&shared.changed, &shared.lock);
}

static void
one_thread_keeps_the_order(void **unused)
{
  static struct counted_job jobs[JOBS];
  struct workers *workers = workers_new(1);

  (void)unused;
  reset(workers);
  for (unsigned i = 0; i < JOBS; i++) {
    jobs[i] = (struct counted_job){.job.run = count, .number = i};
    assert_int_equal(workers_submit(workers, &jobs[i].job), 0);
  }
  workers_stop(workers); /* lets all of them run */
  assert_int_equal(shared.finished, JOBS);
  for (unsigned i = 0; i < JOBS; i++) {
    assert_int_equal(jobs[i].runs, 1);
    assert_int_equal(shared.order[i], i);
  }
  workers_stop(workers);
  workers_free(workers);
}

/* Four jobs that block run side by side; a fifth waits for a thread. */
static void
as_many_at_once_as_threads(void **unused)
{
  struct counted_job jobs[5] = {{{0}, 0, 0}};
  struct workers *workers = workers_new(4);

  (void)unused;
  reset(workers);
  for (unsigned i = 0; i < COUNT(jobs); i++) {
    jobs[i].job.run = wait_for_door;
    assert_int_equal(workers_submit(workers, &jobs[i].job), 0);
  }
  wait_until(&shared.running, 4);
  open_door();
  wait_until(&shared.finished, 5);
  workers_free(workers);
}

/* One that blocks does not delay those that come after it. */
static void
a_blocked_job_delays_no_other(void **unused)
{
  struct counted_job blocked[3] = {{{0}, 0, 0}}, quick = {.job.run = count};
  struct workers *workers = workers_new(64);

  (void)unused;
  reset(workers);
  for (unsigned i = 0; i < COUNT(blocked); i++) {
    blocked[i].job.run = wait_for_door;
    assert_int_equal(workers_submit(workers, &blocked[i].job), 0);
    /* The thread of the quick one is idle, or about to be, for the next. */
    quick.runs = 0;
    assert_int_equal(workers_submit(workers, &quick.job), 0);
    wait_until(&shared.finished, i + 1);
    assert_int_equal(quick.runs, 1);
    assert_int_equal(blocked[i].runs, 0);
  }
  wait_until(&shared.running, COUNT(blocked));
  open_door();
  wait_until(&shared.finished, 2 * COUNT(blocked));
  workers_free(workers);
}

static void
allocated_job(struct job *job)
{
  struct counted_job *counted = (struct counted_job *)job;

  count(job);
  free(counted);
}

static void
a_job_may_free_itself(void **unused)
{
  struct workers *workers = workers_new(2);

  (void)unused;
  reset(workers);
  for (unsigned i = 0; i < 100; i++) {
    struct counted_job *job = calloc(1, sizeof *job);

    assert_non_null(job);
    job->job.run = allocated_job;
    assert_int_equal(workers_submit(workers, &job->job), 0);
  }
  workers_free(workers);
  assert_int_equal(shared.finished, 100);
}

static struct counted_job second = {.job.run = count};
static int second_status;

static void
submit_second(struct job *job)
{
  second_status = workers_submit(shared.workers, &second.job);
  count(job);
}

static void
a_job_may_submit_another(void **unused)
{
  struct counted_job first = {.job.run = submit_second};
  struct workers *workers = workers_new(1);

  (void)unused;
  reset(workers);
  assert_int_equal(workers_submit(workers, &first.job), 0);
  wait_until(&shared.finished, 2);
  assert_int_equal(second_status, 0);
  workers_free(workers);
}

static void
submit_at_the_end(struct job *job)
{
  wait_for_door(job);
  second_status = workers_submit(shared.workers, &second.job);
}

static void *
stop_in_thread(void *argument)
{
  workers_stop(argument);
  return NULL;
}

/* What was queued before stop runs; nothing is accepted after it has begun. */
static void
stop_refuses_new_jobs(void **unused)
{
  struct counted_job first = {.job.run = submit_at_the_end};
  struct workers *workers = workers_new(1);
  unsigned accepted = 1;
  pthread_t stopper;
  int status;

  (void)unused;
  reset(workers);
  second.runs = 0;
  assert_int_equal(workers_submit(workers, &first.job), 0);
  wait_until(&shared.running, 1);
  assert_int_equal(pthread_create(&stopper, NULL, stop_in_thread, workers), 0);
  for (;;) {
    struct counted_job *job = calloc(1, sizeof *job);

    assert_non_null(job);
    job->job.run = allocated_job;
    status = workers_submit(workers, &job->job);
    if (status != 0) {
      free(job);
      break;
    }
    accepted++;
    sched_yield();
  }
  assert_int_equal(status, STATUS_STOPPING);
  open_door();
  assert_int_equal(pthread_join(stopper, NULL), 0);
  assert_int_equal(shared.finished, accepted);
  assert_int_equal(second_status, STATUS_STOPPING);
  assert_int_equal(second.runs, 0);
  workers_free(workers);
}

static sigset_t mask_in_thread;

static void
report_mask(struct job *job)
{
  pthread_sigmask(SIG_BLOCK, NULL, &mask_in_thread);
  count(job);
}

/* Signals are handled by the program's own threads, whose mask stays. */
static void
signals_stay_out_of_our_threads(void **unused)
{
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1};
  struct counted_job job = {.job.run = report_mask};
  struct workers *workers = workers_new(1);
  sigset_t mask;

  (void)unused;
  reset(workers);
  assert_int_equal(workers_submit(workers, &job.job), 0);
  workers_free(workers);
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  for (size_t i = 0; i < COUNT(signals); i++) {
    assert_true(sigismember(&mask_in_thread, signals[i]));
    assert_false(sigismember(&mask, signals[i]));
  }
}

static void
an_unused_pool_has_no_threads(void **unused)
{
  (void)unused;
  workers_free(workers_new(64));
  workers_free(NULL);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_thread_keeps_the_order),
      cmocka_unit_test(as_many_at_once_as_threads),
      cmocka_unit_test(a_blocked_job_delays_no_other),
      cmocka_unit_test(a_job_may_free_itself),
      cmocka_unit_test(a_job_may_submit_another),
      cmocka_unit_test(stop_refuses_new_jobs),
      cmocka_unit_test(signals_stay_out_of_our_threads),
      cmocka_unit_test(an_unused_pool_has_no_threads),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
