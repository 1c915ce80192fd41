/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cleanup.h: things that are given back when a variable's scope ends. */
#ifndef LEASEHOLD_CLEANUP_H
#define LEASEHOLD_CLEANUP_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* CLEANUP_FREE char *text = NULL;   free()d at the end of the scope. */
#define CLEANUP_FREE __attribute__((cleanup(cleanup_free)))

/* CLEANUP_FD int fd = -1;   closed unless negative; errno stays. */
#define CLEANUP_FD __attribute__((cleanup(cleanup_fd)))

/* LOCK_FOR_SCOPE(&mutex);   locked from here to the end of the scope. */
#define LOCK_FOR_SCOPE(mutex)                                                  \
  __attribute__((cleanup(cleanup_unlock), unused)) pthread_mutex_t *           \
  CLEANUP_NAME(__LINE__) = cleanup_lock(mutex)

#define CLEANUP_NAME(line) CLEANUP_PASTE(scope_lock_, line)
#define CLEANUP_PASTE(a, b) a##b

/* A pointer of any type: its address comes in as void *. */
static inline void
cleanup_free(void *variable)
{
  free(*(void **)variable);
}

static inline void
cleanup_fd(const int *fd)
{
  if (*fd >= 0) {
    int saved = errno;

    close(*fd);
    errno = saved;
  }
}

/* A mutex that cannot be locked or unlocked is a bug: going on would be
 * worse than stopping.
 */
static inline pthread_mutex_t *
cleanup_lock(pthread_mutex_t *mutex)
{
  if (pthread_mutex_lock(mutex) != 0)
    abort();
  return mutex;
}

static inline void
cleanup_unlock(pthread_mutex_t *const *mutex)
{
  if (pthread_mutex_unlock(*mutex) != 0)
    abort();
}

#endif
