/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blob-http.c: requests as blob-server reads them; see blob-http.h. */
#include "bench/blob-http.h"

#include <string.h>
#include <strings.h>

#include "utils/decimal.h"

size_t
blob_head_length(const char *bytes, size_t length)
{
  const char *end = length > 0 ? memmem(bytes, length, "\r\n\r\n", 4) : NULL;

  return end != NULL ? (size_t)(end - bytes) + 4 : 0;
}

size_t
blob_body_length(const char *head, size_t length)
{
  static const char name[] = "\r\ncontent-length:";
  const char *end = head + length;

  for (const char *line = head; line != NULL && line < end;
       line = memmem(line + 1, (size_t)(end - line - 1), "\r\n", 2)) {
    uint64_t value;

    if ((size_t)(end - line) < sizeof name ||
        strncasecmp(line, name, sizeof name - 1) != 0)
      continue;
    line += sizeof name - 1;
    line += strspn(line, " ");
    return decimal_read(&line, SIZE_MAX / 2, &value) ? value : SIZE_MAX;
  }
  return 0;
}

/* Ends the word at text where separator stands; what comes behind it, or
 * NULL.
 */
static char *
cut(char *text, const char *separator)
{
  char *end = strstr(text, separator);

  if (end == NULL)
    return NULL;
  *end = '\0';
  return end + strlen(separator);
}

bool
blob_request_parse(char *head, size_t length, struct blob_request *out)
{
  char *line, *target, *version, *query;

  head[length - 2] = '\0'; /* the last line keeps its end */
  out->header_count = 0;
  out->method = head;
  line = cut(head, "\r\n");
  target = line != NULL ? cut(head, " ") : NULL;
  version = target != NULL ? cut(target, " ") : NULL;
  if (version == NULL || strcmp(version, "HTTP/1.1") != 0)
    return false;
  out->path = target;
  query = cut(target, "?");
  out->query = query != NULL ? query : "";
  while (*line != '\0') {
    char *next = cut(line, "\r\n"), *value = cut(line, ":");

    if (next == NULL || value == NULL || out->header_count == BLOB_HEADERS_MAX)
      return false;
    out->headers[out->header_count++] =
        (struct blob_header){.name = line, .value = value + strspn(value, " ")};
    line = next;
  }
  return true;
}

const char *
blob_header(const struct blob_request *request, const char *name)
{
  for (size_t i = 0; i < request->header_count; i++)
    if (strcasecmp(request->headers[i].name, name) == 0)
      return request->headers[i].value;
  return NULL;
}

bool
blob_query_is(const struct blob_request *request, const char *name,
              const char *value)
{
  size_t name_length = strlen(name), value_length = strlen(value);
  const char *at = request->query;

  for (; at != NULL; at = strchr(at, '&')) {
    at += at[0] == '&';
    if (strncmp(at, name, name_length) == 0 && at[name_length] == '=' &&
        strcspn(at + name_length + 1, "&") == value_length &&
        strncmp(at + name_length + 1, value, value_length) == 0)
      return true;
  }
  return false;
}

bool
blob_range(const struct blob_request *request, uint64_t size, uint64_t *offset,
           uint64_t *count, bool *given)
{
  const char *text = blob_header(request, "x-ms-range");
  uint64_t last;

  if (text == NULL)
    text = blob_header(request, "Range");
  *given = text != NULL;
  if (text == NULL || strncmp(text, "bytes=", 6) != 0)
    return false;
  text += 6;
  if (!decimal_read(&text, INT64_MAX, offset) || *text++ != '-' ||
      !decimal_read(&text, INT64_MAX, &last) || *text != '\0' ||
      last < *offset || *offset >= size)
    return false;
  if (last >= size)
    last = size - 1;
  *count = last - *offset + 1;
  return true;
}
