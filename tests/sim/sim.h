/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim.h: a deterministic world for the real session, keeper and I/O path.
 *
 * One seed is one schedule. The world has one store with one volume, gateways
 * (each a real keeper, without its thread, on a clock of its own that may
 * drift), clients that connect to them as some node and instance, and an
 * operator who preempts and clears. Everything happens in events, one at a
 * time, in virtual time. Between a gateway and the store lie messages, which
 * are late, lost, doubled or refused; a gateway can be stopped and go on,
 * crash and come back.
 *
 *   sim-core.c     time, the queue of events, random numbers
 *   sim-store.c    the store and the messages to it
 *   sim-lease.c    what lease commands do to it
 *   sim-changes.c  which operations a message is about
 *   sim-handover.c what operators do: commands at the store and by gateways,
 *                  requests to hand the volume over, and who looks for them
 *   sim-gateway.c  gateways, their clocks and turns
 *   sim-world.c    clients, the operator, and the actions they take
 *   sim-group.c    registrations, and commands to them
 *   sim-oracle.c   what must hold, checked as it happens
 *   sim-oracle-group.c  the same of groups of writers
 *   sim-oracle-gates.c  the same of what sessions believe
 *   sim-main.c     seeds, replay, shrinking, the table of mutations
 *
 * The schedule has two parts: a list of actions (what clients, operator and
 * fate do, and when), drawn before the run so that a failing list can be
 * shrunk, and the fate of each message, drawn as it is sent.
 */
#ifndef LEASEHOLD_SIM_H
#define LEASEHOLD_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "leasehold/cache.h"
#include "leasehold/clock.h"
#include "leasehold/handover.h"
#include "leasehold/keeper.h"
#include "leasehold/registrations.h"
#include "leasehold/store.h"
#include "leasehold/volume.h"
#include "store/blob-lease.h"
#include "utils/mutation.h"

#define SECTORS 16
#define GATEWAYS 3
#define CLIENTS 5
#define NODES 3
#define ACTIONS_MAX 400
#define OPS_MAX 4096
#define SECOND NANOSECONDS_PER_SECOND
#define MILLISECOND NANOSECONDS_PER_MILLISECOND
#define START (1000 * SECOND)
#define IO_TIMEOUT (30 * SECOND)

struct sim;

/* --- events ------------------------------------------------------------ */

struct event {
  uint64_t at_ns, order;
  void (*run)(struct sim *, struct event *);
  bool queued;
  unsigned slot; /* in the heap */
};

/* --- actions ------------------------------------------------------------ */

enum action_kind {
  ACT_CONNECT,
  ACT_DISCONNECT,
  ACT_WRITE,
  ACT_ZERO,
  ACT_FUA,
  ACT_READ,
  ACT_FLUSH,
  ACT_PREEMPT,
  ACT_CLEAR,
  ACT_HANDOVER,
  ACT_PAUSE,
  ACT_CRASH,
  ACT_BROWN_OUT,
  ACT_FLUSH_FAILS,
  ACT_REGISTRATION,
  ACT_WRITE_FAILS,
  ACT_SCAN,
  ACTION_KINDS
};

struct action {
  enum action_kind kind;
  uint64_t at_ns;
  uint32_t who;     /* client, gateway or node */
  uint32_t a, b, c; /* as the kind needs */
};

struct schedule {
  uint64_t seed;
  unsigned count;
  struct action actions[ACTIONS_MAX];
  bool bad_messages, bad_clocks; /* shrinking may turn these off */
};

/* --- what clients did ---------------------------------------------------- */

struct op {
  enum store_io_kind kind;
  unsigned first, sectors;
  bool fua, answered;
  bool lost; /* the store has refused it for good, in part at least */
  int status;
  uint64_t invoked_ns, answered_ns;
  uint64_t window_ns;        /* a read: from when on the store's data count */
  uint64_t doubted_epoch;    /* in which its outcome became unknown; 0: none */
  struct sim_volume *volume; /* of the session it went through; may be dead */
};

struct effect {
  uint32_t op;
  uint32_t value; /* what is read: op, or 0 if that is a zero */
  uint64_t at_ns;
};

struct history {
  struct effect *items;
  unsigned count, capacity;
};

/* --- the store ------------------------------------------------------------ */

/* One session's handle: the oracle's name for the session. */
struct sim_volume {
  struct store_volume volume;
  struct sim *sim;
  struct gateway *gateway;
  unsigned incarnation; /* of the gateway */
  struct sim_volume *next;
  bool closed, died; /* detached; or its gateway has crashed */

  char node[NODE_NAME_MAX + 1], instance[INSTANCE_MAX + 1];
  bool claimed;
  bool acquired;           /* an acquire of it took effect ... */
  uint64_t acquired_epoch; /* ... last in this epoch */
  bool unnoted; /* it has claimed when another session of its node was noted */
  bool opened;  /* its gate was seen to be OPEN */
  uint64_t epoch;  /* its last claim */
  bool clean;      /* released as drained */
  bool superseded; /* lease or epoch have passed to another since */
  bool replaced;   /* by its own instance through another gateway */
  char session[SESSION_NONCE_MAX + 1]; /* as it calls itself */
  bool alone;           /* it has claimed with the lease for itself */
  bool in_group;        /* it has claimed, or goes on, in a group */
  bool evicted;         /* and that is over */
  bool lost;            /* the volume, to another (node, instance) */
  uint64_t first_epoch; /* its first claim since it began, or gave the
                            lease away */
  bool gave;            /* the lease away, in this epoch: */
  uint64_t gave_epoch;
  struct lease_id offered_to; /* by its last Change, in this epoch: */
  uint64_t offered_epoch;
  struct lease_id followed_by; /* who claimed first after its own epoch */
  bool fenced;                 /* its gate was seen to be FENCED */
  uint64_t flush_failed_ns;    /* when one was first answered STATUS_IO */
  uint32_t duration_s;         /* of its last acquire */
  uint64_t extended_ns; /* gateway's clock when its last successful acquire or
                           renew was sent; 0: none */
  uint64_t extended_true_ns; /* the true time then */
  bool lost_some;            /* its flushes fail */
  uint64_t doubted[SECTORS]; /* epoch of a change of unknown outcome; 0: none */
};

struct sim_store {
  uint64_t sectors[SECTORS]; /* what is read: op numbers, 0 for zeroes */
  struct history history[SECTORS];
  struct blob_lease lease;
  char node[NODE_NAME_MAX + 1];
  uint64_t epoch;
  struct holder_record record;
  struct sim_volume *volumes; /* all that ever were */
  uint64_t revision;          /* the ETag */
  struct side_object side;
  uint64_t side_revision;
  struct registrations truth; /* as last written without anything pending */
  uint64_t brown_out_until_ns;
  bool flush_fails, write_fails;
  struct handover_request request; /* the side object; from "": none */
  /* All that were ever made, for the oracle. */
  struct handover_request requests[ACTIONS_MAX];
  unsigned request_count;
};

struct message {
  struct message *next, *previous;
  struct sim *sim;
  struct sim_volume *from;
  struct store_command *command; /* the sender's, until answered */
  struct store_io *io;
  bool is_io;
  struct lease_command sent;
  struct store_io sent_io;
  bool cached;               /* a change of the cache's, not of a client's */
  uint32_t ops[SECTORS];     /* of a change, from its first sector on */
  uint64_t sectors[SECTORS]; /* what a read found */
  struct membership membership;
  uint64_t sent_local_ns, sent_ns;
  struct event deliver, again, answer;
  unsigned deliveries;
  int status; /* of the first delivery */
  struct volume_info info;
};

struct sim_counts {
  uint64_t writes, refused, unknown, reclaims, fences, takeovers, late, crashes,
      flushes, handovers, taken;
};

/* --- gateways and clients --------------------------------------------------
 */

struct gateway {
  struct clock clock; /* first */
  struct sim *sim;
  struct store store;
  struct membership_runner memberships;
  struct keeper_kick kick;
  struct keeper_scout scout;
  struct keeper *keeper; /* NULL while crashed */
  unsigned incarnation;
  double rate; /* of its clock */
  uint64_t paused_until_ns;
  struct event turn;
  struct cache *cache; /* NULL: this world has none */
  struct cache_kick cache_kick;
  struct event cache_turn;
};

struct client_op {
  struct volume_request request; /* first */
  struct client *client;
  uint32_t op; /* 0: free */
  bool store_woken;
  struct event advance;
  char buffer[SECTORS * STORE_SECTOR];
};

/* A scout's errand. */
struct errand {
  struct gateway *gateway; /* NULL: free */
  struct tenure *tenure;
  struct handover_request seen;
  struct event event;
};

#define ERRANDS 64
#define CLIENT_OPS 4

struct client {
  struct sim *sim;
  struct gateway *gateway; /* NULL: not connected */
  struct tenure *tenure;
  struct volume volume;
  unsigned node;
  char instance[16];
  bool fenced; /* it was told so, first at fenced_ns */
  uint64_t fenced_ns;
  struct client_op ops[CLIENT_OPS];
};

struct sim {
  const struct schedule *schedule;
  uint64_t now_ns, random;
  struct event *heap[8192];
  unsigned heap_count;
  uint64_t order;
  struct sim_store store;
  struct gateway gateways[GATEWAYS];
  struct client clients[CLIENTS];
  struct errand errands[ERRANDS];
  unsigned boots[NODES];
  struct op ops[OPS_MAX];
  uint32_t op_count;
  bool calm; /* faults have stopped */
  bool trace, cached, write_back;
  uint32_t duration_s; /* of the gateways' leases */
  bool groups;         /* a world with reservations of several writers */
  unsigned depth;      /* of events that run in the middle of another */
  struct sim_counts counts;
  struct message *messages;     /* all on their way, to be freed */
  struct operation *operations; /* all there were, to be freed */
  char violation[512];          /* "": none so far */
};

/* sim-core.c */
uint64_t sim_random(struct sim *, uint64_t bound); /* 0..bound-1 */
bool sim_chance(struct sim *, unsigned per_mille);
void sim_at(struct sim *, struct event *, uint64_t at_ns); /* moves it, too */
void sim_cancel(struct sim *, struct event *);
bool sim_step(struct sim *, uint64_t until_ns); /* false: nothing before it */
void sim_trace(struct sim *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* sim-store.c */
extern const struct store_ops sim_store_ops;
/* For a keeper's memberships. */
int sim_submit_membership(struct membership_runner *, struct store_volume *,
                          const char *name, struct store_command *);
void sim_store_free(struct sim *);

/* sim-lease.c */

/* The effect of a command at the store, now. from is NULL for the operator's.
 */
int sim_effect(struct sim *, struct sim_volume *from,
               const struct lease_command *);
void sim_describe(const struct sim *, struct volume_info *);
enum lease_state sim_lease_state(const struct sim *);
void sim_node_id(unsigned node, struct lease_id *out);

/* sim-group.c */

/* Runs GROUP, as a thread of the gateway that may stand still in between. */
void sim_membership(struct sim *, struct sim_volume *from,
                    struct store_command *);
/* A command to the registrations, soon; a, b, c as drawn. */
void sim_register(struct sim *, uint32_t a, uint32_t b, uint32_t c);
void sim_group_free(struct sim *sim);
/* As leasehold clear. */
void sim_clear(struct sim *);
/* At the end: node 0 can write, by a group or because nothing is reserved. */
void sim_let_write(struct sim *, bool group);

/* sim-gateway.c */
bool sim_paused(const struct gateway *);
/* The true time at which a gateway's clock shows local_ns, or just after. */
uint64_t sim_true_time(const struct gateway *, uint64_t local_ns);
void sim_gateway_init(struct sim *, struct gateway *);
void sim_gateway_start(struct gateway *);
/* What it has sent is answered to nobody any more. */
void sim_gateway_end(struct gateway *);

/* sim-changes.c */
bool sim_is_change(const struct store_io *);
/* It is sent as io, which is the sender's. */
void sim_change_sent(struct message *, struct store_io *io);
/* What was sent has not changed since. */
void sim_change_same(const struct message *, const struct store_io *io);
/* Where a request's bytes from offset on are. */
char *sim_place_of(const struct store_io *io, uint64_t offset);
/* It takes effect now. */
void sim_change_done(struct message *);
/* The store will never have it: STATUS_IO. */
int sim_change_lose(struct message *);
/* Its sender is told that the outcome is unknown. */
void sim_change_doubted(struct message *);

/* sim-handover.c */
/* The operator's hand: plans and runs one reservation command at once. */
void sim_operator(struct sim *, bool preempt, unsigned node, unsigned victim);
/* The same by a gateway at which node stands by; false: there is none. */
bool sim_take_over(struct sim *, unsigned node, unsigned victim);
void sim_scout(struct keeper_scout *, struct tenure *); /* a gateway's look */
void sim_ask_handover(struct sim *, unsigned from, unsigned to, bool now);
/* What a session is about to send may be an offer of its lease. */
void sim_note_offer(struct sim_volume *, const struct lease_command *);
/* A gateway has died: so have its errands. */
void sim_handover_forget(struct sim *, const struct gateway *);

/* sim-world.c */
void sim_draw(struct schedule *, uint64_t seed);
/* Runs a schedule; true if nothing was violated. sim is the caller's memory,
 * set up and torn down by this.
 */
bool sim_run(struct sim *, const struct schedule *, bool trace);

/* sim-oracle-group.c */
bool oracle_is_group(const struct sim *, const struct lease_id *);
void oracle_group_change(struct sim *, struct sim_volume *, uint32_t op);
void oracle_group_claim(struct sim *, struct sim_volume *);
void oracle_control_claim(struct sim *);
void oracle_registrations(struct sim *);
void oracle_group_broken(struct sim *);
void oracle_group_gates(struct sim *);

/* sim-oracle.c */
void sim_violation(struct sim *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Is it the session that the registrations say writes for its node? */
bool oracle_is_noted(const struct sim *, const struct sim_volume *);
bool oracle_other_instance(const struct sim_volume *,
                           const struct sim_volume *);
/* Whether the instance may claim at all. */
void oracle_instance(struct sim *, const struct sim_volume *claimant);
/* One sector of a change. */
void oracle_change(struct sim *, struct sim_volume *, uint64_t guard_epoch,
                   const struct lease_id *, unsigned sector, uint32_t op);
/* The newest zero of the session's that covers the sector; 0: none. */
uint32_t oracle_zero_op(const struct sim *, const struct sim_volume *,
                        unsigned sector);
void oracle_claim(struct sim *, struct sim_volume *, uint64_t old_epoch);
/* The epoch has moved on without a claim: whoever had one before has lost. */
void oracle_skipped(struct sim *);
void oracle_leased(struct sim *, const struct lease_id *);
void oracle_gave(struct sim *, struct sim_volume *,
                 const struct lease_command *);
void oracle_release(struct sim *, struct sim_volume *, uint64_t expected,
                    bool clean);
/* From when on the store's data count for a read that is begun now. */
uint64_t oracle_window(const struct sim_volume *, const struct gate *);
void oracle_sent(struct sim_volume *);
void oracle_again(struct sim *, uint32_t op, uint64_t epoch);
/* A change by the cache, of this sector, is sent. */
void oracle_sent_sector(struct sim_volume *, unsigned sector, uint64_t epoch,
                        bool another);
void oracle_answered(struct sim *, struct client *, uint32_t op,
                     const char *buffer);
void oracle_gates(struct sim *);

#endif
