/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metrics.c: metrics=FILE: numbers for a monitoring system, in a text file.
 *
 * A thread writes the file when the server begins, then every few seconds, and
 * at last when all leases are released. It does nothing else, because the file
 * may be on a disk that hangs: neither the keeper nor the watch, which has to
 * release the leases of a server that is stopped, can wait for that. Without
 * metrics= there is no thread, and nothing is counted.
 */
#include "config.h"

#include "plugin.h"

#include <string.h>

#include "leasehold/metrics.h"
#include "utils/cleanup.h"

#define INTERVAL_NS (5 * NANOSECONDS_PER_SECOND)

/* Client requests, by kind: so many, so many failed; and bytes. */
enum {
  DONE,
  FAILED = DONE + STORE_PREFETCH + 1,
  BYTES_READ = FAILED + STORE_PREFETCH + 1,
  BYTES_WRITTEN,
  COUNTERS
};

static struct counters *counters; /* NULL without metrics= */
static struct metrics_source *sources;
static pthread_t thread;
static bool running;
static atomic_bool stopping;
static struct sleeper sleeper;
static double started;

void
metrics_add(struct metrics_source *source)
{
  source->next = sources;
  sources = source;
}

void
metrics_request(enum store_io_kind kind, uint64_t count, int status)
{
  counters_add(counters, (status == 0 ? DONE : FAILED) + (unsigned)kind, 1);
  if (status == 0 && kind == STORE_READ)
    counters_add(counters, BYTES_READ, count);
  else if (status == 0 && kind == STORE_WRITE)
    counters_add(counters, BYTES_WRITTEN, count);
}

static void
collect_requests(struct metrics *metrics)
{
  static const char *const kinds[] = {
      [STORE_READ] = "read",       [STORE_WRITE] = "write",
      [STORE_ZERO] = "zero",       [STORE_FLUSH] = "flush",
      [STORE_EXTENTS] = "extents", [STORE_PREFETCH] = "cache",
  };

  metrics_family(metrics, "leasehold_client_requests_total", METRIC_COUNTER,
                 "Requests of clients that were answered.");
  for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    metrics_count(metrics, counters_sum(counters, DONE + i),
                  (const char *[]){"request", kinds[i], "outcome", "ok", NULL});
    metrics_count(
        metrics, counters_sum(counters, FAILED + i),
        (const char *[]){"request", kinds[i], "outcome", "failed", NULL});
  }
  metrics_family(metrics, "leasehold_client_read_bytes_total", METRIC_COUNTER,
                 "Bytes that clients have read.");
  metrics_count(metrics, counters_sum(counters, BYTES_READ), NULL);
  metrics_family(metrics, "leasehold_client_written_bytes_total",
                 METRIC_COUNTER, "Bytes that clients have written.");
  metrics_count(metrics, counters_sum(counters, BYTES_WRITTEN), NULL);
}

static void
collect(struct metrics_source *source, struct metrics *metrics)
{
  (void)source;
  metrics_family(metrics, "leasehold_info", METRIC_GAUGE,
                 "Always 1; the version is a label.");
  metrics_sample(metrics, 1,
                 (const char *[]){"version", PACKAGE_VERSION, NULL});
  metrics_family(metrics, "leasehold_start_time_seconds", METRIC_GAUGE,
                 "When the server was started, since 1970.");
  metrics_sample(metrics, started, NULL);
  metrics_family(metrics, "leasehold_connections", METRIC_GAUGE,
                 "Exports that clients have open.");
  metrics_count(metrics, export_count(), NULL);
  collect_requests(metrics);
  events_collect(server.events, metrics);
  keeper_collect(server.keeper, metrics);
  if (server.cache != NULL)
    cache_collect(server.cache, metrics);
  store_collect(server.store, metrics);
}

static struct metrics_source own = {.collect = collect};

/* A failure is told once, until it has worked again. */
static bool
write_file(bool failing)
{
  struct error error = ERROR_INIT;

  if (metrics_write_file(settings.metrics, sources, &error) == 0)
    return false;
  if (!failing)
    nbdkit_error("metrics: %s", error.text);
  return true;
}

static void *
run(void *opaque)
{
  bool failing = false;

  (void)opaque;
  for (;;) {
    sleeper_sleep(&sleeper, &system_clock,
                  clock_now(&system_clock) + INTERVAL_NS, false);
    if (atomic_load(&stopping))
      return NULL;
    failing = write_file(failing);
  }
}

int
metrics_prepare(void)
{
  if (settings.metrics == NULL)
    return 0;
  started = (double)system_clock.wall_ms(&system_clock) / 1000;
  metrics_add(&own);
  counters = counters_new(COUNTERS);
  if (counters == NULL)
    nbdkit_error("no memory for metrics");
  return counters != NULL ? 0 : -1;
}

int
metrics_start(void)
{
  int failure;

  if (settings.metrics == NULL)
    return 0;
  if (write_file(false))
    return -1;
  sleeper_init(&sleeper);
  failure = pthread_create(&thread, NULL, run, NULL);
  if (failure != 0) {
    sleeper_destroy(&sleeper);
    nbdkit_error("cannot start a thread: %s", strerror(failure));
    return -1;
  }
  running = true;
  return 0;
}

void
metrics_stop(void)
{
  if (!running)
    return;
  running = false;
  atomic_store(&stopping, true);
  sleeper_wake(&sleeper);
  pthread_join(thread, NULL);
  sleeper_destroy(&sleeper);
  write_file(false);
}

void
metrics_unload(void)
{
  counters_free(counters);
  counters = NULL;
  sources = NULL;
}
