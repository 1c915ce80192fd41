/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reserve.h: runs a reservation command on a volume (DESIGN section 4).
 *
 * The translation is pure (translate.h); this looks at the volume, sends what
 * the translation says, and looks again when the volume has moved on in the
 * meantime. The command line and the control export use the same function.
 */
#ifndef LEASEHOLD_RESERVE_H
#define LEASEHOLD_RESERVE_H

#include "leasehold/store.h"
#include "leasehold/translate.h"

/* How often a command looks at a volume that keeps changing hands. */
#define RESERVATION_LOOKS_MAX 5

/* Who holds a volume's lease, as well as it can be told. */
struct lease_holder {
  bool held;                    /* leased or breaking */
  char node[NODE_NAME_MAX + 1]; /* "" when not held, or not known */
  int64_t since_ms;             /* Unix time; 0 when not held, or not known */
};

/* The node that the store was told with the lease; else the one in the holder
 * record, if that is believed (its epoch is the volume's, and its session has
 * not detached). Pure.
 */
void lease_holder_of(const struct volume_info *info, struct lease_holder *out);

/* Writes "node-a holds it since 2026-01-31T12:00:00Z", "an unknown node holds
 * it" or "nobody holds it": at most LEASE_HOLDER_TEXT_MAX bytes with the NUL.
 */
#define LEASE_HOLDER_TEXT_MAX (NODE_NAME_MAX + 68)
void lease_holder_text(const struct volume_info *info,
                       char text[LEASE_HOLDER_TEXT_MAX]);

/* What a wrong lease key looks like: a node holds the volume under the name of
 * node, but with another lease ID than id. STATUS_CONFLICT and a text that asks
 * whether the key is right; 0 if that is not so. name is the volume's.
 */
int lease_key_check(const struct volume_info *info, const char *name,
                    const char *node, const struct lease_id *id,
                    struct error *err);

struct reservation_result {
  enum reservation_outcome outcome; /* GOOD, CONFLICT or ERROR; of one try
                                       also LOOK_AGAIN */
  int status;              /* 0, STATUS_CONFLICT, or what the store said */
  struct volume_info info; /* as last looked at; for GOOD and unless sent is 0
                              that was just before the commands. Not valid when
                              the look itself failed */
  unsigned sent; /* commands that changed something; 0: nothing had to be */
  struct error error; /* not GOOD: why; for CONFLICT it names the holder and
                         since when */
};

/* One try, by what result->info says of the volume: outcome is LOOK_AGAIN if it
 * is not so any more. The store, too, does it only if the volume is as it was,
 * as far as that can be told while somebody writes; not if that has been tried
 * often enough. Else as reservation_run.
 */
int reservation_try(struct store_volume *volume, const char *name,
                    const struct reservation_request *request, bool often,
                    struct reservation_result *result);

/* Runs one command and waits for it; name is the volume's, for texts. Returns
 * result->status: STATUS_TRANSIENT when the volume changed hands at each of
 * RESERVATION_LOOKS_MAX looks.
 */
int reservation_run(struct store_volume *volume, const char *name,
                    const struct reservation_request *request,
                    struct reservation_result *result);

/* Looks at a volume (DESCRIBE) and waits. 0 or a negative status. */
int reservation_look(struct store_volume *volume, struct volume_info *info,
                     struct error *err);

#endif
