/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* time-format.h: times for people. */
#ifndef LEASEHOLD_TIME_FORMAT_H
#define LEASEHOLD_TIME_FORMAT_H

#include <stdint.h>

#define TIME_TEXT_MAX 48

/* Milliseconds since 1970 as "2026-01-02T03:04:05Z": ISO 8601, UTC, fractions
 * of a second dropped. Returns text; any value is fine.
 */
const char *time_format_iso(int64_t unix_ms, char text[TIME_TEXT_MAX]);

/* A length of time, the two largest units: "2 d 3 h", "3 min 20 s", "0 s";
 * negative ones as 0 s. Returns text.
 */
const char *time_format_span(int64_t span_ms, char text[TIME_TEXT_MAX]);

/* "3 min 20 s ago"; "in 5 s" when then is later, as it can be when two
 * machines' clocks differ; "just now" below one second. Returns text.
 */
const char *time_format_ago(int64_t then_ms, int64_t now_ms,
                            char text[TIME_TEXT_MAX]);

#endif
