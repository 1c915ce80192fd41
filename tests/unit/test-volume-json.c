/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-volume-json.c: a volume's state as JSON has the members that scripts
 * rely on, null where there is nothing to say, and survives every failing
 * allocation.
 */
#include "unit.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/volume-json.h"

static struct volume_info
full_info(void)
{
  return (struct volume_info){
      .size = UINT64_C(1) << 40,
      .epoch = 9,
      .etag = "0x8D",
      .lease = {.state = LEASE_LEASED,
                .duration_s = 30,
                .id_known = true,
                .id = {"cd5b3ae9-8d17-5c37-9aa5-0f1b9b4f14d5"},
                .node = "node-a",
                .since_ms = INT64_C(1769860800000),
                .expires_in_ms = 20001},
      .record = {.holder = {.node = "node-a",
                            .instance = "one",
                            .epoch = 9,
                            .since_ms = INT64_C(1769860800000),
                            .write_back = true},
                 .fenced_count = 2,
                 .fenced = {{.node = "node-b", .instance = "x", .epoch = 8},
                            {.node = "node-c", .epoch = 5}}},
  };
}

static void
assert_text(const char *volume, const struct volume_info *info,
            const struct handover_request *handover, const char *want)
{
  json_t *json = volume_json(volume, info, handover);
  char *text = json_dumps(json, JSON_COMPACT);

  assert_string_equal(text, want);
  free(text);
  json_decref(json);
}

static void
everything_said(void **state)
{
  struct volume_info info = full_info();
  struct handover_request handover = {.from = "node-a",
                                      .to = "node-b",
                                      .epoch = 9,
                                      .asked_ms = INT64_C(1769860800000)};

  (void)state;
  assert_text(
      "disk0", &info, &handover,
      "{\"volume\":\"disk0\",\"size\":1099511627776,\"epoch\":9,"
      "\"lease\":{\"state\":\"leased\",\"duration\":30,\"holder\":\"node-a\","
      "\"since\":\"2026-01-31T12:00:00Z\",\"expires_in\":21,"
      "\"id\":\"cd5b3ae9-8d17-5c37-9aa5-0f1b9b4f14d5\"},"
      "\"last_holder\":{\"node\":\"node-a\",\"instance\":\"one\",\"epoch\":9,"
      "\"since\":\"2026-01-31T12:00:00Z\",\"believed\":true,"
      "\"write_back\":true,\"clean\":false},"
      "\"fenced_instances\":[{\"node\":\"node-b\",\"instance\":\"x\","
      "\"epoch\":8},{\"node\":\"node-c\",\"instance\":null,\"epoch\":5}],"
      "\"handover\":{\"from\":\"node-a\",\"to\":\"node-b\",\"epoch\":9,"
      "\"asked\":\"2026-01-31T12:00:00Z\"},\"etag\":\"0x8D\"}");
}

static void
nothing_to_say(void **state)
{
  struct volume_info info = {.size = 512, .lease = {.expires_in_ms = -1}};

  (void)state;
  assert_text("a/b", &info, NULL,
              "{\"volume\":\"a/b\",\"size\":512,\"epoch\":0,"
              "\"lease\":{\"state\":\"available\",\"duration\":null,"
              "\"holder\":null,\"since\":null,\"expires_in\":null,"
              "\"id\":null},\"last_holder\":null,\"fenced_instances\":[],"
              "\"handover\":null,\"etag\":null}");
}

static void
infinite_and_disbelieved(void **state)
{
  struct volume_info info = full_info();
  json_t *json;

  (void)state;
  info.lease.duration_s = LEASE_DURATION_INFINITE;
  info.lease.expires_in_ms = -1;
  info.record.holder.epoch = 8;
  json = volume_json("disk0", &info, NULL);
  assert_string_equal(json_string_value(json_object_get(
                          json_object_get(json, "lease"), "duration")),
                      "infinite");
  assert_true(json_is_null(
      json_object_get(json_object_get(json, "lease"), "expires_in")));
  assert_true(json_is_false(
      json_object_get(json_object_get(json, "last_holder"), "believed")));
  json_decref(json);
}

static void
text_is_one_file(void **state)
{
  struct volume_info info = full_info();
  char *text = volume_json_text("disk0", &info, NULL);
  json_t *json = json_loads(text, 0, NULL);

  (void)state;
  assert_non_null(json);
  assert_int_equal(text[strlen(text) - 1], '\n');
  json_decref(json);
  free(text);
}

/* --- no memory ----------------------------------------------------------- */

static long allocations_left, live;

static void *
counting_malloc(size_t size)
{
  void *block = NULL;

  if (allocations_left-- > 0)
    block = malloc(size);
  live += block != NULL;
  return block;
}

static void
counting_free(void *block)
{
  live -= block != NULL;
  free(block);
}

static void
nth_allocation_fails(void **state)
{
  struct volume_info info = full_info();
  json_t *whole, *json = NULL;
  long before;

  (void)state;
  json_set_alloc_funcs(counting_malloc, counting_free);
  allocations_left = LONG_MAX;
  whole = volume_json("disk0", &info, NULL);
  before = live;
  for (long n = 0; json == NULL; n++) {
    assert_true(n < 10000);
    allocations_left = n;
    json = volume_json("disk0", &info, NULL);
    if (json == NULL)
      assert_int_equal(live, before);
  }
  /* Nothing is left out for want of memory. */
  assert_true(json_equal(json, whole));
  json_decref(json);
  json_decref(whole);
  assert_int_equal(live, 0);
  json_set_alloc_funcs(malloc, free);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everything_said),
      cmocka_unit_test(nothing_to_say),
      cmocka_unit_test(infinite_and_disbelieved),
      cmocka_unit_test(text_is_one_file),
      cmocka_unit_test(nth_allocation_fails),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
