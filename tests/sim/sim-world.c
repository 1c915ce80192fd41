/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-world.c: clients, and what they and fate do; see sim.h.
 *
 * A run has three parts: the schedule's actions, with faults; a calm time in
 * which everything on its way comes to its end; and the question whether some
 * node can write now (O6).
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease/keeper-internal.h"

#define SCHEDULE_LENGTH (300 * SECOND)
#define CALM_LENGTH (300 * SECOND)
#define LIVE_WITHIN (100 * SECOND)

/* --- operations
 * ---------------------------------------------------------------- */

static void
op_answered(struct client_op *slot, int status)
{
  struct client *client = slot->client;
  struct sim *sim = client->sim;
  struct op *op = &sim->ops[slot->op];
  uint32_t number = slot->op;

  op->answered = true;
  op->answered_ns = sim->now_ns;
  op->status = status;
  slot->op = 0;
  sim_cancel(sim, &slot->advance);
  sim_trace(sim, "client %u: op %u: %s", (unsigned)(client - sim->clients),
            number, status_text(status));
  oracle_answered(sim, client, number, slot->buffer);
}

static void
advance(struct client_op *slot)
{
  struct gateway *gateway = slot->client->gateway;

  slot->store_woken = false;
  if (volume_advance(&slot->request))
    op_answered(slot, slot->request.status);
  else if (slot->request.wake_at_ns != TIME_NEVER && !slot->advance.queued)
    sim_at(gateway->sim, &slot->advance,
           sim_true_time(gateway, slot->request.wake_at_ns));
}

static void
run_advance(struct sim *sim, struct event *event)
{
  struct client_op *slot =
      (struct client_op *)((char *)event - offsetof(struct client_op, advance));

  if (sim_paused(slot->client->gateway)) {
    sim_at(sim, event, slot->client->gateway->paused_until_ns);
    return;
  }
  if (slot->request.wake_at_ns != TIME_NEVER || slot->store_woken)
    advance(slot);
}

static void
wake(struct volume_request *request, enum volume_wake kind)
{
  struct client_op *slot = (struct client_op *)request;

  if (kind == VOLUME_WAKE_STORE)
    slot->store_woken = true;
  sim_at(slot->client->sim, &slot->advance, slot->client->sim->now_ns);
}

static struct client_op *
free_slot(struct client *client)
{
  for (unsigned i = 0; i < CLIENT_OPS; i++) {
    if (client->ops[i].op == 0)
      return &client->ops[i];
  }
  return NULL;
}

static void
begin_op(struct client *client, enum store_io_kind kind, bool fua,
         unsigned first, unsigned sectors)
{
  struct sim *sim = client->sim;
  struct client_op *slot = free_slot(client);
  struct gate gate;
  struct op *op;

  if (slot == NULL || sim->op_count + 1 == OPS_MAX)
    return;
  if (first + sectors > SECTORS)
    sectors = SECTORS - first;
  slot->op = ++sim->op_count;
  slot->client = client;
  slot->advance.run = run_advance;
  slot->store_woken = false;
  op = &sim->ops[slot->op];
  *op =
      (struct op){.kind = kind,
                  .first = first,
                  .sectors = sectors,
                  .fua = fua,
                  .invoked_ns = sim->now_ns,
                  .volume = (struct sim_volume *)tenure_volume(client->tenure)};
  tenure_gate(client->tenure, &gate);
  op->window_ns = oracle_window(op->volume, &gate);
  slot->request = (struct volume_request){.wake = wake};
  slot->request.io.kind = kind;
  if (kind != STORE_FLUSH) {
    slot->request.io.offset = first * STORE_SECTOR;
    slot->request.io.count = sectors * STORE_SECTOR;
    slot->request.io.buffer = kind == STORE_ZERO ? NULL : slot->buffer;
    slot->request.io.flags = fua ? STORE_IO_FUA : 0;
  }
  for (unsigned i = 0; kind == STORE_WRITE && i < sectors; i++)
    memcpy(slot->buffer + i * STORE_SECTOR, &(uint64_t){slot->op},
           sizeof(uint64_t));
  sim_trace(sim, "client %u (n%u/%s): op %u: kind %d sectors %u+%u%s",
            (unsigned)(client - sim->clients), client->node, client->instance,
            slot->op, (int)kind, first, sectors, fua ? " FUA" : "");
  volume_begin(&client->volume, &slot->request);
  advance(slot);
}

/* --- clients ----------------------------------------------------------------
 */

static bool
busy(const struct client *client)
{
  for (unsigned i = 0; i < CLIENT_OPS; i++) {
    if (client->ops[i].op != 0)
      return true;
  }
  return false;
}

static void
client_connect(struct client *client, struct gateway *gateway, unsigned node,
               const char *instance)
{
  struct error error = ERROR_INIT;
  char name[16];

  snprintf(name, sizeof name, "n%u", node);
  client->node = node;
  snprintf(client->instance, sizeof client->instance, "%s", instance);
  client->gateway = gateway;
  client->fenced = false;
  if (keeper_attach(gateway->keeper, &gateway->store, "disk0", name, instance,
                    &client->tenure, &error) != 0)
    abort();
  struct sim_volume *volume =
      (struct sim_volume *)tenure_volume(client->tenure);

  snprintf(volume->node, sizeof volume->node, "%s", name);
  snprintf(volume->instance, sizeof volume->instance, "%s", instance);
  client->volume = (struct volume){.tenure = client->tenure,
                                   .cache = gateway->cache,
                                   .clock = &gateway->clock,
                                   .limits = {.io_timeout_ns = IO_TIMEOUT}};
  sim_trace(client->sim, "client %u: connects as n%u/%s to gateway %u",
            (unsigned)(client - client->sim->clients), node, instance,
            (unsigned)(gateway - client->sim->gateways));
}

static void
client_disconnect(struct client *client)
{
  sim_trace(client->sim, "client %u: disconnects",
            (unsigned)(client - client->sim->clients));
  keeper_detach(client->tenure);
  client->gateway = NULL;
  client->tenure = NULL;
}

static void
crash(struct sim *sim, struct gateway *gateway)
{
  sim_trace(sim, "gateway %u crashes", (unsigned)(gateway - sim->gateways));
  sim->counts.crashes++;
  for (struct sim_volume *volume = sim->store.volumes; volume != NULL;
       volume = volume->next) {
    if (volume->gateway == gateway && !volume->closed)
      volume->died = true;
  }
  for (unsigned i = 0; i < CLIENTS; i++) {
    struct client *client = &sim->clients[i];

    if (client->gateway != gateway)
      continue;
    for (unsigned j = 0; j < CLIENT_OPS; j++) {
      if (client->ops[j].op != 0)
        op_answered(&client->ops[j], STATUS_UNKNOWN);
    }
    client->gateway = NULL;
    client->tenure = NULL;
  }
  sim_handover_forget(sim, gateway);
  sim_gateway_end(gateway);
  sim_cancel(sim, &gateway->turn);
  sim_cancel(sim, &gateway->cache_turn);
  gateway->paused_until_ns = 0;
  sim_gateway_start(gateway);
}

/* --- actions ----------------------------------------------------------------
 */

static void
act_connect(struct sim *sim, const struct action *action)
{
  struct client *client = &sim->clients[action->who];
  struct gateway *gateway = &sim->gateways[action->c % GATEWAYS];
  unsigned node = action->a % NODES;
  char instance[16] = "";

  if (client->gateway != NULL || sim_paused(gateway))
    return;
  if (action->b % 3 == 2)
    sim->boots[node]++;
  if (action->b % 3 != 0)
    snprintf(instance, sizeof instance, "boot-%u", sim->boots[node]);
  client_connect(client, gateway, node, instance);
}

/* Reads that follow one another, so that the cache reads ahead, and a change of
 * what comes next, before them or behind.
 */
static void
scan(struct client *client, const struct action *action)
{
  enum store_io_kind kind = action->b % 2 != 0 ? STORE_ZERO : STORE_WRITE;
  unsigned first = action->a % 3 * 2, behind = first + 6;
  unsigned sectors = 1 + action->c % 2;

  if (action->b % 3 == 0)
    begin_op(client, kind, false, behind, sectors);
  for (unsigned i = 0; i < 3; i++)
    begin_op(client, STORE_READ, false, first + 2 * i, 2);
  if (action->b % 3 == 1)
    begin_op(client, STORE_ZERO, false, behind, sectors);
}

static void
act_on_client(struct sim *sim, const struct action *action)
{
  struct client *client = &sim->clients[action->who];
  unsigned first = action->a % SECTORS, sectors = 1 + action->b % 4;

  if (client->gateway == NULL || sim_paused(client->gateway))
    return;
  switch (action->kind) {
  case ACT_DISCONNECT:
    if (!busy(client))
      client_disconnect(client);
    break;
  case ACT_WRITE:
    begin_op(client, STORE_WRITE, false, first, sectors);
    break;
  case ACT_ZERO:
    begin_op(client, STORE_ZERO, false, first, sectors);
    break;
  case ACT_FUA:
    begin_op(client, STORE_WRITE, true, first, sectors);
    break;
  case ACT_READ:
    begin_op(client, STORE_READ, false, first, sectors);
    break;
  case ACT_SCAN:
    scan(client, action);
    break;
  default:
    begin_op(client, STORE_FLUSH, false, 0, 0);
    break;
  }
}

static void
act(struct sim *sim, const struct action *action)
{
  struct gateway *gateway = &sim->gateways[action->c % GATEWAYS];

  switch (action->kind) {
  case ACT_CONNECT:
    act_connect(sim, action);
    break;
  case ACT_PREEMPT:
    if (action->c % 2 == 0 ||
        !sim_take_over(sim, action->a % NODES, action->b % NODES))
      sim_operator(sim, true, action->a % NODES, action->b % NODES);
    break;
  case ACT_CLEAR:
    if (sim->groups)
      sim_clear(sim);
    else
      sim_operator(sim, false, action->a % NODES, 0);
    break;
  case ACT_HANDOVER:
    sim_ask_handover(sim, action->a % NODES, action->b % NODES,
                     action->c % 4 != 0);
    break;
  case ACT_PAUSE:
    if (!sim_paused(gateway))
      gateway->paused_until_ns =
          sim->now_ns + (1 + action->a % 90000) * MILLISECOND;
    sim_trace(sim, "gateway %u is stopped until %.3f", action->c % GATEWAYS,
              (double)gateway->paused_until_ns / (double)SECOND);
    break;
  case ACT_CRASH:
    crash(sim, gateway);
    break;
  case ACT_BROWN_OUT:
    sim->store.brown_out_until_ns = sim->now_ns + (1 + action->a % 60) * SECOND;
    break;
  case ACT_FLUSH_FAILS:
    sim->store.flush_fails = true;
    break;
  case ACT_REGISTRATION:
    sim_register(sim, action->a, action->b, action->c);
    break;
  case ACT_WRITE_FAILS:
    sim->store.write_fails = true;
    break;
  default:
    act_on_client(sim, action);
    break;
  }
  oracle_gates(sim);
}

static const struct {
  enum action_kind kind;
  unsigned weight;
} weights[] = {
    {ACT_CONNECT, 14},  {ACT_DISCONNECT, 4},  {ACT_WRITE, 32}, {ACT_ZERO, 5},
    {ACT_FUA, 5},       {ACT_READ, 10},       {ACT_FLUSH, 10}, {ACT_PREEMPT, 6},
    {ACT_CLEAR, 1},     {ACT_HANDOVER, 4},    {ACT_PAUSE, 4},  {ACT_CRASH, 2},
    {ACT_BROWN_OUT, 1}, {ACT_FLUSH_FAILS, 2},
};

static bool
has_groups(uint64_t seed)
{
  return seed % 3 == 1;
}

static bool
has_cache(uint64_t seed)
{
  return seed / 2 % 4 != 0;
}

/* Some worlds begin with a node that holds the volume alone, beside which
 * another one, by another gateway, makes a group of the two (docs/
 * reservations.md, "Before the group"). What is drawn comes after that.
 */
static void
begin_beside(struct schedule *schedule, uint64_t *at_ns)
{
  /* The numbers are those of act_connect and sim_register: node 0 by gateway 0
   * and its instance; node 1 by gateway 1; 3: whoever sends it lives.
   */
  static const struct {
    unsigned after_ms;
    struct action action;
  } story[] = {
      {10, {.kind = ACT_REGISTRATION, .a = 0, .b = 3}},
      {10, {.kind = ACT_REGISTRATION, .a = 1, .b = 3}},
      {200, {.kind = ACT_CONNECT, .who = 0, .a = 0, .b = 1, .c = 0}},
      {100, {.kind = ACT_WRITE, .who = 0, .a = 0, .b = 3}},
      {500, {.kind = ACT_WRITE, .who = 0, .a = 4, .b = 1}},
      {500, {.kind = ACT_READ, .who = 0, .a = 0, .b = 3}},
      {100, {.kind = ACT_REGISTRATION, .a = 1, .b = 3, .c = 6}},
      {200, {.kind = ACT_CONNECT, .who = 1, .a = 1, .b = 1, .c = 1}},
      {100, {.kind = ACT_WRITE, .who = 1, .a = 0, .b = 1}},
      {100, {.kind = ACT_READ, .who = 0, .a = 0, .b = 3}},
      {100, {.kind = ACT_WRITE, .who = 0, .a = 8, .b = 1}},
      {1000, {.kind = ACT_READ, .who = 0, .a = 0, .b = 3}},
      {500, {.kind = ACT_WRITE, .who = 1, .a = 1, .b = 1}},
      {500, {.kind = ACT_READ, .who = 0, .a = 0, .b = 3}},
  };

  for (unsigned i = 0; i < sizeof story / sizeof story[0]; i++) {
    struct action *action = &schedule->actions[schedule->count++];

    *at_ns += story[i].after_ms * MILLISECOND;
    *action = story[i].action;
    action->at_ns = *at_ns;
  }
}

/* Actions come in bursts: what is close together makes races. */
void
sim_draw(struct schedule *schedule, uint64_t seed)
{
  static struct sim dice;
  uint64_t at_ns = START;
  unsigned count;

  dice.random = seed * 0x2545f4914f6cdd1dU + 1;
  schedule->seed = seed;
  schedule->bad_messages = schedule->bad_clocks = true;
  schedule->count = 0;
  if (has_groups(seed) && has_cache(seed) && seed / 3 % 4 == 1)
    begin_beside(schedule, &at_ns);
  count = 60 + (unsigned)sim_random(&dice, ACTIONS_MAX - 60);
  while (schedule->count < count) {
    struct action *action = &schedule->actions[schedule->count++];
    unsigned roll = (unsigned)sim_random(&dice, 100), kind = 0;

    while (roll >= weights[kind].weight)
      roll -= weights[kind++].weight;
    at_ns += sim_random(&dice, 10) == 0
                 ? sim_random(&dice, 20 * SCHEDULE_LENGTH / count)
                 : sim_random(&dice, 200 * MILLISECOND);
    action->kind = weights[kind].kind;
    /* In the worlds of groups, most of what operators do is this. */
    if (has_groups(seed) && action->kind == ACT_PREEMPT &&
        sim_random(&dice, 8) != 0)
      action->kind = ACT_REGISTRATION;
    action->at_ns = at_ns;
    action->who = (uint32_t)sim_random(&dice, CLIENTS);
    action->a = (uint32_t)sim_random(&dice, 1000000);
    action->b = (uint32_t)sim_random(&dice, 1000000);
    action->c = (uint32_t)sim_random(&dice, 1000000);
    /* Caches are read more, and lose something now and then. */
    if (has_cache(seed) && action->kind == ACT_WRITE && action->c % 16 == 0)
      action->kind = action->c % 32 == 0 ? ACT_WRITE_FAILS : ACT_READ;
    if (has_cache(seed) && ((action->kind == ACT_READ && action->c % 2 == 0) ||
                            (action->kind == ACT_WRITE && action->c % 8 == 1)))
      action->kind = ACT_SCAN;
  }
}

/* --- a run ---------------------------------------------------------------- */

static void
run_until(struct sim *sim, uint64_t until_ns)
{
  while (sim->violation[0] == '\0' && sim_step(sim, until_ns))
    continue;
  if (sim->now_ns < until_ns)
    sim->now_ns = until_ns;
}

/* Everything that is on its way comes to its end. */
static void
calm_down(struct sim *sim)
{
  sim->calm = true;
  sim->store.brown_out_until_ns = 0;
  sim->store.flush_fails = sim->store.write_fails = false;
  run_until(sim, sim->now_ns + CALM_LENGTH);
  for (unsigned i = 0; i < CLIENTS; i++) {
    struct client *client = &sim->clients[i];

    if (busy(client))
      sim_violation(sim, "O6 an operation of client %u has no end", i);
    else if (client->gateway != NULL)
      client_disconnect(client);
  }
}

static bool
can_write(struct sim *sim)
{
  struct client *client = &sim->clients[0];
  uint32_t number;

  begin_op(client, STORE_WRITE, false, 0, 1);
  number = sim->op_count;
  run_until(sim, sim->now_ns + SECOND);
  return sim->ops[number].answered && sim->ops[number].status == 0;
}

static void
check_live(struct sim *sim)
{
  uint64_t until_ns = sim->now_ns + LIVE_WITHIN;

  if (sim->violation[0] != '\0')
    return;
  if (sim->groups)
    sim_let_write(sim, sim->schedule->seed % 2 == 0);
  client_connect(&sim->clients[0], &sim->gateways[0], 0, "");
  while (!can_write(sim)) {
    if (sim->violation[0] != '\0')
      return;
    if (sim->now_ns > until_ns)
      sim_violation(sim, "O6 nobody can write");
  }
}

static void
tear_down(struct sim *sim)
{
  for (unsigned i = 0; i < GATEWAYS; i++)
    sim_gateway_end(&sim->gateways[i]);
  sim_group_free(sim);
  sim_store_free(sim);
}

bool
sim_run(struct sim *sim, const struct schedule *schedule, bool trace)
{
  static const uint32_t durations[] = {15, 30, 60};

  memset(sim, 0, sizeof *sim);
  sim->schedule = schedule;
  sim->trace = trace;
  sim->now_ns = START;
  sim->random = schedule->seed ^ 0x5851f42d4c957f2dU;
  sim->cached = has_cache(schedule->seed);
  sim->write_back = sim->cached && !has_groups(schedule->seed)
                        ? schedule->seed / 2 % 4 >= 2
                        : schedule->seed % 4 == 0;
  sim->duration_s = durations[schedule->seed % 3];
  sim->groups = has_groups(schedule->seed);
  for (unsigned i = 0; i < GATEWAYS; i++)
    sim_gateway_init(sim, &sim->gateways[i]);
  for (unsigned i = 0; i < CLIENTS; i++)
    sim->clients[i].sim = sim;

  for (unsigned i = 0; i < schedule->count && sim->violation[0] == '\0'; i++) {
    run_until(sim, schedule->actions[i].at_ns);
    if (sim->violation[0] == '\0')
      act(sim, &schedule->actions[i]);
  }
  calm_down(sim);
  check_live(sim);
  tear_down(sim);
  return sim->violation[0] == '\0';
}
