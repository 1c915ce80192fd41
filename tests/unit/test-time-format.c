/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-time-format.c: times for people. */
#include "utils/time-format.h"

#include <string.h>

#include "unit.h"

static void
iso_times(void **unused)
{
  static const struct {
    int64_t unix_ms;
    const char *text;
  } rows[] = {
      {0, "1970-01-01T00:00:00Z"},
      {999, "1970-01-01T00:00:00Z"},
      {-1, "1969-12-31T23:59:59Z"},
      {-1000, "1969-12-31T23:59:59Z"},
      {1767323045000, "2026-01-02T03:04:05Z"},
      {1767323045999, "2026-01-02T03:04:05Z"},
      {951782400000, "2000-02-29T00:00:00Z"},
      {INT64_MAX, "292278994-08-17T07:12:55Z"},
      {INT64_MIN, "-292275055-05-16T16:47:04Z"},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[TIME_TEXT_MAX];

    assert_string_equal(time_format_iso(rows[i].unix_ms, text), rows[i].text);
  }
}

static void
spans(void **unused)
{
  static const struct {
    int64_t span_ms;
    const char *text;
  } rows[] = {
      {-5000, "0 s"},
      {0, "0 s"},
      {999, "0 s"},
      {1000, "1 s"},
      {59999, "59 s"},
      {60000, "1 min"},
      {200000, "3 min 20 s"},
      {3599999, "59 min 59 s"},
      {3600000, "1 h"},
      {3660000, "1 h 1 min"},
      {86399999, "23 h 59 min"},
      {86400000, "1 d"},
      {183600000, "2 d 3 h"},
      {INT64_MAX, "106751991167 d 7 h"},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[TIME_TEXT_MAX];

    assert_string_equal(time_format_span(rows[i].span_ms, text), rows[i].text);
  }
}

static void
times_ago(void **unused)
{
  static const struct {
    int64_t then_ms, now_ms;
    const char *text;
  } rows[] = {
      {1000, 201000, "3 min 20 s ago"},
      {1000, 1000, "just now"},
      {1999, 1000, "just now"},
      {1000, 1999, "just now"},
      {1000, 2000, "1 s ago"},
      {6000, 1000, "in 5 s"},
      {INT64_MIN, INT64_MAX, "106751991167 d 7 h ago"},
      {INT64_MAX, INT64_MIN, "in 106751991167 d 7 h"},
      {0, INT64_MIN, "in 106751991167 d 7 h"},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[TIME_TEXT_MAX];

    assert_string_equal(time_format_ago(rows[i].then_ms, rows[i].now_ms, text),
                        rows[i].text);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(iso_times),
      cmocka_unit_test(spans),
      cmocka_unit_test(times_ago),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
