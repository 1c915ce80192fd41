/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client.h: what the libnbd clients of the end-to-end tests share. */
#ifndef LEASEHOLD_CLIENT_H
#define LEASEHOLD_CLIENT_H

#include <libnbd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *format, ...)
{
  va_list args;

  va_start(args, format);
  fprintf(stderr, "FAIL: ");
  vfprintf(stderr, format, args);
  fprintf(stderr, "\n");
  va_end(args);
  exit(EXIT_FAILURE);
}

/* For libnbd's calls, which answer -1 and keep a text. */
static inline int64_t
must(int64_t result)
{
  if (result == -1)
    fail("%s", nbd_get_error());
  return result;
}

/* A connection that sends unaligned requests as they are. */
static inline struct nbd_handle *
client_new(void)
{
  struct nbd_handle *client = nbd_create();

  if (client == NULL)
    fail("%s", nbd_get_error());
  must(nbd_add_meta_context(client, LIBNBD_CONTEXT_BASE_ALLOCATION));
  must(nbd_set_strict_mode(client, nbd_get_strict_mode(client) &
                                       ~(uint32_t)LIBNBD_STRICT_ALIGN));
  return client;
}

static inline struct nbd_handle *
client_connect(const char *uri)
{
  struct nbd_handle *client = client_new();

  must(nbd_connect_uri(client, uri));
  return client;
}

static inline void
client_close(struct nbd_handle *client)
{
  must(nbd_shutdown(client, 0));
  nbd_close(client);
}

/* The same numbers in each run; not for secrets. */
static inline uint32_t
next_random(uint32_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static inline void
fill_random(unsigned char *bytes, size_t count, uint32_t seed)
{
  uint32_t state = seed * 2654435761u | 1;

  for (size_t i = 0; i < count; i++)
    bytes[i] = (unsigned char)(next_random(&state) >> 24);
}

static inline void *
must_allocate(size_t size)
{
  void *memory = calloc(1, size);

  if (memory == NULL)
    fail("no memory");
  return memory;
}

#endif
