/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-core.c: time, the queue of events, random numbers; see sim.h.
 *
 * The queue is a binary heap ordered by time and, within one moment, by the
 * order of queuing, so that a run depends on nothing but its schedule.
 */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
 * generators, OOPSLA 2014).
 */
uint64_t
sim_random(struct sim *sim, uint64_t bound)
{
  uint64_t z = sim->random += 0x9e3779b97f4a7c15U;

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return (z ^ (z >> 31)) % bound;
}

bool
sim_chance(struct sim *sim, unsigned per_mille)
{
  return sim_random(sim, 1000) < per_mille;
}

static bool
before(const struct event *a, const struct event *b)
{
  return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

static void
place(struct sim *sim, unsigned slot, struct event *event)
{
  sim->heap[slot] = event;
  event->slot = slot;
}

static void
sift(struct sim *sim, unsigned slot, struct event *event)
{
  while (slot > 0 && before(event, sim->heap[(slot - 1) / 2])) {
    place(sim, slot, sim->heap[(slot - 1) / 2]);
    slot = (slot - 1) / 2;
  }
  for (;;) {
    unsigned child = 2 * slot + 1;

    if (child >= sim->heap_count)
      break;
    if (child + 1 < sim->heap_count &&
        before(sim->heap[child + 1], sim->heap[child]))
      child++;
    if (!before(sim->heap[child], event))
      break;
    place(sim, slot, sim->heap[child]);
    slot = child;
  }
  place(sim, slot, event);
}

void
sim_cancel(struct sim *sim, struct event *event)
{
  struct event *last;

  if (!event->queued)
    return;
  event->queued = false;
  last = sim->heap[--sim->heap_count];
  if (last != event)
    sift(sim, event->slot, last);
}

void
sim_at(struct sim *sim, struct event *event, uint64_t at_ns)
{
  sim_cancel(sim, event);
  if (sim->heap_count == sizeof sim->heap / sizeof sim->heap[0])
    abort();
  event->at_ns = at_ns > sim->now_ns ? at_ns : sim->now_ns;
  event->order = sim->order++;
  event->queued = true;
  sift(sim, sim->heap_count++, event);
}

bool
sim_step(struct sim *sim, uint64_t until_ns)
{
  struct event *event;

  if (sim->heap_count == 0 || sim->heap[0]->at_ns > until_ns)
    return false;
  event = sim->heap[0];
  sim_cancel(sim, event);
  sim->now_ns = event->at_ns;
  event->run(sim, event);
  return true;
}

void
sim_trace(struct sim *sim, const char *format, ...)
{
  va_list args;

  if (!sim->trace)
    return;
  printf("%10.3f  ", (double)sim->now_ns / (double)SECOND);
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  putchar('\n');
}
