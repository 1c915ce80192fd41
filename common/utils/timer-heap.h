/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* timer-heap.h: which of many times comes first, without memory of its own.
 *
 * A node is embedded in what has a time. Setting, moving and removing one costs
 * O(log n) on average; the first one is at hand. No locks. Zero-filled nodes
 * and heaps are good ones: not in a heap, and empty.
 */
#ifndef LEASEHOLD_TIMER_HEAP_H
#define LEASEHOLD_TIMER_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct timer_node {
  uint64_t at_ns;
  bool queued;
  /* previous: the parent, of a first child; else the sibling before. */
  struct timer_node *child, *next, *previous;
};

struct timer_heap {
  struct timer_node *first; /* NULL: empty */
};

/* Puts the node where at_ns belongs, from wherever it was; TIME_NEVER takes it
 * out.
 */
void timer_heap_set(struct timer_heap *heap, struct timer_node *node,
                    uint64_t at_ns);

#endif
