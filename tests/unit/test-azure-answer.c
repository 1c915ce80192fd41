/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers of the Blob service: results, properties, lists; hostile ones too. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/azure-answer.h"
#include "store/holder-json.h"

static void
test_results(void **state)
{
  static const struct {
    unsigned status;
    const char *code;
    int result;
  } table[] = {
      {200, NULL, 0},
      {206, "Whatever", 0},
      {409, "LeaseAlreadyPresent", STATUS_LEASE_HELD},
      {409, "LeaseIdMismatchWithLeaseOperation", STATUS_LEASE_MISMATCH},
      {409, "LeaseIdMismatchWithBlobOperation", STATUS_LEASE_MISMATCH},
      {412, "LeaseIdMismatchWithBlobOperation", STATUS_LEASE_MISMATCH},
      {409, "LeaseNotPresentWithLeaseOperation", STATUS_LEASE_ABSENT},
      {412, "LeaseNotPresentWithBlobOperation", STATUS_LEASE_ABSENT},
      {412, "LeaseLost", STATUS_LEASE_LOST},
      {412, "LeaseIdMissing", STATUS_LEASE_REQUIRED},
      {409, "LeaseIsBreakingAndCannotBeAcquired", STATUS_LEASE_BREAKING},
      {409, "LeaseIsBrokenAndCannotBeRenewed", STATUS_LEASE_BROKEN},
      {412, "SequenceNumberConditionNotMet", STATUS_EPOCH_STALE},
      {412, "ConditionNotMet", STATUS_ETAG_STALE},
      {412, "", STATUS_EPOCH_STALE},
      {409, "SomethingNew", STATUS_LEASE_MISMATCH},
      {409, "BlobAlreadyExists", STATUS_EXISTS},
      {409, "ContainerBeingDeleted", STATUS_TRANSIENT},
      {404, "BlobNotFound", STATUS_NOT_FOUND},
      {404, NULL, STATUS_NOT_FOUND},
      {401, NULL, STATUS_DENIED},
      {403, "AuthenticationFailed", STATUS_DENIED},
      {403, "AuthorizationPermissionMismatch", STATUS_DENIED},
      {400, "InvalidHeaderValue", STATUS_INVALID},
      {413, "RequestBodyTooLarge", STATUS_INVALID},
      {416, "InvalidRange", STATUS_INVALID},
      {416, "InvalidPageRange", STATUS_INVALID},
      {507, NULL, STATUS_NO_SPACE},
      {429, NULL, STATUS_TRANSIENT},
      {503, "ServerBusy", STATUS_TRANSIENT},
      /* Whoever says so may not know whether it was done. */
      {503, NULL, STATUS_UNKNOWN},
      {500, "OperationTimedOut", STATUS_UNKNOWN},
      {500, "InternalError", STATUS_UNKNOWN},
      {502, NULL, STATUS_UNKNOWN},
      {504, NULL, STATUS_UNKNOWN},
      {408, NULL, STATUS_UNKNOWN},
      {301, NULL, STATUS_UNSUPPORTED},
      {0, NULL, STATUS_UNSUPPORTED},
      /* A status is believed before a code. */
      {403, "LeaseLost", STATUS_DENIED},
      {500, "LeaseIdMissing", STATUS_UNKNOWN},
      {404, "ServerBusy", STATUS_NOT_FOUND},
  };

  (void)state;
  for (size_t i = 0; i < COUNT(table); i++)
    if (azure_result(table[i].status, table[i].code) != table[i].result)
      fail_msg("%u %s: %s", table[i].status,
               table[i].code != NULL ? table[i].code : "-",
               status_text(azure_result(table[i].status, table[i].code)));
  for (unsigned status = 0; status < 700; status++)
    assert_true(azure_result(status, NULL) <= 0);
}

static void
expect_code(const char *header, const char *body, const char *expected)
{
  CLEANUP_HEADERS struct http_headers headers = {0};
  char code[AZURE_CODE_MAX];

  if (header != NULL)
    http_headers_add(&headers, "x-ms-error-code", header);
  azure_error_code(&headers, body, strlen(body), code);
  assert_string_equal(code, expected);
}

static void
test_error_codes(void **state)
{
  char long_code[200];

  (void)state;
  memset(long_code, 'a', sizeof long_code - 1);
  long_code[sizeof long_code - 1] = '\0';
  expect_code("LeaseLost", "", "LeaseLost");
  expect_code("bad code\x1b[0m", "", "");
  expect_code(long_code, "", "");
  expect_code(NULL,
              "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>"
              "<Error><Code>ServerBusy</Code><Message>m</Message></Error>",
              "ServerBusy");
  expect_code(NULL, "<Error><Code>&lt;x&gt;</Code></Error>", "");
  expect_code(NULL, "<html><Code>ServerBusy</Code></html>", "");
  expect_code(NULL, "<Error><Code>Server<b/>Busy</Code></Error>", "");
  expect_code(NULL, "<Error><Code>Serv", "");
  expect_code(NULL, "", "");
  /* No entity is expanded, no DTD taken. */
  expect_code(NULL,
              "<!DOCTYPE Error [<!ENTITY a \"ServerBusy\">]>"
              "<Error><Code>&a;</Code></Error>",
              "");
  expect_code(NULL,
              "<!DOCTYPE Error SYSTEM \"file:///etc/passwd\">"
              "<Error><Code>ServerBusy</Code></Error>",
              "");
}

static int
parse(const char *const *lines, struct azure_properties *out, struct error *err)
{
  CLEANUP_HEADERS struct http_headers headers = {0};

  for (; *lines != NULL; lines++)
    http_headers_add_line(&headers, *lines, strlen(*lines));
  return azure_properties_parse(&headers, "disk0", out, err);
}

#define RECORD                                                                 \
  "{\"leasehold\":1,\"holder\":{\"node\":\"node-a\",\"instance\":\"\","        \
  "\"session\":\"5e55\",\"epoch\":7,\"since\":1700000000000,"                  \
  "\"write-back\":false,\"clean\":false},\"fenced\":[]}"

static void
test_properties(void **state)
{
  static const char *const lines[] = {"Content-Length: 1048576\r\n",
                                      "x-ms-blob-type: PageBlob\r\n",
                                      "ETag: \"0x8D4BCC2E4835CD0\"\r\n",
                                      "x-ms-blob-sequence-number: 7\r\n",
                                      "x-ms-lease-state: leased\r\n",
                                      "x-ms-lease-duration: infinite\r\n",
                                      "X-MS-Meta-Leasehold: " RECORD "\r\n",
                                      NULL};
  static const char *const bare[] = {"Content-Length: 512",
                                     "x-ms-blob-type: PageBlob",
                                     "ETag: \"0x8D\"", NULL};
  static const char *const block[] = {"x-ms-blob-type: BlockBlob", NULL};
  struct azure_properties properties;
  const struct volume_info *info = &properties.info;

  (void)state;
  assert_int_equal(parse(lines, &properties, NULL), 0);
  assert_true(properties.page_blob);
  assert_int_equal(info->size, 1048576);
  assert_int_equal(info->epoch, 7);
  assert_string_equal(info->etag, "0x8D4BCC2E4835CD0");
  assert_int_equal(info->lease.state, LEASE_LEASED);
  assert_int_equal(info->lease.duration_s, LEASE_DURATION_INFINITE);
  assert_false(info->lease.id_known);
  assert_string_equal(info->lease.node, "node-a");
  assert_string_equal(info->record.holder.session, "5e55");
  /* Made by another tool. */
  assert_int_equal(parse(bare, &properties, NULL), 0);
  assert_int_equal(info->lease.state, LEASE_AVAILABLE);
  assert_int_equal(info->epoch, 0);
  assert_string_equal(info->record.holder.node, "");
  assert_int_equal(parse(block, &properties, NULL), 0);
  assert_false(properties.page_blob);
}

/* A record that does not belong to the epoch tells nobody's name. */
static void
test_holder_is_not_believed(void **state)
{
  static const char *const lines[] = {"Content-Length: 512",
                                      "x-ms-blob-type: PageBlob",
                                      "ETag: \"0x8D\"",
                                      "x-ms-blob-sequence-number: 8",
                                      "x-ms-lease-state: leased",
                                      "x-ms-meta-leasehold: " RECORD,
                                      NULL};
  struct azure_properties properties;

  (void)state;
  assert_int_equal(parse(lines, &properties, NULL), 0);
  assert_string_equal(properties.info.lease.node, "");
  assert_string_equal(properties.info.record.holder.node, "node-a");
}

static void
test_bad_properties(void **state)
{
  static const char *const good[] = {"x-ms-blob-type: PageBlob",
                                     "Content-Length: 512", "ETag: \"0x8D\""};
  static const char *const bad[] = {
      "Content-Length: 513",
      "Content-Length: -512",
      "Content-Length: 512 x",
      "Content-Length: 99999999999999999999",
      "Content-Length: 8796093022720",
      "Content-Length:",
      "ETag:",
      "ETag: \"\x1b[0m\"",
      "ETag: \"0x8D\", \"0x8E\"",
      "ETag: 0000000000000000000000000000000000000000000000000000000000000000",
      "x-ms-blob-sequence-number: 9223372036854775808",
      "x-ms-blob-sequence-number: x",
      "x-ms-lease-state: Leased",
      "x-ms-meta-leasehold: {",
      "x-ms-meta-leasehold: ",
      "x-ms-meta-leasehold: {\"leasehold\":2}",
      "x-ms-meta-leasehold: {\"leasehold\":1,\"holder\":{},\"fenced\":[]}",
  };

  (void)state;
  for (size_t i = 0; i < COUNT(bad); i++) {
    const char *lines[] = {bad[i], good[0], good[1], good[2], NULL};
    struct azure_properties properties;
    struct error err = ERROR_INIT;
    bool record = strstr(bad[i], "meta") != NULL;
    int r = parse(lines, &properties, &err);

    if (r != (record ? STATUS_CORRUPT : STATUS_IO))
      fail_msg("%s: %s", bad[i], status_text(r));
    assert_non_null(strstr(err.text, "disk0"));
    assert_null(strchr(err.text, '\x1b'));
  }
}

#define BLOB(name, type)                                                       \
  "<Blob><Name>" name                                                          \
  "</Name><Properties><Content-Length>512</Content-Length>"                    \
  "<Etag>0x8D</Etag><BlobType>" type "</BlobType>"                             \
  "<LeaseState>available</LeaseState>"                                         \
  "<x-ms-blob-sequence-number>3</x-ms-blob-sequence-number></Properties>"
#define LIST(blobs, marker)                                                    \
  "<EnumerationResults ContainerName=\"c\"><Blobs>" blobs                      \
  "</Blobs><NextMarker>" marker "</NextMarker></EnumerationResults>"

static int
parse_list(const char *body, struct volume_list *list, char **marker)
{
  struct error err = ERROR_INIT;

  *list = (struct volume_list){0};
  return azure_list_parse(body, strlen(body), list, marker, &err);
}

static void
test_list(void **state)
{
  struct volume_list list;
  char *marker;

  (void)state;
  assert_int_equal(
      parse_list(
          LIST(BLOB("disk0", "PageBlob") "</Blob>" BLOB(
                   "notes.txt",
                   "BlockBlob") "</Blob>" BLOB("vm/root",
                                               "PageBlob") "<Metadata><"
                                                           "Leasehold>{</"
                                                           "Leasehold></"
                                                           "Metadata>"
                                                           "</Blob>" BLOB(
                                                               "not a volume",
                                                               "PageBlob") "</"
                                                                           "Blo"
                                                                           "b>",
               "2!disk"),
          &list, &marker),
      0);
  assert_string_equal(marker, "2!disk");
  assert_int_equal(list.count, 2);
  assert_string_equal(list.items[0].name, "disk0");
  assert_int_equal(list.items[0].status, 0);
  assert_int_equal(list.items[0].info.epoch, 3);
  assert_string_equal(list.items[1].name, "vm/root");
  assert_int_equal(list.items[1].status, STATUS_CORRUPT);
  free(marker);
  volume_list_free(&list);
  assert_int_equal(parse_list(LIST("", ""), &list, &marker), 0);
  assert_null(marker);
  assert_int_equal(list.count, 0);
  assert_int_equal(parse_list("", &list, &marker), STATUS_IO);
  assert_int_equal(parse_list("<html/>", &list, &marker), STATUS_IO);
}

#define RANGE(start, end)                                                      \
  "<PageRange><Start>" start "</Start><End>" end "</End></PageRange>"

static int
parse_ranges(const char *body, uint64_t from, uint64_t end, uint64_t *at,
             struct extent_list *list, char **marker)
{
  struct error err = ERROR_INIT;

  *list = (struct extent_list){0};
  *at = from;
  return azure_ranges_parse(body, strlen(body), end, at, list, marker, &err);
}

static void
test_ranges(void **state)
{
  static const struct extent expected[] = {
      {512, true}, {1024, false}, {512, true}, {2048, false}, {4096, true}};
  struct extent_list list;
  uint64_t at;
  char *marker;

  (void)state;
  /* Neighbours are one extent; what lies outside is cut off. */
  assert_int_equal(
      parse_ranges("<PageList>" RANGE("0", "511") RANGE("1024", "1535")
                       RANGE("1536", "2047") RANGE("2560", "4607")
                           RANGE("8704", "9999999487") "</PageList>",
                   512, 8704, &at, &list, &marker),
      0);
  assert_null(marker);
  assert_int_equal(at, 8704);
  assert_int_equal(list.count, COUNT(expected));
  for (size_t i = 0; i < list.count; i++) {
    assert_int_equal(list.items[i].length, expected[i].length);
    assert_int_equal(list.items[i].hole, expected[i].hole);
  }
  extents_free(&list);
  /* Of a portion only what it has named is known. */
  assert_int_equal(
      parse_ranges("<PageList>" RANGE(
                       "512", "1023") "<NextMarker>m</NextMarker></PageList>",
                   0, 4096, &at, &list, &marker),
      0);
  assert_string_equal(marker, "m");
  assert_int_equal(at, 1024);
  free(marker);
  extents_free(&list);
  assert_int_equal(parse_ranges("<PageList/>", 0, 4096, &at, &list, &marker),
                   0);
  assert_int_equal(list.count, 1);
  assert_true(list.items[0].hole);
  extents_free(&list);
}

static void
test_bad_ranges(void **state)
{
  static const char *const bad[] = {
      "",
      "<PageList>",
      "<Other/>",
      "<PageList>" RANGE("", "511") "</PageList>",
      "<PageList>" RANGE("512", "511") "</PageList>",
      "<PageList>" RANGE("1", "512") "</PageList>",
      "<PageList>" RANGE("0", "510") "</PageList>",
      "<PageList>" RANGE("-512", "511") "</PageList>",
      "<PageList>" RANGE("0", "9223372036854775807") "</PageList>",
      "<PageList>" RANGE("0", "18446744073709551615") "</PageList>",
      "<PageList><PageRange><Start>0</Start></PageRange></PageList>",
  };
  struct extent_list list;
  uint64_t at;
  char *marker;

  (void)state;
  for (size_t i = 0; i < COUNT(bad); i++) {
    if (parse_ranges(bad[i], 0, 4096, &at, &list, &marker) != STATUS_IO)
      fail_msg("%s", bad[i]);
    extents_free(&list);
  }
}

static void
test_retry_after(void **state)
{
  static const struct {
    const char *text;
    unsigned seconds;
  } table[] = {{"3", 3},  {"0", 0}, {"300", 300}, {"301", 0},
               {"-1", 0}, {"x", 0}, {"", 0},      {"3 s", 0}};

  (void)state;
  for (size_t i = 0; i < COUNT(table); i++) {
    CLEANUP_HEADERS struct http_headers headers = {0};

    http_headers_add(&headers, "retry-after", table[i].text);
    assert_int_equal(azure_retry_after_s(&headers), table[i].seconds);
  }
}

/* A record of names of usual length fits in what metadata may be, 8 KiB. */
static void
test_usual_record(void **state)
{
  static struct holder_record record, again;
  char *text;

  (void)state;
  memset(record.holder.node, 'n', NODE_NAME_MAX);
  memset(record.holder.instance, 'i', INSTANCE_MAX);
  memset(record.holder.session, '5', SESSION_NONCE_MAX);
  record.holder.epoch = INT64_MAX;
  record.holder.since_ms = INT64_MAX;
  record.fenced_count = FENCED_INSTANCES_MAX;
  for (unsigned i = 0; i < FENCED_INSTANCES_MAX; i++) {
    memset(record.fenced[i].node, 'n', 100);
    memset(record.fenced[i].instance, 'i', INSTANCE_MAX);
    record.fenced[i].epoch = INT64_MAX;
  }
  assert_int_equal(holder_json_encode(&record, &text, NULL), 0);
  assert_true(strlen(text) < 7680);
  for (const char *p = text; *p != '\0'; p++)
    assert_true(*p >= ' ' && *p <= '~');
  assert_int_equal(holder_json_decode(text, "disk0", &again, NULL), 0);
  assert_memory_equal(&record, &again, sizeof record);
  free(text);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_results),
      cmocka_unit_test(test_error_codes),
      cmocka_unit_test(test_properties),
      cmocka_unit_test(test_holder_is_not_believed),
      cmocka_unit_test(test_bad_properties),
      cmocka_unit_test(test_list),
      cmocka_unit_test(test_ranges),
      cmocka_unit_test(test_bad_ranges),
      cmocka_unit_test(test_retry_after),
      cmocka_unit_test(test_usual_record),
  };

  return cmocka_run_group_tests_name("azure-answer", tests, NULL, NULL);
}
