/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kill-at.c: preloaded into nbdkit, ends it at a chosen moment.
 *
 * A file store changes something for good when it exchanges two names. Before
 * each such call this counts one, as long as there is a file of the name
 * KILL_AT, and at the number that is in it the process kills itself. (Between
 * two calls nothing changes, so after one is the same as before the next.)
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef int exchange_function(int, const char *, int, const char *, unsigned);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects count */
static long count;

static void
point(void)
{
  const char *path = getenv("KILL_AT");
  char text[16] = "";
  int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

  if (fd < 0)
    return;
  if (read(fd, text, sizeof text - 1) > 0) {
    pthread_mutex_lock(&lock);
    if (count++ == atol(text))
      kill(getpid(), SIGKILL);
    pthread_mutex_unlock(&lock);
  }
  close(fd);
}

int
renameat2(int from_directory, const char *from, int to_directory,
          const char *to, unsigned flags)
{
  exchange_function *next = (exchange_function *)dlsym(RTLD_NEXT, "renameat2");

  if (next == NULL)
    abort();
  point();
  return next(from_directory, from, to_directory, to, flags);
}
