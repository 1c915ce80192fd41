/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* volume.h: the fenced I/O path: what a connection does to a volume.
 *
 * A request is a small state machine that its caller advances: it never
 * blocks on anything but the store's own inline I/O, so the plugin's threads
 * and the single-threaded simulator run the same code.
 */
#ifndef LEASEHOLD_VOLUME_H
#define LEASEHOLD_VOLUME_H

#include "leasehold/cache.h"
#include "leasehold/keeper.h"
#include "leasehold/store.h"
#include "leasehold/range-lock.h"

struct volume_limits {
  uint64_t gate_wait_ns;  /* how long a write waits on another node's lease */
  uint64_t io_timeout_ns; /* how long it waits on the store */
};

/* One connection's view; cheap. Either tenure (a node) or observed (an
 * observer: reads only) is set; both are borrowed.
 */
struct volume {
  struct tenure *tenure;
  struct store_volume *observed;
  struct cache *cache; /* of a tenure; NULL: everything goes to the store */
  const struct clock *clock;
  struct volume_limits limits;
};

/* For keeper_config.extra_new: what requests of one tenure share. */
struct tenure_extra *volume_extra_new(void);

enum volume_request_state {
  VOLUME_AT_RANGE,
  VOLUME_AT_GATE,
  VOLUME_AT_STORE,
  VOLUME_BACKING_OFF,
  VOLUME_DONE
};

enum volume_wake { VOLUME_WAKE_GATE, VOLUME_WAKE_STORE };

struct volume_request {
  /* Set by the caller. io's kind, flags, offset, count and buffer describe
   * the request; a range must lie within the volume, and may begin and end
   * anywhere. io is changed while the request runs.
   */
  struct store_io io;
  /* Called after volume_advance has returned false, or even before that, in
   * any thread, perhaps with a lock of the keeper held: it only notes and
   * signals. At most one wake of each kind comes for one volume_advance; one
   * of kind GATE may still come in while the next one runs, and then means
   * nothing.
   */
  void (*wake)(struct volume_request *, enum volume_wake kind);

  /* After volume_advance has returned false: when to advance again without
   * having been woken. TIME_NEVER: the store has the request, it must not be
   * touched before the wake of kind STORE.
   */
  uint64_t wake_at_ns;
  /* After it has returned true: 0 or a negative status, and its text. */
  int status;

  /* Private. */
  enum volume_request_state state;
  struct volume *volume;
  struct tenure_waiter waiter;
  bool waits; /* waiter may be queued */
  uint64_t started_ns, answered_ns;
  unsigned attempts;
  struct gate gate;
  uint64_t doubted; /* epoch that led to a doubt; 0: none */
  struct volume_whole {
    enum store_io_kind kind;
    unsigned flags;
    uint64_t offset, count;
    char *buffer;
  } whole; /* what io said at first */
  enum { PIECE_DIRECT, PIECE_READ, PIECE_MERGED } piece;
  uint64_t piece_end;   /* all before it is done when this piece is */
  uint64_t alone_since; /* the gate's when it let the last piece pass */
  bool begun;           /* a change that has passed the gate, until the end */
  bool ranged;          /* range is held or waited for, until the end */
  struct range range;
  char sector[STORE_SECTOR];
  struct volume_cached {
    struct cached_volume *volume; /* NULL: the cache is not used */
    uint64_t at;                  /* all before it has been read, or taken in */
    uint64_t sequence; /* of its last change; 0: not all is taken in */
    uint64_t sector;   /* offset of what is in request->sector; or UINT64_MAX */
    bool noted;        /* a read that was looked at for reading ahead */
    bool straight;     /* a change that goes past the cache */
    struct fill fill;
    struct cache_waiter waiter;
  } cached;
};

/* Begins a request; then advance it. */
void volume_begin(struct volume *volume, struct volume_request *request);

/* Goes on as far as possible; true when the request is finished. */
bool volume_advance(struct volume_request *request);

#endif
