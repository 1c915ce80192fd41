/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-fence.c: finds who is in the way of a lock, and ends it if need be.
 *
 * The kernel says which open file holds which lock in /proc/PID/fdinfo/N:
 *
 *   pos:    7340035
 *   lock:   1: OFDLCK ADVISORY  WRITE -1 fe:00:10952718 9223372036854775791
 *           9223372036854775791                                 (one line)
 *
 * A suspect is a process of which a line names our byte and whose descriptor N
 * is our file by fstat: device and inode (the numbers in the line are not
 * always those of fstat: btrfs, overlayfs).
 *
 * Only a process that cannot go on by itself is ended: one that is stopped
 * (SIGSTOP, a debugger) or whose cgroup is frozen, and was so in all searches
 * for a second. One that is slow is never ended. When the searches themselves
 * lie too far apart, because we were suspended as well, time begins anew: the
 * other one may be about to go on, like us.
 *
 * Everything is done by the open directory /proc/PID, which stays that of one
 * process, in whatever PID namespace /proc is: before a process is ended it is
 * looked at again by it (still halted, same lock), and the signal is sent by
 * it. So a PID that was given to another process meanwhile is never hit, nor
 * a process that has moved on. Never ourselves. Each end is one line in the
 * log.
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leasehold/log.h"
#include "store/file-internal.h"
#include "utils/cleanup.h"

/* Reads a small file of /proc below directory; false if it cannot be read. */
static bool
read_text(int directory, const char *name, char *text, size_t size)
{
  CLEANUP_FD int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
  size_t length = 0;
  ssize_t n;

  if (fd < 0)
    return false;
  while (length < size - 1 &&
         (n = read(fd, text + length, size - 1 - length)) > 0)
    length += (size_t)n;
  text[length] = '\0';
  return length > 0;
}

bool
file_fence_parse(const char *text, off_t offset, enum file_lock_mode mode,
                 uint64_t *tag)
{
  long long position = 0, start, end;
  char class[8], type[8];

  for (const char *line = text; line != NULL && *line != '\0';) {
    if (sscanf(line, "pos: %lld", &position) == 1)
      ;
    else if (sscanf(line,
                    "lock: %*d: %7s %*s %7s %*d %*x:%*x:%*u %lld "
                    "%lld",
                    class, type, &start, &end) == 4 &&
             strcmp(class, "OFDLCK") == 0 && start <= offset && offset <= end &&
             (mode == FILE_LOCK_EXCLUSIVE || strcmp(type, "WRITE") == 0)) {
      *tag = strcmp(type, "WRITE") == 0 ? (uint64_t)position : 0;
      return true;
    }
    line = strchr(line, '\n');
    if (line != NULL)
      line++;
  }
  return false;
}

bool
file_fence_parse_stat(const char *text, struct file_suspect *out)
{
  /* The command can contain anything, so it ends at the last bracket. */
  const char *begin = strchr(text, '('), *end = strrchr(text, ')');

  if (begin == NULL || end == NULL || end < begin)
    return false;
  snprintf(out->command, sizeof out->command, "%.*s", (int)(end - begin - 1),
           begin + 1);
  return sscanf(end + 1,
                " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                "%*s %*s %*s %*s %" SCNu64,
                &out->state, &out->started) == 2;
}

static bool
same_file(int directory, const char *name, int fd)
{
  struct stat theirs, ours;

  return fstatat(directory, name, &theirs, 0) == 0 && fstat(fd, &ours) == 0 &&
         theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/* Whether descriptor number of the process behind directory (its /proc/PID) is
 * in the way of fence's lock.
 */
static bool
is_in_the_way(const struct file_fence *fence, int directory, unsigned number,
              uint64_t *tag)
{
  char name[32], text[4096];

  snprintf(name, sizeof name, "fdinfo/%u", number);
  if (!read_text(directory, name, text, sizeof text) ||
      !file_fence_parse(text, file_lock_offset(fence->byte), fence->mode, tag))
    return false;
  snprintf(name, sizeof name, "fd/%u", number);
  return same_file(directory, name, fence->fd);
}

static bool
read_stat(int directory, struct file_suspect *out)
{
  char text[1024];

  return read_text(directory, "stat", text, sizeof text) &&
         file_fence_parse_stat(text, out);
}

/* Whether the process behind directory is in a frozen cgroup (version 2; in
 * one of version 1 a process cannot be ended).
 */
static bool
is_frozen(int directory)
{
  /* The second is where it is mounted beside version 1. */
  static const char *const mounts[] = {"/sys/fs/cgroup",
                                       "/sys/fs/cgroup/unified"};
  char groups[4096], path[4200], events[256], *group;

  if (!read_text(directory, "cgroup", groups, sizeof groups))
    return false;
  /* One line per hierarchy; that of version 2 is number 0, without a name. */
  group = strncmp(groups, "0::/", 4) == 0 ? groups : strstr(groups, "\n0::/");
  if (group == NULL)
    return false;
  group = strchr(group, '/');
  group[strcspn(group, "\n")] = '\0';
  if (strstr(group, "/..") != NULL)
    return false; /* outside of the cgroups that we can see */
  for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
    snprintf(path, sizeof path, "%s%s/cgroup.events", mounts[i], group);
    if (read_text(directory, path, events, sizeof events))
      return strstr(events, "frozen 1") != NULL;
  }
  return false;
}

/* Why the process cannot go on by itself; NULL: it can. */
static const char *
why_halted(int directory, char state)
{
  if (state == 'T' || state == 't')
    return "stopped";
  return is_frozen(directory) ? "frozen" : NULL;
}

/* Ends the suspect, if it still is what it was. */
static void
end_process(struct file_fence *fence, int directory,
            const struct file_suspect *suspect, uint64_t halted_ns)
{
  struct file_suspect again;
  const char *why;
  uint64_t tag;

  if (!read_stat(directory, &again) || again.started != suspect->started ||
      !is_in_the_way(fence, directory, suspect->number, &tag) ||
      tag != suspect->tag)
    return;
  why = why_halted(directory, again.state);
  if (why == NULL)
    return;
  if (pidfd_send_signal(directory, SIGKILL, NULL, 0) != 0) {
    fence->kill_errno = errno == ESRCH ? 0 : errno;
    return;
  }
  fence->fenced++;
  log_line(fence->place->store->log, LOG_LEVEL_ERROR,
           "%s: process %d (%s, started %.2f s after boot) holds the volume's "
           "lock and has been %s for %" PRIu64 " ms: it was killed",
           fence->place->name, (int)suspect->pid, suspect->command,
           (double)suspect->started / (double)sysconf(_SC_CLK_TCK), why,
           halted_ns / NANOSECONDS_PER_MILLISECOND);
}

/* The suspect as remembered from the last search, or as a new one. NULL: there
 * are too many; this one's turn comes when some of them are gone.
 */
static struct file_suspect *
remember(struct file_fence *fence, const struct file_suspect *found)
{
  struct file_suspect *suspect;

  for (unsigned i = 0; i < fence->count; i++) {
    suspect = &fence->suspects[i];
    if (suspect->pid == found->pid && suspect->started == found->started &&
        suspect->number == found->number && suspect->tag == found->tag)
      return suspect;
  }
  if (fence->count == FILE_SUSPECTS_MAX)
    return NULL;
  suspect = &fence->suspects[fence->count++];
  *suspect = *found;
  fence->moving = true;
  return suspect;
}

static void
judge(struct file_fence *fence, int directory, const struct file_suspect *found,
      uint64_t now_ns)
{
  struct file_suspect *suspect = remember(fence, found);

  if (fence->kill_errno == 0) /* else last is the one it is about */
    fence->last = *found;
  if (suspect == NULL)
    return;
  suspect->seen = true;
  if (why_halted(directory, found->state) == NULL)
    suspect->halted_since_ns = 0;
  else if (suspect->halted_since_ns == 0)
    suspect->halted_since_ns = now_ns;
  else if (now_ns - suspect->halted_since_ns >= LOCK_HALTED_NS)
    end_process(fence, directory, suspect, now_ns - suspect->halted_since_ns);
}

/* Looks at all descriptors of the process behind directory. */
static void
search_process(struct file_fence *fence, int directory, pid_t pid, bool own,
               uint64_t now_ns)
{
  int list = openat(directory, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *descriptors = list < 0 ? NULL : fdopendir(list);
  struct dirent *entry;

  if (descriptors == NULL) {
    if (list >= 0)
      close(list);
    return;
  }
  while ((entry = readdir(descriptors)) != NULL) {
    struct file_suspect found = {.pid = pid};

    if (!isdigit((unsigned char)entry->d_name[0]))
      continue;
    found.number = (unsigned)strtoul(entry->d_name, NULL, 10);
    if (!is_in_the_way(fence, directory, found.number, &found.tag) ||
        !read_stat(directory, &found))
      continue;
    if (own)
      fence->own = true;
    else
      judge(fence, directory, &found, now_ns);
  }
  closedir(descriptors);
}

/* Who was not seen any more has let go of the lock: if it comes again, its
 * time begins anew.
 */
static void
forget_unseen(struct file_fence *fence)
{
  unsigned kept = 0;

  for (unsigned i = 0; i < fence->count; i++)
    if (fence->suspects[i].seen) {
      fence->suspects[kept] = fence->suspects[i];
      fence->suspects[kept++].seen = false;
    }
  fence->count = kept;
}

void
file_fence_search(struct file_fence *fence, uint64_t now_ns)
{
  DIR *processes = opendir("/proc");
  char self[16] = "";
  struct dirent *entry;

  fence->fenced = 0;
  fence->moving = false;
  fence->own = false;
  fence->kill_errno = 0;
  fence->last.pid = 0;
  if (now_ns - fence->searched_ns > LOCK_SEARCH_GAP_NS)
    for (unsigned i = 0; i < fence->count; i++)
      fence->suspects[i].halted_since_ns = 0;
  if (processes == NULL)
    return;
  /* /proc may belong to another PID namespace than getpid(). */
  if (readlinkat(dirfd(processes), "self", self, sizeof self - 1) < 0)
    self[0] = '\0';
  while (self[0] != '\0' && (entry = readdir(processes)) != NULL) {
    CLEANUP_FD int directory = -1;

    if (!isdigit((unsigned char)entry->d_name[0]))
      continue;
    directory = openat(dirfd(processes), entry->d_name,
                       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0)
      search_process(fence, directory, (pid_t)atoi(entry->d_name),
                     strcmp(entry->d_name, self) == 0, now_ns);
  }
  closedir(processes);
  forget_unseen(fence);
  fence->searched_ns = file_monotonic_ns();
}
