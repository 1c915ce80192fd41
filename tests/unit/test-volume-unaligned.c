/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-volume-unaligned.c: changes of part of a sector on a store that takes
 * whole sectors only, also when they race and when the store is in doubt.
 */
#include "lease/keeper-internal.h"
#include "volume-bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
setup_sectors(void **state)
{
  int result = setup(state);
  struct world *world = *state;

  world->store.alignment = STORE_SECTOR;
  return result;
}

static void
begin(struct connection *connection, struct client *client,
      enum store_io_kind kind, char fill, uint64_t offset, uint64_t count)
{
  memset(client, 0, sizeof *client);
  memset(client->buffer, fill, sizeof client->buffer);
  client->request.io.kind = kind;
  client->request.io.offset = offset;
  client->request.io.count = count;
  client->request.io.buffer = kind == STORE_ZERO ? NULL : client->buffer;
  client->request.wake = bench_wake;
  volume_begin(&connection->volume, &client->request);
  client->finished = volume_advance(&client->request);
  go_on(connection, client);
}

static void
assert_bytes(const struct world *world, uint64_t offset, uint64_t count,
             char fill)
{
  for (uint64_t i = 0; i < count; i++)
    assert_int_equal(world->store.data[offset + i], fill);
}

/* Every place and length around three sectors, against plain memory. */
static void
every_alignment_changes_just_its_bytes(void **state)
{
  static const uint64_t places[] = {0,   1,   255,  511,  512,
                                    513, 767, 1023, 1024, 1025};
  static const uint64_t lengths[] = {1, 2, 256, 511, 512};
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  char expected[4096];
  char fill = 1;

  memset(expected, 0, sizeof expected);
  for (unsigned p = 0; p < COUNT(places); p++) {
    for (unsigned l = 0; l < 2 * COUNT(lengths); l++) {
      bool zero = l >= COUNT(lengths);
      uint64_t length = lengths[l % COUNT(lengths)];
      struct client client;

      begin(&a, &client, zero ? STORE_ZERO : STORE_WRITE, fill, places[p],
            length);
      assert_true(client.finished);
      assert_int_equal(client.request.status, 0);
      assert_int_equal(client.request.io.offset, places[p]);
      assert_int_equal(client.request.io.count, length);
      memset(expected + places[p], zero ? 0 : fill, length);
      assert_memory_equal(world->store.data, expected, sizeof expected);
      fill = (char)(fill % 100 + 1);
    }
  }
  disconnect(&a);
  gateway_close(&gateway);
}

static void
race_inside_a_sector_loses_neither_write(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", ""),
                    a2 = connect_to(&gateway, "a", "");
  struct client left, right, whole, other;

  assert_int_equal(write_at(&a, '0', 0), 0);
  world->store.hold_io = true;
  begin(&a, &left, STORE_WRITE, 'l', 0, 100);     /* message 0: its read */
  begin(&a2, &right, STORE_WRITE, 'r', 412, 100); /* waits */
  begin(&a, &whole, STORE_WRITE, 'w', 0, 512);    /* waits, too */
  begin(&a, &other, STORE_WRITE, 'o', 512, 512);  /* message 1: does not */
  assert_int_equal(fake_pending(&world->store), 2);
  fake_complete(&world->store, 1);
  woken(&a, &other);
  assert_true(other.finished);
  fake_complete(&world->store, 0);
  woken(&a, &left); /* message 2: its write */
  fake_complete(&world->store, 2);
  woken(&a, &left);
  assert_true(left.finished);

  world->store.hold_io = false;
  go_on(&a2, &right);
  assert_true(right.finished);
  go_on(&a, &whole);
  assert_true(whole.finished);
  assert_bytes(world, 0, 512, 'w');

  /* And the other way round: nothing of the three is lost. */
  assert_int_equal(write_at(&a, '0', 0), 0);
  begin(&a, &left, STORE_WRITE, 'l', 0, 100);
  begin(&a2, &right, STORE_WRITE, 'r', 412, 100);
  assert_bytes(world, 0, 100, 'l');
  assert_bytes(world, 100, 312, '0');
  assert_bytes(world, 412, 100, 'r');
  disconnect(&a);
  disconnect(&a2);
  gateway_close(&gateway);
}

static void
whole_sectors_do_not_wait_for_each_other(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client one, two;

  assert_int_equal(write_at(&a, '0', 0), 0);
  world->store.hold_io = true;
  begin(&a, &one, STORE_WRITE, '1', 0, 512);
  begin(&a, &two, STORE_WRITE, '2', 0, 512);
  assert_int_equal(fake_pending(&world->store), 2);
  for (unsigned i = 0; i < 2; i++)
    fake_complete(&world->store, i);
  woken(&a, &one);
  woken(&a, &two);
  assert_true(one.finished && two.finished);
  disconnect(&a);
  gateway_close(&gateway);
}

/* S4 in the middle of a read-modify-write. */
static void
s4_merged_write_of_unknown_outcome_is_sent_again(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client client;

  assert_int_equal(write_at(&a, '0', 0), 0);
  world->store.hold_io = true;
  begin(&a, &client, STORE_WRITE, 'x', 10, 20);
  fake_complete(&world->store, 0);
  woken(&a, &client); /* message 1: the merged write */
  fake_answer_with(&world->store, 1, STATUS_UNKNOWN);
  woken(&a, &client); /* message 2, under the next epoch */
  assert_int_equal(world->store.epoch, 2);
  fake_complete(&world->store, 2);
  woken(&a, &client);
  assert_true(client.finished);
  assert_int_equal(client.request.status, 0);
  assert_bytes(world, 0, 10, '0');
  assert_bytes(world, 10, 20, 'x');
  assert_bytes(world, 30, 482, '0');
  fake_deliver(&world->store, 1);
  assert_int_equal(world->store.messages[1].status, STATUS_EPOCH_STALE);
  disconnect(&a);
  gateway_close(&gateway);
}

/* It was in a group in between: what others have written is not undone. */
static void
sector_is_read_again_after_a_group(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client client;

  assert_int_equal(write_at(&a, '0', 0), 0);
  world->store.hold_io = true;
  begin(&a, &client, STORE_WRITE, 'x', 10, 20);
  fake_complete(&world->store, 0);
  woken(&a, &client);
  world->store.hold_io = false;
  a.tenure->session.alone_since = 0; /* as a group leaves it */
  memset(world->store.data, 'n', 512);
  fake_answer_with(&world->store, 1, STATUS_UNKNOWN);
  woken(&a, &client);
  assert_true(client.finished);
  assert_int_equal(client.request.status, 0);
  assert_bytes(world, 0, 10, 'n');
  assert_bytes(world, 10, 20, 'x');
  assert_bytes(world, 30, 482, 'n');
  disconnect(&a);
  gateway_close(&gateway);
}

/* The sector is read only once the gate is open: what another node wrote
 * before that is not undone.
 */
static void
sector_is_read_after_the_claim(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection b = connect_to(&gateway, "b", ""), a;
  struct client client;

  assert_int_equal(write_at(&b, '0', 0), 0);
  a = connect_to(&gateway, "a", "");
  a.volume.limits.gate_wait_ns = 5 * SECOND;
  begin(&a, &client, STORE_WRITE, 'x', 10, 20);
  assert_false(client.finished);
  assert_int_equal(write_at(&b, 'b', 0), 0);
  disconnect(&b);
  world->clock.now_ns += 2 * SECOND;
  go_on(&a, &client);
  assert_true(client.finished);
  assert_int_equal(client.request.status, 0);
  assert_bytes(world, 0, 10, 'b');
  assert_bytes(world, 10, 20, 'x');
  assert_bytes(world, 30, 482, 'b');
  disconnect(&a);
  gateway_close(&gateway);
}

/* A request that fails gives its range back. */
static void
failed_request_leaves_no_lock_behind(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client client;

  assert_int_equal(write_at(&a, '0', 0), 0);
  world->store.hold_io = true;
  begin(&a, &client, STORE_WRITE, 'x', 10, 20);
  fake_answer_with(&world->store, 0, STATUS_IO);
  woken(&a, &client);
  assert_true(client.finished);
  assert_int_equal(client.request.status, STATUS_IO);
  world->store.hold_io = false;
  begin(&a, &client, STORE_WRITE, 'y', 10, 20);
  assert_true(client.finished);
  assert_int_equal(client.request.status, 0);
  disconnect(&a);
  gateway_close(&gateway);
}

#define SECTORS(name)                                                          \
  cmocka_unit_test_setup_teardown(name, setup_sectors, teardown)

/* Answers that the lease is a group's, and that whoever asks is in it. */
static int
everybody_is_in(struct membership_runner *runner, struct store_volume *volume,
                const char *name, struct store_command *command)
{
  struct membership *membership = &command->reply.membership;
  struct store_command look = {.command.verb = LEASE_DESCRIBE};

  (void)runner;
  (void)name;
  assert_int_equal(store_run_command(volume, &look), 0);
  command->reply.info = look.reply.info;
  membership->member = true;
  membership->group = look.reply.info.lease.id;
  if (command->command.join.kind == JOIN_NOTE)
    memcpy(membership->session, command->command.join.session,
           sizeof membership->session);
  return 0;
}

/* What others write to the same sector would be lost. */
static void
no_part_of_a_sector_beside_other_writers(void **state)
{
  struct membership_runner runner = {.submit = everybody_is_in};
  struct world *world = *state;
  struct blob_lease *lease = &world->store.lease;
  struct gateway gateway;
  struct connection a;
  struct client client;

  world->memberships = &runner;
  gateway = gateway_open(world);
  lease_id_from_group("disk0", 1, NULL, &lease->id);
  assert_int_equal(blob_lease_acquire(lease, &lease->id,
                                      LEASE_DURATION_INFINITE,
                                      world->clock.now_ns),
                   0);
  a = connect_to(&gateway, "a", "");
  begin(&a, &client, STORE_WRITE, 1, 512, 512);
  assert_true(client.finished);
  assert_int_equal(client.request.status, 0);
  for (unsigned i = 0; i < 3; i++) {
    begin(&a, &client, i == 2 ? STORE_ZERO : STORE_WRITE, 2,
          i == 0 ? 513 : 512, 500);
    assert_true(client.finished);
    assert_int_equal(client.request.status, STATUS_INVALID);
  }
  assert_bytes(world, 512, 512, 1);
  disconnect(&a);
  gateway_close(&gateway);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      SECTORS(every_alignment_changes_just_its_bytes),
      SECTORS(race_inside_a_sector_loses_neither_write),
      SECTORS(whole_sectors_do_not_wait_for_each_other),
      SECTORS(s4_merged_write_of_unknown_outcome_is_sent_again),
      SECTORS(sector_is_read_again_after_a_group),
      SECTORS(sector_is_read_after_the_claim),
      SECTORS(failed_request_leaves_no_lock_behind),
      SECTORS(no_part_of_a_sector_beside_other_writers),
  };

  return cmocka_run_group_tests_name("volume-unaligned", tests, NULL, NULL);
}
