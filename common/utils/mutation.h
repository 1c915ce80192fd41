/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mutation.h: switches that take a safety rule out, for tests of the tests.
 *
 * Only the simulator's build defines LEASEHOLD_MUTATIONS; everywhere else
 * MUTATED() is the constant false and nothing of this is left.
 */
#ifndef LEASEHOLD_MUTATION_H
#define LEASEHOLD_MUTATION_H

#ifdef LEASEHOLD_MUTATIONS

#include <stdbool.h>

enum mutation {
  MUTATION_NONE,
  S1_NO_LEASE_ID,          /* changes carry the epoch only */
  S2_NO_CLAIM,             /* the gate opens with the epoch that was there */
  S3_NO_EPOCH,             /* changes carry the lease ID only */
  S4_NO_RECLAIM,           /* an unknown outcome is just sent again */
  S4_WRITE_BACK_RESENT,    /* the same, of a write-back */
  S4_TWO_IN_FLIGHT,        /* two changes of one block are on their way */
  S5_FLUSH_FORGETS,        /* a failed flush is reported once */
  S5_WRITE_BACK_FORGETS,   /* a failed write-back is not reported */
  S5_FLUSH_TOO_EARLY,      /* a flush does not wait for write-backs */
  S6_FENCED_GOES_ON,       /* a fenced session looks again at a write */
  S6_BLIND_RELEASE,        /* Release whatever the epoch is */
  S7_ANY_EPOCH,            /* a lost lease is taken again under any epoch */
  S8_NO_END,               /* the gate stays open past the provable end */
  S8_READS_PAST_END,       /* the cache is read past the provable end */
  S9_OBSERVERS_CACHE,      /* who has no claim caches, too */
  S10_GIVES_UP,            /* one failed renewal fences */
  S12_FORGETS_INSTANCES,   /* nobody is put on the list */
  S13_FORGETS_UNCLEAN,     /* an unclean end is no matter */
  S13_CLEAN_WITHOUT_DRAIN, /* what is unsent is forgotten at the end */
  FLYING_OVERWRITTEN, /* memory that the store is being sent is written to */
  AHEAD_KEPT_SPOILED, /* what was read ahead is kept although it was changed */
  AHEAD_OF_CHANGES,   /* ... is read although a change is not in the store */
  HOLES_WERE_CHANGED, /* a map of holes is taken as it was when sent for */
  GROUP_KEEPS_ID,          /* one who leaves a group changes nothing */
  GROUP_EVICTED_ADOPTS,    /* one who has left takes the next lease ID */
  GROUP_STALE_GOES_ON,     /* a session goes on that is not the noted one */
  GROUP_JOINS_QUIETLY,     /* who joins adopts the epoch */
  GROUP_READS_CACHE,       /* a session that joins one keeps its cache */
  HANDOVER_NO_DRAIN,       /* the lease goes while changes are under way */
  HANDOVER_STALE_REQUEST,  /* an order for another epoch is obeyed */
  TAKE_OVER_WITHOUT_CLAIM, /* the gate opens when only the Change was done */
  TAKE_OVER_TRUSTS_CHANGE, /* a lease taken over counts as renewed */
  TAKE_OVER_ANY_EPOCH,     /* whoever has claimed since the last look */
  MUTATIONS
};

extern enum mutation mutation;
#define MUTATED(which) (mutation == (which))

#else

#define MUTATED(which) false

#endif

#endif
