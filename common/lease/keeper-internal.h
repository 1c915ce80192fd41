/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper-internal.h: what keeper.c, tenure.c and keeper-thread.c share. */
#ifndef LEASEHOLD_KEEPER_INTERNAL_H
#define LEASEHOLD_KEEPER_INTERNAL_H

#include <pthread.h>

#include "leasehold/events.h"
#include "leasehold/keeper.h"
#include "leasehold/metrics.h"

struct keeper {
  struct keeper_config config;

  pthread_mutex_t lock; /* protects tenures and stopping */
  pthread_cond_t gone;  /* while stopping: a turn is over */
  struct tenure *tenures;
  bool stopping; /* attach refuses */

  struct metrics_histogram renewals;

  struct keeper_kick *kick; /* set before any tenure, then constant */

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
  NOTE_DETACH = 128
};

struct notes {
  unsigned set; /* of enum note */
  uint64_t refused_epoch, unknown_epoch;
  int refused_status;
  bool clean;
};

struct tenure {
  struct tenure *next; /* keeper->lock */
  struct keeper *keeper;
  struct store_volume *volume;
  struct tenure_extra *extra;
  char name[VOLUME_NAME_MAX + 1];

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
  enum session_state state;
  struct volume_info seen;
  uint64_t extended_ns; /* the session's */
  char cause[SESSION_CAUSE_MAX]; /* ... to here */

  struct session session;
  struct store_command request;
  enum session_state told; /* the operator */
  uint64_t told_epoch;     /* the last one held; EVENT_NO_EPOCH: none */
};

/* tenure-events.c: brackets a step of the session. */
struct tenure_before {
  enum session_state state;
  char holder[NODE_NAME_MAX + 1]; /* of the volume's record */
  uint64_t holder_epoch;
};
void tenure_events_before(const struct tenure *, struct tenure_before *);
void tenure_events_after(struct tenure *, const struct tenure_before *);

bool tenure_same_key(const struct tenure *, const struct tenure *);
void tenure_free(struct tenure *);

/* Frees everything at once, as the end of a process does: what is on its way
 * must never be answered. For the simulator's crashes.
 */
void keeper_abandon(struct keeper *keeper);

/* Leaves DETACH in every tenure, whoever still refers to it. */
void keeper_detach_all(struct keeper *keeper);

#endif
