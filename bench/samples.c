/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* samples.c: how long requests took; see samples.h. */
#include "bench/samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

uint64_t
samples_now(void)
{
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

void
samples_add(struct samples *samples, uint64_t ns)
{
  uint64_t us = ns / 1000;

  if (samples->count == samples->capacity) {
    size_t capacity = samples->capacity == 0 ? 4096 : 2 * samples->capacity;
    uint32_t *bigger = reallocarray(samples->us, capacity, sizeof *bigger);

    if (bigger == NULL) {
      perror("samples");
      exit(EXIT_FAILURE);
    }
    samples->us = bigger;
    samples->capacity = capacity;
  }
  samples->us[samples->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

double
samples_cpu_seconds(void)
{
  struct rusage usage;

  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
         1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int
compare(const void *a, const void *b)
{
  uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

  return (first > second) - (first < second);
}

/* The share-th part took at most so many milliseconds; they are sorted. */
static double
percentile_ms(const struct samples *samples, double share)
{
  size_t number = (size_t)(share * (double)samples->count);

  if (samples->count == 0)
    return 0;
  if (number >= samples->count)
    number = samples->count - 1;
  return samples->us[number] / 1000.0;
}

void
samples_print(struct samples *samples, uint64_t bytes, uint64_t ns,
              double cpu_seconds, double flush_ms)
{
  if (samples->count > 0)
    qsort(samples->us, samples->count, sizeof samples->us[0], compare);
  printf("{\"requests\": %zu, \"bytes\": %" PRIu64 ", \"seconds\": %.6f, "
         "\"cpu_seconds\": %.6f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
         "\"flush_ms\": %.3f}\n",
         samples->count, bytes, (double)ns * 1e-9, cpu_seconds,
         percentile_ms(samples, 0.5), percentile_ms(samples, 0.99), flush_ms);
  free(samples->us);
  *samples = (struct samples){0};
}
