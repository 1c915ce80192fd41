/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events.h: what an operator is told about leases, in one form (DESIGN S11).
 *
 * Whoever sees something happen to a volume's lease fills in a struct
 * lease_event; from it come the line of the log, the line of JSON, and what a
 * server still knows of its last events.
 */
#ifndef LEASEHOLD_EVENTS_H
#define LEASEHOLD_EVENTS_H

#include "leasehold/clock.h"
#include "leasehold/lease.h"
#include "leasehold/log.h"

enum event_kind {
  /* Of a session. */
  EVENT_ATTACH,   /* the lease was taken, or found to be the node's */
  EVENT_CLAIM,    /* the epoch was incremented: the node writes */
  EVENT_CONFLICT, /* another node holds the lease */
  EVENT_DOUBT,    /* the gate waits until the store has been asked */
  EVENT_RESUME,   /* the doubt is over, nothing has changed */
  EVENT_RECLAIM,  /* the doubt is over, under a newer epoch (S4, S7) */
  EVENT_FENCE,    /* the session never writes again */
  EVENT_RELEASE,  /* the lease was given back */
  EVENT_DETACH,   /* the session ended without having one to give back */
  /* Of a reservation command; CONFLICT and RELEASE, too. */
  EVENT_REGISTER,
  EVENT_RESERVE,
  EVENT_PREEMPT,
  EVENT_CLEAR,
  EVENT_HANDOVER,
  EVENT_KINDS
};

/* "attach", "claim", ... Static. */
const char *event_kind_text(enum event_kind kind);

#define EVENT_CAUSE_MAX 256
#define EVENT_NO_EPOCH UINT64_MAX

struct lease_event {
  enum event_kind kind;
  char volume[VOLUME_NAME_MAX + 1];
  char node[NODE_NAME_MAX + 1];
  char instance[INSTANCE_MAX + 1]; /* "" without one */
  /* The session's own epoch; the volume's while it has none; or
   * EVENT_NO_EPOCH.
   */
  uint64_t epoch;
  /* Who held the volume before a claim, holds it in a conflict, has taken it
   * when fenced, has lost it by a command; "" when there is none, or the store
   * does not tell. And its epoch, or EVENT_NO_EPOCH.
   */
  char other_node[NODE_NAME_MAX + 1];
  uint64_t other_epoch;
  char cause[EVENT_CAUSE_MAX]; /* a few words, or "" */

  /* Filled in by events_add. */
  uint64_t sequence;
  int64_t wall_ms;
};

/* An event without a word but for these. */
void event_init(struct lease_event *event, enum event_kind kind,
                const char *volume, const char *node);

/* disk0@node-a/instance=5f: claim epoch=7 other=node-b other-epoch=6
 * cause="..."   What is not known is left out; quotes and what is not printable
 * in the cause become "?". Pure. Returns text.
 */
#define EVENT_LINE_MAX 1280
const char *event_line(const struct lease_event *event,
                       char text[EVENT_LINE_MAX]);

/* Writes the line, a fence or a doubt as an error. log may be NULL. */
void event_log(const struct log *log, const struct lease_event *event);

/* The last EVENTS_KEPT events of all volumes of a server, in memory of a fixed
 * size. Any thread; a lock of its own is held for the time of a copy.
 */
#define EVENTS_KEPT 1000
struct events;

struct events *events_new(const struct clock *clock); /* NULL: no memory */
void events_free(struct events *events);              /* NULL is fine */

/* Keeps a copy, in the place of the oldest one. events may be NULL. */
void events_add(struct events *events, const struct lease_event *event);

/* What is kept of a volume, oldest first, one JSON object a line;
 * nbdkit-leasehold-plugin(1) describes its members. Empty when there is
 * nothing. free() it. NULL: no memory.
 */
char *events_text(struct events *events, const char *volume);

/* How many events of a kind there have been. */
uint64_t events_count(struct events *events, enum event_kind kind);

/* Writes these (leasehold/metrics.h). */
struct metrics;
void events_collect(struct events *events, struct metrics *metrics);

#endif
