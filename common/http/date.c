/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* date.c: dates in headers; strftime would follow the program's language. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http/http.h"

static void
format(time_t seconds, char text[HTTP_DATE_MAX])
{
  static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
                                     "Thu", "Fri", "Sat"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                       "May", "Jun", "Jul", "Aug",
                                       "Sep", "Oct", "Nov", "Dec"};
  struct tm tm;

  if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year < 70 || tm.tm_year > 8099)
    tm = (struct tm){.tm_year = 70, .tm_mday = 1, .tm_wday = 4};
  snprintf(text, HTTP_DATE_MAX, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
           days[(unsigned)tm.tm_wday % 7], (unsigned)tm.tm_mday % 100,
           months[(unsigned)tm.tm_mon % 12],
           (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
           (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

/* The calendar costs more than all else that is written into a request: it is
 * asked once a second, in each thread.
 */
void
http_date_format(int64_t unix_ms, char text[HTTP_DATE_MAX])
{
  static _Thread_local struct {
    time_t seconds;
    char text[HTTP_DATE_MAX];
  } last;
  time_t seconds = (time_t)(unix_ms / 1000);

  if (last.text[0] == '\0' || last.seconds != seconds) {
    format(seconds, last.text);
    last.seconds = seconds;
  }
  memcpy(text, last.text, HTTP_DATE_MAX);
}

int64_t
http_date_parse(const char *text)
{
  time_t seconds = curl_getdate(text, NULL);

  return seconds < 0 ? -1 : (int64_t)seconds * 1000;
}
