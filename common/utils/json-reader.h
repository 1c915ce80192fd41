/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-reader.h: what parsers of untrusted JSON share: texts that name what is
 * damaged, and values that are taken whole or not at all. Pure.
 */
#ifndef LEASEHOLD_JSON_READER_H
#define LEASEHOLD_JSON_READER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "leasehold/status.h"

/* What is being read, for error texts. */
struct json_reader {
  const char *file;
  struct error *err;
};

/* STATUS_CORRUPT, "FILE: the record is damaged: WHAT". */
int json_damaged(const struct json_reader *reader, const char *what);
/* What jansson says can have bytes of the text in it. */
int json_damaged_by(const struct json_reader *reader,
                    const json_error_t *json_error);
/* A string is copied only if it fits: a name cut off would be a guess. */
int json_read_text(const struct json_reader *reader, const char *from, char *to,
                   size_t size, const char *what);
int json_read_number(const struct json_reader *reader, json_int_t from,
                     uint64_t *to, const char *what);

#endif
