/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clock.h: time, injected, so that tests and the simulator own it. */
#ifndef LEASEHOLD_CLOCK_H
#define LEASEHOLD_CLOCK_H

#include <stdint.h>

#define NANOSECONDS_PER_SECOND UINT64_C(1000000000)
#define NANOSECONDS_PER_MILLISECOND UINT64_C(1000000)

/* "Never" for absolute times in nanoseconds. */
#define TIME_NEVER UINT64_MAX

struct clock {
  /* Nanoseconds on CLOCK_BOOTTIME, which goes on while a machine is
   * suspended, as the store's clock does. All lease arithmetic uses it. In a
   * time namespace the namespace's offset is taken out, so that every process
   * of one host reads the same. Any thread.
   */
  uint64_t (*boottime_ns)(const struct clock *);
  /* Milliseconds since 1970 (UTC), only ever shown to people. Any thread. */
  int64_t (*wall_ms)(const struct clock *);
};

extern const struct clock system_clock;

static inline uint64_t
clock_now(const struct clock *clock)
{
  return clock->boottime_ns(clock);
}

#endif
