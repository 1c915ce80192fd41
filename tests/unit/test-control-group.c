/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-control-group.c: what the commands that change a group of writers leave
 * in the holder record about instances that were alone before it (S12, S13).
 */
#include "leasehold/membership.h"

#include <string.h>

#include "file-test.h"
#include "lease/holder.h"
#include "lease/scsi-pr-bytes.h"
#include "leasehold/reserve.h"

enum { OUT_REGISTER, OUT_RESERVE, OUT_PREEMPT = 4 };

static struct store *store;
static struct store_volume *volume;

static void
out(const char *node, uint8_t action, uint8_t type, uint64_t key,
    uint64_t service_key)
{
  static uint8_t reply[CONTROL_SIZE];
  struct control control = {.volume = volume, .name = "disk", .node = node};
  uint8_t frame[16 + 24] = {PERSISTENT_RESERVE_OUT, action, type};
  struct error err = ERROR_INIT;

  frame[8] = 24;
  write_be64(frame + 16, key);
  write_be64(frame + 24, service_key);
  if (control_run(&control, frame, sizeof frame, reply, &err) != 0)
    fail_msg("%s", err.text);
  assert_int_equal(reply[0], SCSI_GOOD);
}

static void
run_lease(struct store_command *command)
{
  if (store_run_command(volume, command) != 0)
    fail_msg("%s", command->error.text);
}

/* A session of a/boot-1 claims, may acknowledge what it has not sent, and dies.
 */
static void
claim_alone(void)
{
  struct store_command acquire = {
      .command = {.verb = LEASE_ACQUIRE, .duration_s = 60, .node = "a"}};
  struct store_command claim = {
      .command = {.verb = LEASE_CLAIM,
                  .record.holder = {.node = "a",
                                    .instance = "boot-1",
                                    .session = "5e5510",
                                    .write_back = true}}};

  assert_int_equal(lease_id_from_node("a", NULL, &acquire.command.lease_id), 0);
  run_lease(&acquire);
  claim.command.lease_id = acquire.command.lease_id;
  claim.command.expected_epoch = acquire.reply.info.epoch;
  run_lease(&claim);
}

static struct volume_info
look(void)
{
  struct volume_info info;

  assert_int_equal(reservation_look(volume, &info, NULL), 0);
  return info;
}

static int
begin(void **state)
{
  if (file_test_setup(state) != 0)
    return -1;
  store = file_test_open(0);
  volume = file_test_disk(store);
  return 0;
}

static int
end(void **state)
{
  store_volume_close(volume);
  store_close(store);
  return file_test_teardown(state);
}

/* Its node comes into a group in which it is not noted, and a command claims
 * before any session does.
 */
static void
test_alone_is_not_forgotten(void **state)
{
  struct store_command clear = {.command.verb = LEASE_BREAK};
  struct volume_info info;

  (void)state;
  claim_alone();
  run_lease(&clear);
  out("b", OUT_REGISTER, 0, 0, 2);
  out("c", OUT_REGISTER, 0, 0, 3);
  out("b", OUT_RESERVE, WRITE_EXCLUSIVE_REGISTRANTS, 2, 0);
  out("a", OUT_REGISTER, 0, 0, 1);
  out("c", OUT_REGISTER, 0, 3, 0);
  info = look();
  assert_true(holder_is_fenced(&info.record, "a", "boot-1"));
}

/* It is noted in the group, and has the volume for itself after that. */
static void
test_alone_again(void **state)
{
  struct volume_info info;

  (void)state;
  claim_alone();
  out("a", OUT_REGISTER, 0, 0, 1);
  out("b", OUT_REGISTER, 0, 0, 2);
  out("b", OUT_RESERVE, WRITE_EXCLUSIVE_REGISTRANTS, 2, 0);
  out("a", OUT_PREEMPT, WRITE_EXCLUSIVE, 1, 2);
  info = look();
  assert_true(holder_is_session(&info, "5e5510"));
  assert_int_equal(holder_judge(&info, "a", "boot-1"), HOLDER_LOST_WRITES);
}

/* --- one that is slow ------------------------------------------------------
 */

static struct store_volume *others; /* the same volume, by another gateway */
static struct store_ops slow_ops;
static int (*submit)(struct store_volume *, struct store_command *);

/* A session of a/boot-2 notes itself in the group, which completes what is
 * pending, and claims.
 */
static void
join_and_claim(void)
{
  const struct control control = {
      .volume = others, .name = "disk", .node = "a"};
  struct store_command join = {.command = {.verb = LEASE_GROUP,
                                           .node = "a",
                                           .join = {.kind = JOIN_NOTE,
                                                    .session = "ac71fe",
                                                    .instance = "boot-2"}}};
  struct store_command claim = {.command.verb = LEASE_CLAIM};
  const struct holder next = {
      .node = "a", .instance = "boot-2", .session = "ac71fe"};

  if (membership_run(&control, &join) != 0)
    fail_msg("%s", join.error.text);
  assert_true(join.reply.membership.member);
  assert_string_equal(join.reply.membership.instance, "boot-2");
  claim.command.lease_id = join.reply.membership.group;
  claim.command.expected_epoch = join.reply.info.epoch;
  claim.command.record = join.reply.info.record;
  holder_succeed_member(&claim.command.record, &join.reply.membership, &next);
  if (store_run_command(others, &claim) != 0)
    fail_msg("%s", claim.error.text);
}

/* The lease has been changed, and the next command takes long. */
static int
submit_slowly(struct store_volume *to, struct store_command *command)
{
  if (command->command.verb == LEASE_RENEW && to->ops == &slow_ops) {
    to->ops = others->ops;
    join_and_claim();
  }
  return submit(to, command);
}

/* A PREEMPT changes the group's lease, and stands still. Others complete it and
 * a session joins the new group; then the PREEMPT goes on.
 */
static void
test_a_slow_preempt_claims_no_more(void **state)
{
  struct volume_info info;

  (void)state;
  out("a", OUT_REGISTER, 0, 0, 1);
  out("b", OUT_REGISTER, 0, 0, 2);
  out("c", OUT_REGISTER, 0, 0, 3);
  out("b", OUT_RESERVE, WRITE_EXCLUSIVE_REGISTRANTS, 2, 0);
  others = file_test_volume(store, "disk");
  slow_ops = *volume->ops;
  submit = slow_ops.submit_command;
  slow_ops.submit_command = submit_slowly;
  volume->ops = &slow_ops;

  out("b", OUT_PREEMPT, WRITE_EXCLUSIVE_REGISTRANTS, 2, 3);
  assert_ptr_equal(volume->ops, others->ops); /* it was slow */
  info = look();
  assert_true(holder_is_session(&info, "ac71fe"));
  assert_false(holder_is_fenced(&info.record, "a", "boot-2"));
  store_volume_close(others);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_alone_is_not_forgotten, begin, end),
      cmocka_unit_test_setup_teardown(test_alone_again, begin, end),
      cmocka_unit_test_setup_teardown(test_a_slow_preempt_claims_no_more, begin,
                                      end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
