/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper.h: runs the sessions of any number of volumes in one process. */
#ifndef LEASEHOLD_KEEPER_H
#define LEASEHOLD_KEEPER_H

#include "leasehold/membership.h"
#include "leasehold/session.h"
#include "leasehold/store.h"

struct events;
struct keeper;
struct metrics;
struct tenure;

/* What a layer above keeps with each tenure, shared by its connections. */
struct tenure_extra {
  void (*free)(struct tenure_extra *);
  /* Called in the keeper's turn while the session drains, after the gate has
   * been published, perhaps several times in one drain: from now on no new
   * change may pass under the gate's present version or an older one. True: no
   * change is on its way, and nothing that was acknowledged is unsent. False:
   * SESSION_DRAINED is posted as soon as it may be so; then this is called
   * again. Must not block. NULL: nothing is ever on its way.
   */
  bool (*drain)(struct tenure_extra *, struct tenure *);
  /* Called in the keeper's turn when the session has ended: is a request of
   * this layer still with the store? Then SESSION_DRAINED is posted when none
   * is, and the tenure is not freed before. NULL: never.
   */
  bool (*busy)(struct tenure_extra *);
};

struct keeper_config {
  const struct clock *clock; /* outlives the keeper */
  const struct log *log;     /* outlives the keeper; may be NULL */
  struct events *events;     /* outlives the keeper; may be NULL */
  struct lease_key key;      /* bytes outlive the keeper */
  uint32_t duration_s;       /* 15..60 or LEASE_DURATION_INFINITE */
  bool write_back;
  uint64_t drain_ns; /* how long a session that is to be given up may take to
                        finish what is under way; 0: it does not wait */
  /* Answers what sessions want to know of groups of writers; outlives the
   * keeper. NULL: that there are none.
   */
  struct membership_runner *memberships;
  struct tenure_extra *(*extra_new)(void); /* NULL: nothing is kept. Its
                                              result NULL: no memory */
};

/* Makes a keeper without a thread. NULL: no memory. */
struct keeper *keeper_new(const struct keeper_config *config);

/* Starts its thread; call after the process has forked for the last time. */
int keeper_start(struct keeper *keeper, struct error *err);

/* For a server that is being stopped while clients are still connected: ends
 * every session as if its last connection had gone: what is under way is
 * finished, then the leases are released and the gates close; nobody attaches
 * any more. Every keeper_detach is still due. Returns at once. Any thread,
 * idempotent.
 */
void keeper_retire(struct keeper *keeper);

/* Detaches every session that is left, waits until they have drained (drain_ns
 * at most) and then until their leases are released or grace_ns has passed, and
 * joins the thread. Idempotent.
 */
void keeper_stop(struct keeper *keeper, uint64_t grace_ns);

/* After keeper_stop, and when no tenure is in use. NULL is fine. False: a
 * request to a store is still on its way (the grace was too short); what it
 * uses is left behind, and the stores must be, too.
 */
bool keeper_free(struct keeper *keeper);

/* Without a thread (tests, simulator): does everything that is due at the
 * clock's time and returns when the next thing is (TIME_NEVER: nothing is).
 */
uint64_t keeper_turn(struct keeper *keeper);

/* Called (if set) instead of waking the keeper's own thread, whenever
 * keeper_turn should run. Any thread, with locks of the keeper held: it only
 * notes and signals.
 */
struct keeper_kick {
  void (*kick)(struct keeper_kick *);
};
void keeper_set_kick(struct keeper *keeper, struct keeper_kick *kick);

/* Writes the sessions' numbers (leasehold/metrics.h). Any thread. */
void keeper_collect(struct keeper *keeper, struct metrics *metrics);

/* Looks for requests to hand a volume over (handover.h). look is called in the
 * keeper's turn, with no lock held, and must not block; it, or what it starts,
 * finds out whether there is a request for the tenure, gives the tenure the
 * order if so, and then calls tenure_looked. The tenure stays until then.
 */
struct keeper_scout {
  void (*look)(struct keeper_scout *, struct tenure *);
};
void keeper_set_scout(struct keeper *keeper, struct keeper_scout *scout);

/* Has the scout look now for the sessions of node on volume. Any thread. */
void keeper_look(struct keeper *keeper, const char *volume, const char *node);

/* Has a session of node that stands by on volume take the lease over from
 * victim, whoever that is, without a loss being asked for (session-take.c).
 * False: there is none. Else ended is called once, in the keeper's thread with
 * locks held, so it only notes and signals: 0, the session holds lease and
 * epoch; STATUS_CONFLICT, it does not, and an ordinary PREEMPT finds out more;
 * STATUS_STOPPING. After keeper_forget_takeover it is not called any more. Any
 * thread.
 */
struct takeover {
  void (*ended)(struct takeover *, int status);
};
bool keeper_take_over(struct keeper *keeper, const char *volume,
                      const char *node, const struct lease_id *victim,
                      struct takeover *takeover);
void keeper_forget_takeover(struct keeper *keeper, struct takeover *takeover);

/* Is there a session on the volume? Then there was such a volume. */
bool keeper_knows(struct keeper *keeper, const char *volume);

/* A command that may begin a group of writers of the volume has been done. None
 * of its sessions uses what it has in memory until a renewal sent after this
 * has been answered well (their gates are valid until 0), and each sends one
 * now. Any thread.
 */
void keeper_mistrust(struct keeper *keeper, const char *volume);

/* Joins or begins node's tenure on the volume: one per (volume, node,
 * instance) in a keeper. While an earlier tenure of the same key is releasing,
 * the new one begins after it. A fenced tenure without an instance is not
 * joined: S12 holds for a connection's life then. The tenure opens the volume
 * itself. Returns at once after that; the gate says how the attach went.
 */
int keeper_attach(struct keeper *keeper, struct store *store,
                  const char *volume, const char *node, const char *instance,
                  struct tenure **out, struct error *err);

/* Gives back one keeper_attach. The last one releases the lease, in the
 * keeper's thread; no request of the caller may be pending. NULL is fine.
 */
void keeper_detach(struct tenure *tenure);

/* The store's volume for data requests; belongs to the tenure. */
struct store_volume *tenure_volume(struct tenure *tenure);
struct tenure_extra *tenure_extra(struct tenure *tenure);
const struct clock *tenure_clock(struct tenure *tenure);
const struct log *tenure_log(struct tenure *tenure);

/* Copies the gate. Cheap: the data path calls it for every request. What was
 * posted as of unknown outcome counts at once: its epoch is not open any more.
 */
void tenure_gate(struct tenure *tenure, struct gate *out);

/* Copies what was last seen of the volume, and the session's state and cause
 * text. Any pointer may be NULL.
 */
void tenure_view(struct tenure *tenure, struct volume_info *info,
                 enum session_state *state, char cause[SESSION_CAUSE_MAX]);

/* The scout's. The session is ordered to hand its lease over; it obeys if the
 * order is for its present epoch. tenure_looked ends a look: true, look once
 * more; false: do not touch the tenure any more.
 */
void tenure_order(struct tenure *tenure, const struct handover_order *order);
bool tenure_looked(struct tenure *tenure);

/* Hands WANT_WRITE, WANT_LEASE, REFUSED, UNKNOWN or DRAINED to the session. */
void tenure_post(struct tenure *tenure, const struct session_event *event);

/* Flush errors stick (S5): after the first call with a status every later
 * tenure_flush_status returns it.
 */
void tenure_flush_failed(struct tenure *tenure, int status);
int tenure_flush_status(struct tenure *tenure);

/* wake is called once, in the keeper's thread, as soon as the gate's version
 * is no longer the given one. tenure_wait returns false if it already is
 * another: then wake will not be called. wake is called with the tenure's lock
 * held: it must be short and must not call a tenure_ function. When wake or
 * tenure_forget has returned, the keeper knows the waiter no more.
 */
struct tenure_waiter {
  void (*wake)(struct tenure_waiter *);
  struct tenure_waiter *next, *previous;
  bool queued;
};
bool tenure_wait(struct tenure *tenure, uint64_t version,
                 struct tenure_waiter *waiter);
void tenure_forget(struct tenure *tenure, struct tenure_waiter *waiter);

#endif
