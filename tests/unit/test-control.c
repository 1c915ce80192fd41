/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-control.c: reservation commands on a real store that fails: whatever
 * call is the last one that a gateway makes, or is answered wrongly, the next
 * command finds the state before or after the one that was cut short, and lease
 * and registrations agree.
 */
#include "leasehold/control.h"

#include <stdio.h>
#include <string.h>

#include "file-test.h"
#include "lease/scsi-pr-bytes.h"
#include "leasehold/reserve.h"
#include "store/fault.h"

enum { OUT_REGISTER, OUT_RESERVE, OUT_RELEASE, OUT_CLEAR, OUT_PREEMPT };

static struct store *store;
static struct store_volume *volume;
static uint8_t reply[CONTROL_SIZE];

static uint8_t
run_frame(const char *node, const uint8_t *frame, size_t length)
{
  struct control control = {.volume = volume, .name = "disk", .node = node};
  struct error err = ERROR_INIT;

  if (control_run(&control, frame, length, reply, &err) != 0)
    fail_msg("%s", err.text);
  return reply[0];
}

/* A PERSISTENT RESERVE OUT; the status byte. */
static uint8_t
out(const char *node, uint8_t action, uint64_t key, uint64_t service_key)
{
  uint8_t frame[16 + 24] = {PERSISTENT_RESERVE_OUT, action, WRITE_EXCLUSIVE};

  frame[8] = 24;
  write_be64(frame + 16, key);
  write_be64(frame + 24, service_key);
  return run_frame(node, frame, sizeof frame);
}

/* All that the next one sees: by READ FULL STATUS, and of the lease. */
struct view {
  char text[512];
};

static struct view
look(void)
{
  uint8_t frame[16] = {PERSISTENT_RESERVE_IN, 3, 0, 0, 0, 0, 0, 0x10, 0};
  const uint8_t *data = reply + CONTROL_DATA_OFFSET, *end;
  struct volume_info info;
  struct view view = {.text = ""};
  char *at = view.text;

  assert_int_equal(run_frame("looker", frame, sizeof frame), SCSI_GOOD);
  at += sprintf(at, "generation %u:", read_be32(data));
  end = data + read_be32(reply + 4);
  for (data += 8; data < end; data += 24 + read_be32(data + 20))
    at += sprintf(at, " %s=%u%s", (const char *)data + 28, data[7],
                  (data[12] & 1) != 0 ? "*" : "");
  assert_int_equal(reservation_look(volume, &info, NULL), 0);
  sprintf(at, "; %s %s", lease_state_text(info.lease.state),
          info.lease.state == LEASE_LEASED ? info.lease.node : "");
  return view;
}

static int
begin(void **state)
{
  struct fault_config config = {.alignment = 0};

  if (file_test_setup(state) != 0)
    return -1;
  store = fault_store_new(&config, file_test_open(0));
  volume = file_test_disk(store);
  return 0;
}

static int
end(void **state)
{
  fault_store_plan(store, NULL, 0);
  store_volume_close(volume);
  store_close(store);
  return file_test_teardown(state);
}

#define CONTROL_TEST(function)                                                 \
  cmocka_unit_test_setup_teardown(function, begin, end)

static void
start_anew(void)
{
  struct store_command clear = {.command.verb = LEASE_BREAK};

  store_run_command(volume, &clear);
  store_volume_close(volume);
  assert_int_equal(store_remove(store, "disk", NULL, NULL), 0);
  volume = file_test_disk(store);
}

static void
step_register_a(void)
{
  out("a", OUT_REGISTER, 0, 10);
}

static void
step_register_b(void)
{
  out("b", OUT_REGISTER, 0, 11);
}

static void
step_reserve_a(void)
{
  out("a", OUT_RESERVE, 10, 0);
}

static void
step_preempt_b(void)
{
  out("b", OUT_PREEMPT, 11, 10);
}

static void
step_register_a_again(void)
{
  out("a", OUT_REGISTER, 0, 12);
}

static void
step_release_b(void)
{
  out("b", OUT_RELEASE, 11, 0);
}

static void
step_reserve_b(void)
{
  out("b", OUT_RESERVE, 11, 0);
}

static void
step_unregister_b(void)
{
  out("b", OUT_REGISTER, 11, 0);
}

static void
step_plain_reserve_b(void)
{
  static const uint8_t frame[16] = {RESERVE_6};

  out("a", OUT_REGISTER, 12, 0);
  run_frame("b", frame, sizeof frame);
}

static void
step_clear(void)
{
  out("a", OUT_REGISTER, 0, 13);
  out("a", OUT_CLEAR, 13, 0);
}

static void (*const steps[])(void) = {
    step_register_a,       step_register_b, step_reserve_a, step_preempt_b,
    step_register_a_again, step_release_b,  step_reserve_b, step_unregister_b,
    step_plain_reserve_b,  step_clear,
};

static void
run_steps(unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    steps[i]();
}

/* What there is to see after each step, and between the two commands of some.
 */
static struct view before, between, after;

static bool
is_one_of_them(const struct view *now)
{
  return strcmp(now->text, before.text) == 0 ||
         strcmp(now->text, between.text) == 0 ||
         strcmp(now->text, after.text) == 0;
}

static void
look_at_step(unsigned step)
{
  start_anew();
  run_steps(step);
  before = after = between = look();
  steps[step]();
  after = look();
  if (steps[step] == step_plain_reserve_b || steps[step] == step_clear) {
    start_anew();
    run_steps(step);
    out("a", OUT_REGISTER, steps[step] == step_clear ? 0 : 12,
        steps[step] == step_clear ? 13 : 0);
    between = look();
  }
}

/* Does a rule to every call of every step in turn, then lets another node look.
 */
static void
torture(struct fault_rule rule)
{
  unsigned faults = 0;

  for (unsigned step = 0; step < COUNT(steps); step++) {
    look_at_step(step);
    for (unsigned n = 1;; n++) {
      struct view now;
      unsigned calls;

      start_anew();
      run_steps(step);
      rule.call = FAULT_ANY;
      rule.first = n;
      fault_store_plan(store, &rule, 1);
      steps[step]();
      calls = fault_store_calls(store, FAULT_ANY);
      fault_store_plan(store, NULL, 0);
      now = look();
      if (!is_one_of_them(&now))
        fail_msg("step %u, call %u: %s\nneither %s\nnor %s", step, n, now.text,
                 before.text, after.text);
      if (calls < n) {
        assert_string_equal(now.text, after.text);
        break;
      }
      faults++;
    }
  }
  print_message("%u calls\n", faults);
  assert_true(faults > 50);
}

/* Killed before the call: nothing more is done. */
static void
test_killed_before(void **state)
{
  (void)state;
  torture((struct fault_rule){.effect = FAULT_BEFORE, .status = STATUS_IO});
}

/* Killed after the call, before the answer. */
static void
test_killed_after(void **state)
{
  (void)state;
  for (unsigned step = 0; step < COUNT(steps); step++) {
    look_at_step(step);
    for (unsigned n = 1;; n++) {
      struct fault_rule rules[] = {{.call = FAULT_ANY,
                                    .first = n,
                                    .count = 1,
                                    .effect = FAULT_AFTER,
                                    .status = STATUS_IO},
                                   {.call = FAULT_ANY,
                                    .first = n + 1,
                                    .effect = FAULT_BEFORE,
                                    .status = STATUS_IO}};
      struct view now;
      unsigned calls;

      start_anew();
      run_steps(step);
      fault_store_plan(store, rules, COUNT(rules));
      steps[step]();
      calls = fault_store_calls(store, FAULT_ANY);
      fault_store_plan(store, NULL, 0);
      now = look();
      if (!is_one_of_them(&now))
        fail_msg("step %u, call %u: %s", step, n, now.text);
      if (calls < n)
        break;
    }
  }
}

/* One answer is lost, once: the command goes on, or says that it does not know.
 */
static void
test_answer_lost(void **state)
{
  (void)state;
  torture((struct fault_rule){
      .effect = FAULT_AFTER, .count = 1, .status = STATUS_UNKNOWN});
  torture((struct fault_rule){
      .effect = FAULT_BEFORE, .count = 1, .status = STATUS_UNKNOWN});
}

/* A replacement of the side object whose answer is lost is looked for. */
static void
test_lost_replacement_is_found(void **state)
{
  static const enum fault_effect effects[] = {FAULT_AFTER, FAULT_BEFORE};

  (void)state;
  for (size_t i = 0; i < COUNT(effects); i++)
    for (unsigned n = 1; n <= 2; n++) {
      struct fault_rule rule = {.call = FAULT_SIDE_WRITE,
                                .first = n,
                                .count = 1,
                                .effect = effects[i],
                                .status = STATUS_UNKNOWN};

      start_anew();
      fault_store_plan(store, &rule, 1);
      assert_int_equal(out("a", OUT_REGISTER, 0, 10), SCSI_GOOD);
      assert_int_equal(out("a", OUT_RESERVE, 10, 0), SCSI_GOOD);
      fault_store_plan(store, NULL, 0);
      assert_string_equal(look().text, "generation 1: a=10*; leased a");
    }
}

/* While a command was half done the lease went to somebody else: it stays
 * there, and the command is taken back.
 */
static void
test_pending_that_cannot_be_done(void **state)
{
  struct fault_rule rule = {
      .call = FAULT_CHANGE, .effect = FAULT_BEFORE, .status = STATUS_IO};
  struct lease_id id_c;
  struct store_command change = {
      .command = {.verb = LEASE_CHANGE, .node = "c"}};

  (void)state;
  run_steps(3);
  fault_store_plan(store, &rule, 1);
  assert_int_equal(out("b", OUT_PREEMPT, 11, 10), SCSI_CHECK_CONDITION);
  fault_store_plan(store, NULL, 0);
  assert_int_equal(lease_id_from_node("c", NULL, &id_c), 0);
  assert_int_equal(lease_id_from_node("a", NULL, &change.command.lease_id), 0);
  change.command.proposed_id = id_c;
  assert_int_equal(store_run_command(volume, &change), 0);
  assert_string_equal(look().text, "generation 2: a=10 b=11; leased c");
  assert_int_equal(out("b", OUT_PREEMPT, 11, 10), SCSI_GOOD);
  assert_string_equal(look().text, "generation 3: b=11; leased c");
}

static void
acquire_for(const char *node)
{
  struct store_command acquire = {
      .command = {.verb = LEASE_ACQUIRE, .duration_s = 60}};

  strcpy(acquire.command.node, node);
  assert_int_equal(lease_id_from_node(node, NULL, &acquire.command.lease_id),
                   0);
  assert_int_equal(store_run_command(volume, &acquire), 0);
}

/* A CLEAR that was cut short after it had broken the lease does not break that
 * of the next one.
 */
static void
test_pending_clear(void **state)
{
  struct fault_rule rule = {.call = FAULT_SIDE_WRITE,
                            .first = 2,
                            .effect = FAULT_BEFORE,
                            .status = STATUS_IO};

  (void)state;
  run_steps(3);
  fault_store_plan(store, &rule, 1);
  assert_int_equal(out("b", OUT_CLEAR, 11, 0), SCSI_CHECK_CONDITION);
  fault_store_plan(store, NULL, 0);
  acquire_for("c");
  assert_string_equal(look().text, "generation 3:; leased c");
}

/* Whoever has the lease without a word about reservations holds one. */
static void
test_lease_is_the_truth(void **state)
{
  struct store_command clear = {.command.verb = LEASE_BREAK};

  (void)state;
  acquire_for("a");
  step_register_b();
  assert_int_equal(out("b", OUT_RESERVE, 11, 0), SCSI_RESERVATION_CONFLICT);
  step_register_a();
  assert_string_equal(look().text, "generation 2: b=11 a=10*; leased a");
  step_reserve_a(); /* for good now */
  file_test_passed_ms += 120 * 1000;
  assert_string_equal(look().text, "generation 2: b=11 a=10*; leased a");
  /* The administrator has broken it, with the store's own means. */
  assert_int_equal(store_run_command(volume, &clear), 0);
  assert_string_equal(look().text, "generation 2: b=11 a=10; broken ");
  assert_int_equal(out("b", OUT_RESERVE, 11, 0), SCSI_GOOD);
  assert_string_equal(look().text, "generation 2: b=11* a=10; leased b");
}

/* A lease that was to end, and is preempted, does not end any more. */
static void
test_preempted_for_good(void **state)
{
  (void)state;
  acquire_for("a");
  step_register_a();
  step_register_b();
  step_preempt_b();
  file_test_passed_ms += 120 * 1000;
  assert_string_equal(look().text, "generation 3: b=11*; leased b");
}

/* Many registrants at once, on handles of their own: none is lost. */
#define CROWD 6

static void
register_crowd(void *data)
{
  static struct store_volume *inherited; /* stays reachable */
  struct store *own = file_test_open(0);
  char node[8];

  inherited = volume;
  volume = file_test_volume(own, "disk");
  snprintf(node, sizeof node, "n%d", *(int *)data);
  for (uint64_t i = 0; i < 10; i++)
    file_test_require(out(node, OUT_REGISTER, i, i + 1) == SCSI_GOOD,
                      "REGISTER is good");
  store_volume_close(volume);
  volume = inherited;
  store_close(own);
}

static void
test_crowd(void **state)
{
  pid_t children[CROWD];
  struct view view;

  (void)state;
  for (int i = 0; i < CROWD; i++)
    children[i] = file_test_fork(register_crowd, &i);
  for (int i = 0; i < CROWD; i++)
    assert_int_equal(file_test_wait(children[i]), 0);
  view = look();
  assert_non_null(strstr(view.text, "generation 60:"));
  for (int i = 0; i < CROWD; i++) {
    char registrant[16];

    snprintf(registrant, sizeof registrant, " n%d=10", i);
    assert_non_null(strstr(view.text, registrant));
  }
}

/* Side objects that are damaged are named, and nothing is guessed; an
 * administrator can do away with them.
 */
static void
test_damaged(void **state)
{
  struct control control = {.volume = volume, .name = "disk"};
  static struct side_object object;

  (void)state;
  object.length = (size_t)sprintf(object.bytes, "{\"leasehold\":1}");
  assert_int_equal(store_side_write(volume, SIDE_REGISTRATIONS, &object, NULL),
                   0);
  assert_int_equal(out("a", OUT_REGISTER, 0, 10), SCSI_CHECK_CONDITION);
  assert_int_equal(reply[CONTROL_SENSE_OFFSET + 2], SCSI_HARDWARE_ERROR);
  assert_int_equal(control_unregister_all(&control, NULL), 0);
  assert_int_equal(out("a", OUT_REGISTER, 0, 10), SCSI_GOOD);
  assert_string_equal(look().text, "generation 2: a=10; available ");
}

/* Without registrations it makes none; with some it leaves none, nor what was
 * pending.
 */
static void
test_unregister_all(void **state)
{
  struct control control = {.volume = volume, .name = "disk"};
  struct fault_rule rule = {
      .call = FAULT_ACQUIRE, .effect = FAULT_BEFORE, .status = STATUS_IO};
  static struct side_object object;

  (void)state;
  assert_int_equal(control_unregister_all(&control, NULL), 0);
  assert_int_equal(store_side_read(volume, SIDE_REGISTRATIONS, &object, NULL),
                   0);
  assert_string_equal(object.etag, "");
  run_steps(2);
  fault_store_plan(store, &rule, 1);
  step_reserve_a();
  fault_store_plan(store, NULL, 0);
  assert_int_equal(control_unregister_all(&control, NULL), 0);
  assert_string_equal(look().text, "generation 3:; available ");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      CONTROL_TEST(test_killed_before),
      CONTROL_TEST(test_killed_after),
      CONTROL_TEST(test_answer_lost),
      CONTROL_TEST(test_lost_replacement_is_found),
      CONTROL_TEST(test_pending_that_cannot_be_done),
      CONTROL_TEST(test_pending_clear),
      CONTROL_TEST(test_lease_is_the_truth),
      CONTROL_TEST(test_preempted_for_good),
      CONTROL_TEST(test_crowd),
      CONTROL_TEST(test_damaged),
      CONTROL_TEST(test_unregister_all),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
