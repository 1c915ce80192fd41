/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-tenure-events.c: what an operator is told of sessions, each thing once.
 */
#include "volume-bench.h"

#include <stdio.h>
#include <string.h>

/* The lines since the last expect(). */
static char said[4096];

static void
hear(const struct log *log, enum log_level level, const char *line)
{
  size_t length = strlen(said);

  (void)log;
  (void)level;
  snprintf(said + length, sizeof said - length, "%s\n", line);
}

static const struct log ear = {.write = hear};

static void
expect(const char *lines)
{
  assert_string_equal(said, lines);
  said[0] = '\0';
}

static struct gateway
open_loud(struct world *world)
{
  said[0] = '\0';
  world->log = &ear;
  return gateway_open(world);
}

static void
attach_claim_release(void **state)
{
  struct gateway gateway = open_loud(*state);
  struct connection a = connect_to(&gateway, "a", "one");

  expect("disk0@a/instance=one: attach epoch=0 cause=\"the lease was free\"\n");
  assert_int_equal(write_at(&a, 'a', 0), 0);
  assert_int_equal(write_at(&a, 'b', 0), 0);
  expect("disk0@a/instance=one: claim epoch=1\n");
  disconnect(&a);
  expect("disk0@a/instance=one: release epoch=1\n");
  gateway_close(&gateway);
}

static void
claim_names_the_one_before(void **state)
{
  struct gateway gateway = open_loud(*state);
  struct connection a = connect_to(&gateway, "a", "");

  assert_int_equal(write_at(&a, 'a', 0), 0);
  disconnect(&a);
  said[0] = '\0';
  a = connect_to(&gateway, "b", "");
  assert_int_equal(write_at(&a, 'b', 0), 0);
  expect("disk0@b: attach epoch=1 cause=\"the lease was free\"\n"
         "disk0@b: claim epoch=2 other=a other-epoch=1\n");
  disconnect(&a);
  expect("disk0@b: release epoch=2\n");
  gateway_close(&gateway);
}

/* However often the one who stands by asks. */
static void
conflict_is_told_once(void **state)
{
  struct world *world = *state;
  struct gateway gateway = open_loud(world);
  struct connection a = connect_to(&gateway, "a", ""), b;

  said[0] = '\0';
  b = connect_to(&gateway, "b", "");
  expect("disk0@b: conflict epoch=0 other=a\n");
  for (int i = 0; i < 3; i++) {
    assert_int_equal(write_at(&b, 'b', 0), STATUS_CONFLICT);
    world->clock.now_ns += 2 * SECOND;
  }
  disconnect(&b);
  expect("disk0@b: detach epoch=0\n");
  disconnect(&a);
  gateway_close(&gateway);
}

static void
fence_names_who_has_it(void **state)
{
  struct world *world = *state;
  struct gateway gateway = open_loud(world), other = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", ""), b;

  assert_int_equal(write_at(&a, 'a', 0), 0);
  said[0] = '\0';
  preempt(world, "a", "b");
  assert_int_equal(write_at(&a, 'a', 0), STATUS_FENCED);
  expect("disk0@a: doubt epoch=1 "
         "cause=\"a write was refused: lease ID is not the current one\"\n"
         "disk0@a: fence epoch=1 other=b "
         "cause=\"the lease has passed to b\"\n");

  b = connect_to(&other, "b", "");
  assert_int_equal(write_at(&b, 'b', 0), 0);
  disconnect(&a);
  expect("disk0@b: attach epoch=1 cause=\"the lease was the node's already\"\n"
         "disk0@b: claim epoch=2 other=a other-epoch=1\n"
         "disk0@a: detach epoch=1\n");

  /* The same node by another gateway, which claims. */
  a = connect_to(&gateway, "b", "");
  assert_int_equal(write_at(&a, 'b', 0), 0);
  assert_int_equal(write_at(&b, 'b', 0), STATUS_FENCED);
  expect("disk0@b: attach epoch=2 cause=\"the lease was the node's already\"\n"
         "disk0@b: claim epoch=3 other=b other-epoch=2\n"
         "disk0@b: doubt epoch=2 cause=\"a write was refused: epoch stale\"\n"
         "disk0@b: fence epoch=2 other=b other-epoch=3 "
         "cause=\"epoch 3 was claimed by b\"\n");
  disconnect(&a);
  disconnect(&b);
  gateway_close(&other);
  gateway_close(&gateway);
}

static void
reclaim_says_why(void **state)
{
  struct world *world = *state;
  struct gateway gateway = open_loud(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client client;

  assert_int_equal(write_at(&a, 'a', 0), 0);
  said[0] = '\0';
  world->store.hold_io = true;
  start(&a, &client, STORE_WRITE, 'b', 0);
  world->store.hold_io = false;
  fake_answer_with(&world->store, 0, STATUS_UNKNOWN);
  woken(&a, &client);
  assert_true(client.finished);
  assert_int_equal(client.request.status, 0);
  expect("disk0@a: doubt epoch=1 "
         "cause=\"the outcome of a write is unknown\"\n"
         "disk0@a: reclaim epoch=2 "
         "cause=\"the outcome of a write is unknown\"\n");
  disconnect(&a);
  gateway_close(&gateway);
}

/* A renewal that is answered after the provable end: nothing has changed. */
static void
a_late_renewal_resumes(void **state)
{
  struct world *world = *state;
  struct gateway gateway = open_loud(world);
  struct connection a = connect_to(&gateway, "a", "");

  assert_int_equal(write_at(&a, 'a', 0), 0);
  said[0] = '\0';
  world->store.hold_commands = true;
  world->clock.now_ns += 12 * SECOND;
  turn(&gateway);
  assert_int_equal(fake_pending(&world->store), 1);
  fake_deliver(&world->store, 0);
  world->clock.now_ns += 15 * SECOND;
  turn(&gateway);
  expect("disk0@a: doubt epoch=1 "
         "cause=\"no renewal was answered in time\"\n");
  world->store.hold_commands = false;
  fake_answer(&world->store, 0);
  turn(&gateway);
  expect("disk0@a: resume epoch=1\n");
  disconnect(&a);
  gateway_close(&gateway);
}

static void
an_end_without_an_answer_says_so(void **state)
{
  struct world *world = *state;
  struct gateway gateway = open_loud(world);
  struct connection a = connect_to(&gateway, "a", "");

  said[0] = '\0';
  preempt(world, "a", "b");
  disconnect(&a);
  expect("disk0@a: detach epoch=0 cause=\"lease ID is not the current one\"\n");

  world->store.command_status = STATUS_NOT_FOUND;
  a = connect_to(&gateway, "a", "");
  expect("disk0@a: detach epoch=0 cause=\"describe: not found\"\n");
  disconnect(&a);
  gateway_close(&gateway);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(attach_claim_release),
      TEST(claim_names_the_one_before),
      TEST(conflict_is_told_once),
      TEST(fence_names_who_has_it),
      TEST(reclaim_says_why),
      TEST(a_late_renewal_resumes),
      TEST(an_end_without_an_answer_says_so),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
