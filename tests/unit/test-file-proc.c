/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file-proc.c: what the file store reads in /proc about who is in the way
 * of a lock.
 */
#include "store/file-internal.h"
#include "unit.h"

static void
test_parse_fdinfo(void **state)
{
  static const char text[] =
      "pos:\t7340035\nflags:\t0100002\nmnt_id:\t27\nino:\t10969126\n"
      "lock:\t1: POSIX  ADVISORY  WRITE 17 fe:00:10969126 0 EOF\n"
      "lock:\t2: OFDLCK ADVISORY  READ -1 fe:00:10969126 100 100\n"
      "lock:\t3: OFDLCK ADVISORY  WRITE -1 fe:00:10969126 200 201\n"
      "lock:\t4: FLOCK  ADVISORY  WRITE 17 fe:00:10969126 0 EOF\n";
  uint64_t tag = 1;

  (void)state;
  assert_true(file_fence_parse(text, 100, FILE_LOCK_EXCLUSIVE, &tag));
  assert_int_equal(tag, 0);
  assert_false(file_fence_parse(text, 100, FILE_LOCK_SHARED, &tag));
  assert_false(file_fence_parse(text, 100, FILE_LOCK_LOOK, &tag));
  assert_true(file_fence_parse(text, 201, FILE_LOCK_LOOK, &tag));
  assert_int_equal(tag, 7340035);
  assert_false(file_fence_parse(text, 99, FILE_LOCK_EXCLUSIVE, &tag));
  assert_false(file_fence_parse(text, 202, FILE_LOCK_EXCLUSIVE, &tag));
  assert_false(file_fence_parse("", 100, FILE_LOCK_EXCLUSIVE, &tag));
  assert_false(file_fence_parse("lock:", 100, FILE_LOCK_EXCLUSIVE, &tag));
}

static void
test_parse_stat(void **state)
{
  static const char text[] =
      "4711 (a) b (c) T 1 2 3 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0 123456 "
      "99 88 18446744073709551615\n";
  struct file_suspect suspect;

  (void)state;
  assert_true(file_fence_parse_stat(text, &suspect));
  assert_string_equal(suspect.command, "a) b (c");
  assert_int_equal(suspect.state, 'T');
  assert_int_equal(suspect.started, 123456);
  assert_false(file_fence_parse_stat("", &suspect));
  assert_false(file_fence_parse_stat("1 (a", &suspect));
  assert_false(file_fence_parse_stat("1 )a( T", &suspect));
  assert_false(file_fence_parse_stat("1 (a) T 1 2", &suspect));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse_fdinfo),
      cmocka_unit_test(test_parse_stat),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
