/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* timer-heap.c: a pairing heap; see timer-heap.h.
 *
 * A tree in which no child comes before its parent. Two trees are joined by
 * making the later root a child of the other. When a root goes, its children
 * are joined in pairs from left to right, and the pairs to one from right to
 * left. Nothing recurses.
 */
#include "utils/timer-heap.h"

#include <stddef.h>

#include "leasehold/clock.h"

/* Both are roots, or NULL. */
static struct timer_node *
join(struct timer_node *a, struct timer_node *b)
{
  if (a == NULL)
    return b;
  if (b == NULL)
    return a;
  if (b->at_ns < a->at_ns) {
    struct timer_node *later = a;

    a = b;
    b = later;
  }
  b->previous = a;
  b->next = a->child;
  if (b->next != NULL)
    b->next->previous = b;
  a->child = b;
  return a;
}

/* Makes one tree of siblings. */
static struct timer_node *
join_siblings(struct timer_node *first)
{
  struct timer_node *pairs = NULL, *root = NULL;

  while (first != NULL) {
    struct timer_node *second = first->next;
    struct timer_node *rest = second != NULL ? second->next : NULL;
    struct timer_node *pair;

    first->next = first->previous = NULL;
    if (second != NULL)
      second->next = second->previous = NULL;
    pair = join(first, second);
    pair->next = pairs;
    pairs = pair;
    first = rest;
  }
  while (pairs != NULL) {
    struct timer_node *rest = pairs->next;

    pairs->next = NULL;
    root = join(root, pairs);
    pairs = rest;
  }
  return root;
}

static void
take_out(struct timer_heap *heap, struct timer_node *node)
{
  struct timer_node *children = join_siblings(node->child);

  if (node == heap->first) {
    heap->first = children;
  } else {
    if (node->previous->child == node)
      node->previous->child = node->next;
    else
      node->previous->next = node->next;
    if (node->next != NULL)
      node->next->previous = node->previous;
    heap->first = join(heap->first, children);
  }
  node->child = node->next = node->previous = NULL;
}

void
timer_heap_set(struct timer_heap *heap, struct timer_node *node, uint64_t at_ns)
{
  if (node->queued && node->at_ns == at_ns)
    return;
  if (node->queued)
    take_out(heap, node);
  node->at_ns = at_ns;
  node->queued = at_ns != TIME_NEVER;
  if (node->queued)
    heap->first = join(heap->first, node);
}
