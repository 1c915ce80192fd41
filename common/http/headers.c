/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* headers.c: lists of names and values; see headers.h. */
#include "http/headers.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Names and values lie one behind the other in a few pieces of memory, which
 * only grow: a list has many of them, and does not live long.
 */
#define CHUNK_MIN 1000

struct http_chunk {
  struct http_chunk *next;
  size_t size, used;
  char bytes[];
};

/* Room for length bytes in a chunk, or NULL. */
static char *
room_for(struct http_headers *list, size_t length)
{
  struct http_chunk *chunk = list->chunks;

  if (chunk == NULL || length > chunk->size - chunk->used) {
    size_t size = length > CHUNK_MIN ? length : CHUNK_MIN;

    chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL)
      return NULL;
    *chunk = (struct http_chunk){.next = list->chunks, .size = size};
    list->chunks = chunk;
  }
  chunk->used += length;
  return chunk->bytes + chunk->used - length;
}

/* A copy in the list's memory, with a NUL; NULL: there is none, see status. */
static char *
copy_into(struct http_headers *list, const char *text, size_t length)
{
  char *copy;

  if (length + 1 > HTTP_HEADERS_MAX - list->bytes) {
    list->status = STATUS_INVALID;
    return NULL;
  }
  copy = room_for(list, length + 1);
  if (copy == NULL) {
    list->status = STATUS_NO_MEMORY;
    return NULL;
  }
  list->bytes += length + 1;
  memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}

static int
grow(struct http_headers *list)
{
  size_t wanted = list->capacity == 0 ? 16 : 2 * list->capacity;
  struct http_header *items;

  if (list->count < list->capacity)
    return 0;
  items = reallocarray(list->items, wanted, sizeof *items);
  if (items == NULL)
    return list->status = STATUS_NO_MEMORY;
  list->items = items;
  list->capacity = wanted;
  return 0;
}

static int
add(struct http_headers *list, const char *name, size_t name_length,
    const char *value, size_t value_length)
{
  struct http_header header = {NULL, NULL};

  if (grow(list) != 0)
    return list->status;
  header.name = copy_into(list, name, name_length);
  if (header.name != NULL)
    header.value = copy_into(list, value, value_length);
  if (header.value == NULL)
    return list->status;
  list->items[list->count++] = header;
  return 0;
}

int
http_headers_add(struct http_headers *list, const char *name, const char *value)
{
  if (list->status != 0)
    return list->status;
  return add(list, name, strlen(name), value, strlen(value));
}

int
http_headers_printf(struct http_headers *list, const char *name,
                    const char *format, ...)
{
  char few[256], *value = few;
  va_list args;
  int length;

  if (list->status != 0)
    return list->status;
  va_start(args, format);
  length = vsnprintf(few, sizeof few, format, args);
  va_end(args);
  if (length >= (int)sizeof few) {
    va_start(args, format);
    if (vasprintf(&value, format, args) < 0)
      value = NULL;
    va_end(args);
  }
  if (length < 0 || value == NULL)
    return list->status = STATUS_NO_MEMORY;
  add(list, name, strlen(name), value, (size_t)length);
  OPENSSL_cleanse(value, (size_t)length);
  if (value != few)
    free(value);
  return list->status;
}

int
http_headers_set(struct http_headers *list, const char *name, const char *value)
{
  for (size_t i = 0; i < list->count && list->status == 0; i++) {
    struct http_header *item = &list->items[i];
    const char *copy;

    if (strcmp(item->name, name) != 0)
      continue;
    copy = copy_into(list, value, strlen(value));
    if (copy == NULL)
      return list->status;
    item->value = copy;
    return 0;
  }
  return http_headers_add(list, name, value);
}

static bool
is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int
http_headers_add_line(struct http_headers *list, const char *line,
                      size_t length)
{
  const char *colon = memchr(line, ':', length), *value, *end = line + length;

  if (list->status != 0)
    return list->status;
  if (colon == NULL || colon == line || memchr(line, '\0', length) != NULL ||
      is_blank(line[0]) || is_blank(colon[-1]))
    return 0;
  value = colon + 1;
  while (value < end && is_blank(*value))
    value++;
  while (end > value && is_blank(end[-1]))
    end--;
  return add(list, line, (size_t)(colon - line), value, (size_t)(end - value));
}

const char *
http_headers_get(const struct http_headers *list, const char *name)
{
  for (size_t i = 0; i < list->count; i++)
    if (strcasecmp(list->items[i].name, name) == 0)
      return list->items[i].value;
  return NULL;
}

static int
compare(const void *a, const void *b)
{
  return strcmp(((const struct http_header *)a)->name,
                ((const struct http_header *)b)->name);
}

void
http_headers_sort(struct http_headers *list)
{
  if (list->count > 0)
    qsort(list->items, list->count, sizeof list->items[0], compare);
}

void
http_headers_free(struct http_headers *list)
{
  struct http_chunk *chunk;

  while ((chunk = list->chunks) != NULL) {
    list->chunks = chunk->next;
    OPENSSL_cleanse(chunk->bytes, chunk->used);
    free(chunk);
  }
  free(list->items);
  *list = (struct http_headers){0};
}
