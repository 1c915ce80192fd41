/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* in-flight.h: counts the changes of a tenure that have passed its gate.
 *
 * A drain has to know that no change is under way and that none will be, while
 * requests in other threads read the gate and then pass it, in two steps. Each
 * gate has a version that only grows, so the drain says which versions are
 * over: whoever has read one of these does not pass, and reads the gate again.
 * Count and version are one word, changed in one step: no lock, any thread.
 */
#ifndef LEASEHOLD_IN_FLIGHT_H
#define LEASEHOLD_IN_FLIGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero at first. */
struct in_flight {
  /* From the low end: how many are under way (24 bits); whether a drain waits
   * for the last one to end (1 bit); up to which version gates are over.
   */
  _Atomic uint64_t word;
};

/* A change is to pass a gate of this version. False: that one is over. */
bool in_flight_begin(struct in_flight *changes, uint64_t version);

/* One that had begun is finished. True: it was the last one, and a drain waits
 * for that.
 */
bool in_flight_end(struct in_flight *changes);

/* Gates up to this version are over from now on. True: nothing is under way.
 * False: an in_flight_end will return true.
 */
bool in_flight_drained(struct in_flight *changes, uint64_t version);

#endif
