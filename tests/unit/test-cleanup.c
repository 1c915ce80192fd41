/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-cleanup.c: things are given back when a variable's scope ends. */
#include "utils/cleanup.h"

#include <fcntl.h>
#include <limits.h>

#include "unit.h"

/* Whether it is freed, a leak checker sees. */
static void
memory_is_freed(void **unused)
{
  CLEANUP_FREE char *text = malloc(16);
  CLEANUP_FREE int *none = NULL;

  (void)unused;
  assert_non_null(text);
  assert_null(none);
}

static void
descriptors_are_closed_and_errno_stays(void **unused)
{
  int seen;

  (void)unused;
  {
    CLEANUP_FD int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CLEANUP_FD int none = -1;

    assert_true(fd >= 0);
    seen = fd;
    (void)none;
    errno = E2BIG;
  }
  assert_int_equal(errno, E2BIG);
  assert_int_equal(fcntl(seen, F_GETFD), -1);
  assert_int_equal(errno, EBADF);
}

static void
errno_survives_a_failing_close(void **unused)
{
  (void)unused;
  errno = E2BIG;
  {
    CLEANUP_FD int fd = INT_MAX; /* never open */

    (void)fd;
  }
  assert_int_equal(errno, E2BIG);
}

static void
locks_are_held_to_the_end_of_the_scope(void **unused)
{
  pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

  (void)unused;
  {
    LOCK_FOR_SCOPE(&a);
    LOCK_FOR_SCOPE(&b);
    assert_int_equal(pthread_mutex_trylock(&a), EBUSY);
    assert_int_equal(pthread_mutex_trylock(&b), EBUSY);
  }
  assert_int_equal(pthread_mutex_trylock(&a), 0);
  assert_int_equal(pthread_mutex_trylock(&b), 0);
  pthread_mutex_unlock(&a);
  pthread_mutex_unlock(&b);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_is_freed),
      cmocka_unit_test(descriptors_are_closed_and_errno_stays),
      cmocka_unit_test(errno_survives_a_failing_close),
      cmocka_unit_test(locks_are_held_to_the_end_of_the_scope),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
