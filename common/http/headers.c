/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* headers.c: lists of names and values; see headers.h. */
#include "http/headers.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void
free_secret(char *text)
{
  if (text != NULL)
    OPENSSL_cleanse(text, strlen(text));
  free(text);
}

/* Takes value over. */
static int
add(struct http_headers *list, const char *name, size_t name_length,
    char *value)
{
  char *copy = strndup(name, name_length);
  size_t bytes;

  if (copy == NULL || value == NULL)
    goto no_memory;
  bytes = name_length + strlen(value) + 2;
  if (bytes > HTTP_HEADERS_MAX - list->bytes) {
    list->status = STATUS_INVALID;
    goto failed;
  }
  if (list->count == list->capacity) {
    size_t wanted = list->capacity == 0 ? 16 : 2 * list->capacity;
    struct http_header *items =
        reallocarray(list->items, wanted, sizeof *items);

    if (items == NULL)
      goto no_memory;
    list->items = items;
    list->capacity = wanted;
  }
  list->items[list->count++] = (struct http_header){copy, value};
  list->bytes += bytes;
  return 0;

no_memory:
  list->status = STATUS_NO_MEMORY;
failed:
  free(copy);
  free_secret(value);
  return list->status;
}

int
http_headers_add(struct http_headers *list, const char *name, const char *value)
{
  if (list->status != 0)
    return list->status;
  return add(list, name, strlen(name), strdup(value));
}

int
http_headers_printf(struct http_headers *list, const char *name,
                    const char *format, ...)
{
  char *value = NULL;
  va_list args;

  if (list->status != 0)
    return list->status;
  va_start(args, format);
  if (vasprintf(&value, format, args) < 0)
    value = NULL;
  va_end(args);
  return add(list, name, strlen(name), value);
}

int
http_headers_set(struct http_headers *list, const char *name, const char *value)
{
  for (size_t i = 0; i < list->count && list->status == 0; i++) {
    struct http_header *item = &list->items[i];
    char *copy;

    if (strcmp(item->name, name) != 0)
      continue;
    copy = strdup(value);
    if (copy == NULL)
      return list->status = STATUS_NO_MEMORY;
    list->bytes += strlen(copy);
    list->bytes -= strlen(item->value);
    free_secret(item->value);
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
  return add(list, line, (size_t)(colon - line),
             strndup(value, (size_t)(end - value)));
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
  for (size_t i = 0; i < list->count; i++) {
    free(list->items[i].name);
    free_secret(list->items[i].value);
  }
  free(list->items);
  *list = (struct http_headers){0};
}
