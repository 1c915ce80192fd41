/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* volume-bench.h: gateways without threads, on a fake clock and a fake store.
 */
#ifndef LEASEHOLD_VOLUME_BENCH_H
#define LEASEHOLD_VOLUME_BENCH_H

#include "fake-store.h"
#include "leasehold/keeper.h"
#include "leasehold/volume.h"
#include "unit.h"

#define SECOND NANOSECONDS_PER_SECOND

struct world {
  struct membership_runner *memberships; /* of its gateways; NULL: none */
  struct fake_clock clock;
  struct fake_store store;
  const struct log *log; /* of gateways opened from then on; or NULL */
};

/* A gateway: a keeper of its own. */
struct gateway {
  struct world *world;
  struct keeper *keeper;
};

struct connection {
  struct gateway *gateway;
  struct tenure *tenure;
  struct volume volume;
};

struct client {
  struct volume_request request;
  char buffer[512];
  bool finished;
};

int setup(void **state);
int teardown(void **state);
struct gateway gateway_open(struct world *world);
/* The keeper does all that is due. */
void turn(struct gateway *gateway);
void gateway_close(struct gateway *gateway);
struct connection connect_to(struct gateway *gateway, const char *node,
                             const char *instance);
void disconnect(struct connection *connection);
enum gate_position gate_of(const struct connection *connection);
/* For requests that the tests make themselves. */
void bench_wake(struct volume_request *request, enum volume_wake kind);
/* Begins a request of 512 bytes. */
void start(struct connection *connection, struct client *client,
           enum store_io_kind kind, char fill, uint64_t offset);
/* What a woken thread does, as long as the gate alone is waited for. */
void go_on(struct connection *connection, struct client *client);
/* Begins one and goes on to its end; its status. */
int run(struct connection *connection, enum store_io_kind kind, char fill,
        uint64_t offset);
int write_at(struct connection *connection, char fill, uint64_t offset);
/* After the store has answered. */
void woken(struct connection *connection, struct client *client);
/* The operator's lease commands. */
void preempt(struct world *world, const char *victim, const char *node);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
