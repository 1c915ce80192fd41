/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metrics.h: numbers for a monitoring system, in Prometheus' text format.
 *
 * A layer that has numbers is a source: it is asked for them now and then, and
 * writes families (a name, a type, a help text), each followed by its samples.
 * Names begin with "leasehold_", those of counters end in "_total", units are
 * seconds and bytes. Labels must not grow without bound: no instance, no epoch,
 * no text of an error.
 */
#ifndef LEASEHOLD_METRICS_H
#define LEASEHOLD_METRICS_H

#include <stddef.h>
#include <stdint.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* What is being written. Failures stick, see strbuf.h. */
struct metrics;

struct metrics_source {
  /* Any thread but one at a time; must not block on I/O. */
  void (*collect)(struct metrics_source *, struct metrics *);
  struct metrics_source *next; /* the caller's list */
};

/* Begins a family. */
void metrics_family(struct metrics *metrics, const char *name,
                    enum metric_type type, const char *help);

/* One sample of the family begun last. labels are pairs of a name and a value,
 * ended by a NULL; values may be any text.
 */
void metrics_sample(struct metrics *metrics, double value,
                    const char *const *labels);
void metrics_count(struct metrics *metrics, uint64_t value,
                   const char *const *labels);

/* A distribution of times. Adding is lock-free; any thread. */
#define METRICS_BUCKETS 13
struct metrics_histogram {
  uint64_t buckets[METRICS_BUCKETS + 1]; /* atomic; the last one: above all */
  uint64_t sum_ns;                       /* atomic */
};
void metrics_histogram_add(struct metrics_histogram *histogram,
                           uint64_t duration_ns);
/* The samples of a family of that type. */
void metrics_histogram_write(struct metrics *metrics,
                             struct metrics_histogram *histogram);

/* Asks all sources of the list; the text, to be freed, or NULL: no memory. */
char *metrics_text(struct metrics_source *sources, size_t *length);

/* Puts the text in the place of the file at path, atomically: it is written to
 * path with ".new" at its end before. 0 or a negative status.
 */
struct error;
int metrics_write_file(const char *path, struct metrics_source *sources,
                       struct error *err);

/* Counters that many threads add to at the same time: each thread has one of a
 * few copies, so that they do not wait for each other's cache lines.
 */
struct counters;
struct counters *counters_new(unsigned count); /* all 0. NULL: no memory */
void counters_free(struct counters *counters); /* NULL is fine */
/* counters may be NULL: nothing is counted, and all are 0. */
void counters_add(struct counters *counters, unsigned index, uint64_t amount);
uint64_t counters_sum(const struct counters *counters, unsigned index);

#endif
