/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* headers.h: lists of names and values: headers, and a URL's parameters.
 *
 * Values can be secrets: they are cleared before they are freed. Failures
 * stick, so that only the last status needs to be looked at.
 */
#ifndef LEASEHOLD_HTTP_HEADERS_H
#define LEASEHOLD_HTTP_HEADERS_H

#include <stddef.h>

#include "leasehold/status.h"

struct http_header {
  const char *name, *value;
};

struct http_chunk;

/* Most bytes of names and values in one list: what a server sends is not
 * trusted to end.
 */
#define HTTP_HEADERS_MAX (64 * 1024)

/* All zero: empty. */
struct http_headers {
  struct http_header *items;
  size_t count, capacity, bytes;
  struct http_chunk *chunks; /* the names and values */
  int status; /* 0, STATUS_NO_MEMORY, or STATUS_INVALID: too long */
};

/* Copies both. */
int http_headers_add(struct http_headers *list, const char *name,
                     const char *value);
int http_headers_printf(struct http_headers *list, const char *name,
                        const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, in the place of one of exactly this name if there is one. */
int http_headers_set(struct http_headers *list, const char *name,
                     const char *value);

/* Adds "Name: value", as it came, with or without its line end. What is not
 * such a line is left out. The status after it.
 */
int http_headers_add_line(struct http_headers *list, const char *line,
                          size_t length);

/* The value of the first of this name, in any case; NULL. */
const char *http_headers_get(const struct http_headers *list, const char *name);

/* By name, bytewise; those of one name stay in no order. */
void http_headers_sort(struct http_headers *list);

/* Clears and frees what is inside; the list is empty then. */
void http_headers_free(struct http_headers *list);

#define CLEANUP_HEADERS __attribute__((cleanup(http_headers_free)))

#endif
