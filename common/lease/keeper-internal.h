/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper-internal.h: what keeper.c, tenure.c and keeper-thread.c share. */
#ifndef LEASEHOLD_KEEPER_INTERNAL_H
#define LEASEHOLD_KEEPER_INTERNAL_H

#include <pthread.h>

#include "leasehold/events.h"
#include "leasehold/keeper.h"
#include "leasehold/metrics.h"
#include "utils/timer-heap.h"

struct keeper {
  struct keeper_config config;

  pthread_mutex_t lock; /* protects tenures and stopping */
  pthread_cond_t gone;  /* while stopping: a turn is over */
  struct tenure *tenures;
  bool stopping; /* attach refuses */

  /* keeper-queue.c's. A tenure with notes is in one of these. */
  pthread_mutex_t queue_lock; /* protects both */
  struct tenure_queue {
    struct tenure *first, **end;
    unsigned count;
  } ready, held_back;

  struct timer_heap timers; /* of the tenures; keeper_turn's alone */

  struct metrics_histogram renewals;

  struct keeper_kick *kick;   /* set before any tenure, then constant */
  struct keeper_scout *scout; /* likewise; NULL: nobody looks */

  /* keeper-thread.c's. */
  struct keeper_kick thread_kick;
  pthread_t thread;
  bool running;
  bool quit; /* atomic */
  int event_fd, timer_fd;
};

void keeper_kick(struct keeper *keeper);

enum note {
  NOTE_ATTACH = 1,
  NOTE_REPLY = 2,
  NOTE_REFUSED = 4,
  NOTE_UNKNOWN = 8,
  NOTE_WANT_WRITE = 16,
  NOTE_WANT_LEASE = 32,
  NOTE_DRAINED = 64,
  NOTE_ORDER = 128,
  NOTE_LOOK = 256,
  NOTE_LOOKED = 512,
  NOTE_RENEW = 1024,
  NOTE_TAKE_OVER = 2048,
  NOTE_DETACH = 4096
};

struct notes {
  unsigned set; /* of enum note */
  uint64_t refused_epoch, unknown_epoch;
  int refused_status;
  struct handover_order order;
  struct lease_id victim;
  bool clean;
};

/* A command on its way. */
struct tenure_request {
  struct store_command command; /* first */
  struct tenure *tenure;
  bool dropped; /* the session does not want its answer; tenure->lock */
};

/* What a session has to do with the lease. */
struct lease_view {
  bool holds;     /* the lease; what was not yet claimed was free before */
  bool gave;      /* it away, as it was ordered for this epoch */
  uint64_t epoch; /* holds: its own, or else the one it took the lease in */
  char to[NODE_NAME_MAX + 1]; /* gave */
};

struct tenure {
  struct tenure *next, **link; /* keeper->lock */
  struct keeper *keeper;
  struct store_volume *volume;
  struct tenure_extra *extra;
  char name[VOLUME_NAME_MAX + 1];

  /* keeper->queue_lock. */
  struct tenure_queue *queue; /* the one it is in, or NULL */
  struct tenure *queue_next, **queue_link;

  pthread_mutex_t lock; /* protects from here ... */
  unsigned refs;
  struct notes notes;
  struct gate gate;
  /* Nothing passes the gate under this epoch any more: a change under it has
   * had an unknown outcome, and could land after what is sent now (S4).
   */
  uint64_t doubted_epoch;
  struct tenure_waiter *waiters;
  int flush_status;
  bool draining; /* the session's */
  struct lease_view lease_view;
  bool looking, look_again; /* the scout has it; and shall have it again */
  enum session_state state;
  uint64_t extended_ns;   /* the session's */
  uint64_t mistrusted_ns; /* the gate is not valid by what was sent until then
                           */
  struct tenure_request *dropped; /* NULL, or on its way still */
  struct takeover *takeover;      /* who waits for NOTE_TAKE_OVER; or NULL */
  char cause[SESSION_CAUSE_MAX];  /* ... to here */

  /* keeper_turn's alone; but session.seen is changed under the lock, and read
   * by others.
   */
  struct session session;
  struct timer_node timer;        /* the session's wake_at_ns */
  bool taking;                    /* takeover has been given to the session */
  struct tenure_request *request; /* NULL: none is on its way, or there was no
                                     memory for it */
  int replied;                    /* the status of the last reply */
  enum session_state told;        /* the operator */
  uint64_t told_epoch;            /* the last one held; EVENT_NO_EPOCH: none */
  uint64_t renewals, handovers; /* the session's, when it was looked for last */
  struct tenure *next_looked_for; /* the scout's */
};

/* keeper-queue.c. These three change where a tenure is; its lock is held. */
void tenure_ready(struct tenure *);     /* notes have been left */
void tenure_hold_back(struct tenure *); /* they have to wait */
void tenure_served(struct tenure *);    /* they have been taken */
/* A tenure has gone, or has only to be freed: those held back are ready. */
void keeper_hold_nothing_back(struct keeper *);
/* The first one, or NULL, which stays where it is; and how many there are. */
struct tenure *keeper_first_ready(struct keeper *, unsigned *count);
void keeper_queues_init(struct keeper *);
void keeper_queues_destroy(struct keeper *);

/* handover-scout.c: what a request is to a session of node. Pure. */
struct handover_request;
enum handover_verdict { HANDOVER_LEAVE, HANDOVER_OBEY, HANDOVER_TAKE_AWAY };
enum handover_verdict handover_judge(const struct lease_view *view,
                                     const char *node,
                                     const struct handover_request *request);

/* tenure-events.c: brackets a step of the session. */
struct tenure_before {
  enum session_state state;
  char holder[NODE_NAME_MAX + 1]; /* of the volume's record */
  uint64_t holder_epoch;
  uint64_t handovers;
};
void tenure_events_before(const struct tenure *, struct tenure_before *);
void tenure_events_after(struct tenure *, const struct tenure_before *);

bool tenure_same_key(const struct tenure *, const struct tenure *);
void tenure_free(struct tenure *);
/* Whoever waits for a take-over is told. The tenure's lock is held. */
void tenure_end_takeover_locked(struct tenure *, int status);

/* Frees everything at once, as the end of a process does: what is on its way
 * must never be answered. For the simulator's crashes.
 */
void keeper_abandon(struct keeper *keeper);
/* keeper-thread.c: what wakes the thread, if there ever was one. */
void keeper_close(struct keeper *keeper);

/* Leaves DETACH in every tenure, whoever still refers to it. */
void keeper_detach_all(struct keeper *keeper);

#endif
