/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims on page blobs (S2, S4): each answer is lost in turn, others claim and
 * write in between. The server is played here: one blob, its ETag, sequence
 * number and record; it knows no lease.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http-server.h"
#include "leasehold/store.h"
#include "store/holder-json.h"

enum kind { LOOK, INCREMENT, RECORD, CHANGE, RELEASE, KINDS };

static struct {
  struct http_server server; /* first */
  pthread_mutex_t lock;      /* protects the rest */
  unsigned etag, count[KINDS];
  uint64_t epoch;
  char record[8192];   /* "" or JSON */
  char written_by[64]; /* the lease ID of the last increment or record */
  /* Of the so-manieth request of a kind: */
  unsigned lose[KINDS];   /* done, but the answer is lost */
  unsigned ignore[KINDS]; /* not done, and no answer */
  unsigned write_before;  /* INCREMENT: a write comes first; and all before */
  unsigned claim_before[KINDS]; /* somebody else completes a claim first */
  unsigned refuse[KINDS];       /* for its lease ID; and all before */
} blob = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
put_record(const char *session, uint64_t epoch)
{
  struct holder_record record = {.holder = {.node = "node", .epoch = epoch}};
  char *json;

  snprintf(record.holder.session, sizeof record.holder.session, "%s", session);
  assert_int_equal(holder_json_encode(&record, &json, NULL), 0);
  snprintf(blob.record, sizeof blob.record, "%s", json);
  free(json);
}

static bool
find_header(const char *head, const char *name, char *value, size_t size)
{
  const char *line = strcasestr(head, name);

  if (line == NULL)
    return false;
  line += strlen(name);
  snprintf(value, size, "%.*s", (int)strcspn(line, "\r"), line);
  return true;
}

static bool
condition_fails(const char *head)
{
  char wanted[64], present[64];

  snprintf(present, sizeof present, "\"0x%X\"", blob.etag);
  return find_header(head, "\r\nIf-Match: ", wanted, sizeof wanted) &&
         strcmp(wanted, present) != 0;
}

static enum kind
kind_of(const char *head)
{
  if (strncmp(head, "HEAD", 4) == 0)
    return LOOK;
  if (strstr(head, "comp=properties") != NULL)
    return INCREMENT;
  if (strstr(head, "comp=metadata") != NULL)
    return RECORD;
  return strstr(head, "x-ms-lease-action: change") != NULL ? CHANGE : RELEASE;
}

static void
do_it(const char *head, enum kind kind)
{
  if (kind == INCREMENT)
    blob.epoch++;
  if (kind == RECORD)
    find_header(head, "\r\nx-ms-meta-leasehold: ", blob.record,
                sizeof blob.record);
  if (kind == INCREMENT || kind == RECORD) {
    blob.etag++;
    find_header(head, "\r\nx-ms-lease-id: ", blob.written_by,
                sizeof blob.written_by);
  }
}

static void
interfere(enum kind kind)
{
  if (kind == INCREMENT && blob.count[kind] <= blob.write_before)
    blob.etag++;
  if (blob.claim_before[kind] == blob.count[kind]) {
    blob.epoch++;
    blob.etag += 2;
    put_record("a0e5", blob.epoch);
  }
}

static void
answer(struct http_server *server, const char *head, struct strbuf *out)
{
  enum kind kind = kind_of(head);
  const char *status = "200 OK";

  (void)server;
  pthread_mutex_lock(&blob.lock);
  blob.count[kind]++;
  interfere(kind);
  if (blob.count[kind] <= blob.refuse[kind])
    status = "412 Precondition\r\n"
             "x-ms-error-code: LeaseIdMismatchWithBlobOperation";
  else if (condition_fails(head))
    status = "412 Precondition\r\nx-ms-error-code: ConditionNotMet";
  else if (blob.ignore[kind] != blob.count[kind])
    do_it(head, kind);
  if (blob.ignore[kind] != blob.count[kind] &&
      blob.lose[kind] != blob.count[kind]) {
    strbuf_printf(out,
                  "HTTP/1.1 %s\r\nx-ms-blob-type: PageBlob\r\n"
                  "Content-Length: %d\r\nETag: \"0x%X\"\r\n"
                  "x-ms-blob-sequence-number: %llu\r\n"
                  "x-ms-lease-state: leased\r\n",
                  status, kind == LOOK ? 1048576 : 0, blob.etag,
                  (unsigned long long)blob.epoch);
    if (blob.record[0] != '\0')
      strbuf_printf(out, "x-ms-meta-leasehold: %s\r\n", blob.record);
    strbuf_printf(out, "x-ms-meta-Others: stay\r\n\r\n");
  }
  pthread_mutex_unlock(&blob.lock);
}

/* --- the client ------------------------------------------------------- */

static struct store *store;
static struct store_volume *volume;

static int
set_up(void **state)
{
  struct store_config config = {.clock = &system_clock,
                                .account_key = "aHVudGVyMg=="};
  struct error err = ERROR_INIT;
  char url[128];

  (void)state;
  memset(blob.count, 0, sizeof blob.count);
  memset(blob.lose, 0, sizeof blob.lose);
  memset(blob.ignore, 0, sizeof blob.ignore);
  memset(blob.claim_before, 0, sizeof blob.claim_before);
  memset(blob.refuse, 0, sizeof blob.refuse);
  blob.write_before = 0;
  blob.epoch = 7;
  blob.etag = 0x10;
  put_record("be0e", 7);
  blob.server.answer = answer;
  blob.server.parallel = true;
  http_server_start(&blob.server);
  snprintf(url, sizeof url, "%s/account/container", blob.server.origin);
  config.url = url;
  if (store_open(&config, &store, &err) != 0 ||
      store_volume_open(store, "disk0", &volume, &err) != 0)
    fail_msg("%s", err.text);
  blob.count[LOOK] = 0;
  return 0;
}

static int
tear_down(void **state)
{
  (void)state;
  store_volume_close(volume);
  store_close(store);
  http_server_stop(&blob.server);
  return 0;
}

static int
run_command(enum lease_verb verb, uint64_t expected, uint64_t *epoch)
{
  struct store_command command = {
      .command = {.verb = verb,
                  .expected_epoch = expected,
                  .lease_id = {"aaaaaaaa-0000-5000-8000-00000000000a"},
                  .proposed_id = {"bbbbbbbb-0000-5000-8000-00000000000b"},
                  .record = {.holder = {.node = "node", .session = "0a0a"}}}};
  int r;

  if (verb == LEASE_DESCRIBE)
    command.command = (struct lease_command){.verb = verb};
  r = store_run_command(volume, &command);
  *epoch = command.reply.info.epoch;
  if (r == 0 && verb != LEASE_DESCRIBE)
    assert_int_equal(command.reply.info.record.holder.epoch, *epoch);
  return r;
}

/* The claim is complete: the record is ours and of the blob's epoch. */
static void
expect_ours(uint64_t epoch)
{
  struct holder_record record;

  pthread_mutex_lock(&blob.lock);
  assert_int_equal(blob.epoch, epoch);
  assert_int_equal(holder_json_decode(blob.record, "", &record, NULL), 0);
  pthread_mutex_unlock(&blob.lock);
  assert_string_equal(record.holder.session, "0a0a");
  assert_int_equal(record.holder.epoch, epoch);
}

static void
expect_claimed(uint64_t epoch)
{
  uint64_t got;

  assert_int_equal(run_command(LEASE_CLAIM, 7, &got), 0);
  assert_int_equal(got, epoch);
  expect_ours(epoch);
}

static void
test_claim(void **state)
{
  (void)state;
  expect_claimed(8);
  assert_int_equal(blob.count[LOOK], 1);
  assert_int_equal(blob.count[INCREMENT], 1);
  assert_int_equal(blob.count[RECORD], 1);
}

/* The increment was done, its answer is lost: one more is needed. */
static void
test_lost_increment(void **state)
{
  (void)state;
  blob.lose[INCREMENT] = 1;
  expect_claimed(9);
}

/* It was not done, and nobody knows: it is sent again. */
static void
test_ignored_increment(void **state)
{
  (void)state;
  blob.ignore[INCREMENT] = 1;
  expect_claimed(8);
}

static void
test_lost_record(void **state)
{
  (void)state;
  blob.lose[RECORD] = 1;
  expect_claimed(8);
  assert_int_equal(blob.count[RECORD], 1);
}

static void
test_ignored_record(void **state)
{
  (void)state;
  blob.ignore[RECORD] = 1;
  expect_claimed(8);
  assert_int_equal(blob.count[RECORD], 2);
}

/* An older incarnation that writes all the time does not hold it up. */
static void
test_writes_between(void **state)
{
  (void)state;
  blob.write_before = 2;
  expect_claimed(8);
  assert_int_equal(blob.count[INCREMENT], 3);
}

static void
test_writes_all_the_time(void **state)
{
  (void)state;
  blob.write_before = 1000;
  expect_claimed(8);
}

/* Begun from what the command before it saw: no look of its own. */
static void
look_first(void)
{
  uint64_t epoch;

  assert_int_equal(run_command(LEASE_DESCRIBE, 0, &epoch), 0);
  assert_int_equal(epoch, 7);
}

static void
test_after_a_look(void **state)
{
  (void)state;
  look_first();
  expect_claimed(8);
  assert_int_equal(blob.count[LOOK], 1);
}

static void
test_lost_after_a_look(void **state)
{
  (void)state;
  look_first();
  blob.lose[INCREMENT] = 1;
  expect_claimed(9);
}

static void
test_write_since_the_look(void **state)
{
  (void)state;
  look_first();
  blob.write_before = 1;
  expect_claimed(8);
  assert_int_equal(blob.count[LOOK], 2);
  assert_int_equal(blob.count[INCREMENT], 2);
}

/* --- taking over ------------------------------------------------------ */

static void
expect_taken_over(uint64_t epoch)
{
  uint64_t got;

  assert_int_equal(run_command(LEASE_TAKE_OVER, 7, &got), 0);
  assert_int_equal(got, epoch);
  expect_ours(epoch);
  assert_non_null(strstr(blob.written_by, "bbbbbbbb-"));
}

static void
test_take_over(void **state)
{
  (void)state;
  expect_taken_over(8);
  assert_int_equal(blob.count[CHANGE], 1);
  assert_int_equal(blob.count[INCREMENT], 1);
  assert_int_equal(blob.count[RECORD], 1);
  assert_int_equal(blob.count[LOOK], 1);
}

/* The increment overtakes the Change: it is refused, and sent again. */
static void
test_increment_too_fast(void **state)
{
  (void)state;
  blob.refuse[INCREMENT] = 1;
  expect_taken_over(8);
  assert_int_equal(blob.count[INCREMENT], 2);
}

static void
expect_not_taken_over(int status)
{
  uint64_t epoch;

  assert_int_equal(run_command(LEASE_TAKE_OVER, 7, &epoch), status);
  assert_int_equal(blob.count[RECORD], 0);
}

static void
test_change_refused(void **state)
{
  (void)state;
  blob.refuse[CHANGE] = blob.refuse[INCREMENT] = 1;
  expect_not_taken_over(STATUS_LEASE_MISMATCH);
  assert_int_equal(blob.count[INCREMENT], 1);
}

/* The Change has been done, so it is not as if nothing had happened. */
static void
test_taking_over_in_doubt(void **state)
{
  (void)state;
  blob.lose[INCREMENT] = 1;
  expect_not_taken_over(STATUS_UNKNOWN);
}

/* What the record was made from is not what is there. */
static void
test_another_before_the_change(void **state)
{
  (void)state;
  blob.claim_before[INCREMENT] = 1;
  expect_not_taken_over(STATUS_EPOCH_STALE);
}

static void
test_lost_record_of_taking_over(void **state)
{
  (void)state;
  blob.lose[RECORD] = 1;
  expect_taken_over(8);
}

static void
expect_stale(void)
{
  uint64_t epoch;

  assert_int_equal(run_command(LEASE_CLAIM, 7, &epoch), STATUS_EPOCH_STALE);
  pthread_mutex_lock(&blob.lock);
  assert_null(strstr(blob.record, "0a0a"));
  pthread_mutex_unlock(&blob.lock);
}

static void
test_another_before(void **state)
{
  (void)state;
  blob.claim_before[LOOK] = 1;
  expect_stale();
  assert_int_equal(blob.count[INCREMENT], 0);
}

/* The record of the claim before came only after ours was made (S12). */
static void
test_a_late_record(void **state)
{
  struct store_command command = {
      .command = {.verb = LEASE_CLAIM,
                  .expected_epoch = 7,
                  .lease_id = {"aaaaaaaa-0000-5000-8000-00000000000a"},
                  .check_record = true,
                  .record_epoch = 6,
                  .record = {.holder = {.node = "node", .session = "0a0a"}}}};

  (void)state;
  put_record("a0e5", 7);
  assert_int_equal(store_run_command(volume, &command), STATUS_EPOCH_STALE);
  assert_int_equal(blob.count[INCREMENT], 0);
  command.command.record_epoch = 7;
  assert_int_equal(store_run_command(volume, &command), 0);
  expect_ours(8);
}

static void
test_a_late_record_at_a_change(void **state)
{
  struct store_command command = {
      .command = {.verb = LEASE_TAKE_OVER,
                  .expected_epoch = 7,
                  .lease_id = {"aaaaaaaa-0000-5000-8000-00000000000a"},
                  .proposed_id = {"bbbbbbbb-0000-5000-8000-00000000000b"},
                  .check_record = true,
                  .record_epoch = 6,
                  .record = {.holder = {.node = "node", .session = "0a0a"}}}};

  (void)state;
  put_record("a0e5", 7);
  assert_int_equal(store_run_command(volume, &command), STATUS_EPOCH_STALE);
  assert_int_equal(blob.count[RECORD], 0);
}

static void
test_another_since_the_look(void **state)
{
  (void)state;
  look_first();
  blob.claim_before[INCREMENT] = 1;
  expect_stale();
  assert_int_equal(blob.epoch, 8);
}

static void
test_another_between(void **state)
{
  (void)state;
  blob.claim_before[INCREMENT] = 1;
  expect_stale();
  assert_int_equal(blob.epoch, 8);
}

/* Overtaken before the record was there: we have not written, and may not. */
static void
test_another_after(void **state)
{
  (void)state;
  blob.claim_before[RECORD] = 1;
  expect_stale();
}

/* Even when the increment's outcome was unknown, a completed claim of somebody
 * else's counts.
 */
static void
test_another_after_lost(void **state)
{
  (void)state;
  blob.lose[INCREMENT] = 1;
  blob.claim_before[LOOK] = 2;
  expect_stale();
}

/* S6: the lease of who has claimed since is not given up. */
static void
test_release(void **state)
{
  uint64_t epoch;

  (void)state;
  blob.claim_before[RELEASE] = 1;
  assert_int_equal(run_command(LEASE_RELEASE, 7, &epoch), STATUS_EPOCH_STALE);
  assert_int_equal(epoch, 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_claim),
      TEST(test_lost_increment),
      TEST(test_ignored_increment),
      TEST(test_lost_record),
      TEST(test_ignored_record),
      TEST(test_writes_between),
      TEST(test_writes_all_the_time),
      TEST(test_after_a_look),
      TEST(test_lost_after_a_look),
      TEST(test_write_since_the_look),
      TEST(test_another_before),
      TEST(test_a_late_record),
      TEST(test_a_late_record_at_a_change),
      TEST(test_another_since_the_look),
      TEST(test_another_between),
      TEST(test_another_after),
      TEST(test_another_after_lost),
      TEST(test_take_over),
      TEST(test_increment_too_fast),
      TEST(test_change_refused),
      TEST(test_taking_over_in_doubt),
      TEST(test_another_before_the_change),
      TEST(test_lost_record_of_taking_over),
      TEST(test_release),
  };

  return cmocka_run_group_tests_name("azure-claim", tests, NULL, NULL);
}
