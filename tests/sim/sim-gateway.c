/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-gateway.c: gateways: a keeper, perhaps a cache, and a clock of their own;
 * see sim.h.
 */
#include "sim.h"

#include <stdlib.h>

#include "cache/block-cache.h"
#include "lease/keeper-internal.h"

/* --- clocks ----------------------------------------------------------------
 */

static uint64_t
local_clock(const struct clock *clock)
{
  const struct gateway *gateway = (const struct gateway *)clock;

  return START +
         (uint64_t)((double)(gateway->sim->now_ns - START) * gateway->rate);
}

static int64_t
wall_clock(const struct clock *clock)
{
  return (int64_t)(local_clock(clock) / MILLISECOND);
}

/* The true time at which a gateway's clock shows local_ns, or just after. */
uint64_t
sim_true_time(const struct gateway *gateway, uint64_t local_ns)
{
  if (local_ns <= START)
    return START;
  return START + (uint64_t)((double)(local_ns - START) / gateway->rate) + 1000;
}

/* --- gateways ----------------------------------------------------------------
 */

bool
sim_paused(const struct gateway *gateway)
{
  return gateway->paused_until_ns > gateway->sim->now_ns;
}

static void
run_turn(struct sim *sim, struct event *event)
{
  struct gateway *gateway =
      (struct gateway *)((char *)event - offsetof(struct gateway, turn));
  uint64_t next_ns;

  if (sim_paused(gateway)) {
    sim_at(sim, event, gateway->paused_until_ns);
    return;
  }
  next_ns = keeper_turn(gateway->keeper);
  if (next_ns != TIME_NEVER && !gateway->turn.queued)
    sim_at(sim, event, sim_true_time(gateway, next_ns));
  oracle_gates(sim);
}

static void
kick_turn(struct keeper_kick *kick)
{
  struct gateway *gateway =
      (struct gateway *)((char *)kick - offsetof(struct gateway, kick));
  struct sim *sim = gateway->sim;
  uint64_t at_ns = sim->now_ns + 50000;

  if (!gateway->turn.queued || gateway->turn.at_ns > at_ns)
    sim_at(sim, &gateway->turn, at_ns);
}

static void
run_cache_turn(struct sim *sim, struct event *event)
{
  struct gateway *gateway =
      (struct gateway *)((char *)event - offsetof(struct gateway, cache_turn));
  uint64_t next_ns;

  if (sim_paused(gateway)) {
    sim_at(sim, event, gateway->paused_until_ns);
    return;
  }
  next_ns = cache_turn(gateway->cache);
  if (next_ns != TIME_NEVER && !gateway->cache_turn.queued)
    sim_at(sim, event, sim_true_time(gateway, next_ns));
}

static void
kick_cache(struct cache_kick *kick)
{
  struct gateway *gateway =
      (struct gateway *)((char *)kick - offsetof(struct gateway, cache_kick));
  struct sim *sim = gateway->sim;
  uint64_t at_ns = sim->now_ns + 50000;

  if (!gateway->cache_turn.queued || gateway->cache_turn.at_ns > at_ns)
    sim_at(sim, &gateway->cache_turn, at_ns);
}

/* Room for a part of the volume only, in blocks of two sectors. */
static void
cache_start_small(struct gateway *gateway)
{
  struct sim *sim = gateway->sim;
  uint64_t seed = sim->schedule->seed;
  struct cache_config config = {
      .clock = &gateway->clock,
      .block_size = 2 * STORE_SECTOR,
      .size = (3 + seed % 5) * (2 * STORE_SECTOR + sizeof(struct block)),
      .connections = 1 + (unsigned)(seed / 8 % 4),
      .age_ns = CACHE_AGE_NS,
      .write_back = sim->write_back,
  };

  gateway->cache = cache_new(&config);
  if (gateway->cache == NULL)
    abort();
  cache_set_kick(gateway->cache, &gateway->cache_kick);
}

void
sim_gateway_start(struct gateway *gateway)
{
  struct sim *sim = gateway->sim;
  struct keeper_config config = {
      .clock = &gateway->clock,
      .duration_s = sim->duration_s,
      .write_back = sim->write_back,
      .drain_ns = IO_TIMEOUT,
      .extra_new = volume_extra_new,
      .memberships = sim->groups ? &gateway->memberships : NULL,
  };

  gateway->incarnation++;
  gateway->keeper = keeper_new(&config);
  if (gateway->keeper == NULL)
    abort();
  keeper_set_kick(gateway->keeper, &gateway->kick);
  keeper_set_scout(gateway->keeper, &gateway->scout);
  if (sim->cached)
    cache_start_small(gateway);
}

static void
forget(struct sim *sim, const struct gateway *gateway)
{
  for (struct message *message = sim->messages; message != NULL;
       message = message->next) {
    if (message->from->gateway == gateway &&
        message->from->incarnation == gateway->incarnation) {
      message->command = NULL;
      message->io = NULL;
    }
  }
}

void
sim_gateway_end(struct gateway *gateway)
{
  forget(gateway->sim, gateway);
  keeper_abandon(gateway->keeper);
  cache_free(gateway->cache);
  gateway->cache = NULL;
}

void
sim_gateway_init(struct sim *sim, struct gateway *gateway)
{
  gateway->sim = sim;
  gateway->clock.boottime_ns = local_clock;
  gateway->clock.wall_ms = wall_clock;
  gateway->store.ops = &sim_store_ops;
  gateway->memberships.submit = sim_submit_membership;
  gateway->kick.kick = kick_turn;
  gateway->scout.look = sim_scout;
  gateway->turn.run = run_turn;
  gateway->cache_kick.kick = kick_cache;
  gateway->cache_turn.run = run_cache_turn;
  gateway->rate = 1;
  if (sim->schedule->bad_clocks) /* 0.7 to 1.3: far beyond the margin, too */
    gateway->rate = 0.7 + (double)sim_random(sim, 601) / 1000;
  sim_gateway_start(gateway);
}
