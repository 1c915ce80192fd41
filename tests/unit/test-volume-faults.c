/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-volume-faults.c: the fenced I/O path when the store is slow, late,
 * or loses answers.
 */
#include "volume-bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The answer is lost and the request comes very late: the session claims a new
 * epoch before it sends again, and what comes late is refused.
 */
static void
s4_unknown_outcome_is_reclaimed_and_late_delivery_refused(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client lost;

  assert_int_equal(write_at(&a, '0', 0), 0);
  world->store.hold_io = true;
  start(&a, &lost, STORE_WRITE, '1', 0);
  assert_int_equal(fake_pending(&world->store), 1);
  world->store.hold_io = false;
  fake_answer_with(&world->store, 0, STATUS_UNKNOWN);
  woken(&a, &lost);
  assert_true(lost.finished);
  assert_int_equal(lost.request.status, 0);
  assert_int_equal(world->store.data[0], '1');
  assert_int_equal(world->store.epoch, 2);

  assert_int_equal(write_at(&a, '2', 0), 0);
  fake_deliver(&world->store, 0);
  assert_int_equal(world->store.messages[0].status, STATUS_EPOCH_STALE);
  assert_int_equal(world->store.data[0], '2');
  disconnect(&a);
  gateway_close(&gateway);
}

/* A renewal's answer changes the gate, but settles no doubt: the request is not
 * sent again under the epoch that it was in doubt in.
 */
static void
s4_renewal_does_not_let_a_doubted_request_pass(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client lost;

  assert_int_equal(write_at(&a, '0', 0), 0);
  world->store.hold_commands = true;
  world->clock.now_ns += 10 * SECOND;
  turn(&gateway); /* message 0: the renewal */
  world->store.hold_io = true;
  start(&a, &lost, STORE_WRITE, '1', 0); /* message 1 */
  fake_complete(&world->store, 0);
  world->store.hold_commands = false;
  turn(&gateway);
  fake_answer_with(&world->store, 1, STATUS_UNKNOWN);
  lost.finished = volume_advance(&lost.request);
  assert_false(lost.finished);
  assert_int_equal(fake_pending(&world->store), 2);
  go_on(&a, &lost); /* message 2, under the next epoch */
  assert_int_equal(fake_pending(&world->store), 3);
  assert_int_equal(world->store.messages[2].sent_io.guard.epoch,
                   world->store.messages[1].sent_io.guard.epoch + 1);
  fake_complete(&world->store, 2);
  woken(&a, &lost);
  assert_true(lost.finished);
  disconnect(&a);
  gateway_close(&gateway);
}

/* Nor does another request, though the keeper has not yet been told: what is in
 * doubt could land over it.
 */
static void
s4_nothing_passes_in_an_epoch_that_is_in_doubt(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client lost, next;

  assert_int_equal(write_at(&a, '0', 0), 0);
  world->store.hold_io = true;
  start(&a, &lost, STORE_WRITE, '1', 0); /* message 0 */
  fake_answer_with(&world->store, 0, STATUS_UNKNOWN);
  assert_false(volume_advance(&lost.request));
  start(&a, &next, STORE_WRITE, '2', 0);
  assert_int_equal(fake_pending(&world->store), 1);
  world->store.hold_io = false;
  go_on(&a, &lost);
  go_on(&a, &next);
  assert_true(lost.finished && next.finished);
  assert_int_equal(world->store.epoch, 2);
  fake_deliver(&world->store, 0);
  assert_int_equal(world->store.messages[0].status, STATUS_EPOCH_STALE);
  assert_int_equal(world->store.data[0], '2');
  disconnect(&a);
  gateway_close(&gateway);
}

/* All that is outstanding goes round again when one of them is in doubt. */
static void
s4_others_in_flight_are_sent_again_under_the_new_epoch(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client clients[3];

  assert_int_equal(write_at(&a, '0', 0), 0);
  world->store.hold_io = true;
  for (unsigned i = 0; i < 3; i++)
    start(&a, &clients[i], STORE_WRITE, (char)('1' + i), 512 * i);
  fake_answer_with(&world->store, 0, STATUS_UNKNOWN);
  woken(&a, &clients[0]); /* reclaims, sends again: message 3 */
  assert_int_equal(fake_pending(&world->store), 4);
  fake_complete(&world->store, 1); /* of the old epoch: refused */
  assert_int_equal(world->store.messages[1].status, STATUS_EPOCH_STALE);
  woken(&a, &clients[1]); /* message 4 */
  fake_deliver(&world->store, 2);
  fake_answer_with(&world->store, 2, STATUS_UNKNOWN); /* of the old epoch */
  woken(&a, &clients[2]); /* message 5, and no second reclaim */
  assert_int_equal(fake_pending(&world->store), 6);
  for (unsigned i = 3; i < 6; i++)
    fake_complete(&world->store, i);
  for (unsigned i = 0; i < 3; i++) {
    woken(&a, &clients[i]);
    assert_int_equal(clients[i].request.status, 0);
    assert_int_equal(world->store.data[512 * i], '1' + (int)i);
  }
  assert_int_equal(world->store.epoch, 2);
  disconnect(&a);
  gateway_close(&gateway);
}

/* The ABA that a lease ID alone allows: a write of node a is on its way while
 * b takes over, writes and leaves, and a comes back under the same lease ID.
 */
static void
s3_late_write_of_an_older_incarnation_is_refused(void **state)
{
  struct world *world = *state;
  struct gateway one = gateway_open(world), two = gateway_open(world);
  struct connection a = connect_to(&one, "a", ""),
                    b = connect_to(&two, "b", ""), again;
  struct client late;

  assert_int_equal(write_at(&a, 'a', 0), 0);
  world->store.hold_io = true;
  start(&a, &late, STORE_WRITE, 'x', 0);
  world->store.hold_io = false;
  preempt(world, "a", "b");
  world->clock.now_ns += SECOND;
  assert_int_equal(write_at(&b, 'b', 0), 0);
  disconnect(&b);
  again = connect_to(&two, "a", "");
  assert_int_equal(write_at(&again, 'c', 512), 0);

  fake_complete(&world->store, 0);
  assert_int_equal(world->store.messages[0].status, STATUS_EPOCH_STALE);
  woken(&a, &late);
  assert_int_equal(late.request.status, STATUS_FENCED);
  assert_int_equal(world->store.data[0], 'b');
  disconnect(&a);
  assert_int_equal(write_at(&again, 'd', 512), 0);
  disconnect(&again);
  gateway_close(&one);
  gateway_close(&two);
}

static void
s5_failed_flush_fails_for_ever(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", ""),
                    other = connect_to(&gateway, "a", ""), later;

  assert_int_equal(write_at(&a, 'a', 0), 0);
  world->store.flush_status = STATUS_IO;
  assert_int_equal(run(&a, STORE_FLUSH, 0, 0), STATUS_IO);
  world->store.flush_status = 0;
  assert_int_equal(run(&a, STORE_FLUSH, 0, 0), STATUS_IO);
  assert_int_equal(run(&other, STORE_FLUSH, 0, 0), STATUS_IO);
  disconnect(&a);
  disconnect(&other);
  assert_false(world->store.record.holder.clean);
  later = connect_to(&gateway, "a", "");
  assert_int_equal(run(&later, STORE_FLUSH, 0, 0), 0);
  disconnect(&later);
  gateway_close(&gateway);
}

static void
store_that_does_not_answer_is_waited_for_until_io_timeout(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client client;

  world->store.command_status = STATUS_TRANSIENT;
  start(&a, &client, STORE_WRITE, 'a', 0);
  for (unsigned i = 0; i < 29; i++) {
    go_on(&a, &client);
    assert_false(client.finished);
    world->clock.now_ns += SECOND;
  }
  world->clock.now_ns += SECOND;
  go_on(&a, &client);
  assert_true(client.finished);
  assert_int_equal(client.request.status, STATUS_TIMEOUT);
  assert_int_equal(status_errno(client.request.status), EIO);
  assert_int_equal(run(&a, STORE_READ, 0, 0), 0);

  world->store.command_status = 0; /* nothing is lost when it is back */
  world->clock.now_ns += 5 * SECOND;
  assert_int_equal(write_at(&a, 'b', 0), 0);
  disconnect(&a);
  gateway_close(&gateway);
}

static void
s8_uncertain_holder_waits_and_goes_on(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");
  struct client client;

  assert_int_equal(write_at(&a, 'a', 0), 0);
  world->store.command_status = STATUS_TRANSIENT;
  for (unsigned i = 0; i < 26; i++) {
    world->clock.now_ns += SECOND;
    turn(&gateway);
  }
  assert_int_equal(gate_of(&a), GATE_PENDING);
  start(&a, &client, STORE_WRITE, 'b', 0);
  go_on(&a, &client);
  assert_false(client.finished);
  world->store.command_status = 0;
  world->clock.now_ns += 5 * SECOND;
  go_on(&a, &client);
  assert_true(client.finished);
  assert_int_equal(client.request.status, 0);
  assert_int_equal(world->store.data[0], 'b');
  disconnect(&a);
  gateway_close(&gateway);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(s4_unknown_outcome_is_reclaimed_and_late_delivery_refused),
      TEST(s4_renewal_does_not_let_a_doubted_request_pass),
      TEST(s4_nothing_passes_in_an_epoch_that_is_in_doubt),
      TEST(s4_others_in_flight_are_sent_again_under_the_new_epoch),
      TEST(s3_late_write_of_an_older_incarnation_is_refused),
      TEST(s5_failed_flush_fails_for_ever),
      TEST(store_that_does_not_answer_is_waited_for_until_io_timeout),
      TEST(s8_uncertain_holder_waits_and_goes_on),
  };

  return cmocka_run_group_tests_name("volume-faults", tests, NULL, NULL);
}
