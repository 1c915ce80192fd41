/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lease.h: the words of leases, as values: IDs, states, commands, records. */
#ifndef LEASEHOLD_LEASE_H
#define LEASEHOLD_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest names without their NUL (DESIGN section 2; 223 bytes is the longest
 * iSCSI name, RFC 3720 section 3.2.6.1).
 */
#define VOLUME_NAME_MAX 255
#define NODE_NAME_MAX 223
#define INSTANCE_MAX 64
#define SESSION_NONCE_MAX 32

/* Lease durations in seconds: what the Blob service takes. */
#define LEASE_DURATION_MIN 15
#define LEASE_DURATION_MAX 60
#define LEASE_DURATION_INFINITE UINT32_MAX

/* LEASE_BREAK without a period: for a finite lease its remaining time, for an
 * infinite one at once.
 */
#define LEASE_BREAK_DEFAULT UINT32_MAX
#define LEASE_BREAK_PERIOD_MAX 60

/* A UUID as 36 lower-case characters, or "" for no lease ID. */
#define LEASE_ID_LENGTH 36
struct lease_id {
  char text[LEASE_ID_LENGTH + 1];
};

/* "" counts as an ID of its own: equal only to another "". */
bool lease_id_equal(const struct lease_id *a, const struct lease_id *b);
bool lease_id_is_none(const struct lease_id *id);

/* Optional secret that makes IDs unguessable; bytes belong to the caller. */
struct lease_key {
  const unsigned char *bytes; /* NULL: no key */
  size_t length;
};

/* node -> lease ID (DESIGN section 3): UUIDv5 in the project's namespace, or
 * with a key the UUIDv8 (RFC 9562 section 5.8) of HMAC-SHA256(key, node). The
 * node must be a valid node name. Pure. 0, or STATUS_NO_MEMORY when the crypto
 * library fails.
 */
int lease_id_from_node(const char *node, const struct lease_key *key,
                       struct lease_id *out);

/* The lease ID of a group of writers (reservation types 5 to 8): as that of a
 * node with the name VOLUME#NUMBER, which no node can have. Whoever is
 * registered can derive it; the number changes whenever one of the group is
 * removed (docs/reservations.md). As lease_id_from_node otherwise.
 */
#define GROUP_NAME_MAX (VOLUME_NAME_MAX + 21)
int lease_id_from_group(const char *volume, uint64_t group,
                        const struct lease_key *key, struct lease_id *out);

enum lease_state {
  LEASE_AVAILABLE,
  LEASE_LEASED,
  LEASE_BREAKING,
  LEASE_BROKEN,
  LEASE_EXPIRED
};

/* "available", "leased", ... Static. */
const char *lease_state_text(enum lease_state state);

/* What a store says about a volume's lease. */
struct lease_info {
  enum lease_state state;
  uint32_t duration_s; /* of the last acquire; 0 when there was none, or the
                          store does not tell */
  bool id_known;       /* false: this store keeps IDs to itself */
  struct lease_id id;  /* of leased, breaking, broken, expired; if known */
  char node[NODE_NAME_MAX + 1]; /* as told by the last acquire or change, or ""
                                   when the store cannot know; for people */
  int64_t since_ms;      /* Unix time of the acquire or change; 0 unknown */
  int64_t expires_in_ms; /* until expired or broken; -1 unknown or never */
};

/* Who claimed last (DESIGN section 6). Believed only while holder.epoch is the
 * object's epoch. node "" means: nobody yet.
 */
struct holder {
  char node[NODE_NAME_MAX + 1];
  char instance[INSTANCE_MAX + 1];     /* "" without a token */
  char session[SESSION_NONCE_MAX + 1]; /* random, one per session */
  uint64_t epoch;   /* filled in by the store when it claims */
  int64_t since_ms; /* Unix time of the session's first claim */
  bool write_back;  /* it may acknowledge what it has not sent (S13) */
  bool clean;       /* it drained and detached */
};

/* A (node, instance) that lost the volume and never writes again (S12). */
struct fenced_instance {
  char node[NODE_NAME_MAX + 1];
  char instance[INSTANCE_MAX + 1];
  uint64_t epoch; /* of its last claim */
};

#define FENCED_INSTANCES_MAX 32

struct holder_record {
  struct holder holder;
  unsigned fenced_count;
  struct fenced_instance fenced[FENCED_INSTANCES_MAX]; /* newest first */
};

/* Everything a store knows of a volume, at one moment. */
#define ETAG_MAX 63
struct volume_info {
  uint64_t size; /* bytes, a multiple of 512 */
  uint64_t epoch;
  char etag[ETAG_MAX + 1];
  struct lease_info lease;
  struct holder_record record;
};

/* What a data request must carry (S1). */
struct guard {
  struct lease_id lease_id;
  uint64_t epoch;
};

/* The requests that a session, the CLI and the translation send to a store.
 * Semantics are the Blob service's lease commands (tests/data/
 * lease-table.tsv); CLAIM is the fencing step on top of them.
 */
enum lease_verb {
  LEASE_NONE,
  LEASE_DESCRIBE, /* Get Properties; changes nothing, takes no lock */
  LEASE_ACQUIRE,  /* lease_id, duration_s, node */
  LEASE_RENEW,    /* lease_id */
  LEASE_CHANGE,   /* lease_id -> proposed_id, node, perhaps expected_epoch */
  LEASE_RELEASE,  /* lease_id, expected_epoch, clean */
  LEASE_BREAK,    /* break_period_s */
  LEASE_CLAIM,    /* lease_id, expected_epoch, record */
  /* CHANGE and CLAIM at once: lease_id -> proposed_id, node, expected_epoch,
   * record. The claim is proposed_id's, so it is done only when the change has
   * been. STATUS_EPOCH_STALE: the change may have been done, the claim was not;
   * any other refusal: neither.
   */
  LEASE_TAKE_OVER,
  /* Not for stores, which refuse it, but for what runs a session's commands
   * (membership.h): the registrations, and a session's note in them. node,
   * join.
   */
  LEASE_GROUP
};

const char *lease_verb_text(enum lease_verb verb);

/* GROUP: what to do to the node's registration, if it is in a group. */
enum join_kind {
  JOIN_LOOK,  /* nothing */
  JOIN_NOTE,  /* note session and instance, in the place of expected; nothing
                 if another one is noted */
  JOIN_LEAVE, /* session has drained and detached */
};

struct join {
  enum join_kind kind;
  char session[SESSION_NONCE_MAX + 1], instance[INSTANCE_MAX + 1];
  char expected[SESSION_NONCE_MAX + 1];
};

/* GROUP: how a node stands to the group of writers that has the lease. */
struct membership {
  bool member;           /* the lease is a group's, and the node is in it */
  struct lease_id group; /* its lease ID */
  /* The session noted with the registration, "" for none. */
  char session[SESSION_NONCE_MAX + 1], instance[INSTANCE_MAX + 1];
  bool unclean; /* it may have acknowledged what it has not sent (S13) */
  /* Who claimed last is none of the group's noted ones: the next claim puts
   * him on the list of fenced instances (S12).
   */
  bool outsider;
};

struct lease_command {
  enum lease_verb verb;
  struct lease_id lease_id;     /* "" in DESCRIBE and BREAK */
  struct lease_id proposed_id;  /* CHANGE, TAKE_OVER */
  uint32_t duration_s;          /* ACQUIRE: 15..60 or infinite */
  uint32_t break_period_s;      /* BREAK: 0..60 or LEASE_BREAK_DEFAULT */
  char node[NODE_NAME_MAX + 1]; /* ACQUIRE, CHANGE, TAKE_OVER: told to the
                                   store, which keeps it for people if it can */
  /* CLAIM, TAKE_OVER's claim, RELEASE, and CHANGE with check_epoch: done only
   * if this is still
   * the object's epoch, else STATUS_EPOCH_STALE (S6). How that is made atomic
   * is the store's business.
   */
  uint64_t expected_epoch;
  bool check_epoch; /* CHANGE */
  /* ACQUIRE, CHANGE, RELEASE, BREAK, unless "": done only while this is the
   * volume's ETag, else STATUS_ETAG_STALE. Such an ACQUIRE changes the ETag, so
   * that one that is late is refused once another one has been done.
   */
  char if_etag[ETAG_MAX + 1];
  /* RELEASE: also mark the holder record as cleanly detached. */
  bool clean;
  /* RELEASE: leave an infinite lease as it is (it is that of a reservation, and
   * not the asker's to give back), and be content with that.
   */
  bool keep_infinite;
  /* CLAIM, TAKE_OVER, with check_record: done only if the record that this one
   * was made from, with that holder.epoch, is still the last one, else
   * STATUS_EPOCH_STALE. A record may come after its epoch (azure-claim.c): who
   * looks in between would forget that instance (S12).
   */
  bool check_record;
  uint64_t record_epoch;
  /* CLAIM, TAKE_OVER: replaces the holder record in the same step; the store
   * fills in record.holder.epoch with the new epoch, expected_epoch + 1 (or
   * more, when a try of this claim before it has had an unknown outcome).
   */
  struct holder_record record;
  struct join join; /* GROUP */
};

struct lease_reply {
  int status; /* 0 or enum status */
  /* Valid for STATUS_OK: the volume right after the command, whole for
   * DESCRIBE and GROUP; for the others at least epoch, and lease.state.
   */
  struct volume_info info;
  struct membership membership; /* GROUP: as it is now */
};

#endif
