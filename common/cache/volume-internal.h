/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* volume-internal.h: what the files of the I/O path share; see volume.c. */
#ifndef LEASEHOLD_VOLUME_INTERNAL_H
#define LEASEHOLD_VOLUME_INTERNAL_H

#include "cache/cache-internal.h"
#include "leasehold/in-flight.h"
#include "leasehold/volume.h"

/* What the requests of one tenure share. */
struct shared {
  struct tenure_extra extra; /* first */
  struct range_lock ranges;
  struct in_flight changes;
  struct cached_volume *cached; /* atomic; NULL until it is needed */
};

/* How a step ended: with io to be submitted; waiting, with wake_at_ns set;
 * with the request DONE; or with nothing but that things have changed.
 */
enum passage { PASSED, WAITING, ENDED, CHANGED };

/* --- volume.c ---------------------------------------------------------- */

void volume_begin_straight(struct volume_request *request);
bool volume_advance_straight(struct volume_request *request);
/* These two return true. */
bool volume_finish(struct volume_request *request, int status);
bool volume_finish_with(struct volume_request *request, int status,
                        const char *text);
/* The time the store has left; false: none. Fills in wake_at_ns. */
bool volume_still_time(struct volume_request *request, uint64_t now_ns);
/* Until the gate is another than request->gate. */
enum passage volume_wait_for_change(struct volume_request *request);
enum passage volume_wait_for_store(struct volume_request *request,
                                   uint64_t now_ns);
/* For a change: request->gate is OPEN, and io.guard filled in. */
enum passage volume_pass_gate(struct volume_request *request);
enum passage volume_pass_flush(struct volume_request *request);
bool volume_back_off(struct volume_request *request);
/* True: io has ended; false: the store has it. */
bool volume_submit(struct volume_request *request);

/* --- cached-request.c --------------------------------------------------- */

void cached_begin(struct volume_request *request);
bool cached_advance(struct volume_request *request);

/* Waits for one of these until the gate changes or the store has given no
 * sign of life for too long. The cache's lock is held; the caller pumps without
 * it.
 */
enum passage cached_wait(struct volume_request *request, enum cache_wait kind,
                         uint64_t begin, uint64_t end, uint64_t sequence);
/* Reads the gate. May what is in memory be read, and may memory keep what
 * is read from the store now (S8)? The cache's lock is held.
 */
bool cached_usable(struct cached_volume *volume, struct gate *gate,
                   uint64_t now_ns);
/* Is the sector known to be zero, if no block has it? The cache's lock is
 * held. *end, if not NULL, comes down to where that changes.
 */
bool cached_is_zero(const struct cached_volume *volume, uint64_t at,
                    uint64_t *end);
/* Makes io a read of begin..end of the store, to be kept if fill says so. */
void cached_prepare_read(struct volume_request *request, uint64_t begin,
                         uint64_t end, void *buffer, bool keep);

/* --- prefetch.c --------------------------------------------------------- */

/* Of those with the cache's lock held: all but prefetch_submit. */
struct prefetch;

void prefetch_init(struct cached_volume *volume);
/* What is to be read ahead for the stream now, to be submitted; NULL: nothing.
 * The gate is open and the cache usable.
 */
struct prefetch *prefetch_plan(struct cached_volume *volume,
                               struct read_stream *stream);
void prefetch_submit(struct prefetch *first);
/* Will what lies at that offset come, and be kept? *end comes down to where
 * that changes.
 */
bool prefetch_covers(const struct cached_volume *volume, uint64_t at,
                     uint64_t *end);
/* Will anything of the range? */
bool prefetch_loads(const struct cached_volume *volume, uint64_t begin,
                    uint64_t end);

/* --- hole-map.c --------------------------------------------------------- */

/* A request for what is not known of the store's map, to be submitted; NULL:
 * there is none, or not now. The gate was just read, and the cache is usable
 * under it. The cache's lock is held, but for hole_map_submit.
 */
struct hole_fetch;
struct hole_fetch *hole_map_plan(struct cached_volume *volume,
                                 const struct gate *gate);
void hole_map_submit(struct hole_fetch *fetch); /* NULL is fine */

/* --- cached-read.c, cached-change.c: one step of a request -------------- */

enum passage cached_read_step(struct volume_request *request);
/* The store has answered a read well. Without the cache's lock. */
void cached_read_answered(struct volume_request *request);

enum passage cached_change_step(struct volume_request *request);
enum passage cached_flush_step(struct volume_request *request);
/* Of a sector that a change covers in part. */
void cached_sector_answered(struct volume_request *request);

#endif
