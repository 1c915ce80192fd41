/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event-ring.c: the last events of a server; see events.h.
 *
 * An array that is written round and round. Numbers of events are never used
 * twice in one run of a server, and each run has a random name, so that whoever
 * reads again and again can tell what is new. JSON is made of a copy, with the
 * lock dropped: who adds an event never waits for that.
 */
#include "leasehold/events.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/metrics.h"
#include "utils/cleanup.h"
#include "utils/random.h"
#include "utils/strbuf.h"
#include "utils/time-format.h"

struct events {
  const struct clock *clock;
  char run[SESSION_NONCE_MAX + 1];

  pthread_mutex_t lock; /* protects all below */
  uint64_t added;       /* the newest one's number; the first one has 1 */
  uint64_t counts[EVENT_KINDS];
  struct lease_event ring[EVENTS_KEPT]; /* number n is at n % EVENTS_KEPT */
};

struct events *
events_new(const struct clock *clock)
{
  struct events *events = calloc(1, sizeof *events);

  if (events == NULL)
    return NULL;
  if (random_nonce(events->run) != 0) {
    free(events);
    return NULL;
  }
  events->clock = clock;
  pthread_mutex_init(&events->lock, NULL);
  return events;
}

void
events_free(struct events *events)
{
  if (events == NULL)
    return;
  pthread_mutex_destroy(&events->lock);
  free(events);
}

void
events_add(struct events *events, const struct lease_event *event)
{
  int64_t wall_ms;
  struct lease_event *place;

  if (events == NULL)
    return;
  wall_ms = events->clock->wall_ms(events->clock);

  LOCK_FOR_SCOPE(&events->lock);
  events->counts[event->kind]++;
  events->added++;
  place = &events->ring[events->added % EVENTS_KEPT];
  *place = *event;
  place->sequence = events->added;
  place->wall_ms = wall_ms;
}

uint64_t
events_count(struct events *events, enum event_kind kind)
{
  LOCK_FOR_SCOPE(&events->lock);
  return events->counts[kind];
}

void
events_collect(struct events *events, struct metrics *metrics)
{
  metrics_family(metrics, "leasehold_events_total", METRIC_COUNTER,
                 "What has happened to leases, by kind.");
  for (unsigned i = 0; i < EVENT_KINDS; i++) {
    enum event_kind kind = (enum event_kind)i;

    metrics_count(metrics, events_count(events, kind),
                  (const char *[]){"event", event_kind_text(kind), NULL});
  }
}

static bool
is_of(const struct lease_event *event, const char *volume)
{
  return event->sequence != 0 && strcmp(event->volume, volume) == 0;
}

/* Copies what is kept of a volume, oldest first. Of a size that allows for
 * none, because malloc may give NULL for nothing.
 */
static struct lease_event *
copy_of(struct events *events, const char *volume, size_t *count)
{
  LOCK_FOR_SCOPE(&events->lock);
  struct lease_event *copy;
  size_t found = 0;

  for (size_t i = 0; i < EVENTS_KEPT; i++)
    found += is_of(&events->ring[i], volume);
  copy = malloc((found + 1) * sizeof *copy);
  *count = 0;
  for (uint64_t i = 1; copy != NULL && i <= EVENTS_KEPT; i++) {
    const struct lease_event *event =
        &events->ring[(events->added + i) % EVENTS_KEPT];

    if (is_of(event, volume))
      copy[(*count)++] = *event;
  }
  return copy;
}

static json_t *
epoch_json(uint64_t epoch)
{
  return epoch != EVENT_NO_EPOCH ? json_integer((json_int_t)epoch)
                                 : json_null();
}

/* "?" for text that is not UTF-8, as from a path in an error's text. */
static json_t *
cause_json(const char *cause)
{
  json_t *json;

  if (cause[0] == '\0')
    return json_null();
  json = json_string(cause);
  return json != NULL ? json : json_string("?");
}

static json_t *
event_json(const struct events *events, const struct lease_event *event)
{
  char time[TIME_TEXT_MAX];

  return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}",
                   "run", events->run, "sequence", (json_int_t)event->sequence,
                   "time", time_format_iso(event->wall_ms, time), "event",
                   event_kind_text(event->kind), "volume", event->volume,
                   "node", event->node, "instance",
                   event->instance[0] != '\0' ? json_string(event->instance)
                                              : json_null(),
                   "epoch", epoch_json(event->epoch), "other_node",
                   event->other_node[0] != '\0' ? json_string(event->other_node)
                                                : json_null(),
                   "other_epoch", epoch_json(event->other_epoch), "cause",
                   cause_json(event->cause));
}

static int
add_line(const struct events *events, const struct lease_event *event,
         struct strbuf *out)
{
  json_t *json = event_json(events, event);
  CLEANUP_FREE char *text = json_dumps(json, JSON_COMPACT);

  json_decref(json);
  return text != NULL ? strbuf_printf(out, "%s\n", text) : STATUS_NO_MEMORY;
}

char *
events_text(struct events *events, const char *volume)
{
  struct strbuf out = STRBUF_INIT((size_t)EVENTS_KEPT * 4096);
  size_t count;
  CLEANUP_FREE struct lease_event *copy = copy_of(events, volume, &count);
  int r = copy == NULL ? STATUS_NO_MEMORY : strbuf_add(&out, "", 0);

  for (size_t i = 0; r == 0 && i < count; i++)
    r = add_line(events, &copy[i], &out);
  if (r != 0)
    strbuf_free(&out);
  return out.text;
}
