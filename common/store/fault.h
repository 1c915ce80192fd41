/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fault.h: a store on top of another one that fails as it is told.
 *
 * A plan is a list of rules. Calls are counted by kind over the whole store;
 * the first rule that fits a call decides what becomes of it. Without rules
 * every call goes through unchanged.
 */
#ifndef LEASEHOLD_FAULT_H
#define LEASEHOLD_FAULT_H

#include "leasehold/store.h"

enum fault_call {
  FAULT_ANY, /* in rules: every kind below, with a count of its own */
  FAULT_CREATE,
  FAULT_REMOVE,
  FAULT_RESIZE,
  FAULT_LIST,
  FAULT_OPEN,
  FAULT_SIDE_READ,
  FAULT_SIDE_WRITE,
  FAULT_DESCRIBE,
  FAULT_ACQUIRE,
  FAULT_RENEW,
  FAULT_CHANGE,
  FAULT_RELEASE,
  FAULT_BREAK,
  FAULT_CLAIM,
  FAULT_TAKE_OVER,
  FAULT_READ,
  FAULT_WRITE,
  FAULT_ZERO,
  FAULT_FLUSH,
  FAULT_EXTENTS,
  FAULT_PREFETCH,
  FAULT_CALLS /* how many there are */
};

enum fault_effect {
  FAULT_BEFORE, /* not done; answered with status */
  FAULT_AFTER,  /* done, if the inner store does it; answered with status */
  FAULT_HOLD_BEFORE, /* held until released, then done */
  FAULT_HOLD_AFTER   /* done; the answer is held until released */
};

struct fault_rule {
  enum fault_call call;
  unsigned first; /* the first call (1, 2, ...) that it fits */
  unsigned count; /* how many calls it fits; 0: all that follow */
  unsigned every; /* of those each so-manieth, beginning with the first; 0 and
                     1: each */
  enum fault_effect effect; /* only lease commands and data can be held */
  int status;               /* BEFORE, AFTER */
};

#define FAULT_RULES_MAX 16

struct fault_config {
  uint32_t alignment; /* of every volume; 0: the inner store's */
};

/* A store over inner, which it closes. Opens nothing itself. NULL: no memory.
 */
struct store *fault_store_new(const struct fault_config *config,
                              struct store *inner);

/* All these: any thread, also while calls are on their way. */

/* Replaces the plan by count (up to FAULT_RULES_MAX) rules and begins to count
 * from zero. What is held stays held.
 */
void fault_store_plan(struct store *store, const struct fault_rule *rules,
                      unsigned count);
/* How many calls of this kind (FAULT_ANY: of all) there were since. */
unsigned fault_store_calls(struct store *store, enum fault_call call);
/* Waits until count requests are held. */
void fault_store_wait_held(struct store *store, unsigned count);
/* Lets go what is held now, in the order in which it came, in this thread. A
 * request that is done by that may complete here or later.
 */
void fault_store_release(struct store *store);

#endif
