/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-random.c: a session's name is 32 hexadecimal digits, never the same. */
#include "utils/random.h"

#include <string.h>

#include "unit.h"

static void
nonces_differ(void **unused)
{
  char nonces[64][SESSION_NONCE_MAX + 1];

  (void)unused;
  for (size_t i = 0; i < COUNT(nonces); i++) {
    assert_int_equal(random_nonce(nonces[i]), 0);
    assert_int_equal(strlen(nonces[i]), 32);
    assert_int_equal(strspn(nonces[i], "0123456789abcdef"), 32);
    for (size_t j = 0; j < i; j++)
      assert_string_not_equal(nonces[i], nonces[j]);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nonces_differ),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
