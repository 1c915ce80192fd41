/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* volume-bench.c: gateways without threads; see volume-bench.h. */
#include "volume-bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
setup(void **state)
{
  struct world *world = calloc(1, sizeof *world);

  fake_clock_init(&world->clock);
  fake_store_init(&world->store, &world->clock);
  *state = world;
  return 0;
}

int
teardown(void **state)
{
  struct world *world = *state;

  fake_store_destroy(&world->store);
  free(world);
  return 0;
}

struct gateway
gateway_open(struct world *world)
{
  struct keeper_config config = {.clock = &world->clock.clock,
                                 .log = world->log,
                                 .duration_s = 30,
                                 .memberships = world->memberships,
                                 .drain_ns = 30 * SECOND,
                                 .extra_new = volume_extra_new};
  struct gateway gateway = {.world = world, .keeper = keeper_new(&config)};

  assert_non_null(gateway.keeper);
  return gateway;
}

void
turn(struct gateway *gateway)
{
  for (unsigned i = 0; i < 10; i++)
    keeper_turn(gateway->keeper);
}

void
gateway_close(struct gateway *gateway)
{
  turn(gateway);
  assert_true(keeper_free(gateway->keeper));
}

struct connection
connect_to(struct gateway *gateway, const char *node, const char *instance)
{
  struct connection made = {.gateway = gateway};
  struct error error = ERROR_INIT;

  assert_int_equal(keeper_attach(gateway->keeper, &gateway->world->store.store,
                                 "disk0", node, instance, &made.tenure, &error),
                   0);
  made.volume.tenure = made.tenure;
  made.volume.clock = &gateway->world->clock.clock;
  made.volume.limits.io_timeout_ns = 30 * SECOND;
  turn(gateway);
  return made;
}

void
disconnect(struct connection *connection)
{
  keeper_detach(connection->tenure);
  turn(connection->gateway);
}

enum gate_position
gate_of(const struct connection *connection)
{
  struct gate gate;

  tenure_gate(connection->tenure, &gate);
  return gate.position;
}

void
bench_wake(struct volume_request *request, enum volume_wake kind)
{
  (void)request;
  (void)kind;
}

void
start(struct connection *connection, struct client *client,
      enum store_io_kind kind, char fill, uint64_t offset)
{
  memset(client, 0, sizeof *client);
  memset(client->buffer, fill, sizeof client->buffer);
  client->request.io.kind = kind;
  client->request.io.offset = offset;
  if (kind != STORE_FLUSH)
    client->request.io.count = sizeof client->buffer;
  client->request.io.buffer = client->buffer;
  client->request.wake = bench_wake;
  volume_begin(&connection->volume, &client->request);
  client->finished = volume_advance(&client->request);
}

void
go_on(struct connection *connection, struct client *client)
{
  for (unsigned i = 0; i < 20 && !client->finished; i++) {
    turn(connection->gateway);
    if (client->request.wake_at_ns == TIME_NEVER)
      return; /* the store has it */
    client->finished = volume_advance(&client->request);
  }
}

int
run(struct connection *connection, enum store_io_kind kind, char fill,
    uint64_t offset)
{
  struct client client;

  start(connection, &client, kind, fill, offset);
  go_on(connection, &client);
  /* At most until the store may be asked again. */
  if (!client.finished && client.request.wake_at_ns != TIME_NEVER) {
    connection->gateway->world->clock.now_ns = client.request.wake_at_ns;
    go_on(connection, &client);
  }
  assert_true(client.finished);
  return client.request.status;
}

int
write_at(struct connection *connection, char fill, uint64_t offset)
{
  return run(connection, STORE_WRITE, fill, offset);
}

void
woken(struct connection *connection, struct client *client)
{
  client->finished = volume_advance(&client->request);
  go_on(connection, client);
}

void
preempt(struct world *world, const char *victim, const char *node)
{
  struct lease_id from, to;

  lease_id_from_node(victim, NULL, &from);
  lease_id_from_node(node, NULL, &to);
  assert_int_equal(
      blob_lease_change(&world->store.lease, &from, &to, world->clock.now_ns),
      0);
  blob_lease_renew(&world->store.lease, &to, world->clock.now_ns);
  snprintf(world->store.node, sizeof world->store.node, "%s", node);
}
