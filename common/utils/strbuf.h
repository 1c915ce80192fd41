/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* strbuf.h: a string that grows up to a hard limit.
 *
 *   CLEANUP_STRBUF struct strbuf text = STRBUF_INIT(65536);
 *
 *   strbuf_printf(&text, "%s has %u", name, count);
 *   if (text.status != 0)
 *     ...
 *
 * Failures stick: after the first one nothing is added any more, so that only
 * the last status needs to be looked at.
 */
#ifndef LEASEHOLD_STRBUF_H
#define LEASEHOLD_STRBUF_H

#include <stddef.h>

#include "leasehold/status.h"

struct strbuf {
  char *text;      /* NUL-terminated; NULL before the first byte */
  size_t length;   /* without the NUL */
  size_t capacity; /* with the NUL */
  size_t limit;    /* largest length */
  int status;      /* 0, STATUS_NO_MEMORY, or STATUS_INVALID: too long */
};

#define STRBUF_INIT(limit_bytes)                                               \
  {                                                                            \
    .limit = (limit_bytes)                                                     \
  }

#define CLEANUP_STRBUF __attribute__((cleanup(strbuf_free)))

/* Appends; returns status. */
int strbuf_add(struct strbuf *buffer, const char *bytes, size_t length);
int strbuf_printf(struct strbuf *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Frees what is inside; the buffer is empty then, and keeps its limit. */
void strbuf_free(struct strbuf *buffer);

#endif
