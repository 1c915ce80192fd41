/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-lock.c: locks between processes, and waiting for them.
 *
 * Two bytes near the end of the offsets of FILE_DATA, where no data can be,
 * are locked by open file descriptions (F_OFD_SETLK), so that a killed process
 * leaves nothing locked. DATA is what keeps data right: writes hold it shared,
 * whoever changes the record holds it exclusively. INTENT is what makes that
 * fair: a command takes it exclusively before it waits for DATA, and a writer
 * looks at it (without taking it) before it begins a turn. So writes in flight
 * drain, and no stream of new ones keeps a command out. Only commands hold
 * INTENT, one at a time; a stopped writer cannot.
 *
 * Locks are tried, never waited for in the kernel: a wait ends when it must.
 * Waiters pause 50 us, doubling to 5 ms. After 200 ms, and every second then,
 * a waiter searches for whoever holds the lock (file-fence.c), and ends a
 * process that has been seen holding it, and halted, for 1 s: stopped, or in a
 * frozen cgroup. A process that runs is never ended, however slow it is, nor is
 * a command that holds INTENT and itself waits for DATA. The wait fails with
 * STATUS_TRANSIENT, and names the holder, when nothing has moved for 12 s:
 * nobody could be ended, and it always was the same one, or one that cannot be
 * found; and in any case, however busy the volume is, after a minute.
 *
 * That the same process is seen twice must mean that it held the lock all the
 * time in between. For DATA this follows from INTENT: while a command waits
 * for DATA no new turn begins. For the exclusive locks of commands the file
 * position of their descriptor, which nothing else uses, is set to a number
 * that is new for each command and that others can read in /proc.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/file-internal.h"

off_t
file_lock_offset(enum file_lock_byte byte)
{
  return INT64_MAX - 16 + (off_t)byte;
}

uint64_t
file_monotonic_ns(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* 1: done. 0: somebody is in the way. Else a negative errno. */
static int
try_lock(int fd, enum file_lock_byte byte, enum file_lock_mode mode)
{
  struct flock lock = {
      .l_type = mode == FILE_LOCK_EXCLUSIVE ? F_WRLCK : F_RDLCK,
      .l_whence = SEEK_SET,
      .l_start = file_lock_offset(byte),
      .l_len = 1,
  };

  if (mode == FILE_LOCK_LOOK) {
    if (fcntl(fd, F_OFD_GETLK, &lock) != 0)
      return -errno;
    return lock.l_type == F_UNLCK;
  }
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
    return 1;
  return errno == EAGAIN || errno == EACCES ? 0 : -errno;
}

void
file_unlock(int fd, enum file_lock_byte byte)
{
  struct flock lock = {
      .l_type = F_UNLCK,
      .l_whence = SEEK_SET,
      .l_start = file_lock_offset(byte),
      .l_len = 1,
  };

  fcntl(fd, F_OFD_SETLK, &lock);
}

bool
file_lock_wanted(int fd, enum file_lock_byte byte)
{
  return try_lock(fd, byte, FILE_LOCK_LOOK) == 0;
}

static void
pause_for(uint64_t ns)
{
  struct timespec pause = {.tv_nsec = (long)ns};

  nanosleep(&pause, NULL);
}

static int
give_up(const struct file_fence *fence, struct error *err)
{
  const struct file_place *place = fence->place;
  const struct file_suspect *last = &fence->last;

  if (fence->own)
    return error_set(err, STATUS_TRANSIENT,
                     "%s: another request of this process has held the "
                     "volume's lock for too long",
                     place->name);
  if (last->pid == 0)
    return error_set(err, STATUS_TRANSIENT,
                     "%s: the volume is locked, and who holds the lock cannot "
                     "be found: a process of another user or another PID "
                     "namespace",
                     place->name);
  if (fence->kill_errno != 0)
    return error_set(err, STATUS_TRANSIENT,
                     "%s: the volume is locked by process %d (%s), which "
                     "cannot be ended: %s",
                     place->name, (int)last->pid, last->command,
                     fence->kill_errno == EINVAL
                         ? "it is in another PID namespace"
                         : strerrordesc_np(fence->kill_errno));
  return error_set(err, STATUS_TRANSIENT,
                   "%s: the volume is locked, last by process %d (%s), which "
                   "is slow: it is in state %c",
                   place->name, (int)last->pid, last->command, last->state);
}

/* The slow half of file_lock: somebody is in the way. */
static int
wait_lock(struct file_fence *fence, struct error *err)
{
  uint64_t now = file_monotonic_ns();
  uint64_t search_at = now + LOCK_SEARCH_FIRST_NS;
  uint64_t last_at = now + LOCK_BUSY_NS;
  uint64_t give_up_at = now + LOCK_WAIT_NS;
  uint64_t pause = LOCK_PAUSE_MIN_NS;
  int r;

  for (;;) {
    pause_for(pause);
    if (pause < LOCK_PAUSE_MAX_NS)
      pause *= 2;
    r = try_lock(fence->fd, fence->byte, fence->mode);
    if (r != 0)
      break;
    now = file_monotonic_ns();
    if (now < search_at)
      continue;
    file_fence_search(fence, now);
    search_at = file_monotonic_ns() + LOCK_SEARCH_NS;
    if (fence->fenced > 0 || fence->moving)
      give_up_at = now + LOCK_WAIT_NS;
    if (now >= give_up_at || now >= last_at) {
      /* A search takes time: what it looked for may be free by now. */
      r = try_lock(fence->fd, fence->byte, fence->mode);
      if (r == 0)
        return give_up(fence, err);
      break;
    }
  }
  return r > 0 ? STATUS_OK
               : error_set_errno(err, -r, "%s: the volume cannot be locked",
                                 fence->place->name);
}

int
file_lock(const struct file_place *place, int fd, enum file_lock_byte byte,
          enum file_lock_mode mode, struct error *err)
{
  int r = try_lock(fd, byte, mode);

  if (r > 0)
    return STATUS_OK;
  if (r < 0)
    return error_set_errno(err, -r, "%s: the volume cannot be locked",
                           place->name);

  struct file_fence fence = {
      .place = place, .fd = fd, .byte = byte, .mode = mode};

  return wait_lock(&fence, err);
}

/* A number that is not used again soon, small enough for a file position. */
static off_t
command_tag(void)
{
  return (off_t)(file_monotonic_ns() / 1000 & ((UINT64_C(1) << 40) - 1)) | 1;
}

static int
lock_exclusive(const struct file_place *place, int fd, struct error *err)
{
  struct stat info;
  int r;

  if (lseek(fd, command_tag(), SEEK_SET) < 0)
    return error_set_errno(err, errno, "%s: %s", place->name, FILE_DATA);
  r = file_lock(place, fd, FILE_LOCK_INTENT, FILE_LOCK_EXCLUSIVE, err);
  if (r == 0)
    r = file_lock(place, fd, FILE_LOCK_DATA, FILE_LOCK_EXCLUSIVE, err);
  if (r != 0)
    return r;
  if (fstat(fd, &info) != 0)
    return error_set_errno(err, errno, "%s: %s", place->name, FILE_DATA);
  if (info.st_nlink == 0)
    return error_set(err, STATUS_NOT_FOUND, "volume %s has been deleted",
                     place->name);
  return STATUS_OK;
}

int
file_exclusive_begin(const struct file_place *place, int flags, int *fd,
                     struct error *err)
{
  int r;

  *fd = openat(place->directory, FILE_DATA,
               O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  if (*fd < 0 && errno == ENOENT)
    return error_set(err, STATUS_NOT_FOUND, "there is no volume %s in %s",
                     place->name, place->store->path);
  if (*fd < 0)
    return error_set_errno(err, errno, "%s/%s/%s cannot be opened",
                           place->store->path, place->name, FILE_DATA);
  r = lock_exclusive(place, *fd, err);
  if (r != 0)
    file_exclusive_end(*fd);
  return r;
}

void
file_exclusive_end(int fd)
{
  /* Not left to close: a child that was forked meanwhile may have it open. */
  file_unlock(fd, FILE_LOCK_DATA);
  file_unlock(fd, FILE_LOCK_INTENT);
  close(fd);
}
