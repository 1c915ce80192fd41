/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cached-bench.h: a connection with a cache, on a fake store. */
#ifndef TESTS_CACHED_BENCH_H
#define TESTS_CACHED_BENCH_H

#include "cache/block-cache.h"
#include "volume-bench.h"

#define BLOCK 1024
#define AGE (500 * NANOSECONDS_PER_MILLISECOND)

struct cached {
  struct world *world;
  struct gateway gateway;
  struct cache *cache;
  struct connection connection;
};

/* The cache has room for that many blocks. */
struct cached begin(struct world *world, unsigned blocks, bool write_back);
/* Everything that is due. */
void settle(struct cached *cached);
/* Detaches, and takes everything down. */
void end(struct cached *cached);

struct call {
  struct volume_request request; /* first */
  bool finished;
};

/* Begins a request and takes it as far as it goes now. */
void call_begin(struct cached *cached, struct call *call,
                enum store_io_kind kind, unsigned flags, void *buffer,
                uint64_t offset, uint64_t count);
void call_go_on(struct cached *cached, struct call *call);

/* A request to its end; its status. */
int call(struct cached *cached, enum store_io_kind kind, unsigned flags,
         void *buffer, uint64_t offset, uint64_t count);
/* Writes count times fill. */
int put(struct cached *cached, char fill, uint64_t offset, uint64_t count);
int flush(struct cached *cached);

#endif
