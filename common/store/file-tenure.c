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
 *              description: the last one out gives the lock back, or
 *   lingering  users == 0, the lock is still held: the next write joins as if
 *              the turn were running, which saves it three system calls
 *
 * A turn lingers when it began within TENURE_LINGER_NS of the end of the one
 * before: in a stream of writes, but not after a single one. It ends when a
 * pass of file-linger.c's thread, each TENURE_LINGER_NS, finds that nobody came
 * in since the pass before or that a command waits, and when a writer finds
 * that. A store without workers has no thread, and no turn that lingers. A
 * process that is stopped while its turn lingers is in a command's way, as one
 * that is stopped in a write, and file-lock.c does the same about it. All that
 * is said of a turn holds of one that lingers: the record cannot have changed.
 *
 * The guard is checked in memory by each write, with the clock's time at that
 * moment: its lease may run out in the middle of a turn.
 *
 * Fairness. Before a turn begins, and before somebody joins one, FILE_LOCK_
 * INTENT is looked at if that was last done more than 5 ms ago. If a command
 * holds it nobody joins any more (draining): the turn ends when those in it are
 * done, and the next one waits until the command is through. So a command waits
 * for at most 5 ms of new writes and for those in flight, and a stream of
 * writes costs one look per 5 ms. In a turn that may linger the passes look.
 *
 * In the state beginning, record, stamp, looked_ns, ended_ns and lingers belong
 * to the thread that begins.
 */

#include <inttypes.h>

#include "store/file-internal.h"
#include "utils/cleanup.h"

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
  if (r != 0) {
    file_unlock(volume->data, FILE_LOCK_DATA);
    return r;
  }
  tenure->lingers = place->store->linger != NULL &&
                    now_ns - tenure->ended_ns < TENURE_LINGER_NS &&
                    file_linger_add(place->store->linger, volume);
  return STATUS_OK;
}

/* The failure of the last beginning that failed. */
static int
fail_too(const struct file_tenure *tenure, struct error *err)
{
  return error_set(err, tenure->failure.status, "%s", tenure->failure.text);
}

/* Does a command wait? If so no turn begins before it was let through. */
static void
look_locked(struct file_volume *volume)
{
  struct file_tenure *tenure = &volume->tenure;

  tenure->draining = file_lock_wanted(volume->data, FILE_LOCK_INTENT);
  tenure->looked_ns = tenure->draining ? 0 : file_monotonic_ns();
}

/* Whether a running turn takes one more. */
static bool
may_join_locked(struct file_volume *volume)
{
  struct file_tenure *tenure = &volume->tenure;

  if (tenure->draining)
    return false;
  if (tenure->lingers) /* each pass looks */
    return true;
  if (file_monotonic_ns() - tenure->looked_ns < TENURE_LOOK_NS)
    return true;
  look_locked(volume);
  return !tenure->draining;
}

/* Nobody writes: the turn is over. */
static void
end_turn_locked(struct file_volume *volume)
{
  struct file_tenure *tenure = &volume->tenure;

  file_unlock(volume->data, FILE_LOCK_DATA);
  tenure->held = tenure->draining = false;
  tenure->ended_ns = file_monotonic_ns();
  pthread_cond_broadcast(&tenure->changed);
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
  tenure->held = r == 0;
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

  while (tenure->beginning || (tenure->held && !may_join_locked(volume))) {
    if (!tenure->beginning && tenure->users == 0) {
      end_turn_locked(volume);
      break;
    }
    if (tenure->beginning && waited_for == UINT64_MAX)
      waited_for = tenure->beginnings;
    pthread_cond_wait(&tenure->changed, &tenure->mutex);
    if (tenure->failed >= waited_for)
      return fail_too(tenure, err);
  }
  if (!tenure->held) {
    int r = begin_locked(volume, err);

    if (r != 0)
      return r;
  }
  tenure->users++;
  tenure->touched = true;
  return STATUS_OK;
}

static void
leave_locked(struct file_volume *volume)
{
  struct file_tenure *tenure = &volume->tenure;

  if (--tenure->users == 0 && (!tenure->lingers || tenure->draining))
    end_turn_locked(volume);
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

bool
file_tenure_pass(struct file_volume *volume)
{
  struct file_tenure *tenure = &volume->tenure;

  LOCK_FOR_SCOPE(&tenure->mutex);
  if (tenure->held)
    look_locked(volume);
  if (tenure->held && tenure->users == 0 &&
      (!tenure->touched || tenure->draining))
    end_turn_locked(volume);
  tenure->touched = false;
  return tenure->held || tenure->beginning;
}
