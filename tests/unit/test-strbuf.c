/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-strbuf.c: a string that grows up to a hard limit. */
#include "utils/strbuf.h"

#include <string.h>

#include "unit.h"

static void
it_grows(void **unused)
{
  CLEANUP_STRBUF struct strbuf buffer = STRBUF_INIT(100000);

  (void)unused;
  assert_null(buffer.text);
  for (int i = 0; i < 1000; i++) {
    assert_int_equal(strbuf_printf(&buffer, "%03d,", i), 0);
    assert_int_equal(strbuf_add(&buffer, "abc\n", 3), 0);
  }
  assert_int_equal(buffer.length, 7000);
  assert_int_equal(strlen(buffer.text), 7000);
  assert_memory_equal(buffer.text, "000,abc001,abc", 14);
  assert_string_equal(buffer.text + 6986, "998,abc999,abc");
}

/* What does not fit is not added, not even a part of it, and nothing is added
 * after that.
 */
static void
the_limit_holds_and_sticks(void **unused)
{
  CLEANUP_STRBUF struct strbuf buffer = STRBUF_INIT(10);

  (void)unused;
  assert_int_equal(strbuf_add(&buffer, "0123456789", 10), 0);
  assert_int_equal(strbuf_add(&buffer, "", 0), 0);
  assert_int_equal(strbuf_printf(&buffer, "%c", 'x'), STATUS_INVALID);
  assert_string_equal(buffer.text, "0123456789");
  assert_int_equal(buffer.status, STATUS_INVALID);
  assert_int_equal(strbuf_add(&buffer, "", 0), STATUS_INVALID);
  strbuf_free(&buffer);
  assert_null(buffer.text);
  assert_int_equal(strbuf_add(&buffer, "again", 5), 0);
  assert_int_equal(strbuf_printf(&buffer, "123456"), STATUS_INVALID);
  assert_string_equal(buffer.text, "again");
}

static void
bytes_may_be_anything(void **unused)
{
  CLEANUP_STRBUF struct strbuf buffer = STRBUF_INIT(10);

  (void)unused;
  assert_int_equal(strbuf_add(&buffer, "a\0b", 3), 0);
  assert_int_equal(buffer.length, 3);
  assert_memory_equal(buffer.text, "a\0b", 4);
}

/* A limit near the end of the type does not wrap around. */
static void
absurd_lengths_are_refused(void **unused)
{
  CLEANUP_STRBUF struct strbuf buffer = STRBUF_INIT(100);

  (void)unused;
  assert_int_equal(strbuf_add(&buffer, "a", 1), 0);
  assert_int_equal(strbuf_add(&buffer, "a", SIZE_MAX), STATUS_INVALID);
  assert_string_equal(buffer.text, "a");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_grows),
      cmocka_unit_test(the_limit_holds_and_sticks),
      cmocka_unit_test(bytes_may_be_anything),
      cmocka_unit_test(absurd_lengths_are_refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
