/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-translate.c: reservation commands become what DESIGN section 4 says.
 *
 * tests/data/reservation-table.tsv has the rows; every combination of command,
 * lease state and owner must be in it exactly once.
 */
#include "leasehold/translate.h"

#include <stdio.h>
#include <string.h>

#include "tsv.h"
#include "unit.h"

enum whose { NOBODY, ASKER, VICTIM, OTHER, HIDDEN, WHOSE };

static const char *const whose_texts[] = {"nobody", "asker", "victim", "other",
                                          "hidden"};
static const char *const command_texts[] = {
    [RESERVATION_RESERVE] = "RESERVE",
    [RESERVATION_RELEASE] = "RELEASE",
    [RESERVATION_PREEMPT] = "PREEMPT",
    [RESERVATION_PREEMPT_AND_ABORT] = "PREEMPT AND ABORT",
    [RESERVATION_CLEAR] = "CLEAR",
    [RESERVATION_READ_RESERVATION] = "READ RESERVATION",
    [RESERVATION_READ_KEYS] = "READ KEYS",
    [RESERVATION_READ_FULL_STATUS] = "READ FULL STATUS",
};
static const char *const state_texts[] = {
    [LEASE_AVAILABLE] = "available", [LEASE_LEASED] = "leased",
    [LEASE_BREAKING] = "breaking",   [LEASE_BROKEN] = "broken",
    [LEASE_EXPIRED] = "expired",
};

#define COMMANDS COUNT(command_texts)
#define STATES COUNT(state_texts)

static const struct lease_id id_a = {"aaaaaaaa-0000-5000-8000-000000000001"};
static const struct lease_id id_b = {"bbbbbbbb-0000-5000-8000-000000000002"};
static const struct lease_id id_c = {"cccccccc-0000-5000-8000-000000000003"};

#define EPOCH 41
#define DURATION 30

static unsigned
lookup(const char *const *texts, size_t count, const char *text)
{
  for (unsigned i = 0; i < count; i++)
    if (strcmp(texts[i], text) == 0)
      return i;
  fail_msg("\"%s\" is not a word of the table", text);
  return 0;
}

static struct reservation_request
make_request(enum reservation_command command)
{
  return (struct reservation_request){
      .command = command,
      .node = "node-b",
      .node_id = id_b,
      .victim_id = id_a,
      .duration_s = DURATION,
  };
}

static struct volume_info
make_info(enum lease_state state, enum whose whose)
{
  static const struct lease_id *const ids[] = {
      [ASKER] = &id_b, [VICTIM] = &id_a, [OTHER] = &id_c};
  struct volume_info info = {
      .size = 512,
      .epoch = EPOCH,
      .lease = {.state = state, .duration_s = 15, .id_known = whose != HIDDEN},
  };

  if (whose != NOBODY && whose != HIDDEN)
    info.lease.id = *ids[whose];
  return info;
}

/* Adds the command to text, in the table's words; checks what it carries. */
static void
describe_command(const struct lease_command *command, char *text, size_t room)
{
  size_t used = strlen(text);

  if (used > 0)
    used += (size_t)snprintf(text + used, room - used, " ");
  text += used;
  room -= used;
  assert_false(command->clean);
  switch (command->verb) {
  case LEASE_ACQUIRE:
    assert_string_equal(command->lease_id.text, id_b.text);
    assert_string_equal(command->node, "node-b");
    assert_int_equal(command->duration_s, DURATION);
    snprintf(text, room, "Acquire(B)");
    break;
  case LEASE_RENEW:
    assert_string_equal(command->lease_id.text, id_b.text);
    snprintf(text, room, "Renew(B)");
    break;
  case LEASE_CHANGE:
    assert_string_equal(command->lease_id.text, id_a.text);
    assert_string_equal(command->proposed_id.text, id_b.text);
    assert_string_equal(command->node, "node-b");
    snprintf(text, room, "Change(A,B)");
    break;
  case LEASE_RELEASE:
    assert_string_equal(command->lease_id.text, id_b.text);
    assert_int_equal(command->expected_epoch, EPOCH);
    snprintf(text, room, "Release(B)");
    break;
  case LEASE_BREAK:
    assert_string_equal(command->lease_id.text, "");
    assert_int_equal(command->break_period_s, 0);
    snprintf(text, room, "Break(0)");
    break;
  case LEASE_DESCRIBE:
    assert_string_equal(command->lease_id.text, "");
    snprintf(text, room, "Describe");
    break;
  default:
    fail_msg("verb %d in a plan", (int)command->verb);
  }
}

struct coverage {
  unsigned seen[COMMANDS][STATES][WHOSE];
};

static void
check_case(enum reservation_command command, enum lease_state state,
           enum whose whose, char *const *fields, unsigned line)
{
  struct reservation_request request = make_request(command);
  struct volume_info info = make_info(state, whose);
  struct translation plan;
  char text[128] = "";

  memset(&plan, 0xa5, sizeof plan);
  translate(&request, &info, &plan);
  for (unsigned i = 0; i < plan.count; i++)
    describe_command(&plan.commands[i], text, sizeof text);
  if (strcmp(plan.count == 0 ? "-" : text, fields[3]) != 0)
    fail_msg("line %u: %s, %s of %s: planned %s", line, fields[0],
             state_texts[state], whose_texts[whose], text);
  if ((plan.outcome == RESERVATION_CONFLICT) !=
          (strcmp(fields[4], "CONFLICT") == 0) ||
      (plan.outcome == RESERVATION_GOOD) != (strcmp(fields[4], "GOOD") == 0))
    fail_msg("line %u: %s, %s of %s: outcome %d", line, fields[0],
             state_texts[state], whose_texts[whose], (int)plan.outcome);
}

/* The columns state and whose may have several words, with commas. */
static void
check_row(char *const *fields, unsigned line, void *data)
{
  struct coverage *coverage = data;
  unsigned command = lookup(command_texts, COMMANDS, fields[0]);
  char states[64], *state_rest = states, *state_word;

  snprintf(states, sizeof states, "%s", fields[1]);
  while ((state_word = strsep(&state_rest, ",")) != NULL) {
    unsigned state = lookup(state_texts, STATES, state_word);
    char owners[64], *whose_rest = owners, *whose_word;

    snprintf(owners, sizeof owners, "%s", fields[2]);
    while ((whose_word = strsep(&whose_rest, ",")) != NULL) {
      unsigned whose = lookup(whose_texts, WHOSE, whose_word);

      coverage->seen[command][state][whose]++;
      check_case(command, state, whose, fields, line);
    }
  }
}

static void
every_row_of_the_table_holds(void **unused)
{
  struct coverage coverage = {0};

  (void)unused;
  tsv_each("reservation-table.tsv", 5, check_row, &coverage);
  for (unsigned command = 0; command < COMMANDS; command++)
    for (unsigned state = 0; state < STATES; state++)
      for (unsigned whose = 0; whose < WHOSE; whose++) {
        unsigned wanted = (state == LEASE_AVAILABLE) == (whose == NOBODY);

        if (coverage.seen[command][state][whose] != wanted)
          fail_msg("%s, %s of %s: in the table %u times",
                   command_texts[command], state_texts[state],
                   whose_texts[whose], coverage.seen[command][state][whose]);
      }
}

/* Without a victim there is nobody to take the lease from. */
static void
preempt_without_victim_is_a_conflict(void **unused)
{
  struct reservation_request request = make_request(RESERVATION_PREEMPT);
  struct translation plan;

  (void)unused;
  request.victim_id = (struct lease_id){""};
  for (unsigned whose = VICTIM; whose < WHOSE; whose++) {
    struct volume_info info = make_info(LEASE_LEASED, whose);

    translate(&request, &info, &plan);
    assert_int_equal(plan.outcome, RESERVATION_CONFLICT);
    assert_int_equal(plan.count, 0);
  }
}

/* A lease whose state is known to be available is, even if IDs are hidden. */
static void
hidden_ids_do_not_matter_without_a_lease(void **unused)
{
  struct volume_info info = make_info(LEASE_AVAILABLE, HIDDEN);
  struct reservation_request request = make_request(RESERVATION_RELEASE);
  struct translation plan;

  (void)unused;
  translate(&request, &info, &plan);
  assert_int_equal(plan.count, 0);
  assert_false(plan.blind);
}

static const int all_statuses[] = {
    STATUS_LEASE_HELD,
    STATUS_LEASE_MISMATCH,
    STATUS_LEASE_ABSENT,
    STATUS_LEASE_LOST,
    STATUS_LEASE_REQUIRED,
    STATUS_LEASE_BREAKING,
    STATUS_LEASE_BROKEN,
    STATUS_EPOCH_STALE,
    STATUS_ETAG_STALE,
    STATUS_CONFLICT,
    STATUS_FENCED,
    STATUS_READ_ONLY,
    STATUS_INVALID,
    STATUS_NOT_FOUND,
    STATUS_EXISTS,
    STATUS_NO_SPACE,
    STATUS_NO_MEMORY,
    STATUS_DENIED,
    STATUS_CORRUPT,
    STATUS_UNSUPPORTED,
    STATUS_TRANSIENT,
    STATUS_UNKNOWN,
    STATUS_IO,
    STATUS_TIMEOUT,
    STATUS_STOPPING,
};

/* What an answer to a command of a plan means: the store's refusals say that
 * the volume has moved on, all others are no answers about reservations.
 */
static void
answers_of_a_plan(void **unused)
{
  (void)unused;
  for (unsigned command = 0; command < COMMANDS; command++)
    for (unsigned whose = ASKER; whose <= OTHER; whose++) {
      struct reservation_request request = make_request(command);
      struct volume_info info = make_info(LEASE_LEASED, whose);
      struct translation plan;

      translate(&request, &info, &plan);
      assert_false(plan.blind);
      for (unsigned i = 0; i < plan.count; i++) {
        assert_int_equal(translate_outcome(&plan, i, 0), RESERVATION_GOOD);
        for (size_t s = 0; s < COUNT(all_statuses); s++) {
          int status = all_statuses[s];

          assert_int_equal(translate_outcome(&plan, i, status),
                           status >= STATUS_ETAG_STALE ? RESERVATION_LOOK_AGAIN
                                                       : RESERVATION_ERROR);
        }
      }
    }
}

/* When the store keeps IDs to itself, looking again would tell nothing: the
 * refusal that says "not this ID" decides.
 */
static void
answers_of_a_blind_plan(void **unused)
{
  static const struct {
    enum reservation_command command;
    enum lease_state state;
    int status;
    enum reservation_outcome outcome;
  } rows[] = {
      {RESERVATION_RESERVE, LEASE_LEASED, STATUS_LEASE_HELD,
       RESERVATION_CONFLICT},
      {RESERVATION_PREEMPT, LEASE_LEASED, STATUS_LEASE_MISMATCH,
       RESERVATION_CONFLICT},
      {RESERVATION_PREEMPT_AND_ABORT, LEASE_LEASED, STATUS_LEASE_MISMATCH,
       RESERVATION_CONFLICT},
      {RESERVATION_RELEASE, LEASE_LEASED, STATUS_LEASE_MISMATCH,
       RESERVATION_GOOD},
      {RESERVATION_RELEASE, LEASE_BREAKING, STATUS_LEASE_MISMATCH,
       RESERVATION_GOOD},
  };

  (void)unused;
  for (size_t r = 0; r < COUNT(rows); r++) {
    struct reservation_request request = make_request(rows[r].command);
    struct volume_info info = make_info(rows[r].state, HIDDEN);
    struct translation plan;

    translate(&request, &info, &plan);
    assert_true(plan.blind);
    for (size_t s = 0; s < COUNT(all_statuses); s++) {
      int status = all_statuses[s];
      enum reservation_outcome wanted =
          status == rows[r].status      ? rows[r].outcome
          : status >= STATUS_ETAG_STALE ? RESERVATION_LOOK_AGAIN
                                        : RESERVATION_ERROR;

      assert_int_equal(translate_outcome(&plan, 0, status), wanted);
    }
  }
}

/* SAM-5 status bytes and SPC-4 sense data, one row per status. */
static void
every_status_has_its_scsi_result(void **unused)
{
  static const struct {
    int status;
    struct scsi_result result;
  } rows[] = {
      {STATUS_OK, {0x00, 0, 0, 0}},
      {STATUS_LEASE_HELD, {0x18, 0, 0, 0}},
      {STATUS_LEASE_MISMATCH, {0x18, 0, 0, 0}},
      {STATUS_LEASE_ABSENT, {0x18, 0, 0, 0}},
      {STATUS_LEASE_LOST, {0x18, 0, 0, 0}},
      {STATUS_LEASE_REQUIRED, {0x18, 0, 0, 0}},
      {STATUS_LEASE_BREAKING, {0x18, 0, 0, 0}},
      {STATUS_LEASE_BROKEN, {0x18, 0, 0, 0}},
      {STATUS_CONFLICT, {0x18, 0, 0, 0}},
      {STATUS_EPOCH_STALE, {0x02, 0x07, 0x27, 0x00}},
      {STATUS_FENCED, {0x02, 0x07, 0x27, 0x00}},
      {STATUS_READ_ONLY, {0x02, 0x07, 0x27, 0x00}},
      {STATUS_NO_SPACE, {0x02, 0x07, 0x27, 0x07}},
      {STATUS_INVALID, {0x02, 0x05, 0x24, 0x00}},
      {STATUS_EXISTS, {0x02, 0x05, 0x24, 0x00}},
      {STATUS_NOT_FOUND, {0x02, 0x05, 0x25, 0x00}},
      {STATUS_UNSUPPORTED, {0x02, 0x05, 0x20, 0x00}},
      {STATUS_ETAG_STALE, {0x02, 0x02, 0x04, 0x00}},
      {STATUS_TRANSIENT, {0x02, 0x02, 0x04, 0x00}},
      {STATUS_TIMEOUT, {0x02, 0x02, 0x04, 0x00}},
      {STATUS_STOPPING, {0x02, 0x02, 0x04, 0x00}},
      {STATUS_DENIED, {0x02, 0x02, 0x04, 0x03}},
      {STATUS_IO, {0x02, 0x04, 0x44, 0x00}},
      {STATUS_CORRUPT, {0x02, 0x04, 0x44, 0x00}},
      {STATUS_NO_MEMORY, {0x02, 0x0b, 0x55, 0x03}},
      {STATUS_UNKNOWN, {0x02, 0x0b, 0x2e, 0x02}},
      /* Not statuses at all: never GOOD. */
      {1, {0x02, 0x04, 0x44, 0x00}},
      {-10, {0x02, 0x04, 0x44, 0x00}},
      {-65, {0x02, 0x04, 0x44, 0x00}},
      {-100000, {0x02, 0x04, 0x44, 0x00}},
  };

  (void)unused;
  assert_int_equal(COUNT(rows), COUNT(all_statuses) + 1 + 4);
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct scsi_result result = translate_scsi(rows[i].status);

    if (memcmp(&result, &rows[i].result, sizeof result) != 0)
      fail_msg("status %d: %02x %02x/%02x/%02x", rows[i].status, result.status,
               result.sense_key, result.asc, result.ascq);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row_of_the_table_holds),
      cmocka_unit_test(preempt_without_victim_is_a_conflict),
      cmocka_unit_test(hidden_ids_do_not_matter_without_a_lease),
      cmocka_unit_test(answers_of_a_plan),
      cmocka_unit_test(answers_of_a_blind_plan),
      cmocka_unit_test(every_status_has_its_scsi_result),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
