/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-sync.c: durability of a file volume's data.
 *
 * One fdatasync runs at a time. A flush needs one that has begun after it was
 * called: whoever finds none running runs the next one, for all who wait. That
 * is as fast as many at once, and it makes errors certain: the kernel reports
 * a failed write-back to one caller and then forgets it, so of two fdatasyncs
 * at once the wrong one could answer success. A failure is for good (S5):
 * what the kernel could not write it has dropped from its cache, so no later
 * flush of this open volume succeeds either.
 */

#include <errno.h>
#include <unistd.h>

#include "store/file-internal.h"
#include "utils/cleanup.h"

void
file_sync_init(struct file_sync *sync)
{
  pthread_mutex_init(&sync->mutex, NULL);
  pthread_cond_init(&sync->finished_one, NULL);
}

void
file_sync_destroy(struct file_sync *sync)
{
  pthread_mutex_destroy(&sync->mutex);
  pthread_cond_destroy(&sync->finished_one);
}

/* Runs one, without the mutex. */
static void
run_one_locked(struct file_volume *volume)
{
  struct file_sync *sync = &volume->sync;
  int r;

  sync->running = true;
  sync->started++;
  pthread_mutex_unlock(&sync->mutex);
  do
    r = fdatasync(volume->data) == 0 ? 0 : errno;
  while (r == EINTR);
  pthread_mutex_lock(&sync->mutex);
  sync->running = false;
  sync->finished = sync->started;
  if (r != 0 && sync->failed == 0)
    sync->failed = r;
  pthread_cond_broadcast(&sync->finished_one);
}

static int
wait_for_one(struct file_volume *volume)
{
  struct file_sync *sync = &volume->sync;

  LOCK_FOR_SCOPE(&sync->mutex);
  uint64_t needed = sync->started + 1;

  while (sync->finished < needed && sync->failed == 0) {
    if (sync->running)
      pthread_cond_wait(&sync->finished_one, &sync->mutex);
    else
      run_one_locked(volume);
  }
  return sync->failed;
}

int
file_sync_run(struct file_volume *volume, struct error *err)
{
  int failed = wait_for_one(volume);

  if (failed == 0)
    return STATUS_OK;
  return error_set_errno(err, failed,
                         "%s: data could not be written to the disk",
                         volume->place.name);
}
