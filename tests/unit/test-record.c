/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-record.c: what was written is read; what was damaged is named. */
#include "store/record.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/clock.h"
#include "leasehold/store.h"
#include "unit.h"

#define LINE_LENGTH 72 /* "sha256 ", 64 digits, newline */
#define BODY (RECORD_SIZE - LINE_LENGTH)

static const char lease_id[] = "aaaaaaaa-0000-5000-8000-00000000000a";
static const char boot_id[] = "11111111-2222-3333-4444-555555555555";

static struct volume_record
example(void)
{
  struct volume_record record = {
      .volume_id = "0123456789abcdef0123456789abcdef",
      .revision = 7,
      .size = 1 << 20,
      .epoch = 41,
      .lease = {.state = LEASE_LEASED, .duration_s = 30, .end_ns = 123456789},
      .lease_node = "node-a",
      .lease_since_ms = 1700000000000,
      .record = {.holder = {.node = "node-a",
                            .instance = "one",
                            .session = "5e55",
                            .epoch = 41,
                            .since_ms = 1700000000001,
                            .write_back = true},
                 .fenced_count = 1,
                 .fenced = {{.node = "node-b", .instance = "", .epoch = 40}}},
  };

  strcpy(record.lease.id.text, lease_id);
  strcpy(record.boot_id, boot_id);
  return record;
}

static void
encode(const struct volume_record *record, char text[RECORD_SIZE])
{
  struct error err = ERROR_INIT;

  if (record_encode(record, text, &err) != 0)
    fail_msg("%s", err.text);
}

/* Encodes, decodes and compares. */
static void
round_trip(const struct volume_record *record)
{
  char text[RECORD_SIZE];
  struct volume_record again;
  struct error err = ERROR_INIT;

  encode(record, text);
  if (record_decode(text, sizeof text, "FILE", &again, &err) != 0)
    fail_msg("%s", err.text);
  assert_memory_equal(record, &again, sizeof again);
}

static void
test_round_trip(void **state)
{
  struct volume_record record = example();

  (void)state;
  round_trip(&record);
  record.lease.duration_s = LEASE_DURATION_INFINITE;
  record.lease.end_ns = TIME_NEVER;
  round_trip(&record);
  record.lease.state = LEASE_BREAKING;
  record.lease.end_ns = 5;
  round_trip(&record);
  record.lease.state = LEASE_BROKEN;
  record.lease.end_ns = 0;
  round_trip(&record);
  record.lease.state = LEASE_EXPIRED;
  round_trip(&record);
  memset(&record, 0, sizeof record);
  record.size = STORE_SECTOR;
  round_trip(&record);
}

/* The largest names and numbers in every place fit into a record. */
static void
test_largest(void **state)
{
  struct volume_record record = example();
  struct holder *holder = &record.record.holder;

  (void)state;
  record.revision = record.epoch = RECORD_NUMBER_MAX;
  record.size = STORE_SIZE_MAX;
  record.lease.end_ns = RECORD_NUMBER_MAX;
  record.lease_since_ms = holder->since_ms = INT64_MIN;
  holder->epoch = RECORD_NUMBER_MAX;
  memset(record.lease_node, 'n', NODE_NAME_MAX);
  memset(holder->node, 'n', NODE_NAME_MAX);
  memset(holder->instance, 'i', INSTANCE_MAX);
  memset(holder->session, 'f', SESSION_NONCE_MAX);
  record.record.fenced_count = FENCED_INSTANCES_MAX;
  for (unsigned i = 0; i < FENCED_INSTANCES_MAX; i++) {
    memset(record.record.fenced[i].node, 'n', NODE_NAME_MAX);
    memset(record.record.fenced[i].instance, 'i', INSTANCE_MAX);
    record.record.fenced[i].epoch = RECORD_NUMBER_MAX;
  }
  round_trip(&record);
}

static void
test_cannot_be_written(void **state)
{
  char text[RECORD_SIZE];
  struct volume_record record;

  (void)state;
  record = example();
  record.epoch = RECORD_NUMBER_MAX + 1;
  assert_int_equal(record_encode(&record, text, NULL), STATUS_INVALID);
  record = example();
  record.record.fenced_count = FENCED_INSTANCES_MAX + 1;
  assert_int_equal(record_encode(&record, text, NULL), STATUS_INVALID);
  record = example();
  strcpy(record.lease_node, "\xff");
  assert_int_equal(record_encode(&record, text, NULL), STATUS_INVALID);
  /* What could not be read again is not written. */
  record = example();
  strcpy(record.record.holder.session, "nonce");
  assert_int_equal(record_encode(&record, text, NULL), STATUS_INVALID);
  record = example();
  strcpy(record.record.fenced[0].node, "a b");
  assert_int_equal(record_encode(&record, text, NULL), STATUS_INVALID);
}

static void
expect_corrupt(const char *text, size_t length, const char *part)
{
  struct volume_record out;
  struct error err = ERROR_INIT;

  assert_int_equal(record_decode(text, length, "DIR/a/@record", &out, &err),
                   STATUS_CORRUPT);
  assert_int_equal(err.status, STATUS_CORRUPT);
  assert_int_equal(strncmp(err.text, "DIR/a/@record: ", 15), 0);
  if (strstr(err.text, part) == NULL)
    fail_msg("no '%s' in '%s'", part, err.text);
}

/* Every bit of every byte counts, the spaces too. */
static void
test_flipped(void **state)
{
  struct volume_record record = example();
  char text[RECORD_SIZE];

  (void)state;
  encode(&record, text);
  for (size_t i = 0; i < RECORD_SIZE; i++) {
    char bit = (char)(1 << i % 8);

    text[i] = (char)(text[i] ^ bit);
    expect_corrupt(text, RECORD_SIZE, "checksum");
    text[i] = (char)(text[i] ^ bit);
  }
}

static void
test_truncated(void **state)
{
  struct volume_record record = example();
  char text[RECORD_SIZE + 1];

  (void)state;
  encode(&record, text);
  text[RECORD_SIZE] = '\n';
  expect_corrupt(text, 0, "less than");
  for (size_t length = 1; length < RECORD_SIZE; length += 97)
    expect_corrupt(text, length, "less than");
  expect_corrupt(text, RECORD_SIZE - 1, "less than");
  expect_corrupt(text, RECORD_SIZE + 1, "more than");
}

/* A body that is not what we would write, with a checksum that is right. */
static void
expect_bad_body(const char *body, const char *part)
{
  unsigned char sum[32];
  char text[RECORD_SIZE + 1];
  size_t length = strlen(body);

  assert_true(length < BODY);
  memset(text, ' ', BODY);
  memcpy(text, body, length);
  assert_int_equal(EVP_Digest(text, BODY, sum, NULL, EVP_sha256(), NULL), 1);
  strcpy(text + BODY, "sha256 ");
  for (size_t i = 0; i < sizeof sum; i++)
    sprintf(text + BODY + 7 + 2 * i, "%02x", sum[i]);
  strcpy(text + RECORD_SIZE - 1, "\n");
  expect_corrupt(text, RECORD_SIZE, part);
}

/* The example's JSON with one text in it replaced. */
static void
expect_bad_edit(const char *from, const char *to, const char *part)
{
  struct volume_record record = example();
  char text[RECORD_SIZE], body[BODY + 1];
  char *end, *place;

  encode(&record, text);
  memcpy(body, text, BODY);
  body[BODY] = '\0';
  end = strrchr(body, '}');
  end[1] = '\0';
  place = strstr(body, from);
  if (place == NULL)
    fail_msg("no '%s' in the example", from);
  memmove(place + strlen(to), place + strlen(from),
          strlen(place + strlen(from)) + 1);
  memcpy(place, to, strlen(to));
  expect_bad_body(body, part);
}

static void
test_bad_values(void **state)
{
  static const struct {
    const char *from, *to, *part;
  } edits[] = {
      {"\"leasehold\": 1", "\"leasehold\": 2", "format 2"},
      {"\"leasehold\": 1", "\"leasehold\": \"1\"", "no format number"},
      {"\"size\": 1048576", "\"size\": -1048576", "size is out of range"},
      {"\"size\": 1048576", "\"size\": 0", "size is out of range"},
      {"\"size\": 1048576", "\"size\": 1048577", "size is out of range"},
      {"\"size\": 1048576", "\"size\": 8796093022720", "size is out of"},
      {"\"size\": 1048576", "\"size\": 1e6", "Expected integer"},
      {"\"size\": 1048576", "\"size\": 99999999999999999999", "too big"},
      {"\"size\": 1048576", "\"size\": 1048576, \"size\": 512", "uplicate"},
      {"\"size\": 1048576", "\"size\": 1048576, \"sides\": 6", "sides"},
      {"\"size\": 1048576,", "", "size"},
      {"\"epoch\": 41", "\"epoch\": -1", "epoch is negative"},
      {"\"revision\": 7", "\"revision\": -7", "revision is negative"},
      {"\"leased\"", "\"rented\"", "unknown lease state"},
      {"\"leased\"", "\"available\"", "available and has a lease"},
      {"\"leased\"", "\"expired\"", "does not fit its state"},
      {"\"duration\": 30", "\"duration\": 14", "duration is out of range"},
      {"\"duration\": 30", "\"duration\": 61", "duration is out of range"},
      {"\"duration\": 30", "\"duration\": 4294967326", "out of range"},
      {"\"duration\": 30", "\"duration\": null", "does not fit its duration"},
      {"\"duration\": 30", "\"duration\": true", "not a number"},
      {"\"end\": 123456789", "\"end\": null", "does not fit its duration"},
      {"\"end\": 123456789", "\"end\": 0", "does not fit its state"},
      {"\"end\": 123456789", "\"end\": []", "not a number"},
      {"aaaaaaaa-0000", "aaaaaaaa_0000", "not a UUID"},
      {"aaaaaaaa-0000", "aaaaaaaa--0000", "lease ID is too long"},
      {"11111111-2222", "11111111--2222", "boot ID is too long"},
      {"0123456789abcdef", "0123456789abcdef0", "volume ID is too long"},
      {"\"5e55\"", "\"012345678901234567890123456789012\"",
       "session is too long"},
      {"0123456789abcdef", "0123456789ABCDEF", "volume ID is not hex"},
      {"\"5e55\"", "\"5E55\"", "session is not hexadecimal"},
      {"\"node\": \"node-a\",\n  \"since\"",
       "\"node\": \"node/a\",\n  \"since\"", "lease's node has a name"},
      {"\"node\": \"node-a\",\n  \"instance\"",
       "\"node\": \"\\u001b[2J\",\n  \"instance\"", "holder's node has a name"},
      {"\"one\"", "\"one@two\"", "holder's instance has a name"},
      {"\"node-b\"", "\"-b\"", "fenced node has a name"},
      {"\"instance\": \"\"", "\"instance\": \" \"",
       "fenced instance has a name"},
      {"\"clean\": false", "\"clean\": 0", "Expected true or false"},
      {"\"node-b\"", "17", "Expected string"},
      {"\"node-b\"", "\"no\\u0000de\"", "NUL"},
      {"\"epoch\": 40", "\"epoch\": -40", "fenced instance's epoch"},
      {"\"fenced\": [", "\"fenced\": [[],", "Expected object"},
      {"}", "", ""},
  };

  (void)state;
  for (size_t i = 0; i < COUNT(edits); i++)
    expect_bad_edit(edits[i].from, edits[i].to, edits[i].part);
  expect_bad_body("", "");
  expect_bad_body("[]", "no format number");
  expect_bad_body("{\"leasehold\": 1}", "");
}

static void
test_too_many_fenced(void **state)
{
  char list[BODY] = "\"fenced\": [";

  (void)state;
  for (unsigned i = 0; i < FENCED_INSTANCES_MAX; i++)
    strcat(list, "{\"node\": \"n\", \"instance\": \"i\", \"epoch\": 1},");
  expect_bad_edit("\"fenced\": [", list, "list of fenced instances is too");
}

static void
test_settle(void **state)
{
  struct volume_record record = example();

  (void)state;
  record_settle(&record, boot_id);
  assert_int_equal(record.lease.state, LEASE_LEASED);
  record_settle(&record, "99999999-2222-3333-4444-555555555555");
  assert_int_equal(record.lease.state, LEASE_EXPIRED);
  assert_string_equal(record.boot_id, "99999999-2222-3333-4444-555555555555");
}

static void
test_info(void **state)
{
  struct volume_record record = example();
  struct volume_info info;

  (void)state;
  record_info(&record, 23456789, &info);
  assert_int_equal(info.size, 1 << 20);
  assert_int_equal(info.epoch, 41);
  assert_string_equal(info.etag, "0123456789abcdef0123456789abcdef-7");
  assert_int_equal(info.lease.state, LEASE_LEASED);
  assert_int_equal(info.lease.duration_s, 30);
  assert_true(info.lease.id_known);
  assert_string_equal(info.lease.id.text, lease_id);
  assert_string_equal(info.lease.node, "node-a");
  assert_int_equal(info.lease.since_ms, 1700000000000);
  assert_int_equal(info.lease.expires_in_ms, 100);
  assert_memory_equal(&info.record, &record.record, sizeof info.record);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_largest),
      cmocka_unit_test(test_cannot_be_written),
      cmocka_unit_test(test_flipped),
      cmocka_unit_test(test_truncated),
      cmocka_unit_test(test_bad_values),
      cmocka_unit_test(test_too_many_fenced),
      cmocka_unit_test(test_settle),
      cmocka_unit_test(test_info),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
