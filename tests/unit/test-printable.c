/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-printable.c: untrusted bytes, made fit for messages. */
#include "utils/printable.h"

#include <string.h>

#include "unit.h"

static void
bytes_are_escaped(void **unused)
{
  static const struct {
    const char *bytes;
    size_t length;
    const char *text;
  } rows[] = {
      {"", 0, "\"\""},
      {"disk0", 5, "\"disk0\""},
      {"disk0", 4, "\"disk\""},
      {"a b", 3, "\"a b\""},
      {"a\0b", 3, "\"a\\x00b\""},
      {"\"\\", 2, "\"\\x22\\x5c\""},
      {"\x1f\x20\x7e\x7f\x80\xff", 6, "\"\\x1f ~\\x7f\\x80\\xff\""},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct printable out;

    assert_string_equal(printable(&out, rows[i].bytes, rows[i].length),
                        rows[i].text);
  }
}

static void
long_ones_are_cut(void **unused)
{
  struct printable out;
  char bytes[10240];

  (void)unused;
  memset(bytes, 'x', sizeof bytes);
  printable(&out, bytes, PRINTABLE_SHOWN_MAX);
  assert_int_equal(strlen(out.text), PRINTABLE_SHOWN_MAX + 2);
  printable(&out, bytes, PRINTABLE_SHOWN_MAX + 1);
  assert_int_equal(strlen(out.text), PRINTABLE_SHOWN_MAX + 5);
  assert_string_equal(out.text + PRINTABLE_SHOWN_MAX, "x\"...");
  /* The worst case fills the room exactly. */
  memset(bytes, 0xff, sizeof bytes);
  printable(&out, bytes, sizeof bytes);
  assert_int_equal(strlen(out.text), sizeof out.text - 1);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_are_escaped),
      cmocka_unit_test(long_ones_are_cut),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
