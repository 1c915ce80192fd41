/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-events.c: events as lines of a log and of JSON, and what is kept of
 * them.
 */
#include "unit.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/events.h"

static uint64_t
no_time(const struct clock *clock)
{
  (void)clock;
  return 0;
}

static int64_t
noon(const struct clock *clock)
{
  (void)clock;
  return INT64_C(1769860800000);
}

static const struct clock stopped = {.boottime_ns = no_time, .wall_ms = noon};

static struct lease_event
full_event(void)
{
  struct lease_event event;

  event_init(&event, EVENT_FENCE, "vg0/disk0", "node-a");
  strcpy(event.instance, "5f2c");
  event.epoch = 7;
  strcpy(event.other_node, "node-b");
  event.other_epoch = 8;
  strcpy(event.cause, "epoch 8 was claimed by node-b");
  return event;
}

static void
a_line_says_what_is_known(void **unused)
{
  struct lease_event event = full_event();
  char text[EVENT_LINE_MAX];

  (void)unused;
  assert_string_equal(event_line(&event, text),
                      "vg0/disk0@node-a/instance=5f2c: fence epoch=7 "
                      "other=node-b other-epoch=8 "
                      "cause=\"epoch 8 was claimed by node-b\"");
  event_init(&event, EVENT_ATTACH, "disk0", "node-a");
  assert_string_equal(event_line(&event, text), "disk0@node-a: attach");
  event.epoch = 0;
  assert_string_equal(event_line(&event, text), "disk0@node-a: attach epoch=0");
}

/* One event is one line, whose cause ends where its quotes do. */
static void
a_cause_cannot_break_a_line(void **unused)
{
  struct lease_event event;
  char text[EVENT_LINE_MAX];

  (void)unused;
  event_init(&event, EVENT_DOUBT, "d", "n");
  strcpy(event.cause, "a\nb\"c\x1b\xff\x7f");
  assert_string_equal(event_line(&event, text),
                      "d@n: doubt cause=\"a?b?c???\"");
}

static void
the_longest_line_fits(void **unused)
{
  char text[EVENT_LINE_MAX], volume[VOLUME_NAME_MAX + 1] = "";
  char node[NODE_NAME_MAX + 1] = "";
  struct lease_event event;

  (void)unused;
  memset(volume, 'v', VOLUME_NAME_MAX);
  memset(node, 'n', NODE_NAME_MAX);
  event_init(&event, EVENT_HANDOVER, volume, node);
  memset(event.instance, 'i', INSTANCE_MAX);
  memcpy(event.other_node, node, sizeof node);
  event.epoch = event.other_epoch = UINT64_MAX - 1;
  memset(event.cause, 'c', EVENT_CAUSE_MAX - 1);
  event_line(&event, text);
  assert_string_equal(text + strlen(text) - 3, "cc\"");
}

static void
every_kind_has_a_name_of_its_own(void **unused)
{
  (void)unused;
  for (unsigned i = 0; i < EVENT_KINDS; i++) {
    const char *text = event_kind_text((enum event_kind)i);

    assert_non_null(text);
    for (unsigned j = 0; j < i; j++)
      assert_string_not_equal(text, event_kind_text((enum event_kind)j));
  }
}

static char said[EVENT_LINE_MAX];
static enum log_level said_level;

static void
hear(const struct log *log, enum log_level level, const char *line)
{
  (void)log;
  said_level = level;
  snprintf(said, sizeof said, "%s", line);
}

static void
the_log_has_the_line(void **unused)
{
  const struct log log = {.write = hear};
  struct lease_event event = full_event();
  char text[EVENT_LINE_MAX];

  (void)unused;
  event_log(&log, &event);
  assert_string_equal(said, event_line(&event, text));
  assert_int_equal(said_level, LOG_LEVEL_ERROR);
  event.kind = EVENT_CLAIM;
  event_log(&log, &event);
  assert_int_equal(said_level, LOG_LEVEL_INFO);
  event_log(NULL, &event);
}

/* The first line of text, parsed. */
static json_t *
first(const char *text)
{
  json_t *json = json_loadb(text, strcspn(text, "\n"), 0, NULL);

  assert_non_null(json);
  return json;
}

static unsigned
count_lines(const char *text)
{
  unsigned lines = 0;

  for (; *text != '\0'; text++)
    lines += *text == '\n';
  return lines;
}

static void
json_has_every_member(void **unused)
{
  struct events *events = events_new(&stopped);
  struct lease_event event = full_event();
  const char *run, *rest;
  json_t *json;
  char *text;

  (void)unused;
  events_add(events, &event);
  event_init(&event, EVENT_ATTACH, "vg0/disk0", "node-a");
  strcpy(event.cause, "\xff");
  events_add(events, &event);
  text = events_text(events, "vg0/disk0");
  json = first(text);
  run = json_string_value(json_object_get(json, "run"));
  assert_int_equal(strlen(run), 32);
  rest = strstr(text, run);
  rest = strstr(rest, "\"sequence\"");
  assert_memory_equal(
      rest,
      "\"sequence\":1,\"time\":\"2026-01-31T12:00:00Z\",\"event\":\"fence\","
      "\"volume\":\"vg0/disk0\",\"node\":\"node-a\",\"instance\":\"5f2c\","
      "\"epoch\":7,\"other_node\":\"node-b\",\"other_epoch\":8,"
      "\"cause\":\"epoch 8 was claimed by node-b\"}\n",
      strcspn(rest, "\n") + 1);
  assert_non_null(strstr(text,
                         "\"sequence\":2,\"time\":\"2026-01-31T12:00:00Z\","
                         "\"event\":\"attach\",\"volume\":\"vg0/disk0\","
                         "\"node\":\"node-a\",\"instance\":null,\"epoch\":null,"
                         "\"other_node\":null,\"other_epoch\":null,"
                         "\"cause\":\"?\"}\n"));
  json_decref(json);
  free(text);
  events_free(events);
}

static void
each_volume_has_its_own(void **unused)
{
  struct events *events = events_new(&stopped);
  struct lease_event event;
  char *text;

  (void)unused;
  for (int i = 0; i < 6; i++) {
    event_init(&event, EVENT_CLAIM, i % 3 == 0 ? "a" : "b", "n");
    events_add(events, &event);
  }
  text = events_text(events, "a");
  assert_int_equal(count_lines(text), 2);
  free(text);
  text = events_text(events, "b");
  assert_int_equal(count_lines(text), 4);
  free(text);
  text = events_text(events, "c");
  assert_string_equal(text, "");
  free(text);
  assert_int_equal(events_count(events, EVENT_CLAIM), 6);
  assert_int_equal(events_count(events, EVENT_FENCE), 0);
  events_free(events);
}

static void
the_oldest_ones_go(void **unused)
{
  struct events *events = events_new(&stopped);
  struct lease_event event;
  json_t *json;
  char *text;

  (void)unused;
  for (unsigned i = 1; i <= EVENTS_KEPT + 7; i++) {
    event_init(&event, EVENT_CLAIM, "disk0", "n");
    event.epoch = i;
    events_add(events, &event);
  }
  text = events_text(events, "disk0");
  assert_int_equal(count_lines(text), EVENTS_KEPT);
  json = first(text);
  assert_int_equal(json_integer_value(json_object_get(json, "epoch")), 8);
  assert_int_equal(json_integer_value(json_object_get(json, "sequence")), 8);
  assert_int_equal(events_count(events, EVENT_CLAIM), EVENTS_KEPT + 7);
  json_decref(json);
  free(text);
  events_free(events);
}

static void *
add_many(void *opaque)
{
  struct lease_event event;

  event_init(&event, EVENT_CLAIM, "disk0", "n");
  for (int i = 0; i < 500; i++)
    events_add(opaque, &event);
  return NULL;
}

static void
read_while_they_are_added(void **unused)
{
  struct events *events = events_new(&stopped);
  pthread_t threads[3];

  (void)unused;
  for (unsigned i = 0; i < COUNT(threads); i++)
    assert_int_equal(pthread_create(&threads[i], NULL, add_many, events), 0);
  for (int i = 0; i < 5; i++)
    free(events_text(events, "disk0"));
  for (unsigned i = 0; i < COUNT(threads); i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(events_count(events, EVENT_CLAIM), 1500);
  events_free(events);
}

static void
nowhere_to_keep_them(void **unused)
{
  struct lease_event event = full_event();

  (void)unused;
  events_add(NULL, &event);
  events_free(NULL);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_says_what_is_known),
      cmocka_unit_test(a_cause_cannot_break_a_line),
      cmocka_unit_test(the_longest_line_fits),
      cmocka_unit_test(every_kind_has_a_name_of_its_own),
      cmocka_unit_test(the_log_has_the_line),
      cmocka_unit_test(json_has_every_member),
      cmocka_unit_test(each_volume_has_its_own),
      cmocka_unit_test(the_oldest_ones_go),
      cmocka_unit_test(read_while_they_are_added),
      cmocka_unit_test(nowhere_to_keep_them),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
