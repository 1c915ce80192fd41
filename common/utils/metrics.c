/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metrics.c: Prometheus' text format, version 0.0.4; see metrics.h. */
#include "leasehold/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leasehold/clock.h"
#include "leasehold/status.h"
#include "utils/cleanup.h"
#include "utils/strbuf.h"

#define TEXT_MAX (16 << 20)

struct metrics {
  struct strbuf text;
  const char *family;
};

/* A backslash and a newline are escaped everywhere, a quote within quotes. */
static void
put_escaped(struct strbuf *out, const char *text, bool quoted)
{
  for (; *text != '\0'; text++) {
    if (*text == '\n')
      strbuf_add(out, "\\n", 2);
    else if (*text == '\\' || (quoted && *text == '"'))
      strbuf_printf(out, "\\%c", *text);
    else
      strbuf_add(out, text, 1);
  }
}

void
metrics_family(struct metrics *metrics, const char *name, enum metric_type type,
               const char *help)
{
  static const char *const types[] = {
      [METRIC_COUNTER] = "counter",
      [METRIC_GAUGE] = "gauge",
      [METRIC_HISTOGRAM] = "histogram",
  };

  metrics->family = name;
  strbuf_printf(&metrics->text, "# HELP %s ", name);
  put_escaped(&metrics->text, help, false);
  strbuf_printf(&metrics->text, "\n# TYPE %s %s\n", name, types[type]);
}

static void
put_name(struct metrics *metrics, const char *const *labels)
{
  struct strbuf *text = &metrics->text;

  strbuf_printf(text, "%s", metrics->family);
  if (labels == NULL || labels[0] == NULL)
    return;
  for (size_t i = 0; labels[i] != NULL; i += 2) {
    strbuf_printf(text, "%s%s=\"", i == 0 ? "{" : ",", labels[i]);
    put_escaped(text, labels[i + 1], true);
    strbuf_add(text, "\"", 1);
  }
  strbuf_add(text, "}", 1);
}

void
metrics_sample(struct metrics *metrics, double value, const char *const *labels)
{
  put_name(metrics, labels);
  strbuf_printf(&metrics->text, " %.15g\n", value);
}

void
metrics_count(struct metrics *metrics, uint64_t value,
              const char *const *labels)
{
  put_name(metrics, labels);
  strbuf_printf(&metrics->text, " %" PRIu64 "\n", value);
}

/* --- histograms --------------------------------------------------------- */

static const struct {
  uint64_t ns;
  const char *seconds;
} bounds[METRICS_BUCKETS] = {
    {UINT64_C(1000000), "0.001"},  {UINT64_C(2500000), "0.0025"},
    {UINT64_C(5000000), "0.005"},  {UINT64_C(10000000), "0.01"},
    {UINT64_C(25000000), "0.025"}, {UINT64_C(50000000), "0.05"},
    {UINT64_C(100000000), "0.1"},  {UINT64_C(250000000), "0.25"},
    {UINT64_C(500000000), "0.5"},  {UINT64_C(1000000000), "1"},
    {UINT64_C(2500000000), "2.5"}, {UINT64_C(5000000000), "5"},
    {UINT64_C(10000000000), "10"},
};

void
metrics_histogram_add(struct metrics_histogram *histogram, uint64_t duration_ns)
{
  unsigned i = 0;

  while (i < METRICS_BUCKETS && duration_ns > bounds[i].ns)
    i++;
  __atomic_fetch_add(&histogram->buckets[i], 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&histogram->sum_ns, duration_ns, __ATOMIC_RELAXED);
}

/* The count is that of the buckets as they were read, so that they agree. */
void
metrics_histogram_write(struct metrics *metrics,
                        struct metrics_histogram *histogram)
{
  struct strbuf *text = &metrics->text;
  uint64_t count = 0;

  for (unsigned i = 0; i <= METRICS_BUCKETS; i++) {
    count += __atomic_load_n(&histogram->buckets[i], __ATOMIC_RELAXED);
    strbuf_printf(text, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", metrics->family,
                  i < METRICS_BUCKETS ? bounds[i].seconds : "+Inf", count);
  }
  strbuf_printf(text, "%s_sum %.15g\n", metrics->family,
                (double)__atomic_load_n(&histogram->sum_ns, __ATOMIC_RELAXED) /
                    (double)NANOSECONDS_PER_SECOND);
  strbuf_printf(text, "%s_count %" PRIu64 "\n", metrics->family, count);
}

/* --- the whole ---------------------------------------------------------- */

char *
metrics_text(struct metrics_source *sources, size_t *length)
{
  struct metrics metrics = {.text = STRBUF_INIT(TEXT_MAX)};

  strbuf_add(&metrics.text, "", 0);
  for (; sources != NULL; sources = sources->next)
    sources->collect(sources, &metrics);
  if (metrics.text.status != 0)
    strbuf_free(&metrics.text);
  *length = metrics.text.length;
  return metrics.text.text;
}

static int
write_all(int fd, const char *text, size_t length)
{
  while (length > 0) {
    ssize_t written = write(fd, text, length);

    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return -1;
    text += written;
    length -= (size_t)written;
  }
  return 0;
}

int
metrics_write_file(const char *path, struct metrics_source *sources,
                   struct error *err)
{
  size_t length;
  CLEANUP_FREE char *text = metrics_text(sources, &length);
  char fresh[PATH_MAX];
  int fd, failed;

  if (text == NULL)
    return error_set(err, STATUS_NO_MEMORY, "%s: no memory", path);
  if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
    return error_set(err, STATUS_INVALID, "%s: the name is too long", path);
  fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd == -1)
    return error_set_errno(err, errno, "%s", fresh);
  failed = write_all(fd, text, length);
  if (failed != 0)
    error_set_errno(err, errno, "%s", fresh);
  if (close(fd) != 0 && failed == 0)
    failed = error_set_errno(err, errno, "%s", fresh);
  if (failed == 0 && rename(fresh, path) != 0)
    failed = error_set_errno(err, errno, "%s", path);
  if (failed != 0)
    unlink(fresh);
  return failed != 0 ? (int)err->status : 0;
}
