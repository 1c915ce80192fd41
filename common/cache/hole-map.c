/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hole-map.c: which ranges the store has nothing in, asked for once.
 *
 * The first read that misses, or the first zero, of a session that may cache
 * asks the store for the volume's map, in the background: what is a hole there
 * goes into the volume's map of holes, and reads and zeroes of that are done in
 * memory from then on. A store may answer with a part; the next such request
 * asks for the rest. An answer of nothing, or a failure, ends it, until all was
 * forgotten; so does a map that has become too large. Three answers that could
 * not be used are enough.
 *
 * It is taken on the terms of what is read ahead (prefetch.c), but not as a
 * whole: what was not in the store yet when it was sent for, or is changed
 * before it has come, is noted (changed), and left out. So a writer who never
 * stops does not keep it away.
 *
 *   struct hole_fetch   planned by a request, at most one of a volume; freed by
 *                       who concludes it
 */
#include <stdlib.h>

#include "cache/volume-internal.h"
#include "utils/cleanup.h"
#include "utils/mutation.h"

/* More blocks than that are not gone through with the lock held, nor are so
 * many changes noted: it is asked for later.
 */
#define DIRTY_MAX 1024
#define CHANGED_MAX 4096

#define UNUSED_MAX 3

#define NO_MORE UINT64_MAX

struct hole_fetch {
  struct store_io io; /* first */
  struct cached_volume *volume;
  struct extent_map changed;
  bool spoiled; /* all of it was, perhaps */
};

/* --- what is left out -------------------------------------------------- */

void
hole_map_changed(struct cached_volume *volume, uint64_t begin, uint64_t end)
{
  struct hole_fetch *fetch = volume->hole_fetch;

  if (fetch == NULL || fetch->spoiled)
    return;
  if (fetch->changed.count >= CHANGED_MAX ||
      extent_map_set(&fetch->changed, begin, end, 0, 0) != 0)
    fetch->spoiled = true;
}

static void
note_unsent(struct cached_volume *volume)
{
  const uint32_t size = volume->cache->blocks.block_size;

  for (const struct block *block = volume->blocks.dirty.oldest; block != NULL;
       block = block->newer)
    hole_map_changed(volume, block->index * size, (block->index + 1) * size);
  for (const struct flight *flight = volume->flights; flight != NULL;
       flight = flight->next)
    hole_map_changed(volume, flight->io.offset,
                     flight->io.offset + flight->io.count);
  for (size_t i = 0; i < volume->zeroes.count; i++)
    hole_map_changed(volume, volume->zeroes.items[i].begin,
                     volume->zeroes.items[i].end);
}

void
hole_map_forget(struct cached_volume *volume)
{
  extent_map_free(&volume->holes);
  volume->mapped = 0;
  if (volume->hole_fetch != NULL)
    volume->hole_fetch->spoiled = true;
}

/* --- asking ------------------------------------------------------------ */

struct hole_fetch *
hole_map_plan(struct cached_volume *volume, const struct gate *gate)
{
  struct volume_info info;
  struct hole_fetch *fetch;

  if (volume->mapped == NO_MORE || volume->hole_fetch != NULL ||
      gate->position != GATE_OPEN || volume->blocks.dirty.count > DIRTY_MAX ||
      volume->zeroes.count > DIRTY_MAX)
    return NULL;
  tenure_view(volume->tenure, &info, NULL, NULL);
  if (volume->mapped >= info.size)
    return NULL;
  fetch = calloc(1, sizeof *fetch);
  if (fetch == NULL)
    return NULL;
  fetch->volume = volume;
  fetch->io.kind = STORE_EXTENTS;
  fetch->io.offset = volume->mapped;
  fetch->io.count = info.size - volume->mapped;
  volume->hole_fetch = fetch;
  note_unsent(volume);
  return fetch;
}

/* --- the answer --------------------------------------------------------- */

/* A hole in the store; what was changed in it is none. */
static void
add_hole(const struct hole_fetch *fetch, uint64_t begin, uint64_t end)
{
  struct extent_map *holes = &fetch->volume->holes;

  while (begin < end && holes->count < HOLES_MAX) {
    const struct span *changed = extent_map_find(&fetch->changed, begin);
    uint64_t until = end;

    if (MUTATED(HOLES_WERE_CHANGED))
      changed = NULL;
    if (changed != NULL && changed->begin < end)
      until = changed->begin > begin ? changed->begin : begin;
    if (begin < until && extent_map_set(holes, begin, until, 0, 0) != 0)
      return;
    if (until == end)
      return;
    begin = changed->end;
  }
}

static void
take_over(struct hole_fetch *fetch)
{
  const struct extent_list *list = &fetch->io.extents;
  struct cached_volume *volume = fetch->volume;
  uint64_t at = fetch->io.offset;

  for (size_t i = 0; i < list->count; i++) {
    uint64_t end = at + list->items[i].length;

    if (list->items[i].hole)
      add_hole(fetch, at, end);
    at = end;
  }
  volume->mapped = at;
  if (list->count == 0 || volume->holes.count > HOLES_MAX / 2)
    volume->mapped = NO_MORE;
}

static void
conclude(struct hole_fetch *fetch)
{
  struct cached_volume *volume = fetch->volume;
  uint64_t now_ns = clock_now(volume->cache->config.clock);
  struct gate gate;
  /* First of all, for it spoils all if others may have written since. */
  bool usable = cached_usable(volume, &gate, now_ns);

  volume->hole_fetch = NULL;
  if (fetch->io.status != STATUS_OK)
    volume->mapped = NO_MORE;
  else if (usable && !fetch->spoiled)
    take_over(fetch);
  else if (++volume->maps_unused == UNUSED_MAX)
    volume->mapped = NO_MORE;
  cached_nothing_flies(volume);
}

static void
fetch_free(struct hole_fetch *fetch)
{
  extents_free(&fetch->io.extents);
  extent_map_free(&fetch->changed);
  free(fetch);
}

static void
fetch_done(struct store_io *io)
{
  struct hole_fetch *fetch = (struct hole_fetch *)io;
  struct cache *cache = fetch->volume->cache;

  {
    LOCK_FOR_SCOPE(&cache->lock);
    conclude(fetch);
  }
  fetch_free(fetch);
}

void
hole_map_submit(struct hole_fetch *fetch)
{
  struct store_volume *store;
  int status;

  if (fetch == NULL)
    return;
  store = tenure_volume(fetch->volume->tenure);
  fetch->io.done = fetch_done;
  status = store_submit_io(store, &fetch->io);
  if (status != STORE_PENDING) {
    fetch->io.status = status;
    fetch_done(&fetch->io);
  }
}

void
hole_map_abandon(struct cached_volume *volume)
{
  if (volume->hole_fetch != NULL)
    fetch_free(volume->hole_fetch);
  volume->hole_fetch = NULL;
}
