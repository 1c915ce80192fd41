/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-handover.c: requests to hand a volume over: their text, their bytes on
 * the control export, and what they are to a session.
 */
#include "leasehold/handover.h"

#include <stdlib.h>
#include <string.h>

#include "lease/handover-frame.h"
#include "lease/keeper-internal.h"
#include "lease/scsi-sense.h"
#include "unit.h"

#define UUID_A "aaaaaaaa-aaaa-5aaa-8aaa-aaaaaaaaaaaa"
#define UUID_B "bbbbbbbb-bbbb-5bbb-8bbb-bbbbbbbbbbbb"

static const struct handover_request example = {.from = "a",
                                                .to = "b",
                                                .from_lease = {UUID_A},
                                                .to_lease = {UUID_B},
                                                .epoch = 7,
                                                .asked_ms = 1767225600000,
                                                .writer = "5e55"};

#define EXAMPLE                                                                \
  "{\"leasehold\":1,\"handover\":{\"from\":\"a\",\"from-lease\":\"" UUID_A     \
  "\",\"to\":\"b\",\"to-lease\":\"" UUID_B                                     \
  "\",\"epoch\":7,\"asked\":1767225600000,\"writer\":\"5e55\"}}"

static void
what_is_written_is_read(void **state)
{
  static const struct handover_request none;
  const struct handover_request *requests[] = {&example, &none};
  const char *texts[] = {EXAMPLE, "{\"leasehold\":1,\"handover\":null}"};

  (void)state;
  for (unsigned i = 0; i < COUNT(requests); i++) {
    struct handover_request again;
    struct error err = ERROR_INIT;
    char *text;

    assert_int_equal(handover_encode(requests[i], &text, &err), 0);
    assert_string_equal(text, texts[i]);
    assert_int_equal(handover_decode(text, strlen(text), "disk0", &again, &err),
                     0);
    assert_memory_equal(&again, requests[i], sizeof again);
    free(text);
  }
}

/* from in the example's text becomes to. */
static void
assert_damaged(const char *from, const char *to)
{
  char text[2 * sizeof EXAMPLE];
  const char *at = strstr(EXAMPLE, from);
  struct handover_request request;
  struct error err = ERROR_INIT;

  assert_non_null(at);
  strcpy(text, EXAMPLE);
  strcpy(text + (at - EXAMPLE), to);
  strcat(text, at + strlen(from));
  assert_int_equal(handover_decode(text, strlen(text), "disk0", &request, &err),
                   STATUS_CORRUPT);
  assert_int_equal(strncmp(err.text, "disk0: ", 7), 0);
  assert_string_equal(request.from, "");
}

static void
damaged_ones_are_refused(void **state)
{
  struct handover_request bad = example;
  struct error err = ERROR_INIT;
  char *text;

  (void)state;
  assert_damaged("{\"leasehold\":1", "{\"leasehold\":2");
  assert_damaged("}}", "}");
  assert_damaged("\"from\":\"a\"", "\"from\":\"\"");
  assert_damaged("\"from\":\"a\"", "\"from\":\"b\"");
  assert_damaged("\"from\":\"a\"", "\"from\":\"a/b\"");
  assert_damaged("\"from\":\"a\",", "");
  assert_damaged("\"epoch\":7", "\"epoch\":-7");
  assert_damaged("\"epoch\":7", "\"epoch\":\"7\"");
  assert_damaged("\"epoch\":7", "\"epoch\":7,\"more\":1");
  assert_damaged(UUID_A, "aaaa");
  assert_damaged("5e55", "xyz");
  bad.epoch = UINT64_MAX;
  assert_int_equal(handover_encode(&bad, &text, &err), STATUS_INVALID);
  bad = example;
  strcpy(bad.to, "a");
  assert_int_equal(handover_encode(&bad, &text, &err), STATUS_INVALID);
}

static void
a_request_is_for_one_epoch_and_one_lease(void **state)
{
  struct volume_info info = {
      .epoch = 7,
      .lease = {.state = LEASE_LEASED, .id_known = true, .id = {UUID_A}}};
  struct handover_request none = {.epoch = 7};

  (void)state;
  assert_true(handover_is_current(&example, &info));
  assert_false(handover_is_current(&none, &info));
  info.epoch = 8;
  assert_false(handover_is_current(&example, &info));
  info.epoch = 7;
  info.lease.id = example.to_lease;
  assert_false(handover_is_current(&example, &info));
  info.lease.id_known = false;
  assert_true(handover_is_current(&example, &info));
  info.lease.state = LEASE_AVAILABLE;
  assert_false(handover_is_current(&example, &info));
}

static void
what_a_request_is_to_a_session(void **state)
{
  static const struct {
    struct lease_view view;
    const char *node;
    enum handover_verdict verdict;
  } rows[] = {
      {{.holds = true, .epoch = 7}, "a", HANDOVER_OBEY},
      {{.holds = true, .epoch = 6}, "a", HANDOVER_LEAVE},
      {{.holds = true, .epoch = 8}, "a", HANDOVER_TAKE_AWAY},
      {{.holds = true, .epoch = 8}, "b", HANDOVER_TAKE_AWAY},
      {{.holds = true, .epoch = 7}, "b", HANDOVER_LEAVE},
      {{.epoch = 0}, "a", HANDOVER_LEAVE},
      {{.gave = true, .epoch = 7, .to = "b"}, "a", HANDOVER_TAKE_AWAY},
      {{.gave = true, .epoch = 7, .to = "c"}, "a", HANDOVER_LEAVE},
      {{.gave = true, .epoch = 6, .to = "b"}, "a", HANDOVER_LEAVE},
  };
  static const struct handover_request none;

  (void)state;
  for (unsigned i = 0; i < COUNT(rows); i++) {
    assert_int_equal(handover_judge(&rows[i].view, rows[i].node, &example),
                     rows[i].verdict);
    assert_int_equal(handover_judge(&rows[i].view, rows[i].node, &none),
                     HANDOVER_LEAVE);
  }
}

/* --- bytes -------------------------------------------------------------- */

static const uint8_t cdb_example[SCSI_CDB_MAX] = {0xc0, 0x01, 0x01, 0x02, 0,
                                                  0,    0,    0,    17};
static const uint8_t list_example[] = {0,   6,   0,   7,   'n', 'o',
                                       'd', 'e', '-', 'a', 'n', 'o',
                                       'd', 'e', '-', 'b', 'b'};

static struct scsi_result
decode(const uint8_t *cdb, const uint8_t *list, size_t length, const char *node,
       struct handover_frame *out)
{
  return handover_frame_decode(cdb, list, length, node, out);
}

static void
frames_are_as_documented(void **state)
{
  struct handover_frame frame, again;
  uint8_t cdb[SCSI_CDB_MAX], list[HANDOVER_LIST_MAX];

  (void)state;
  assert_int_equal(
      decode(cdb_example, list_example, sizeof list_example, "node-a", &frame)
          .status,
      SCSI_GOOD);
  assert_true(frame.force);
  assert_int_equal(frame.timeout_s, 258);
  assert_string_equal(frame.from, "node-a");
  assert_string_equal(frame.to, "node-bb");
  assert_int_equal(handover_frame_encode(&frame, cdb, list),
                   sizeof list_example);
  assert_memory_equal(cdb, cdb_example, sizeof cdb);
  assert_memory_equal(list, list_example, sizeof list_example);
  assert_int_equal(decode(cdb, list, sizeof list, "node-bb", &again).status,
                   SCSI_GOOD);
  assert_memory_equal(&again, &frame, sizeof frame);
}

static void
bad_frames_are_refused(void **state)
{
  static const struct {
    unsigned byte; /* of the CDB, then of the list */
    uint8_t value;
    struct scsi_result result;
  } rows[] = {
      {0, 0xc1, {INVALID_OPERATION_CODE}},
      {8, 16, {PARAMETER_LIST_LENGTH_ERROR}},
      {8, 18, {PARAMETER_LIST_LENGTH_ERROR}},
      {8, 3, {PARAMETER_LIST_LENGTH_ERROR}},
      {5, 1, {PARAMETER_LIST_LENGTH_ERROR}},
      {16, 1, {PARAMETER_LIST_LENGTH_ERROR}},
      {17, 5, {PARAMETER_LIST_LENGTH_ERROR}},
      {20, '/', {INVALID_FIELD_IN_PARAMETER_LIST}},
      {32, 0, {INVALID_FIELD_IN_PARAMETER_LIST}},
  };
  struct handover_frame frame;

  (void)state;
  for (unsigned i = 0; i < COUNT(rows); i++) {
    uint8_t cdb[SCSI_CDB_MAX], list[sizeof list_example];
    struct scsi_result result;

    memcpy(cdb, cdb_example, sizeof cdb);
    memcpy(list, list_example, sizeof list);
    if (rows[i].byte < SCSI_CDB_MAX)
      cdb[rows[i].byte] = rows[i].value;
    else
      list[rows[i].byte - SCSI_CDB_MAX] = rows[i].value;
    result = decode(cdb, list, sizeof list, "node-a", &frame);
    assert_memory_equal(&result, &rows[i].result, sizeof result);
  }
  /* A node speaks for itself. */
  assert_int_equal(
      decode(cdb_example, list_example, sizeof list_example, "node-c", &frame)
          .asc,
      0x26);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(damaged_ones_are_refused),
      cmocka_unit_test(a_request_is_for_one_epoch_and_one_lease),
      cmocka_unit_test(what_a_request_is_to_a_session),
      cmocka_unit_test(frames_are_as_documented),
      cmocka_unit_test(bad_frames_are_refused),
  };

  return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
