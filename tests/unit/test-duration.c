/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-duration.c: durations in parameters, with hostile input. */
#include "utils/duration.h"

#include <string.h>

#include "leasehold/lease.h"
#include "unit.h"
#include "utils/decimal.h"

static void
durations_are_understood(void **unused)
{
  static const struct {
    const char *text;
    uint32_t seconds;
  } rows[] = {
      {"0", 0},
      {"30", 30},
      {"30s", 30},
      {"4294967294", UINT32_MAX - 1},
      {"infinite", LEASE_DURATION_INFINITE},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    uint32_t seconds = 77;

    assert_int_equal(duration_parse(rows[i].text, &seconds, NULL), 0);
    assert_int_equal(seconds, rows[i].seconds);
  }
}

static void
others_are_refused_by_name(void **unused)
{
  static const struct {
    const char *text, *shown;
  } rows[] = {
      {"", "\"\""},
      {"s", "\"s\""},
      {"-1", "\"-1\""},
      {"+1", "\"+1\""},
      {" 30", "\" 30\""},
      {"30 s", "\"30 s\""},
      {"30m", "\"30m\""},
      {"30ss", "\"30ss\""},
      {"1.5", "\"1.5\""},
      {"Infinite", "\"Infinite\""},
      {"infinites", "\"infinites\""},
      {"4294967295", "\"4294967295\""},
      {"99999999999999999999999", "\"99999999999999999999999\""},
      {"30\n", "\"30\\x0a\""},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct error err = ERROR_INIT;
    uint32_t seconds;

    assert_int_equal(duration_parse(rows[i].text, &seconds, &err),
                     STATUS_INVALID);
    if (strstr(err.text, rows[i].shown) == NULL)
      fail_msg("%s: %s", rows[i].shown, err.text);
  }
}

/* The limit is inclusive, also at the end of the type. */
static void
decimals_respect_their_limit(void **unused)
{
  static const struct {
    const char *text;
    uint64_t max;
    bool ok;
  } rows[] = {
      {"0", 0, true},
      {"1", 0, false},
      {"9", 8, false},
      {"99", 99, true},
      {"100", 99, false},
      {"18446744073709551615", UINT64_MAX, true},
      {"18446744073709551616", UINT64_MAX, false},
      {"18446744073709551615", UINT64_MAX - 1, false},
      {"", UINT64_MAX, false},
      {"x", UINT64_MAX, false},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    const char *p = rows[i].text;
    uint64_t value;

    assert_int_equal(decimal_read(&p, rows[i].max, &value), rows[i].ok);
    assert_ptr_equal(p, rows[i].text + (rows[i].ok ? strlen(rows[i].text) : 0));
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(durations_are_understood),
      cmocka_unit_test(others_are_refused_by_name),
      cmocka_unit_test(decimals_respect_their_limit),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
