/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session.h: one node's tenure on one volume, as a state machine without I/O.
 *
 * The owner (the keeper, or the simulator) feeds events in and does what comes
 * out: at most one lease command is on its way at any time, and its reply is
 * the next SESSION_REPLY. No clock, thread or global is read here.
 */
#ifndef LEASEHOLD_SESSION_H
#define LEASEHOLD_SESSION_H

#include "leasehold/lease.h"
#include "leasehold/status.h"

/* What every write passes. version grows whenever anything else in it does. */
enum gate_position {
  GATE_PENDING,  /* nothing to decide by yet: a command is on its way, or the
                    store is being asked again; wait */
  GATE_ASK,      /* attached, not claimed: a write posts SESSION_WANT_WRITE */
  GATE_OPEN,     /* held: write with guard */
  GATE_DRAINING, /* held, but to be given up: what has passed before may pass
                    with guard, and flushes; new changes wait as at PENDING */
  GATE_CONFLICT, /* another node held it when the store was asked at asked_ns:
                    a write that began before is refused or waits; one that
                    began later posts SESSION_WANT_WRITE, from ask_again_at_ns
                    on */
  GATE_FENCED,   /* never again (S6, S12, S13) */
  GATE_CLOSED    /* detached, or the attach failed: see status */
};

const char *gate_position_text(enum gate_position position);

struct gate {
  uint64_t version;
  enum gate_position position;
  struct guard guard;                 /* OPEN, DRAINING */
  uint64_t asked_ns, ask_again_at_ns; /* CONFLICT */
  /* CLOSED: why. CONFLICT: STATUS_CONFLICT. FENCED: STATUS_FENCED. PENDING:
   * the last transient failure, or 0.
   */
  int status;
  /* OPEN, DRAINING: until when the lease is provably held (S8), else 0. */
  uint64_t valid_until_ns;
  /* OPEN: others may write, too: nothing that was read before may be served
   * from memory, and every change goes straight to the store.
   */
  bool shared;
  /* OPEN, DRAINING: the epoch since which nobody else has claimed, so nobody
   * else has written, and what is in memory is right as long as this stays the
   * same. 0: others have, which can be only when it is shared.
   */
  uint64_t alone_since;
};

enum session_event_kind {
  SESSION_ATTACH,     /* once, first */
  SESSION_WANT_WRITE, /* a write found GATE_ASK or GATE_CONFLICT */
  SESSION_WANT_LEASE, /* an open that waits found GATE_CONFLICT: acquire the
                         lease if it is free now, claim nothing */
  SESSION_REPLY,      /* of the command on its way */
  SESSION_TIMER,      /* now >= wake_at_ns */
  SESSION_REFUSED,    /* the store refused a data request of this epoch */
  SESSION_UNKNOWN,    /* a data request's outcome is unknown (S4) */
  SESSION_DRAINED,    /* while draining: nothing is under way any more */
  SESSION_RENEW,      /* now, if it holds the lease and nothing is on its way */
  SESSION_HAND_OVER,  /* another node is to have the lease: see order */
  SESSION_TAKE_OVER,  /* it is to have the lease itself, at once, from victim:
                         TAKING afterwards, or it cannot be done so */
  SESSION_DETACH      /* the last connection is gone, or shall go */
};

/* What a hand-over asks for (handover.h). */
struct handover_order {
  uint64_t epoch;             /* it was made for this one, and no other */
  char to[NODE_NAME_MAX + 1]; /* who is to have the lease */
  struct lease_id to_lease;
};

struct session_event {
  enum session_event_kind kind;
  const struct lease_reply *reply; /* REPLY */
  const char *text;                /* REPLY that failed: the store's words */
  uint64_t epoch;                  /* REFUSED, UNKNOWN: the request's guard */
  int status;                      /* REFUSED: what the store said */
  const struct handover_order *order; /* HAND_OVER */
  const struct lease_id *victim;      /* TAKE_OVER: who holds the lease */
  bool clean; /* DETACH, DRAINED: all that was acknowledged
                 is in the store; what DETACH says may be
                 taken back by DRAINED */
};

struct session_config {
  char node[NODE_NAME_MAX + 1];
  char instance[INSTANCE_MAX + 1];
  char nonce[SESSION_NONCE_MAX + 1]; /* random; tells this session's claims
                                        from those of all others */
  struct lease_id lease_id;
  uint32_t duration_s;
  uint32_t spread;   /* spreads renewals, see timing.h */
  uint64_t drain_ns; /* how long a drain may take; 0: a session that is to
                        detach does not drain, all requests are done then */
  bool write_back;   /* it may acknowledge what it has not sent */
};

enum session_state {
  SESSION_IDLE,
  SESSION_LOOKING,   /* DESCRIBE, then perhaps ACQUIRE: attaching, or asking
                        again for a write */
  SESSION_STANDBY,   /* another node holds the lease */
  SESSION_ATTACHED,  /* nothing claimed; the lease is ours (taken, or found) */
  SESSION_CLAIMING,  /* the claim is on its way */
  SESSION_TAKING,    /* another's lease, and the claim, by one command */
  SESSION_HELD,      /* lease and epoch are ours; RENEWING is this with a RENEW
                        on its way */
  SESSION_DRAINING,  /* as HELD, but no new changes: see draining */
  SESSION_VERIFYING, /* held until a doubt came up (refused, unknown outcome,
                        provable end passed): the gate waits. RECLAIM and
                        UNCERTAIN of the design */
  SESSION_HANDING,   /* drained; the lease is being given to another node */
  SESSION_RELEASING,
  SESSION_DETACHED, /* end */
  SESSION_FENCED    /* end, until detached */
};

#define SESSION_STATES (SESSION_FENCED + 1)

const char *session_state_text(enum session_state state);

/* Why the last doubt or end came about, for the log. */
#define SESSION_CAUSE_MAX 256

struct session {
  /* Read by the owner after each step. */
  enum session_state state;
  struct gate gate;
  bool send;       /* command is to be submitted now */
  bool supersedes; /* with send: the answer to the command before it, which is
                      still on its way, is not fed back any more */
  struct lease_command command; /* valid while send or a reply is awaited */
  uint64_t wake_at_ns;          /* next SESSION_TIMER; TIME_NEVER for none */
  bool finished;                /* DETACHED and no reply awaited */
  /* The session is to be given up, and waits until what is under way is
   * finished: the owner says SESSION_DRAINED when it is, or at once.
   */
  bool draining;
  char cause[SESSION_CAUSE_MAX];
  uint64_t fences, reclaims, renewals, handovers; /* counters for operators */
  struct volume_info seen; /* the volume as last described */
  uint64_t extended_ns;    /* when the last acquire or renew that was answered
                              well had been sent; 0: none */

  /* Private. */
  struct session_config config;
  enum lease_verb awaited; /* LEASE_NONE: nothing on its way */
  uint64_t sent_ns;
  uint64_t epoch; /* our own, once claimed */
  int64_t claimed_ms;
  uint64_t alone_since; /* see struct gate; 0: not known */
  bool claimed;         /* this session has an epoch of its own */
  bool unproven;       /* held, but nothing says until when: taken over, and not
                          renewed since */
  bool took;           /* the lease was free and this session acquired it */
  uint64_t took_epoch; /* the object's then: it is released only under it */
  bool want_write;     /* claim as soon as the lease is ours */
  bool doubt;          /* something came up while a reply was awaited */
  bool attached_once;  /* a first look was answered */
  /* In a group of writers; membership is as last heard, group.group the lease
   * ID that this session uses.
   */
  bool member;
  struct membership membership;
  bool asked_group; /* since the last look */
  bool refused;     /* since the last look: an Acquire of a claimed lease */
  bool leaving;     /* RELEASING is saying so, not Release */
  int failure;      /* last answer that was none; 0 after an answer */
  bool detaching, detach_clean;
  uint64_t drain_until_ns; /* while draining */
  struct handover_order order;
  bool handing;      /* the order is being carried out */
  bool drained;      /* handing: nothing is under way any more */
  bool offered;      /* a Change has been sent since, with nothing under way */
  bool given_away;   /* the lease; whoever claims next is no loss of ours */
  unsigned attempts; /* transient failures in a row */
  uint64_t renew_at_ns, retry_at_ns, valid_until_ns;
  uint64_t looked_ns, asked_until_ns;
};

void session_init(struct session *session, const struct session_config *config);

/* Takes one event at time now_ns (CLOCK_BOOTTIME). Afterwards, if send is
 * true, the owner submits session->command and feeds its reply back; it clears
 * send by the next step. wall_ms is only written into records, for people.
 */
void session_step(struct session *session, const struct session_event *event,
                  uint64_t now_ns, int64_t wall_ms);

#endif
