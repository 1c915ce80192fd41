/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handover.h: one node gives a volume to another with nothing lost.
 *
 * Whoever wants it puts a request into the volume's side object "handover".
 * The session that holds the lease finds it (the scout looks after each
 * renewal, or when it is told to), drains and changes the lease; it is the
 * lease that says whether that is done. There is at most one request: a newer
 * one takes the place of an older one. It names the epoch and the lease that it
 * was made for, and is nothing when these are not the volume's any more, so
 * that what is left over from a crash moves nothing.
 */
#ifndef LEASEHOLD_HANDOVER_H
#define LEASEHOLD_HANDOVER_H

#include "leasehold/keeper.h"
#include "leasehold/reserve.h"
#include "leasehold/store.h"

struct handover_request {
  char from[NODE_NAME_MAX + 1]; /* "": no request */
  char to[NODE_NAME_MAX + 1];
  struct lease_id from_lease, to_lease;
  uint64_t epoch;
  int64_t asked_ms;                   /* Unix time, for people */
  char writer[SESSION_NONCE_MAX + 1]; /* random, one for each request */
};

/* The side object's text; the caller frees it. STATUS_INVALID, STATUS_NO_MEMORY
 * or 0. Pure.
 */
int handover_encode(const struct handover_request *request, char **text,
                    struct error *err);
/* Reads untrusted text; name is for error texts. STATUS_CORRUPT or 0. Pure. */
#define HANDOVER_TEXT_MAX 2048
int handover_decode(const char *text, size_t length, const char *name,
                    struct handover_request *out, struct error *err);

/* Is it a request, and are epoch and lease those that it was made for, as far
 * as info tells? Pure.
 */
bool handover_is_current(const struct handover_request *request,
                         const struct volume_info *info);

/* Reads the request. object is scratch, and holds what was read (its ETag also
 * when it is damaged: STATUS_CORRUPT). Blocks.
 */
int handover_read(struct store_volume *volume, const char *name,
                  struct side_object *object, struct handover_request *out,
                  struct error *err);
/* Puts a request (NULL: none) in the place of the one in object. Statuses of
 * store_side_write. Blocks.
 */
int handover_write(struct store_volume *volume, struct side_object *object,
                   const struct handover_request *request, struct error *err);

/* For a status: the request, if there is one that is current for what was seen;
 * else, or if it cannot be read, none. Blocks.
 */
void handover_pending(struct store_volume *volume, const char *name,
                      const struct volume_info *info,
                      struct handover_request *out);

/* --- who asks ----------------------------------------------------------- */

/* How the waiting is done. False: the asker must not wait any longer. */
struct handover_patience {
  bool (*wait)(struct handover_patience *, uint64_t for_ns);
};

struct handover {
  struct store_volume *volume;
  const char *name; /* the volume's */
  const char *from, *to;
  struct lease_key key;
  uint64_t timeout_ns;
  uint32_t duration_s; /* of the lease, should nobody hold it */
  bool force;          /* preempt when the time is over */
  const struct clock *clock;
  struct handover_patience *patience;
  struct keeper *keeper; /* of this process, or NULL: its sessions are told */
};

enum handover_end {
  HANDOVER_DONE,   /* from's session has given it */
  HANDOVER_HAD_IT, /* to held it before */
  HANDOVER_FREE,   /* nobody held it, and nothing could be lost: acquired */
  HANDOVER_FORCED  /* preempted */
};

/* Asks for it and waits. 0 and *end; STATUS_CONFLICT: a third node holds it, or
 * another request took the place of this one; STATUS_TIMEOUT: not in time, and
 * the request is withdrawn; or what the store says. Blocks.
 */
int handover_run(const struct handover *handover, enum handover_end *end,
                 struct error *err);

/* The short way of one that gives nobody any time (timeout_ns 0, and force):
 * to's session in this process, if it stands by, takes the lease over. 0:
 * that is done; STATUS_CONFLICT: it is not, find out why by handover_run; or
 * STATUS_STOPPING. It does not use the volume. Blocks.
 */
int handover_take(const struct handover *handover);

/* --- who gives: the scout ------------------------------------------------ */

/* A thread that looks for requests on behalf of a keeper's sessions: reading a
 * side object may block, and the keeper must not. In four steps.
 */
struct handover_scout;

/* NULL: no memory. log may be NULL. Sets itself as the keeper's scout. */
struct handover_scout *handover_scout_new(struct keeper *keeper,
                                          const struct log *log);
int handover_scout_start(struct handover_scout *scout, struct error *err);
/* Before keeper_stop; waits for the look that is under way. Idempotent. */
void handover_scout_stop(struct handover_scout *scout);
void handover_scout_free(struct handover_scout *scout); /* NULL is fine */

#endif
