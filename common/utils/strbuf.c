/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* strbuf.c: a string that grows up to a hard limit. */
#include "utils/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for length more bytes and a NUL. */
static int
reserve(struct strbuf *buffer, size_t length)
{
  size_t needed, capacity = buffer->capacity;
  char *text;

  if (buffer->status != 0)
    return buffer->status;
  if (length > buffer->limit - buffer->length)
    return buffer->status = STATUS_INVALID;
  needed = buffer->length + length + 1;
  if (needed <= capacity)
    return 0;
  capacity = capacity < 64 ? 64 : 2 * capacity;
  if (capacity < needed)
    capacity = needed;
  text = realloc(buffer->text, capacity);
  if (text == NULL)
    return buffer->status = STATUS_NO_MEMORY;
  buffer->text = text;
  buffer->capacity = capacity;
  return 0;
}

int
strbuf_add(struct strbuf *buffer, const char *bytes, size_t length)
{
  if (reserve(buffer, length) != 0)
    return buffer->status;
  memcpy(buffer->text + buffer->length, bytes, length);
  buffer->length += length;
  buffer->text[buffer->length] = '\0';
  return 0;
}

int
strbuf_printf(struct strbuf *buffer, const char *format, ...)
{
  size_t room;
  va_list args;
  int length;

  if (reserve(buffer, 0) != 0)
    return buffer->status;
  /* Mostly it fits into what is there. */
  room = buffer->capacity - buffer->length;
  va_start(args, format);
  length = vsnprintf(buffer->text + buffer->length, room, format, args);
  va_end(args);
  if (length >= 0 && (size_t)length >= room) {
    buffer->text[buffer->length] = '\0';
    if (reserve(buffer, (size_t)length) != 0)
      return buffer->status;
    va_start(args, format);
    vsnprintf(buffer->text + buffer->length, (size_t)length + 1, format, args);
    va_end(args);
  }
  if (length < 0 || (size_t)length > buffer->limit - buffer->length) {
    buffer->text[buffer->length] = '\0';
    return buffer->status = STATUS_INVALID;
  }
  buffer->length += (size_t)length;
  return 0;
}

void
strbuf_free(struct strbuf *buffer)
{
  size_t limit = buffer->limit;

  free(buffer->text);
  *buffer = (struct strbuf){.limit = limit};
}
