/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-metrics.c: Prometheus' text format, the file, and counters of threads.
 */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leasehold/metrics.h"
#include "leasehold/status.h"

static void
collect_few(struct metrics_source *source, struct metrics *metrics)
{
  (void)source;
  metrics_family(metrics, "a_total", METRIC_COUNTER, "A \\ and\na \"line\".");
  metrics_count(metrics, UINT64_MAX, NULL);
  metrics_count(metrics, 7, (const char *[]){"x", "a\"b\\c\nd", "y", "", NULL});
  metrics_family(metrics, "b_seconds", METRIC_GAUGE, "B.");
  metrics_sample(metrics, 1796077404.906, NULL);
  metrics_sample(metrics, -0.25, (const char *[]){"z", "1", NULL});
}

static void
families_and_samples(void **unused)
{
  struct metrics_source source = {.collect = collect_few};
  size_t length;
  char *text = metrics_text(&source, &length);

  (void)unused;
  assert_string_equal(text, "# HELP a_total A \\\\ and\\na \"line\".\n"
                            "# TYPE a_total counter\n"
                            "a_total 18446744073709551615\n"
                            "a_total{x=\"a\\\"b\\\\c\\nd\",y=\"\"} 7\n"
                            "# HELP b_seconds B.\n"
                            "# TYPE b_seconds gauge\n"
                            "b_seconds 1796077404.906\n"
                            "b_seconds{z=\"1\"} -0.25\n");
  assert_int_equal(length, strlen(text));
  free(text);
}

static struct metrics_histogram histogram;

static void
collect_histogram(struct metrics_source *source, struct metrics *metrics)
{
  (void)source;
  metrics_family(metrics, "h_seconds", METRIC_HISTOGRAM, "H.");
  metrics_histogram_write(metrics, &histogram);
}

/* A bucket has what is not above its bound; each has those below it, too. */
static void
histograms(void **unused)
{
  struct metrics_source source = {.collect = collect_histogram};
  size_t length;
  char *text;

  (void)unused;
  metrics_histogram_add(&histogram, 0);
  metrics_histogram_add(&histogram, 1000000);
  metrics_histogram_add(&histogram, 1000001);
  metrics_histogram_add(&histogram, UINT64_C(10000000000));
  metrics_histogram_add(&histogram, UINT64_C(10000000001));
  text = metrics_text(&source, &length);
  assert_non_null(strstr(text, "_bucket{le=\"0.001\"} 2\n"));
  assert_non_null(strstr(text, "_bucket{le=\"0.0025\"} 3\n"));
  assert_non_null(strstr(text, "_bucket{le=\"5\"} 3\n"));
  assert_non_null(strstr(text, "_bucket{le=\"10\"} 4\n"));
  assert_non_null(strstr(text, "_bucket{le=\"+Inf\"} 5\n"
                               "h_seconds_sum 20.002000002\n"
                               "h_seconds_count 5\n"));
  free(text);
}

static void
all_sources_are_asked(void **unused)
{
  struct metrics_source second = {.collect = collect_histogram};
  struct metrics_source first = {.collect = collect_few, .next = &second};
  size_t length;
  char *text = metrics_text(&first, &length);

  (void)unused;
  assert_non_null(strstr(text, "b_seconds 17"));
  assert_non_null(strstr(text, "h_seconds_count "));
  free(text);
  text = metrics_text(NULL, &length);
  assert_string_equal(text, "");
  free(text);
}

static void
the_file_is_replaced_as_a_whole(void **unused)
{
  struct metrics_source source = {.collect = collect_few};
  char folder[] = "/tmp/leasehold-XXXXXX", path[64], fresh[80];
  struct error err = ERROR_INIT;
  struct stat first, second;
  size_t length;
  char *text = metrics_text(&source, &length);

  (void)unused;
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/m.prom", folder);
  snprintf(fresh, sizeof fresh, "%s.new", path);
  assert_int_equal(metrics_write_file(path, &source, &err), 0);
  assert_int_equal(stat(path, &first), 0);
  assert_int_equal(first.st_size, length);

  /* What cannot be written leaves the one before as it was. */
  assert_int_equal(symlink("/dev/full", fresh), 0);
  assert_int_not_equal(metrics_write_file(path, &source, &err), 0);
  assert_non_null(strstr(err.text, fresh));
  assert_int_equal(unlink(fresh), 0);
  assert_int_equal(stat(path, &second), 0);
  assert_int_equal(first.st_ino, second.st_ino);
  assert_int_equal(first.st_size, second.st_size);

  assert_int_equal(metrics_write_file(path, &source, &err), 0);
  assert_int_equal(access(fresh, F_OK), -1);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rmdir(folder), 0);
  assert_int_equal(metrics_write_file(path, &source, &err), STATUS_NOT_FOUND);
  free(text);
}

#define THREADS 12
#define ADDS 10000

static void *
add_many(void *opaque)
{
  for (unsigned i = 0; i < ADDS; i++)
    counters_add(opaque, i % 3, 2);
  return NULL;
}

static void
counters_of_threads(void **unused)
{
  struct counters *counters = counters_new(3);
  pthread_t threads[THREADS];
  uint64_t sum = 0;

  (void)unused;
  for (unsigned i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, add_many, counters), 0);
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  for (unsigned i = 0; i < 3; i++)
    sum += counters_sum(counters, i);
  assert_int_equal(sum, 2 * THREADS * ADDS);
  assert_int_equal(counters_sum(counters, 0), 2 * THREADS * 3334);
  counters_free(counters);
}

static void
nothing_to_count_with(void **unused)
{
  (void)unused;
  counters_add(NULL, 5, 1);
  assert_int_equal(counters_sum(NULL, 5), 0);
  counters_free(NULL);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(families_and_samples),
      cmocka_unit_test(histograms),
      cmocka_unit_test(all_sources_are_asked),
      cmocka_unit_test(the_file_is_replaced_as_a_whole),
      cmocka_unit_test(counters_of_threads),
      cmocka_unit_test(nothing_to_count_with),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
