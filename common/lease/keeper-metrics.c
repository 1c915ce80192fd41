/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper-metrics.c: a keeper's sessions in numbers; see leasehold/metrics.h.
 *
 * What is seen is copied with the locks held, and written with them dropped.
 * The age of a lease has the volume and the node as labels: as many samples as
 * there are tenures, up to AGES_MAX (those that have waited longest for a
 * renewal), and the oldest of a node's instances.
 */
#include "lease/keeper-internal.h"

#include <stdlib.h>
#include <string.h>

#include "leasehold/metrics.h"
#include "utils/cleanup.h"

#define AGES_MAX 1000

struct age {
  uint64_t extended_ns;
  char volume[VOLUME_NAME_MAX + 1];
  char node[NODE_NAME_MAX + 1];
};

struct picture {
  unsigned states[SESSION_STATES];
  struct age *ages;
  size_t count, capacity;
};

/* Does the session keep a lease that has to be renewed? */
static bool
renews(const struct tenure *tenure)
{
  return tenure->extended_ns != 0 &&
         (tenure->state == SESSION_ATTACHED || tenure->state == SESSION_HELD ||
          tenure->state == SESSION_VERIFYING);
}

static int
by_name(const void *a, const void *b)
{
  const struct age *left = a, *right = b;
  int order = strcmp(left->volume, right->volume);

  if (order == 0)
    order = strcmp(left->node, right->node);
  if (order == 0)
    order = left->extended_ns < right->extended_ns ? -1 : 1;
  return order;
}

static int
by_time(const void *a, const void *b)
{
  const struct age *left = a, *right = b;

  return left->extended_ns < right->extended_ns   ? -1
         : left->extended_ns > right->extended_ns ? 1
                                                  : 0;
}

/* How many tenures there may be at the most. */
static size_t
count_tenures(struct keeper *keeper)
{
  LOCK_FOR_SCOPE(&keeper->lock);
  size_t count = 0;

  for (struct tenure *tenure = keeper->tenures; tenure != NULL;
       tenure = tenure->next)
    count++;
  return count;
}

static void
look(struct keeper *keeper, struct picture *picture)
{
  LOCK_FOR_SCOPE(&keeper->lock);

  for (struct tenure *tenure = keeper->tenures; tenure != NULL;
       tenure = tenure->next) {
    LOCK_FOR_SCOPE(&tenure->lock);
    struct age *age = &picture->ages[picture->count];

    picture->states[tenure->state]++;
    if (!renews(tenure) || picture->count == picture->capacity)
      continue;
    age->extended_ns = tenure->extended_ns;
    memcpy(age->volume, tenure->name, sizeof age->volume);
    memcpy(age->node, tenure->session.config.node, sizeof age->node);
    picture->count++;
  }
}

static void
collect_ages(const struct keeper *keeper, struct picture *picture,
             struct metrics *metrics)
{
  uint64_t now_ns = clock_now(keeper->config.clock);
  struct age *ages = picture->ages;
  size_t written = picture->count;

  metrics_family(metrics, "leasehold_lease_renewal_age_seconds", METRIC_GAUGE,
                 "Time since the last acquire or renew that was answered was "
                 "sent.");
  if (written > AGES_MAX) {
    qsort(ages, written, sizeof *ages, by_time);
    written = AGES_MAX;
  }
  qsort(ages, written, sizeof *ages, by_name);
  for (size_t i = 0; i < written; i++) {
    if (i > 0 && strcmp(ages[i].volume, ages[i - 1].volume) == 0 &&
        strcmp(ages[i].node, ages[i - 1].node) == 0)
      continue;
    metrics_sample(
        metrics,
        (double)(int64_t)(now_ns - ages[i].extended_ns) /
            (double)NANOSECONDS_PER_SECOND,
        (const char *[]){"volume", ages[i].volume, "node", ages[i].node, NULL});
  }
}

void
keeper_collect(struct keeper *keeper, struct metrics *metrics)
{
  struct picture picture = {.capacity = count_tenures(keeper)};
  CLEANUP_FREE struct age *ages =
      calloc(picture.capacity + 1, sizeof *picture.ages);

  if (ages == NULL)
    return;
  picture.ages = ages;
  look(keeper, &picture);
  metrics_family(metrics, "leasehold_sessions", METRIC_GAUGE,
                 "Sessions, one per volume, node and instance, by state.");
  for (unsigned i = 0; i < SESSION_STATES; i++)
    metrics_count(metrics, picture.states[i],
                  (const char *[]){"state", session_state_text(i), NULL});
  metrics_family(metrics, "leasehold_leases_held", METRIC_GAUGE,
                 "Leases that are held for a node that writes.");
  metrics_count(metrics, picture.states[SESSION_HELD], NULL);
  metrics_family(metrics, "leasehold_renew_duration_seconds", METRIC_HISTOGRAM,
                 "Time from sending a renewal to its good answer.");
  metrics_histogram_write(metrics, &keeper->renewals);
  collect_ages(keeper, &picture, metrics);
}
