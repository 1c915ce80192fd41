/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-reader.c: what parsers of untrusted JSON share; see json-reader.h. */
#include "utils/json-reader.h"

#include <string.h>

#include "utils/printable.h"

int
json_damaged(const struct json_reader *reader, const char *what)
{
  return error_set(reader->err, STATUS_CORRUPT, "%s: the record is damaged: %s",
                   reader->file, what);
}

int
json_damaged_by(const struct json_reader *reader,
                const json_error_t *json_error)
{
  struct printable text;

  return json_damaged(
      reader, printable(&text, json_error->text, strlen(json_error->text)));
}

int
json_read_text(const struct json_reader *reader, const char *from, char *to,
               size_t size, const char *what)
{
  size_t length = strlen(from);

  if (length >= size)
    return json_damaged(reader, what);
  memcpy(to, from, length + 1);
  return STATUS_OK;
}

int
json_read_number(const struct json_reader *reader, json_int_t from,
                 uint64_t *to, const char *what)
{
  if (from < 0)
    return json_damaged(reader, what);
  *to = (uint64_t)from;
  return STATUS_OK;
}
