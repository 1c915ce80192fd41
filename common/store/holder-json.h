/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* holder-json.h: holder records as JSON: for the file store a part of its
 * record, for others alone. Text that is read is not trusted: what is not whole
 * is STATUS_CORRUPT, nothing is guessed. Pure but for memory.
 */
#ifndef LEASEHOLD_HOLDER_JSON_H
#define LEASEHOLD_HOLDER_JSON_H

#include <jansson.h>

#include "leasehold/lease.h"
#include "leasehold/status.h"
#include "utils/json-reader.h"

#define HOLDER_JSON_FORMAT 1

/* JSON's integers in jansson are signed. */
#define RECORD_NUMBER_MAX ((uint64_t)INT64_MAX)

/* Whether its numbers can be written. */
bool holder_json_fits(const struct holder_record *record);

/* Which text is not what it should be, or NULL. Only what passes is written,
 * and only that is read. Each may be empty.
 */
const char *holder_json_bad_text(const struct holder_record *record);

/* One line of ASCII; the caller frees it. STATUS_INVALID. */
int holder_json_encode(const struct holder_record *record, char **text,
                       struct error *err);
/* name begins the text of an error. */
int holder_json_decode(const char *text, const char *name,
                       struct holder_record *out, struct error *err);

/* The parts. NULL: no memory, or a name that is not UTF-8. */
json_t *holder_json_holder(const struct holder *holder);
json_t *holder_json_fenced(const struct holder_record *record);
int holder_json_read(const struct json_reader *reader, json_t *from,
                     struct holder *out);
int holder_json_read_fenced(const struct json_reader *reader, json_t *from,
                            struct holder_record *out);

#endif
