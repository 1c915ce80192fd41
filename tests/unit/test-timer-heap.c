/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-timer-heap.c: the first of many times, however they are changed. */
#include "unit.h"

#include <stdlib.h>

#include "leasehold/clock.h"
#include "utils/timer-heap.h"

#define NODES 200

static struct timer_node nodes[NODES];
static struct timer_heap heap;

static uint64_t
next_random(void)
{
  static uint64_t random = 88172645463325252;

  random ^= random << 13;
  random ^= random >> 7;
  random ^= random << 17;
  return random;
}

/* By looking at all of them. */
static uint64_t
smallest(void)
{
  uint64_t at_ns = TIME_NEVER;

  for (unsigned i = 0; i < NODES; i++)
    if (nodes[i].queued && nodes[i].at_ns < at_ns)
      at_ns = nodes[i].at_ns;
  return at_ns;
}

static void
assert_first(void)
{
  uint64_t at_ns = smallest();

  if (at_ns == TIME_NEVER) {
    assert_null(heap.first);
  } else {
    assert_non_null(heap.first);
    assert_int_equal(heap.first->at_ns, at_ns);
  }
}

static void
set_move_and_remove(void **unused)
{
  (void)unused;
  assert_first();
  for (unsigned i = 0; i < 20000; i++) {
    struct timer_node *node = &nodes[next_random() % NODES];
    uint64_t choice = next_random() % 8;

    if (choice == 0)
      timer_heap_set(&heap, node, TIME_NEVER);
    else if (choice == 1 && heap.first != NULL)
      timer_heap_set(&heap, heap.first, heap.first->at_ns + 50);
    else
      timer_heap_set(&heap, node, next_random() % 100); /* many are equal */
    assert_first();
  }
}

static void
all_come_in_order(void **unused)
{
  uint64_t before = 0;
  unsigned count = 0;

  (void)unused;
  for (unsigned i = 0; i < NODES; i++)
    timer_heap_set(&heap, &nodes[i], next_random() % 1000);
  for (; heap.first != NULL; count++) {
    assert_true(heap.first->at_ns >= before);
    before = heap.first->at_ns;
    timer_heap_set(&heap, heap.first, TIME_NEVER);
  }
  assert_int_equal(count, NODES);
  for (unsigned i = 0; i < NODES; i++)
    assert_false(nodes[i].queued);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(set_move_and_remove),
      cmocka_unit_test(all_come_in_order),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
