/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-keeper-metrics.c: sessions and renewals in numbers. */
#include "volume-bench.h"

#include <stdlib.h>
#include <string.h>

#include "leasehold/metrics.h"

static struct keeper *collected;

static void
collect(struct metrics_source *source, struct metrics *metrics)
{
  (void)source;
  keeper_collect(collected, metrics);
}

static void
assert_lines(struct gateway *gateway, const char *const *lines)
{
  struct metrics_source source = {.collect = collect};
  size_t length;
  char *text;

  collected = gateway->keeper;
  text = metrics_text(&source, &length);
  for (; *lines != NULL; lines++)
    if (strstr(text, *lines) == NULL)
      fail_msg("lacks %s: %s", *lines, text);
  free(text);
}

static unsigned
count_ages(struct gateway *gateway)
{
  struct metrics_source source = {.collect = collect};
  unsigned count = 0;
  size_t length;
  char *text;

  collected = gateway->keeper;
  text = metrics_text(&source, &length);
  for (char *at = text; (at = strstr(at, "_age_seconds{")) != NULL; at++)
    count++;
  free(text);
  return count;
}

static void
sessions_by_state(void **state)
{
  struct gateway gateway = gateway_open(*state);
  struct connection a, b;

  assert_lines(&gateway, (const char *[]){"_leases_held 0\n", NULL});
  a = connect_to(&gateway, "a", "");
  assert_lines(&gateway, (const char *[]){"{state=\"attached\"} 1\n",
                                          "_leases_held 0\n", NULL});
  b = connect_to(&gateway, "b", "");
  assert_int_equal(write_at(&a, 'a', 0), 0);
  assert_lines(&gateway, (const char *[]){"{state=\"held\"} 1\n",
                                          "{state=\"standby\"} 1\n",
                                          "_leases_held 1\n", NULL});
  disconnect(&a);
  disconnect(&b);
  assert_lines(&gateway, (const char *[]){"{state=\"held\"} 0\n",
                                          "{state=\"standby\"} 0\n", NULL});
  gateway_close(&gateway);
}

/* The age begins anew with each renewal; how long that took is counted. */
static void
renewals_and_their_age(void **state)
{
  struct world *world = *state;
  struct gateway gateway = gateway_open(world);
  struct connection a = connect_to(&gateway, "a", "");

  assert_int_equal(write_at(&a, 'a', 0), 0);
  world->clock.now_ns += 4 * SECOND;
  assert_lines(&gateway,
               (const char *[]){"{volume=\"disk0\",node=\"a\"} 4\n",
                                "_renew_duration_seconds_count 0\n", NULL});
  world->store.hold_commands = true;
  world->clock.now_ns += 8 * SECOND;
  turn(&gateway);
  world->clock.now_ns += SECOND / 2;
  world->store.hold_commands = false;
  fake_complete(&world->store, 0);
  turn(&gateway);
  assert_lines(&gateway, (const char *[]){
                             "{volume=\"disk0\",node=\"a\"} 0.5\n",
                             "_renew_duration_seconds_bucket{le=\"0.25\"} 0\n",
                             "_renew_duration_seconds_bucket{le=\"0.5\"} 1\n",
                             "_renew_duration_seconds_sum 0.5\n", NULL});
  disconnect(&a);
  gateway_close(&gateway);
}

/* Instances are no label: the lease of a node has one age. */
static void
one_age_for_all_instances(void **state)
{
  struct gateway gateway = gateway_open(*state);
  struct connection one = connect_to(&gateway, "a", "one"), two;

  assert_int_equal(write_at(&one, 'a', 0), 0);
  two = connect_to(&gateway, "a", "two");
  assert_int_equal(write_at(&two, 'b', 0), 0);
  assert_int_equal(count_ages(&gateway), 1);
  disconnect(&one);
  disconnect(&two);
  gateway_close(&gateway);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(sessions_by_state),
      TEST(renewals_and_their_age),
      TEST(one_age_for_all_instances),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
