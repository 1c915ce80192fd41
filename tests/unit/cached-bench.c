/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cached-bench.c: a connection with a cache, for tests; see cached-bench.h. */
#include "cached-bench.h"

#include <string.h>

struct cached
begin(struct world *world, unsigned blocks, bool write_back)
{
  struct cached cached = {.world = world};
  struct cache_config config = {
      .clock = &world->clock.clock,
      .size = blocks * (BLOCK + sizeof(struct block)),
      .block_size = BLOCK,
      .connections = 4,
      .age_ns = AGE,
      .write_back = write_back,
  };
  struct keeper_config keeper_config = {.clock = &world->clock.clock,
                                        .duration_s = 30,
                                        .write_back = write_back,
                                        .drain_ns = 30 * SECOND,
                                        .memberships = world->memberships,
                                        .extra_new = volume_extra_new};

  cached.gateway =
      (struct gateway){.world = world, .keeper = keeper_new(&keeper_config)};
  cached.cache = cache_new(&config);
  assert_non_null(cached.cache);
  world->store.alignment = STORE_SECTOR;
  cached.connection = connect_to(&cached.gateway, "a", "");
  cached.connection.volume.cache = cached.cache;
  return cached;
}

void
settle(struct cached *cached)
{
  for (unsigned i = 0; i < 5; i++) {
    turn(&cached->gateway);
    cache_turn(cached->cache);
  }
}

void
end(struct cached *cached)
{
  keeper_detach(cached->connection.tenure);
  settle(cached);
  gateway_close(&cached->gateway);
  cache_free(cached->cache);
}

void
call_go_on(struct cached *cached, struct call *call)
{
  for (unsigned i = 0; i < 200 && !call->finished; i++) {
    settle(cached);
    if (call->request.wake_at_ns == TIME_NEVER && cached->world->store.hold_io)
      return; /* the store has it */
    call->finished = volume_advance(&call->request);
  }
}

void
call_begin(struct cached *cached, struct call *call, enum store_io_kind kind,
           unsigned flags, void *buffer, uint64_t offset, uint64_t count)
{
  memset(call, 0, sizeof *call);
  call->request.io.kind = kind;
  call->request.io.flags = flags;
  call->request.io.buffer = buffer;
  call->request.io.offset = offset;
  call->request.io.count = count;
  call->request.wake = bench_wake;
  volume_begin(&cached->connection.volume, &call->request);
  call->finished = volume_advance(&call->request);
  call_go_on(cached, call);
}

int
call(struct cached *cached, enum store_io_kind kind, unsigned flags,
     void *buffer, uint64_t offset, uint64_t count)
{
  struct call made;

  call_begin(cached, &made, kind, flags, buffer, offset, count);
  assert_true(made.finished);
  return made.request.status;
}

int
put(struct cached *cached, char fill, uint64_t offset, uint64_t count)
{
  char buffer[8192];

  memset(buffer, fill, sizeof buffer);
  return call(cached, STORE_WRITE, 0, buffer, offset, count);
}

int
flush(struct cached *cached)
{
  return call(cached, STORE_FLUSH, 0, NULL, 0, 0);
}
