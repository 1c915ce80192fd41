/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-tenure.c: what makes a write be done only while its guard is current.
 *
 * A turn (tenure) is a time during which this open volume holds
 * FILE_LOCK_DATA shared, so that no lease command, of any process, can change
 * the record. Every write is done within one:
 *
 *   idle       nobody writes; no lock is held
 *   beginning  one thread, without the mutex, takes the lock and makes sure
 *              that the record in memory is the one in force (by its stamp,
 *              see file-record.c); others wait for it, and if it fails they
 *              fail with it: a wait for the lock is not done once more by each
 *   running    users > 0 threads write; further ones just join, because the
 *              kernel does not count shared locks of one open file
 *              description: the last one out gives the lock back
 *
 * The guard is checked in memory by each write, with the clock's time at that
 * moment: its lease may run out in the middle of a turn.
 *
 * Fairness. Before a turn begins, and before somebody joins one, FILE_LOCK_
 * INTENT is looked at if that was last done more than 5 ms ago. If a command
 * holds it nobody joins any more: the turn ends when those in it are done, and
 * the next one waits until the command is through. So a command waits for at
 * most 5 ms of new writes and for those in flight, and a stream of writes
 * costs one look per 5 ms.
 *
 * In the state beginning, record, stamp and looked_ns belong to the thread
 * that begins.
 */

#include <inttypes.h>

#include "store/file-internal.h"

void
file_tenure_init(struct file_tenure *tenure)
{
  pthread_mutex_init(&tenure->mutex, NULL);
  pthread_cond_init(&tenure->changed, NULL);
}

void
file_tenure_destroy(struct file_tenure *tenure)
{
  pthread_mutex_destroy(&tenure->mutex);
  pthread_cond_destroy(&tenure->changed);
}

static int
refresh(struct file_volume *volume, struct error *err)
{
  struct file_tenure *tenure = &volume->tenure;
  struct file_stamp stamp;
  int r = file_record_stamp(&volume->place, &stamp, err);

  if (r != 0 || file_stamp_equal(&stamp, &tenure->stamp))
    return r;
  /* Whatever comes of this, what is in memory is not in force any more. */
  tenure->stamp = (struct file_stamp){0};
  r = file_record_read_locked(&volume->place, &tenure->record, &stamp, err);
  if (r == 0)
    tenure->stamp = stamp;
  return r;
}

/* Takes the lock, in the state beginning. */
static int
begin(struct file_volume *volume, struct error *err)
{
  struct file_tenure *tenure = &volume->tenure;
  const struct file_place *place = &volume->place;
  uint64_t now_ns = file_monotonic_ns();
  int r = STATUS_OK;

  if (now_ns - tenure->looked_ns >= TENURE_LOOK_NS) {
    r = file_lock(place, volume->data, FILE_LOCK_INTENT, FILE_LOCK_LOOK, err);
    if (r == 0)
      tenure->looked_ns = file_monotonic_ns();
  }
  if (r == 0)
    r = file_lock(place, volume->data, FILE_LOCK_DATA, FILE_LOCK_SHARED, err);
  if (r != 0)
    return r;
  r = refresh(volume, err);
  if (r != 0)
    file_unlock(volume->data, FILE_LOCK_DATA);
  return r;
}

/* The failure of the last beginning that failed. */
static int
fail_too(const struct file_tenure *tenure, struct error *err)
{
  return error_set(err, tenure->failure.status, "%s", tenure->failure.text);
}

/* Whether a running turn takes one more. */
static bool
may_join_locked(struct file_volume *volume)
{
  struct file_tenure *tenure = &volume->tenure;
  uint64_t now_ns = file_monotonic_ns();

  if (now_ns - tenure->looked_ns < TENURE_LOOK_NS)
    return true;
  if (file_lock_wanted(volume->data, FILE_LOCK_INTENT))
    return false;
  tenure->looked_ns = now_ns;
  return true;
}

/* Lets go of the mutex while it begins. */
static int
begin_locked(struct file_volume *volume, struct error *err)
{
  struct file_tenure *tenure = &volume->tenure;
  struct error failure = ERROR_INIT;
  int r;

  tenure->beginning = true;
  tenure->beginnings++;
  pthread_mutex_unlock(&tenure->mutex);
  r = begin(volume, &failure);
  pthread_mutex_lock(&tenure->mutex);
  tenure->beginning = false;
  if (r != 0) {
    tenure->failed = tenure->beginnings;
    tenure->failure = failure;
    tenure->failure.status = (enum status)r;
    r = fail_too(tenure, err);
  }
  pthread_cond_broadcast(&tenure->changed);
  return r;
}

static int
join_or_begin_locked(struct file_volume *volume, struct error *err)
{
  struct file_tenure *tenure = &volume->tenure;
  uint64_t waited_for = UINT64_MAX; /* the first beginning that we saw */

  while (tenure->beginning || (tenure->users > 0 && !may_join_locked(volume))) {
    if (tenure->beginning && waited_for == UINT64_MAX)
      waited_for = tenure->beginnings;
    pthread_cond_wait(&tenure->changed, &tenure->mutex);
    if (tenure->failed >= waited_for)
      return fail_too(tenure, err);
  }
  if (tenure->users == 0) {
    int r = begin_locked(volume, err);

    if (r != 0)
      return r;
  }
  tenure->users++;
  return STATUS_OK;
}

static void
leave_locked(struct file_volume *volume)
{
  struct file_tenure *tenure = &volume->tenure;

  if (--tenure->users > 0)
    return;
  file_unlock(volume->data, FILE_LOCK_DATA);
  pthread_cond_broadcast(&tenure->changed);
}

/* The guard against the record in memory. clear becomes true when the write
 * may be done only after a lease that is over was taken out of the record.
 */
static int
check(const struct file_volume *volume, const struct guard *guard, uint64_t end,
      bool *clear, struct error *err)
{
  const struct volume_record *record = &volume->tenure.record;
  const char *name = volume->place.name;
  uint64_t now_ns = clock_now(volume->place.store->clock);
  struct blob_lease lease = record->lease;
  int r = blob_lease_use(&lease, BLOB_WRITE, &guard->lease_id, now_ns);

  if (r != 0)
    return error_set(
        err, (enum status)r, "%s: write refused: %s (the lease is %s%s%s)",
        name, status_text(r),
        lease_state_text(blob_lease_state(&record->lease, now_ns)),
        record->lease_node[0] != '\0' ? ", taken by " : "", record->lease_node);
  if (guard->epoch != record->epoch)
    return error_set(err, STATUS_EPOCH_STALE,
                     "%s: write refused: the epoch is %" PRIu64
                     ", not %" PRIu64,
                     name, record->epoch, guard->epoch);
  if (end > record->size)
    return error_set(err, STATUS_INVALID,
                     "%s: a write ends at %" PRIu64
                     ", past the end of the volume at %" PRIu64,
                     name, end, record->size);
  *clear = lease.state != record->lease.state;
  return STATUS_OK;
}

int
file_tenure_enter(struct file_volume *volume, const struct guard *guard,
                  uint64_t end, struct error *err)
{
  struct file_tenure *tenure = &volume->tenure;
  bool clear;
  int r;

  do {
    clear = false;
    pthread_mutex_lock(&tenure->mutex);
    r = join_or_begin_locked(volume, err);
    if (r == 0) {
      r = check(volume, guard, end, &clear, err);
      if (r != 0 || clear)
        leave_locked(volume);
    }
    pthread_mutex_unlock(&tenure->mutex);
    if (r == 0 && clear)
      r = file_clear_lease(&volume->place, err);
  } while (r == 0 && clear);
  return r;
}

void
file_tenure_leave(struct file_volume *volume)
{
  pthread_mutex_lock(&volume->tenure.mutex);
  leave_locked(volume);
  pthread_mutex_unlock(&volume->tenure.mutex);
}
