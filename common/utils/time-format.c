/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* time-format.c: times for people. */
#include "utils/time-format.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

const char *
time_format_iso(int64_t unix_ms, char text[TIME_TEXT_MAX])
{
  time_t seconds = (time_t)(unix_ms / 1000 - (unix_ms % 1000 < 0));
  struct tm tm;

  gmtime_r(&seconds, &tm); /* 292 million years fit in a struct tm */
  strftime(text, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
  return text;
}

const char *
time_format_span(int64_t span_ms, char text[TIME_TEXT_MAX])
{
  static const struct {
    int64_t seconds, smaller;
    const char *unit, *smaller_unit;
  } units[] = {
      {86400, 3600, "d", "h"},
      {3600, 60, "h", "min"},
      {60, 1, "min", "s"},
  };
  int64_t seconds = span_ms < 0 ? 0 : span_ms / 1000;

  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
    if (seconds >= units[i].seconds) {
      int64_t rest = seconds % units[i].seconds / units[i].smaller;
      int length = snprintf(text, TIME_TEXT_MAX, "%" PRId64 " %s",
                            seconds / units[i].seconds, units[i].unit);

      if (rest != 0)
        snprintf(text + length, (size_t)(TIME_TEXT_MAX - length),
                 " %" PRId64 " %s", rest, units[i].smaller_unit);
      return text;
    }
  snprintf(text, TIME_TEXT_MAX, "%" PRId64 " s", seconds);
  return text;
}

const char *
time_format_ago(int64_t then_ms, int64_t now_ms, char text[TIME_TEXT_MAX])
{
  char span[TIME_TEXT_MAX];
  int64_t ms;

  if (__builtin_sub_overflow(now_ms, then_ms, &ms))
    ms = now_ms < then_ms ? -INT64_MAX : INT64_MAX;
  if (ms > -1000 && ms < 1000)
    snprintf(text, TIME_TEXT_MAX, "just now");
  else if (ms < 0)
    snprintf(text, TIME_TEXT_MAX, "in %.40s",
             time_format_span(ms == INT64_MIN ? INT64_MAX : -ms, span));
  else
    snprintf(text, TIME_TEXT_MAX, "%.40s ago", time_format_span(ms, span));
  return text;
}
