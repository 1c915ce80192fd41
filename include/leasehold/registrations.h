/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registrations.h: who is registered with a volume, and what PERSISTENT RESERVE
 * OUT does to that (SPC-4 section 5.13).
 *
 * Pure: a state and a command go in, another state comes out, with what it
 * means for the volume's lease.
 */
#ifndef LEASEHOLD_REGISTRATIONS_H
#define LEASEHOLD_REGISTRATIONS_H

#include "leasehold/scsi-pr.h"

#define REGISTRATIONS_NONCE_MAX 32

/* A node; key 0 is no key. */
struct registrant {
  char node[NODE_NAME_MAX + 1];
  uint64_t key;
  bool all_ports; /* it registered with ALL_TG_PT */
  /* While the node is in a group of writers (types 5 to 8): the session that
   * may write for it, and its instance (DESIGN S3, S12). "": none yet.
   */
  char session[SESSION_NONCE_MAX + 1], instance[INSTANCE_MAX + 1];
  bool unclean; /* it may have acknowledged what it has not sent (S13) */
};

/* The reservation, which has the scope of the logical unit. */
struct reservation {
  uint8_t type; /* enum reservation_type */
  /* "" for the types of all registrants, and when it cannot be told who holds
   * the lease. A holder need not be registered: a node that was attached
   * without a word about reservations holds the lease, too.
   */
  char holder[NODE_NAME_MAX + 1];
  uint64_t epoch; /* the volume's when this was written */
  /* Nobody has reserved anything: it stands for the lease of a node that is
   * attached.
   */
  bool implied;
};

struct registrations {
  uint32_t generation; /* PRGENERATION */
  bool persist;        /* the last APTPL */
  /* The number of the group of writers; a new one whenever a node leaves the
   * group, or a new group begins (types 5 to 8).
   */
  uint64_t group;
  struct reservation reservation;
  unsigned count;
  struct registrant registrants[REGISTRANTS_MAX]; /* oldest first */

  /* For whoever keeps this in a side object: who wrote it, and a command that
   * has been decided on but perhaps not yet done to the lease.
   */
  char writer[REGISTRATIONS_NONCE_MAX + 1];
  char pending_node[NODE_NAME_MAX + 1]; /* "": none */
  struct pr_command pending;
};

/* The registrant of that name, or NULL. */
const struct registrant *registrations_find(const struct registrations *state,
                                            const char *node);

/* Whether node holds the reservation: each registrant does, for the types of
 * all registrants.
 */
bool registrations_holds(const struct registrations *state, const char *node);

/* Whether a reservation of the type has one holder, who alone has access. */
bool reservation_type_is_single(unsigned type);
/* Whether it belongs to all registrants, none of them before the others. */
bool reservation_type_is_all(unsigned type);

/* Whether node may read, or write, as the reservation's type says: SPC-4 table
 * 31.
 */
bool registrations_may_read(const struct registrations *state,
                            const char *node);
bool registrations_may_write(const struct registrations *state,
                             const char *node);

/* Whether there is a group of writers: a reservation of types 5 to 8. */
bool registrations_has_group(const struct registrations *state);

/* What may be noted with a registration; NULL: the node is not registered. */
struct registrant *registrations_note(struct registrations *state,
                                      const char *node);

/* Whose the lease is, by the reservation. */
enum lease_owner_kind { OWNER_NOBODY, OWNER_NODE, OWNER_GROUP };
struct lease_owner {
  enum lease_owner_kind kind;
  char node[NODE_NAME_MAX + 1]; /* NODE; "": not known */
  uint64_t group;               /* GROUP */
};
void registrations_owner(const struct registrations *state,
                         struct lease_owner *out);

enum lease_effect_kind {
  EFFECT_NONE,
  EFFECT_ACQUIRE, /* for to */
  EFFECT_RELEASE, /* of from */
  EFFECT_CHANGE,  /* from -> to */
  EFFECT_BREAK    /* whoever has it */
};

struct lease_effect {
  enum lease_effect_kind kind;
  struct lease_owner from, to;
};

/* Does command, which node has sent, to before. GOOD: after is the new state,
 * perhaps equal to before, and effect what has to happen to the lease. Else
 * nothing is changed, and after is before. types is the mask of reservation
 * types offered; nodes those of SPEC_I_PT, else NULL. Commands that read change
 * nothing. Any pending command is left as it is.
 */
struct scsi_result
registrations_apply(const struct registrations *before, const char *node,
                    const struct pr_command *command,
                    const struct pr_nodes *nodes, unsigned types,
                    struct registrations *after, struct lease_effect *effect);

/* Makes the reservation agree with the lease, which is the truth about who may
 * write: without a lease there is none; else the holder is the node whose lease
 * ID it is (key makes IDs from names), or, when the store does not tell IDs,
 * whom the state says, unless somebody has claimed since. A group whose lease
 * it is stays; group is its lease ID, "" when there is none or when the store,
 * which does not tell IDs, has said that it is not that one. 0, or
 * STATUS_NO_MEMORY.
 */
int registrations_reconcile(struct registrations *state,
                            const struct volume_info *info,
                            const struct lease_key *key,
                            const struct lease_id *group);

/* JSON of at most REGISTRATIONS_JSON_MAX bytes, which is what a side object can
 * hold; free() it. STATUS_NO_MEMORY, or STATUS_INVALID for what is no state.
 */
#define REGISTRATIONS_JSON_MAX 65536
int registrations_encode(const struct registrations *state, char **text,
                         struct error *err);
/* Reads untrusted text: what is not whole is STATUS_CORRUPT, with a text that
 * begins with name and says what is wrong; nothing is guessed.
 */
int registrations_decode(const char *text, size_t length, const char *name,
                         struct registrations *out, struct error *err);

#endif
