/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-reserve.c: reservation commands against a store that answers by a
 * script, so that every race with another node happens when it is wanted: the
 * right commands are sent in the right order, a refused one leads to another
 * look, and a conflict names who holds the volume now.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "leasehold/reserve.h"

/* 2026-01-31T12:00:00Z */
#define NOON_MS INT64_C(1769860800000)

/* --- a scripted store ---------------------------------------------------- */

struct step {
  enum lease_verb verb; /* that must come */
  int status;           /* that is answered */
  struct volume_info info;
};

#define STEPS_MAX 12

struct script {
  struct store_volume volume; /* first */
  struct step steps[STEPS_MAX];
  struct lease_command sent[STEPS_MAX];
  unsigned count, next;
};

static int
script_submit(struct store_volume *volume, struct store_command *command)
{
  struct script *script = (struct script *)volume;
  const struct step *step = &script->steps[script->next];

  assert_true(script->next < script->count);
  assert_string_equal(lease_verb_text(command->command.verb),
                      lease_verb_text(step->verb));
  script->sent[script->next++] = command->command;
  command->reply.status = step->status;
  if (step->status == 0)
    command->reply.info = step->info;
  else
    error_set(&command->error, (enum status)step->status, "the store says no");
  return step->status;
}

static const struct store_ops script_ops = {
    .name = "script",
    .scheme = "script:",
    .submit_command = script_submit,
};

static void
script_add(struct script *script, enum lease_verb verb, int status,
           struct volume_info info)
{
  assert_true(script->count < STEPS_MAX);
  script->volume.ops = &script_ops;
  script->steps[script->count++] = (struct step){verb, status, info};
}

/* --- the cast ------------------------------------------------------------ */

static struct lease_id
id_of(const char *node)
{
  struct lease_id id = {.text = ""};

  assert_int_equal(lease_id_from_node(node, NULL, &id), 0);
  return id;
}

static struct volume_info
leased(enum lease_state state, const char *node)
{
  struct volume_info info = {
      .size = 512,
      .epoch = 7,
      .lease = {.state = state,
                .duration_s = 30,
                .id_known = true,
                .since_ms = NOON_MS,
                .expires_in_ms = -1},
  };

  snprintf(info.lease.node, sizeof info.lease.node, "%s", node);
  if (node[0] != '\0')
    info.lease.id = id_of(node);
  return info;
}

/* As a store that keeps lease IDs and names to itself tells it. */
static struct volume_info
hidden(enum lease_state state)
{
  struct volume_info info = leased(state, "");

  info.lease.id_known = false;
  return info;
}

static struct volume_info
nothing(void)
{
  return (struct volume_info){0};
}

static struct reservation_request
request_by_b(enum reservation_command command)
{
  struct reservation_request request = {
      .command = command,
      .node = "node-b",
      .node_id = id_of("node-b"),
      .duration_s = 45,
  };

  return request;
}

static struct reservation_request
preempt_a_by_b(void)
{
  struct reservation_request request = request_by_b(RESERVATION_PREEMPT);

  request.victim_id = id_of("node-a");
  return request;
}

/* Runs the script to its end; every step must have been asked for. */
static struct reservation_result
play(struct script *script, const struct reservation_request *request)
{
  struct reservation_result result;
  int status = reservation_run(&script->volume, "disk0", request, &result);

  assert_int_equal(status, result.status);
  assert_int_equal(script->next, script->count);
  assert_true((result.status == 0) == (result.outcome == RESERVATION_GOOD));
  assert_true((result.status == STATUS_CONFLICT) ==
              (result.outcome == RESERVATION_CONFLICT));
  if (result.status != 0)
    assert_int_equal(result.error.status, result.status);
  return result;
}

static void
assert_conflict_with(const struct reservation_result *result, const char *node)
{
  char text[LEASE_HOLDER_TEXT_MAX + 64];

  assert_int_equal(result->status, STATUS_CONFLICT);
  snprintf(text, sizeof text,
           "disk0: reservation conflict: %s holds it since "
           "2026-01-31T12:00:00Z",
           node);
  assert_string_equal(result->error.text, text);
}

/* --- what happens -------------------------------------------------------- */

static void
reserve_free(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request = request_by_b(RESERVATION_RESERVE);
  struct reservation_result result;

  (void)state;
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_AVAILABLE, ""));
  script_add(&script, LEASE_ACQUIRE, 0, nothing());
  result = play(&script, &request);
  assert_int_equal(result.status, 0);
  assert_int_equal(result.sent, 1);
  assert_int_equal(result.info.epoch, 7);
  assert_string_equal(script.sent[1].lease_id.text, id_of("node-b").text);
  assert_string_equal(script.sent[1].node, "node-b");
  assert_int_equal(script.sent[1].duration_s, 45);
}

static void
reserve_held_by_another(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request = request_by_b(RESERVATION_RESERVE);
  struct reservation_result result;

  (void)state;
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-a"));
  result = play(&script, &request);
  assert_conflict_with(&result, "node-a");
  assert_int_equal(result.sent, 0);
}

/* A conflict with oneself: another key, or none, makes other lease IDs. */
static void
reserve_with_wrong_key(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request = request_by_b(RESERVATION_RESERVE);
  struct reservation_result result;

  (void)state;
  request.node_id = id_of("what another key makes of it");
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-b"));
  result = play(&script, &request);
  assert_int_equal(result.status, STATUS_CONFLICT);
  assert_string_equal(result.error.text,
                      "disk0: reservation conflict: node-b holds it under "
                      "another lease ID: is --lease-key right?");
}

/* node-a is faster: the conflict names it, though it was free when looked at.
 */
static void
reserve_loses_race(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request = request_by_b(RESERVATION_RESERVE);
  struct reservation_result result;

  (void)state;
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_AVAILABLE, ""));
  script_add(&script, LEASE_ACQUIRE, STATUS_LEASE_HELD, nothing());
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-a"));
  result = play(&script, &request);
  assert_conflict_with(&result, "node-a");
}

static void
preempt_holder(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request = preempt_a_by_b();
  struct reservation_result result;

  (void)state;
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-a"));
  script_add(&script, LEASE_CHANGE, 0, nothing());
  script_add(&script, LEASE_RENEW, 0, nothing());
  result = play(&script, &request);
  assert_int_equal(result.status, 0);
  assert_int_equal(result.sent, 2);
  assert_string_equal(script.sent[1].lease_id.text, id_of("node-a").text);
  assert_string_equal(script.sent[1].proposed_id.text, id_of("node-b").text);
  assert_string_equal(script.sent[2].lease_id.text, id_of("node-b").text);
  /* What was there before is what a message tells. */
  assert_string_equal(result.info.lease.node, "node-a");
}

static void
preempt_repeated(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request = preempt_a_by_b();
  struct reservation_result result;

  (void)state;
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-b"));
  result = play(&script, &request);
  assert_int_equal(result.status, 0);
  assert_int_equal(result.sent, 0);
}

/* The lease ends between the look and the change: then it is acquired. */
static void
preempt_holder_that_expires(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request = preempt_a_by_b();
  struct reservation_result result;

  (void)state;
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-a"));
  script_add(&script, LEASE_CHANGE, STATUS_LEASE_ABSENT, nothing());
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_EXPIRED, "node-a"));
  script_add(&script, LEASE_ACQUIRE, 0, nothing());
  result = play(&script, &request);
  assert_int_equal(result.status, 0);
  assert_int_equal(result.sent, 1);
}

/* node-c takes the lease right after the change: node-b must not be told that
 * it holds it.
 */
static void
preempt_is_preempted(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request = preempt_a_by_b();
  struct reservation_result result;

  (void)state;
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-a"));
  script_add(&script, LEASE_CHANGE, 0, nothing());
  script_add(&script, LEASE_RENEW, STATUS_LEASE_MISMATCH, nothing());
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-c"));
  result = play(&script, &request);
  assert_conflict_with(&result, "node-c");
}

/* A volume that keeps changing hands is looked at five times, not for ever. */
static void
gives_up_after_five_looks(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request = request_by_b(RESERVATION_RESERVE);
  struct reservation_result result;

  (void)state;
  for (int i = 0; i < 5; i++) {
    script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_EXPIRED, "node-a"));
    script_add(&script, LEASE_ACQUIRE, STATUS_LEASE_HELD, nothing());
  }
  result = play(&script, &request);
  assert_int_equal(result.status, STATUS_TRANSIENT);
  assert_non_null(strstr(result.error.text, "disk0: "));
}

/* No answer about the lease: the store's text, and nothing more is sent. */
static void
store_fails(void **state)
{
  static const int statuses[] = {STATUS_IO, STATUS_UNKNOWN, STATUS_TRANSIENT,
                                 STATUS_CORRUPT};
  struct reservation_request request = preempt_a_by_b();

  (void)state;
  for (size_t i = 0; i < COUNT(statuses); i++) {
    for (unsigned fails_at = 0; fails_at < 3; fails_at++) {
      static const enum lease_verb verbs[] = {LEASE_DESCRIBE, LEASE_CHANGE,
                                              LEASE_RENEW};
      struct script script = {.count = 0};
      struct reservation_result result;

      for (unsigned step = 0; step <= fails_at; step++)
        script_add(&script, verbs[step], step == fails_at ? statuses[i] : 0,
                   leased(LEASE_LEASED, "node-a"));
      result = play(&script, &request);
      assert_int_equal(result.status, statuses[i]);
      assert_string_equal(result.error.text, "the store says no");
    }
  }
}

static void
release_of_others_lease_does_nothing(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request = request_by_b(RESERVATION_RELEASE);
  struct reservation_result result;

  (void)state;
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-a"));
  result = play(&script, &request);
  assert_int_equal(result.status, 0);
  assert_int_equal(result.sent, 0);
}

/* S6: the release says of which epoch it is. */
static void
release_carries_epoch(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request = request_by_b(RESERVATION_RELEASE);
  struct reservation_result result;

  (void)state;
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-b"));
  script_add(&script, LEASE_RELEASE, 0, nothing());
  result = play(&script, &request);
  assert_int_equal(result.sent, 1);
  assert_int_equal(script.sent[1].expected_epoch, 7);
  assert_string_equal(script.sent[1].lease_id.text, id_of("node-b").text);
}

/* The store does not tell whose lease it is: its refusal decides. */
static void
hidden_holder(void **state)
{
  struct script reserve = {.count = 0}, release = {.count = 0};
  struct reservation_request request = request_by_b(RESERVATION_RESERVE);
  struct reservation_result result;

  (void)state;
  script_add(&reserve, LEASE_DESCRIBE, 0, hidden(LEASE_LEASED));
  script_add(&reserve, LEASE_ACQUIRE, STATUS_LEASE_HELD, nothing());
  result = play(&reserve, &request);
  assert_conflict_with(&result, "an unknown node");

  request = request_by_b(RESERVATION_RELEASE);
  script_add(&release, LEASE_DESCRIBE, 0, hidden(LEASE_LEASED));
  script_add(&release, LEASE_RELEASE, STATUS_LEASE_MISMATCH, nothing());
  result = play(&release, &request);
  assert_int_equal(result.status, 0);
  assert_int_equal(result.sent, 0);
}

static void
read_reservation_is_of_last_look(void **state)
{
  struct script script = {.count = 0};
  struct reservation_request request =
      request_by_b(RESERVATION_READ_RESERVATION);
  struct reservation_result result;

  (void)state;
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-a"));
  script_add(&script, LEASE_DESCRIBE, 0, leased(LEASE_LEASED, "node-c"));
  result = play(&script, &request);
  assert_int_equal(result.status, 0);
  assert_int_equal(result.sent, 0);
  assert_string_equal(result.info.lease.node, "node-c");
}

/* --- who holds it -------------------------------------------------------- */

static void
assert_holder(const struct volume_info *info, const char *text)
{
  char got[LEASE_HOLDER_TEXT_MAX];

  lease_holder_text(info, got);
  assert_string_equal(got, text);
}

static void
holder_is_known_or_not(void **state)
{
  struct volume_info info = hidden(LEASE_LEASED);
  struct holder *holder = &info.record.holder;

  (void)state;
  info.lease.since_ms = 0;
  assert_holder(&info, "an unknown node holds it");

  /* The record says who, as long as its epoch is the volume's... */
  *holder =
      (struct holder){.node = "node-r", .epoch = 7, .since_ms = NOON_MS + 1000};
  assert_holder(&info, "node-r holds it since 2026-01-31T12:00:01Z");
  info.lease.state = LEASE_BREAKING;
  assert_holder(&info, "node-r holds it since 2026-01-31T12:00:01Z");
  /* ...and its session has not detached... */
  holder->clean = true;
  assert_holder(&info, "an unknown node holds it");
  holder->clean = false;
  holder->epoch = 6;
  assert_holder(&info, "an unknown node holds it");
  /* ...but what the store was told with the lease goes first. */
  holder->epoch = 7;
  snprintf(info.lease.node, sizeof info.lease.node, "node-a");
  info.lease.since_ms = NOON_MS;
  assert_holder(&info, "node-a holds it since 2026-01-31T12:00:00Z");

  static const enum lease_state free_states[] = {LEASE_AVAILABLE, LEASE_BROKEN,
                                                 LEASE_EXPIRED};
  for (size_t i = 0; i < COUNT(free_states); i++) {
    info.lease.state = free_states[i];
    assert_holder(&info, "nobody holds it");
  }
}

static void
longest_name_fits(void **state)
{
  struct volume_info info = leased(LEASE_LEASED, "node-a");
  char text[LEASE_HOLDER_TEXT_MAX];

  (void)state;
  memset(info.lease.node, 'n', NODE_NAME_MAX);
  lease_holder_text(&info, text);
  assert_int_equal(strlen(text), NODE_NAME_MAX + strlen(" holds it since ") +
                                     strlen("2026-01-31T12:00:00Z"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reserve_free),
      cmocka_unit_test(reserve_held_by_another),
      cmocka_unit_test(reserve_with_wrong_key),
      cmocka_unit_test(reserve_loses_race),
      cmocka_unit_test(preempt_holder),
      cmocka_unit_test(preempt_repeated),
      cmocka_unit_test(preempt_holder_that_expires),
      cmocka_unit_test(preempt_is_preempted),
      cmocka_unit_test(gives_up_after_five_looks),
      cmocka_unit_test(store_fails),
      cmocka_unit_test(release_of_others_lease_does_nothing),
      cmocka_unit_test(release_carries_epoch),
      cmocka_unit_test(hidden_holder),
      cmocka_unit_test(read_reservation_is_of_last_look),
      cmocka_unit_test(holder_is_known_or_not),
      cmocka_unit_test(longest_name_fits),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
