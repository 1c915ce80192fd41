/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* contract-lease.c: epochs, guards, ETags, what is told about a lease. */
#include "contract.h"

#include <stdio.h>
#include <string.h>

/* The lease's view and its clock: since, node, time left. */
static void
test_describe(void **state)
{
  struct store_volume *volume = contract_volume();
  struct volume_info info;
  int64_t since;

  (void)state;
  assert_int_equal(contract_acquire(volume, &contract_a, 30), 0);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_LEASED);
  if (info.lease.id_known) {
    assert_int_equal(info.lease.duration_s, 30);
    assert_true(info.lease.expires_in_ms > 0);
    assert_true(info.lease.expires_in_ms <= 30000);
    assert_string_equal(info.lease.id.text, contract_a.text);
    assert_string_equal(info.lease.node, "nodea");
  }
  since = info.lease.since_ms;
  /* Acquired again by the same: the clock starts anew, the holder has it
   * since he first took it, and may change the duration.
   */
  contract_factory->advance_ms(2000);
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  contract_describe(volume, &info);
  if (info.lease.id_known) {
    assert_int_equal(info.lease.duration_s, 60);
    assert_true(info.lease.expires_in_ms > 58000);
  }
  assert_int_equal(info.lease.since_ms, since);
  /* A change does not start the clock, a renewal does. */
  contract_factory->advance_ms(5000);
  assert_int_equal(contract_change(volume, &contract_a, &contract_b), 0);
  contract_describe(volume, &info);
  assert_true(info.lease.expires_in_ms <= 55000);
  if (info.lease.id_known)
    assert_string_equal(info.lease.node, "nodeb");
  assert_int_equal(contract_change(volume, &contract_a, &contract_b), 0);
  assert_int_equal(contract_renew(volume, &contract_b), 0);
  contract_describe(volume, &info);
  assert_true(info.lease.expires_in_ms > 55000 || !info.lease.id_known);
  /* Infinite: never over. */
  assert_int_equal(
      contract_acquire(volume, &contract_b, LEASE_DURATION_INFINITE), 0);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.duration_s, LEASE_DURATION_INFINITE);
  assert_int_equal(info.lease.expires_in_ms, -1);
  assert_int_equal(contract_break(volume, 60), 0);
  assert_int_equal(contract_break(volume, 20), 0);
  assert_int_equal(contract_break(volume, 60), 0);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_BREAKING);
  assert_true(info.lease.expires_in_ms <= 20000);
  assert_int_equal(contract_break(volume, 0), 0);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_BROKEN);
  assert_int_equal(contract_release(volume, &contract_b, info.epoch), 0);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_AVAILABLE);
  contract_close(volume);
}

static void
test_invalid(void **state)
{
  static const uint32_t durations[] = {0, 14, 61};
  struct store_volume *volume = contract_volume();
  struct lease_id bad = {"not a uuid"};
  struct volume_info info;

  (void)state;
  for (size_t i = 0; i < COUNT(durations); i++)
    assert_int_equal(contract_acquire(volume, &contract_a, durations[i]),
                     STATUS_INVALID);
  assert_int_equal(contract_acquire(volume, &bad, 30), STATUS_INVALID);
  assert_int_equal(contract_acquire(volume, &contract_a, 15), 0);
  assert_int_equal(contract_break(volume, 61), STATUS_INVALID);
  assert_int_equal(contract_change(volume, &contract_a, &bad), STATUS_INVALID);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_LEASED);
  contract_close(volume);
}

/* A renewal after expiry works while nobody has written or leased since. */
static void
test_late_renewal(void **state)
{
  struct store_volume *volume = contract_volume();
  char bytes[512] = "x";

  (void)state;
  assert_int_equal(contract_acquire(volume, &contract_a, 15), 0);
  contract_factory->advance_ms(16000);
  assert_int_equal(contract_renew(volume, &contract_a), 0);
  contract_factory->advance_ms(16000);
  assert_int_equal(contract_write(volume, &(struct lease_id){""},
                                  contract_epoch(volume), 0, bytes, 512),
                   0);
  assert_int_equal(contract_renew(volume, &contract_a), STATUS_LEASE_MISMATCH);
  assert_int_equal(contract_acquire(volume, &contract_a, 15), 0);
  contract_factory->advance_ms(16000);
  assert_int_equal(contract_acquire(volume, &contract_b, 15), 0);
  assert_int_equal(
      contract_release(volume, &contract_b, contract_epoch(volume)), 0);
  assert_int_equal(contract_renew(volume, &contract_a), STATUS_LEASE_MISMATCH);
  contract_close(volume);
}

/* S2: a claim needs the lease and the epoch, and moves the epoch by one. */
static void
test_claim(void **state)
{
  struct store_volume *volume = contract_volume();
  uint64_t first = contract_epoch(volume), epoch = first;

  (void)state;
  assert_int_equal(contract_claim(volume, &contract_a, &epoch),
                   STATUS_LEASE_ABSENT);
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  epoch = first;
  assert_int_equal(contract_claim(volume, &contract_b, &epoch),
                   STATUS_LEASE_MISMATCH);
  epoch = first + 1;
  assert_int_equal(contract_claim(volume, &contract_a, &epoch),
                   STATUS_EPOCH_STALE);
  assert_int_equal(epoch, first);
  assert_int_equal(contract_epoch(volume), first);
  assert_int_equal(contract_claim(volume, &contract_a, &epoch), 0);
  assert_int_equal(epoch, first + 1);
  epoch = first;
  assert_int_equal(contract_claim(volume, &contract_a, &epoch),
                   STATUS_EPOCH_STALE);
  assert_int_equal(epoch, first + 1);
  assert_int_equal(contract_break(volume, 0), 0);
  assert_int_equal(contract_claim(volume, &contract_a, &epoch),
                   STATUS_LEASE_LOST);
  contract_close(volume);
}

/* S1, S3: what a guard lets through. */
static void
test_guard(void **state)
{
  struct store_volume *volume = contract_volume();
  uint64_t old = contract_epoch(volume), new = old;
  char a[512], b[512], seen[512];

  (void)state;
  memset(a, 'a', sizeof a);
  memset(b, 'b', sizeof b);
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  assert_int_equal(contract_claim(volume, &contract_a, &new), 0);
  assert_int_equal(contract_write(volume, &contract_a, new, 0, a, 512), 0);
  /* An older incarnation of the same node. */
  assert_int_equal(contract_write(volume, &contract_a, old, 0, b, 512),
                   STATUS_EPOCH_STALE);
  assert_int_equal(contract_write(volume, &contract_a, new + 1, 0, b, 512),
                   STATUS_EPOCH_STALE);
  assert_int_equal(contract_write(volume, &contract_b, new, 0, b, 512),
                   STATUS_LEASE_MISMATCH);
  /* A takeover. */
  assert_int_equal(contract_change(volume, &contract_a, &contract_b), 0);
  assert_int_equal(contract_write(volume, &contract_a, new, 0, b, 512),
                   STATUS_LEASE_MISMATCH);
  assert_int_equal(contract_claim(volume, &contract_b, &new), 0);
  assert_int_equal(contract_write(volume, &contract_a, new, 0, b, 512),
                   STATUS_LEASE_MISMATCH);
  contract_read(volume, 0, seen, 512);
  assert_memory_equal(seen, a, 512);
  assert_int_equal(contract_write(volume, &contract_b, new, 0, b, 512), 0);
  contract_read(volume, 0, seen, 512);
  assert_memory_equal(seen, b, 512);
  /* Expiry, seen by a handle that has written just now. */
  assert_int_equal(contract_acquire(volume, &contract_b, 15), 0);
  contract_factory->advance_ms(16000);
  assert_true(
      contract_is_lost(contract_write(volume, &contract_b, new, 0, a, 512)));
  contract_close(volume);
}

/* What one handle does, every other one on the same store sees at once. */
static void
test_two_handles(void **state)
{
  struct store_volume *one = contract_volume(), *two;
  struct store *again = contract_factory->open_again();
  uint64_t epoch = contract_epoch(one), next;
  char bytes[512] = "x";

  (void)state;
  two = contract_open(again, contract_volume_name());
  assert_int_equal(contract_acquire(one, &contract_a, 60), 0);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(contract_write(one, &contract_a, epoch, 0, bytes, 512), 0);
    assert_int_equal(contract_write(two, &contract_a, epoch, 0, bytes, 512), 0);
    next = epoch;
    assert_int_equal(contract_claim(i % 2 ? one : two, &contract_a, &next), 0);
    assert_int_equal(contract_write(one, &contract_a, epoch, 0, bytes, 512),
                     STATUS_EPOCH_STALE);
    assert_int_equal(contract_write(two, &contract_a, epoch, 0, bytes, 512),
                     STATUS_EPOCH_STALE);
    epoch = next;
  }
  contract_close(two);
  store_close(again);
  contract_close(one);
}

static void
test_release(void **state)
{
  struct store_volume *volume = contract_volume();
  uint64_t old = contract_epoch(volume), epoch = old;
  struct lease_command release = {
      .verb = LEASE_RELEASE, .lease_id = contract_a, .clean = true};
  struct volume_info info;

  (void)state;
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  assert_int_equal(contract_claim(volume, &contract_a, &epoch), 0);
  /* S6: not with an epoch that is over. */
  assert_int_equal(contract_release(volume, &contract_a, old),
                   STATUS_EPOCH_STALE);
  assert_int_equal(contract_release(volume, &contract_b, epoch),
                   STATUS_LEASE_MISMATCH);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_LEASED);
  assert_false(info.record.holder.clean);
  release.expected_epoch = epoch;
  assert_int_equal(contract_command(volume, &release, NULL), 0);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_AVAILABLE);
  assert_string_equal(info.lease.node, "");
  /* The holder record outlives the release. */
  assert_true(info.record.holder.clean);
  assert_string_equal(info.record.holder.node, "node");
  assert_int_equal(info.record.holder.epoch, epoch);
  contract_close(volume);
}

/* A reservation's lease is not given back by a session that ends. */
/* A hand-over: only under the epoch that it is for (S6). */
static void
test_change_checks_epoch(void **state)
{
  struct store_volume *volume = contract_volume();
  struct lease_command command = {.verb = LEASE_CHANGE,
                                  .lease_id = contract_a,
                                  .proposed_id = contract_b,
                                  .node = "nodeb",
                                  .check_epoch = true};
  uint64_t epoch = contract_epoch(volume);

  (void)state;
  assert_int_equal(contract_acquire(volume, &contract_a, 30), 0);
  assert_int_equal(contract_claim(volume, &contract_a, &epoch), 0);
  command.expected_epoch = epoch - 1;
  assert_int_equal(contract_command(volume, &command, NULL),
                   STATUS_EPOCH_STALE);
  assert_int_equal(contract_renew(volume, &contract_a), 0);
  command.expected_epoch = epoch;
  assert_int_equal(contract_command(volume, &command, NULL), 0);
  assert_int_equal(contract_renew(volume, &contract_a), STATUS_LEASE_MISMATCH);
  assert_int_equal(contract_renew(volume, &contract_b), 0);
  assert_int_equal(contract_claim(volume, &contract_b, &epoch), 0);
  /* Again, and late: it is for another epoch now. */
  assert_int_equal(contract_command(volume, &command, NULL),
                   STATUS_EPOCH_STALE);
  assert_int_equal(contract_renew(volume, &contract_b), 0);
  store_volume_close(volume);
}

static void
test_release_keeps_infinite(void **state)
{
  struct store_volume *volume = contract_volume();
  uint64_t epoch = contract_epoch(volume);
  struct lease_command release = {.verb = LEASE_RELEASE,
                                  .lease_id = contract_a,
                                  .clean = true,
                                  .keep_infinite = true};
  struct volume_info info;

  (void)state;
  assert_int_equal(
      contract_acquire(volume, &contract_a, LEASE_DURATION_INFINITE), 0);
  assert_int_equal(contract_claim(volume, &contract_a, &epoch), 0);
  release.expected_epoch = epoch - 1;
  assert_int_equal(contract_command(volume, &release, NULL),
                   STATUS_EPOCH_STALE);
  release.expected_epoch = epoch;
  assert_int_equal(contract_command(volume, &release, NULL), 0);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_LEASED);
  assert_int_equal(info.lease.duration_s, LEASE_DURATION_INFINITE);
  assert_true(info.record.holder.clean);
  assert_int_equal(contract_renew(volume, &contract_a), 0);
  /* One that ends is. */
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  assert_int_equal(contract_command(volume, &release, NULL), 0);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_AVAILABLE);
  contract_close(volume);
}

/* A store may have no room for that many names of this length. */
static void
cut_fenced(struct holder_record *record)
{
  unsigned kept = contract_oddities.fenced_longest;

  if (kept == 0)
    return;
  record->fenced_count = kept;
  memset(&record->fenced[kept], 0,
         (FENCED_INSTANCES_MAX - kept) * sizeof record->fenced[0]);
}

/* S12: the record of a claim comes back as it was sent, at its longest. */
static void
test_holder_record(void **state)
{
  struct store_volume *volume = contract_volume();
  struct lease_command claim = {.verb = LEASE_CLAIM, .lease_id = contract_a};
  struct holder_record *record = &claim.record;
  struct volume_info info;
  struct lease_reply reply;

  (void)state;
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  claim.expected_epoch = contract_epoch(volume);
  memset(record->holder.node, 'n', NODE_NAME_MAX);
  memset(record->holder.instance, 'i', INSTANCE_MAX);
  memset(record->holder.session, '5', SESSION_NONCE_MAX);
  record->holder.since_ms = 1700000000123;
  record->holder.write_back = true;
  record->fenced_count = FENCED_INSTANCES_MAX;
  for (unsigned i = 0; i < FENCED_INSTANCES_MAX; i++) {
    memset(record->fenced[i].node, 'a' + (int)i % 26, NODE_NAME_MAX);
    memset(record->fenced[i].instance, 'A' + (int)i % 26, INSTANCE_MAX);
    record->fenced[i].epoch = INT64_MAX - i;
  }
  assert_int_equal(contract_command(volume, &claim, &reply), 0);
  record->holder.epoch = claim.expected_epoch + 1;
  cut_fenced(record);
  contract_describe(volume, &info);
  assert_memory_equal(&info.record, record, sizeof *record);
  assert_memory_equal(&reply.info.record, record, sizeof *record);
  /* Nothing but a claim and a release touches it. */
  assert_int_equal(contract_renew(volume, &contract_a), 0);
  assert_int_equal(contract_change(volume, &contract_a, &contract_b), 0);
  assert_int_equal(contract_break(volume, 0), 0);
  contract_describe(volume, &info);
  assert_memory_equal(&info.record, record, sizeof *record);
  contract_close(volume);
}

static int
take_over(struct store_volume *volume, const struct lease_id *from,
          const struct lease_id *to, uint64_t epoch, struct lease_reply *reply)
{
  struct lease_command command = {
      .verb = LEASE_TAKE_OVER,
      .lease_id = *from,
      .proposed_id = *to,
      .node = "taker",
      .expected_epoch = epoch,
      .record = {.holder = {.node = "taker", .session = "7a6e"}}};

  return contract_command(volume, &command, reply);
}

/* S2: the lease passes and the epoch moves on, in this order, and the record
 * comes with it.
 */
static void
test_take_over(void **state)
{
  struct store_volume *volume = contract_volume();
  uint64_t epoch = contract_epoch(volume);
  struct volume_info info;
  struct lease_reply reply;

  (void)state;
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  assert_int_equal(contract_claim(volume, &contract_a, &epoch), 0);
  assert_int_equal(take_over(volume, &contract_a, &contract_b, epoch, &reply),
                   0);
  assert_int_equal(reply.info.epoch, epoch + 1);
  assert_int_equal(reply.info.lease.state, LEASE_LEASED);
  assert_int_equal(reply.info.record.holder.epoch, epoch + 1);
  contract_describe(volume, &info);
  assert_int_equal(info.epoch, epoch + 1);
  assert_string_equal(info.record.holder.session, "7a6e");
  assert_int_equal(info.record.holder.epoch, epoch + 1);
  assert_true(status_is_refusal(contract_renew(volume, &contract_a)));
  assert_int_equal(contract_renew(volume, &contract_b), 0);
  epoch++;
  assert_int_equal(contract_claim(volume, &contract_b, &epoch), 0);
  contract_close(volume);
}

/* Who does not hold the lease cannot lose it, and an epoch that has moved on is
 * claimed by nobody.
 */
static void
test_take_over_refused(void **state)
{
  struct store_volume *volume = contract_volume();
  uint64_t epoch = contract_epoch(volume);
  struct volume_info info;

  (void)state;
  assert_true(status_is_refusal(
      take_over(volume, &contract_a, &contract_b, epoch, NULL)));
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  assert_true(status_is_refusal(
      take_over(volume, &contract_c, &contract_b, epoch, NULL)));
  contract_describe(volume, &info);
  assert_int_equal(info.epoch, epoch);
  assert_int_equal(contract_renew(volume, &contract_a), 0);
  assert_int_equal(contract_claim(volume, &contract_a, &epoch), 0);
  assert_int_equal(take_over(volume, &contract_a, &contract_b, epoch - 1, NULL),
                   STATUS_EPOCH_STALE);
  contract_describe(volume, &info);
  assert_string_not_equal(info.record.holder.session, "7a6e");
  contract_close(volume);
}

/* The reply of a command shows the volume right after it. */
static void
test_replies(void **state)
{
  struct store_volume *volume = contract_volume();
  struct lease_command acquire = {.verb = LEASE_ACQUIRE,
                                  .lease_id = contract_a,
                                  .duration_s = 60,
                                  .node = "node"};
  struct lease_reply reply;
  struct volume_info info;

  (void)state;
  assert_int_equal(contract_command(volume, &acquire, &reply), 0);
  contract_describe(volume, &info);
  assert_string_equal(reply.info.etag, info.etag);
  assert_int_equal(reply.info.lease.state, LEASE_LEASED);
  acquire.lease_id = contract_b;
  assert_int_equal(contract_command(volume, &acquire, &reply),
                   STATUS_LEASE_HELD);
  assert_int_equal(reply.info.lease.state, LEASE_LEASED);
  assert_int_equal(reply.info.epoch, info.epoch);
  contract_close(volume);
}

/* Every change has an ETag of its own (of a lease too, unless the store keeps
 * that apart); a refusal and a look have not.
 */
static void
test_etags(void **state)
{
  struct store_volume *volume = contract_volume();
  struct volume_info info;
  char seen[8][ETAG_MAX + 1];
  uint64_t epoch = contract_epoch(volume);
  unsigned count = 0;

#define SEE(expression)                                                        \
  do {                                                                         \
    assert_int_equal(expression, 0);                                           \
    contract_describe(volume, &info);                                          \
    strcpy(seen[count++], info.etag);                                          \
  } while (0)

  (void)state;
#define SEE_LEASE(expression)                                                  \
  do {                                                                         \
    SEE(expression);                                                           \
    if (contract_oddities.etag_of_data_only)                                   \
      assert_string_equal(seen[count - 1], seen[count - 2]);                   \
    count -= contract_oddities.etag_of_data_only;                              \
  } while (0)

  SEE(0);
  SEE_LEASE(contract_acquire(volume, &contract_a, 60));
  SEE_LEASE(contract_renew(volume, &contract_a));
  SEE(contract_claim(volume, &contract_a, &epoch));
  SEE_LEASE(contract_change(volume, &contract_a, &contract_b));
  SEE_LEASE(contract_break(volume, 0));
  SEE_LEASE(contract_release(volume, &contract_b, epoch));
  SEE(store_resize(contract_store, contract_volume_name(), 512, NULL, NULL));
  for (unsigned i = 0; i < count; i++)
    for (unsigned j = i + 1; j < count; j++)
      assert_string_not_equal(seen[i], seen[j]);
  assert_int_equal(contract_renew(volume, &contract_a), STATUS_LEASE_MISMATCH);
  contract_describe(volume, &info);
  assert_string_equal(info.etag, seen[count - 1]);
  contract_close(volume);
}

/* if_etag: what is late is refused, and changes nothing. */
static void
test_if_etag(void **state)
{
  struct store_volume *volume = contract_volume();
  struct lease_command acquire = {.verb = LEASE_ACQUIRE,
                                  .lease_id = contract_a,
                                  .duration_s = LEASE_DURATION_INFINITE,
                                  .node = "nodea"};
  struct lease_command others[] = {
      {.verb = LEASE_CHANGE,
       .lease_id = contract_a,
       .proposed_id = contract_b,
       .node = "nodeb"},
      {.verb = LEASE_RELEASE, .lease_id = contract_a},
      {.verb = LEASE_BREAK},
  };
  struct volume_info info;
  char old[ETAG_MAX + 1];

  (void)state;
  contract_describe(volume, &info);
  memcpy(old, info.etag, sizeof old);
  memcpy(acquire.if_etag, old, sizeof old);
  assert_int_equal(contract_command(volume, &acquire, NULL), 0);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_LEASED);
  assert_string_not_equal(info.etag, old);
  for (size_t i = 0; i < COUNT(others); i++) {
    others[i].expected_epoch = info.epoch;
    memcpy(others[i].if_etag, old, sizeof old);
    assert_int_equal(contract_command(volume, &others[i], NULL),
                     STATUS_ETAG_STALE);
  }
  assert_int_equal(contract_command(volume, &acquire, NULL), STATUS_ETAG_STALE);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_LEASED);

  /* With the present one they are done. */
  memcpy(others[1].if_etag, info.etag, sizeof info.etag);
  assert_int_equal(contract_command(volume, &others[1], NULL), 0);
  assert_int_equal(contract_command(volume, &acquire, NULL), STATUS_ETAG_STALE);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_AVAILABLE);
  memcpy(acquire.if_etag, info.etag, sizeof info.etag);
  assert_int_equal(contract_command(volume, &acquire, NULL), 0);
  contract_describe(volume, &info);
  memcpy(others[0].if_etag, info.etag, sizeof info.etag);
  assert_int_equal(contract_command(volume, &others[0], NULL), 0);
  contract_describe(volume, &info);
  memcpy(others[2].if_etag, info.etag, sizeof info.etag);
  assert_int_equal(contract_command(volume, &others[2], NULL), 0);
  contract_describe(volume, &info);
  assert_int_equal(info.lease.state, LEASE_BROKEN);
  contract_close(volume);
}

const struct CMUnitTest contract_lease_tests[] = {
    CONTRACT_TEST(test_describe),
    CONTRACT_TEST(test_invalid),
    CONTRACT_TEST(test_late_renewal),
    CONTRACT_TEST(test_claim),
    CONTRACT_TEST(test_guard),
    CONTRACT_TEST(test_two_handles),
    CONTRACT_TEST(test_release),
    CONTRACT_TEST(test_change_checks_epoch),
    CONTRACT_TEST(test_release_keeps_infinite),
    CONTRACT_TEST(test_holder_record),
    CONTRACT_TEST(test_take_over),
    CONTRACT_TEST(test_take_over_refused),
    CONTRACT_TEST(test_replies),
    CONTRACT_TEST(test_etags),
    CONTRACT_TEST(test_if_etag),
    {0},
};
