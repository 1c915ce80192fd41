/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shared.c: what the requests of one tenure share (keeper.h, tenure_extra). */
#include <stdlib.h>

#include "cache/volume-internal.h"

static void
shared_free(struct tenure_extra *extra)
{
  struct shared *shared = (struct shared *)extra;

  cached_volume_free(shared->cached);
  range_lock_destroy(&shared->ranges);
  free(shared);
}

static bool
shared_drain(struct tenure_extra *extra, struct tenure *tenure)
{
  struct shared *shared = (struct shared *)extra;
  struct cached_volume *cached =
      __atomic_load_n(&shared->cached, __ATOMIC_ACQUIRE);
  struct gate gate;
  bool drained;

  tenure_gate(tenure, &gate);
  drained = in_flight_drained(&shared->changes, gate.version);
  return (cached == NULL || cached_volume_drained(cached)) && drained;
}

static bool
shared_busy(struct tenure_extra *extra)
{
  struct shared *shared = (struct shared *)extra;
  struct cached_volume *cached =
      __atomic_load_n(&shared->cached, __ATOMIC_ACQUIRE);

  return cached != NULL && cached_volume_busy(cached);
}

struct tenure_extra *
volume_extra_new(void)
{
  struct shared *shared = calloc(1, sizeof *shared);

  if (shared == NULL)
    return NULL;
  shared->extra.free = shared_free;
  shared->extra.drain = shared_drain;
  shared->extra.busy = shared_busy;
  range_lock_init(&shared->ranges);
  return &shared->extra;
}
