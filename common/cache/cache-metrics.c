/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cache-metrics.c: a cache in numbers; see leasehold/metrics.h. */
#include "cache/cache-internal.h"
#include "leasehold/metrics.h"

static void
put(struct metrics *metrics, const char *name, enum metric_type type,
    const char *help, uint64_t value)
{
  metrics_family(metrics, name, type, help);
  metrics_count(metrics, value, NULL);
}

void
cache_collect(struct cache *cache, struct metrics *metrics)
{
  struct cache_counts counts;

  cache_count(cache, &counts);
  metrics_family(metrics, "leasehold_cache_read_bytes_total", METRIC_COUNTER,
                 "Bytes of reads that were in memory, or were not.");
  metrics_count(metrics, counts.hits * STORE_SECTOR,
                (const char *[]){"outcome", "hit", NULL});
  metrics_count(metrics, counts.misses * STORE_SECTOR,
                (const char *[]){"outcome", "miss", NULL});
  metrics_family(metrics, "leasehold_cache_read_ahead_bytes_total",
                 METRIC_COUNTER,
                 "Bytes fetched before they were asked for, and then used, or "
                 "dropped unread.");
  metrics_count(metrics, counts.used_ahead,
                (const char *[]){"outcome", "used", NULL});
  metrics_count(metrics, counts.wasted_ahead,
                (const char *[]){"outcome", "wasted", NULL});
  put(metrics, "leasehold_cache_bytes", METRIC_GAUGE,
      "Bytes in the blocks that are in memory.", counts.bytes);
  put(metrics, "leasehold_cache_unsent_bytes", METRIC_GAUGE,
      "Bytes in the blocks that are newer than the store.",
      counts.unsent_bytes);
  put(metrics, "leasehold_cache_drains_total", METRIC_COUNTER,
      "Requests with merged changes to the store.", counts.sent);
  put(metrics, "leasehold_cache_drained_bytes_total", METRIC_COUNTER,
      "Bytes, data and zeroes, that such requests have brought to the store.",
      counts.landed);
  put(metrics, "leasehold_cache_lost_bytes_total", METRIC_COUNTER,
      "Bytes, data and zeroes, that were taken in and will never be stored.",
      counts.lost);
}
