/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-scsi-pr.c: the bytes of reservation commands, both ways, and of sense
 * data.
 */
#include "leasehold/scsi-pr.h"

#include <stdio.h>
#include <string.h>

#include "lease/scsi-sense.h"
#include "leasehold/registrations.h"
#include "unit.h"

static struct pr_command command;
static struct pr_nodes nodes;

#define assert_result(got, ...)                                                \
  do {                                                                         \
    struct scsi_result got_ = (got), want_ = {__VA_ARGS__};                    \
    char a_[SCSI_TEXT_MAX], b_[SCSI_TEXT_MAX];                                 \
                                                                               \
    if (memcmp(&got_, &want_, sizeof got_) != 0)                               \
      fail_msg("%s, not %s", scsi_result_text(&got_, a_),                      \
               scsi_result_text(&want_, b_));                                  \
  } while (0)

static struct scsi_result
decode_out(uint8_t action, const uint8_t *list, uint32_t length, size_t sent)
{
  uint8_t cdb[SCSI_CDB_MAX] = {
      0x5f, action, 0x05, 0, 0, 0, 0, (uint8_t)(length >> 8), (uint8_t)length};

  return scsi_pr_decode(cdb, list, sent, &command, &nodes);
}

static struct scsi_result
decode(uint8_t code, uint8_t byte_1, uint16_t bytes_7)
{
  uint8_t cdb[SCSI_CDB_MAX] = {
      code, byte_1, 0, 0, 0, 0, 0, (uint8_t)(bytes_7 >> 8), (uint8_t)bytes_7};

  return scsi_pr_decode(cdb, NULL, 0, &command, &nodes);
}

static void
test_out(void **state)
{
  static const enum pr_action actions[] = {PR_REGISTER,
                                           PR_RESERVE,
                                           PR_RELEASE,
                                           PR_CLEAR,
                                           PR_PREEMPT,
                                           PR_PREEMPT_AND_ABORT,
                                           PR_REGISTER_AND_IGNORE};
  uint8_t list[25] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                      0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};

  (void)state;
  for (uint8_t i = 0; i < COUNT(actions); i++) {
    list[20] = 0;
    assert_result(decode_out(i, list, 24, 24), RESULT_GOOD);
    assert_int_equal(command.action, actions[i]);
    assert_int_equal(command.key, 0x0102030405060708);
    assert_int_equal(command.service_key, 0x1112131415161718);
    assert_int_equal(command.scope, 0);
    assert_int_equal(command.type, 5);
    assert_false(command.persist || command.all_ports);
    list[20] = 0x05;
    assert_result(decode_out(i, list, 24, 25), RESULT_GOOD);
    assert_true(command.persist && command.all_ports);
    assert_result(decode_out(i, list, 23, 24), PARAMETER_LIST_LENGTH_ERROR);
    assert_result(decode_out(i, list, 25, 25), PARAMETER_LIST_LENGTH_ERROR);
    assert_result(decode_out(i, list, 24, 23), PARAMETER_LIST_LENGTH_ERROR);
    assert_result(decode_out(i, list, 0, 24), PARAMETER_LIST_LENGTH_ERROR);
    list[20] = 0x08;
    if (i != 0)
      assert_result(decode_out(i, list, 24, 24),
                    INVALID_FIELD_IN_PARAMETER_LIST);
    else
      assert_result(decode_out(i, list, 24, 24), PARAMETER_LIST_LENGTH_ERROR);
  }
}

/* PrinServiceactionRange, and the same for OUT. */
static void
test_service_actions(void **state)
{
  static const enum pr_action actions[] = {PR_READ_KEYS, PR_READ_RESERVATION,
                                           PR_REPORT_CAPABILITIES,
                                           PR_READ_FULL_STATUS};
  uint8_t list[24] = {0};

  (void)state;
  for (uint8_t i = 0; i < 0x20; i++) {
    if (i < 4) {
      assert_result(decode(0x5e, i, 0x1234), RESULT_GOOD);
      assert_int_equal(command.action, actions[i]);
      assert_int_equal(command.allocation_length, 0x1234);
      assert_true(pr_action_reads(command.action));
    } else {
      assert_result(decode(0x5e, i, 0x1234), INVALID_FIELD_IN_CDB);
    }
    if (i >= 8)
      assert_result(decode_out(i, list, 24, 24), INVALID_FIELD_IN_CDB);
  }
}

static void
test_other_commands(void **state)
{
  (void)state;
  for (unsigned code = 0; code < 256; code++)
    switch (code) {
    case 0x5e:
    case 0x5f:
      break;
    case 0x16:
    case 0x17:
      assert_result(decode((uint8_t)code, 0xe0, 0xffff), RESULT_GOOD);
      assert_result(decode((uint8_t)code, 0x10, 0), INVALID_FIELD_IN_CDB);
      assert_result(decode((uint8_t)code, 0x01, 0), INVALID_FIELD_IN_CDB);
      break;
    case 0x56:
    case 0x57:
      assert_result(decode((uint8_t)code, 0, 0), RESULT_GOOD);
      assert_int_equal(command.action,
                       code == 0x56 ? PR_PLAIN_RESERVE : PR_PLAIN_RELEASE);
      assert_result(decode((uint8_t)code, 0, 8), INVALID_FIELD_IN_CDB);
      assert_result(decode((uint8_t)code, 0x10, 0), INVALID_FIELD_IN_CDB);
      assert_result(decode((uint8_t)code, 0x02, 0), INVALID_FIELD_IN_CDB);
      assert_result(decode((uint8_t)code, 0x01, 0), INVALID_FIELD_IN_CDB);
      break;
    default:
      assert_result(decode((uint8_t)code, 0, 0), INVALID_OPERATION_CODE);
    }
}

/* An iSCSI TransportID of so many bytes behind its header. */
static size_t
put_id(uint8_t *p, const char *name, uint8_t length)
{
  memset(p, 0, 4u + length);
  p[0] = 0x05;
  p[3] = length;
  memcpy(p + 4, name, strlen(name));
  return 4u + length;
}

static void
test_specified_nodes(void **state)
{
  static uint8_t list[8192];
  size_t end = 28;

  (void)state;
  memset(list, 0, 28);
  list[20] = 0x08;
  assert_result(decode_out(0, list, 28, 28), RESULT_GOOD);
  assert_true(command.specify_nodes);
  assert_int_equal(nodes.count, 0);
  end += put_id(list + end, "node-a", 20);
  end += put_id(list + end, "iqn.2024-01.com.example:host7", 32);
  list[27] = (uint8_t)(end - 28);
  assert_result(decode_out(0, list, (uint32_t)end, end), RESULT_GOOD);
  assert_int_equal(nodes.count, 2);
  assert_string_equal(nodes.names[0], "node-a");
  assert_string_equal(nodes.names[1], "iqn.2024-01.com.example:host7");
  assert_result(decode_out(0, list, (uint32_t)end - 4, end),
                INVALID_FIELD_IN_PARAMETER_LIST); /* list is cut */
  list[27] = (uint8_t)(list[27] - 4);             /* an ID is cut */
  assert_result(decode_out(0, list, (uint32_t)end - 4, end),
                INVALID_FIELD_IN_PARAMETER_LIST);
  list[27] = (uint8_t)(list[27] + 4);
  list[28] = 0x45; /* with an ISID */
  assert_result(decode_out(0, list, (uint32_t)end, end),
                INVALID_FIELD_IN_PARAMETER_LIST);
  list[28] = 0x05;
  memmove(list + 53, list + 52, end - 52);
  list[31] = 21; /* not a multiple of four */
  list[27]++;
  assert_result(decode_out(0, list, (uint32_t)end + 1, end + 1),
                INVALID_FIELD_IN_PARAMETER_LIST);
  list[27]--;
  memmove(list + 52, list + 53, end - 52);
  put_id(list + 28, "not a name", 20);
  assert_result(decode_out(0, list, (uint32_t)end, end),
                INVALID_FIELD_IN_PARAMETER_LIST);
  put_id(list + 28, "aaaaaaaaaaaaaaaaaaaa", 20); /* no NUL */
  assert_result(decode_out(0, list, (uint32_t)end, end),
                INVALID_FIELD_IN_PARAMETER_LIST);

  for (end = 28; end < 28 + 24 * (REGISTRANTS_MAX + 1);)
    end += put_id(list + end, "n", 20);
  list[26] = (uint8_t)((end - 28) >> 8);
  list[27] = (uint8_t)(end - 28);
  assert_result(decode_out(0, list, (uint32_t)end, end),
                INSUFFICIENT_REGISTRATION_RESOURCES);
}

static void
test_move(void **state)
{
  uint8_t list[64] = {0};
  uint32_t end = 24;

  (void)state;
  list[17] = 0x03;
  list[19] = 1;
  end += (uint32_t)put_id(list + 24, "node-b", 20);
  list[23] = 24;
  assert_result(decode_out(7, list, end, end), RESULT_GOOD);
  assert_string_equal(command.destination, "node-b");
  assert_true(command.unregister && command.persist);
  list[17] = 0;
  assert_result(decode_out(7, list, end, end), RESULT_GOOD);
  assert_false(command.unregister || command.persist);
  assert_result(decode_out(7, list, 24, end), PARAMETER_LIST_LENGTH_ERROR);
  assert_result(decode_out(7, list, end - 4, end),
                INVALID_FIELD_IN_PARAMETER_LIST);
  list[19] = 2; /* no such port */
  assert_result(decode_out(7, list, end, end), INVALID_FIELD_IN_PARAMETER_LIST);
  list[19] = 1;
  list[25] = 0;
  list[27] = 16; /* too short for an ID */
  list[23] = 20;
  assert_result(decode_out(7, list, end - 4, end),
                INVALID_FIELD_IN_PARAMETER_LIST);
}

/* --- data-in ------------------------------------------------------------ */

static size_t
encode(const struct registrations *registrations, enum pr_action action,
       uint32_t allocation, uint8_t *data, size_t size)
{
  struct pr_command in = {.action = action, .allocation_length = allocation};

  memset(data, 0xee, size);
  return scsi_pr_encode(registrations, &in, RESERVATION_TYPES_ALL, data, size);
}

static const struct registrations example = {
    .generation = 0x01020304,
    .persist = true,
    .reservation = {.type = WRITE_EXCLUSIVE, .holder = "node-b"},
    .count = 2,
    .registrants = {{.node = "node-a", .key = 0xa1a2a3a4a5a6a7a8},
                    {.node = "node-b", .key = 0xb, .all_ports = true}},
};

/* PrinReadKeys. */
static void
test_read_keys(void **state)
{
  static const uint8_t want[] = {1,    2,    3,    4,    0,    0,    0,    16,
                                 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8,
                                 0,    0,    0,    0,    0,    0,    0,    0xb};
  static const struct registrations empty;
  uint8_t data[64];

  (void)state;
  assert_int_equal(encode(&example, PR_READ_KEYS, 64, data, 64), 24);
  assert_memory_equal(data, want, 24);
  /* Truncation: the length is what it would be. */
  for (uint32_t length = 0; length <= 24; length++) {
    assert_int_equal(encode(&example, PR_READ_KEYS, length, data, 64), length);
    assert_memory_equal(data, want, length);
    assert_int_equal(data[length], 0xee);
    assert_int_equal(encode(&example, PR_READ_KEYS, 64, data, length), length);
    assert_memory_equal(data, want, length);
  }
  assert_int_equal(encode(&empty, PR_READ_KEYS, 64, data, 64), 8);
  assert_memory_equal(data, "\0\0\0\0\0\0\0\0", 8);
}

static void
test_read_reservation(void **state)
{
  static const uint8_t want[] = {1, 2, 3, 4,   0, 0, 0, 16, 0, 0, 0, 0,
                                 0, 0, 0, 0xb, 0, 0, 0, 0,  0, 1, 0, 0};
  struct registrations registrations = example;
  uint8_t data[64];

  (void)state;
  assert_int_equal(encode(&example, PR_READ_RESERVATION, 64, data, 64), 24);
  assert_memory_equal(data, want, 24);
  strcpy(registrations.reservation.holder, "stranger");
  encode(&registrations, PR_READ_RESERVATION, 64, data, 64);
  assert_int_equal(data[15], 0); /* has no key */
  registrations.reservation = (struct reservation){.type = WRITE_EXCLUSIVE_ALL};
  encode(&registrations, PR_READ_RESERVATION, 64, data, 64);
  assert_int_equal(data[15], 0); /* all have it */
  assert_int_equal(data[21], 7);
  registrations.reservation.type = RESERVATION_NONE;
  assert_int_equal(encode(&registrations, PR_READ_RESERVATION, 64, data, 64),
                   8);
  assert_int_equal(data[7], 0);
}

/* PrinReportCapabilities. */
static void
test_report_capabilities(void **state)
{
  static const uint8_t want[] = {0, 8, 0x1d, 0x81, 0xea, 0x01, 0, 0};
  struct pr_command in = {.action = PR_REPORT_CAPABILITIES,
                          .allocation_length = 64};
  static const struct registrations empty;
  uint8_t data[64];

  (void)state;
  assert_int_equal(encode(&example, PR_REPORT_CAPABILITIES, 64, data, 64), 8);
  assert_memory_equal(data, want, 8);
  assert_int_equal(encode(&empty, PR_REPORT_CAPABILITIES, 3, data, 64), 3);
  assert_int_equal(
      scsi_pr_encode(&empty, &in, 1u << WRITE_EXCLUSIVE, data, sizeof data), 8);
  assert_int_equal(data[3], 0x80); /* not activated */
  assert_int_equal(data[4], 0x02); /* only what is offered */
  assert_int_equal(data[5], 0x00);
}

static void
test_read_full_status(void **state)
{
  uint8_t data[128];

  (void)state;
  assert_int_equal(encode(&example, PR_READ_FULL_STATUS, 128, data, 128),
                   8 + 2 * 48);
  assert_int_equal(data[7], 96);
  assert_int_equal(data[8], 0xa1);
  assert_int_equal(data[8 + 12], 0); /* neither flag */
  assert_int_equal(data[8 + 13], 0);
  assert_int_equal(data[8 + 19], 1);  /* target port */
  assert_int_equal(data[8 + 23], 24); /* of the TransportID */
  assert_memory_equal(data + 8 + 24, "\x05\0\0\x14node-a\0\0", 12);
  assert_int_equal(data[56 + 7], 0xb);
  assert_int_equal(data[56 + 12], 0x03); /* all ports, holder */
  assert_int_equal(data[56 + 13], 1);
  assert_int_equal(data[56 + 19], 0);
  assert_memory_equal(data + 56 + 28, "node-b", 7);
  assert_int_equal(encode(&example, PR_READ_FULL_STATUS, 61, data, 128), 61);
  assert_int_equal(data[7], 96);
}

/* The longest names, as many as there can be, fit into one reply, and what is
 * written can be read as a list of nodes.
 */
static void
test_largest_full_status(void **state)
{
  static struct registrations full;
  static uint8_t data[65535], list[65535];
  size_t length, at = 8, end = 28;

  (void)state;
  for (full.count = 0; full.count < REGISTRANTS_MAX; full.count++) {
    struct registrant *registrant = &full.registrants[full.count];

    registrant->key = 1;
    memset(registrant->node, 'n', NODE_NAME_MAX - full.count % 4);
  }
  length = encode(&full, PR_READ_FULL_STATUS, 65535, data, 65536 - 64);
  assert_true(length < 65536 - 64);
  while (at < length) {
    size_t id = (size_t)data[at + 22] << 8 | data[at + 23];

    assert_int_equal(id % 4, 0);
    memcpy(list + end, data + at + 24, id);
    end += id;
    at += 24 + id;
  }
  assert_int_equal(at, length);
  list[20] = 0x08;
  list[26] = (uint8_t)((end - 28) >> 8);
  list[27] = (uint8_t)(end - 28);
  assert_result(decode_out(0, list, (uint32_t)end, end), RESULT_GOOD);
  assert_int_equal(nodes.count, REGISTRANTS_MAX);
  for (unsigned i = 0; i < REGISTRANTS_MAX; i++)
    assert_string_equal(nodes.names[i], full.registrants[i].node);
}

/* An initiator reads what a target has written, and nothing that is cut off. */
static void
test_initiator(void **state)
{
  static struct registrations again;
  struct pr_command out = {.action = PR_PREEMPT,
                           .type = WRITE_EXCLUSIVE,
                           .key = 0x0102030405060708,
                           .service_key = 0x1112131415161718,
                           .persist = true,
                           .all_ports = true},
                    in = {.action = PR_READ_FULL_STATUS,
                          .allocation_length = 0x1234};
  uint8_t cdb[SCSI_CDB_MAX], list[SCSI_PR_LIST_LENGTH], data[128];
  size_t length = encode(&example, PR_READ_FULL_STATUS, 128, data, 128);

  (void)state;
  assert_int_equal(scsi_pr_request(&out, NULL, cdb, list), SCSI_PR_LIST_LENGTH);
  assert_result(scsi_pr_decode(cdb, list, sizeof list, &command, &nodes),
                RESULT_GOOD);
  assert_memory_equal(&command, &out, sizeof out);
  assert_int_equal(scsi_pr_request(&in, NULL, cdb, list), 0);
  assert_result(scsi_pr_decode(cdb, NULL, 0, &command, &nodes), RESULT_GOOD);
  assert_memory_equal(&command, &in, sizeof in);

  assert_true(scsi_pr_read_full_status(data, length, &again));
  assert_int_equal(again.generation, example.generation);
  assert_int_equal(again.count, 2);
  assert_memory_equal(again.registrants, example.registrants,
                      sizeof again.registrants);
  assert_string_equal(again.reservation.holder, "node-b");
  assert_int_equal(again.reservation.type, WRITE_EXCLUSIVE);
  for (size_t i = 0; i < length; i++)
    assert_false(scsi_pr_read_full_status(data, i, &again));
  data[8 + 24] = 0x06; /* not an iSCSI name */
  assert_false(scsi_pr_read_full_status(data, length, &again));
}

/* Commands that name nodes. */
static void
test_initiator_nodes(void **state)
{
  static uint8_t list[SCSI_PR_LIST_MAX];
  static struct pr_nodes named;
  struct pr_command out = {.action = PR_REGISTER,
                           .service_key = 7,
                           .specify_nodes = true,
                           .persist = true},
                    move = {.action = PR_REGISTER_AND_MOVE,
                            .key = 7,
                            .service_key = 8,
                            .unregister = true,
                            .persist = true,
                            .destination = "node-b"};
  uint8_t cdb[SCSI_CDB_MAX];
  size_t length;

  (void)state;
  named.count = REGISTRANTS_MAX;
  for (unsigned i = 0; i < named.count; i++)
    snprintf(named.names[i], sizeof named.names[i], "n%0*u",
             i == 0 ? 3 : NODE_NAME_MAX - 1, i);
  length = scsi_pr_request(&out, &named, cdb, list);
  assert_true(length > 28 && length <= sizeof list);
  assert_result(scsi_pr_decode(cdb, list, length, &command, &nodes),
                RESULT_GOOD);
  assert_memory_equal(&command, &out, sizeof out);
  assert_int_equal(nodes.count, named.count);
  for (unsigned i = 0; i < named.count; i++)
    assert_string_equal(nodes.names[i], named.names[i]);

  /* None: a list of no TransportIDs. */
  assert_int_equal(scsi_pr_request(&out, NULL, cdb, list), 28);
  assert_result(scsi_pr_decode(cdb, list, 28, &command, &nodes), RESULT_GOOD);
  assert_int_equal(nodes.count, 0);

  length = scsi_pr_request(&move, NULL, cdb, list);
  assert_int_equal(length, 24 + 24);
  assert_result(scsi_pr_decode(cdb, list, length, &command, &nodes),
                RESULT_GOOD);
  assert_memory_equal(&command, &move, sizeof move);
}

/* --- sense data --------------------------------------------------------- */

static void
test_sense(void **state)
{
  static const uint8_t want[SCSI_SENSE_LENGTH] = {0x70, 0, 5, 0, 0, 0,    0,
                                                  10,   0, 0, 0, 0, 0x26, 0x04};
  struct scsi_result result = {INVALID_RELEASE};
  uint8_t sense[SCSI_SENSE_LENGTH];
  char text[SCSI_TEXT_MAX];

  (void)state;
  assert_int_equal(scsi_sense_encode(&result, sense), SCSI_SENSE_LENGTH);
  assert_memory_equal(sense, want, sizeof want);
  assert_result(scsi_sense_decode(0x02, sense, sizeof sense), INVALID_RELEASE);
  assert_result(scsi_sense_decode(0x02, sense, 13), SCSI_CHECK_CONDITION, 0, 0,
                0);
  assert_result(scsi_sense_decode(0x18, sense, sizeof sense), RESULT_CONFLICT);
  assert_string_equal(
      scsi_result_text(&result, text),
      "ILLEGAL REQUEST, INVALID RELEASE OF PERSISTENT RESERVATION");
  result.ascq = 0x99;
  assert_string_equal(scsi_result_text(&result, text),
                      "status 02h, sense key 5h, additional sense 26h/99h");
  result.status = SCSI_RESERVATION_CONFLICT;
  assert_int_equal(scsi_sense_encode(&result, sense), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_out),
      cmocka_unit_test(test_service_actions),
      cmocka_unit_test(test_other_commands),
      cmocka_unit_test(test_specified_nodes),
      cmocka_unit_test(test_move),
      cmocka_unit_test(test_read_keys),
      cmocka_unit_test(test_read_reservation),
      cmocka_unit_test(test_report_capabilities),
      cmocka_unit_test(test_read_full_status),
      cmocka_unit_test(test_largest_full_status),
      cmocka_unit_test(test_initiator),
      cmocka_unit_test(test_initiator_nodes),
      cmocka_unit_test(test_sense),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
