/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* timing.c: every interval of a lease, from its duration; see timing.h. */
#include "leasehold/timing.h"

#include "leasehold/clock.h"
#include "leasehold/lease.h"

#define RENEWALS_PER_DURATION 3
#define MARGIN_DIVISOR 6

/* Nothing overflows into the past: what is too late to say is never. */
static uint64_t
later(uint64_t ns, uint64_t interval_ns)
{
  return interval_ns < TIME_NEVER - ns ? ns + interval_ns : TIME_NEVER;
}

/* FNV-1a, and then MurmurHash3's last step, which gives every bit a share of
 * what names such as disk1 and disk2 differ in.
 */
uint32_t
timing_spread(const char *name)
{
  uint32_t hash = 2166136261U;

  for (; *name != '\0'; name++)
    hash = (hash ^ (unsigned char)*name) * 16777619U;
  hash = (hash ^ hash >> 16) * 0x85ebca6bU;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35U;
  return hash ^ hash >> 16;
}

uint64_t
timing_renew_at(uint64_t sent_ns, uint32_t duration_s, uint32_t spread)
{
  uint64_t duration =
      duration_s == LEASE_DURATION_INFINITE ? LEASE_DURATION_MAX : duration_s;
  uint64_t interval = duration * NANOSECONDS_PER_SECOND / RENEWALS_PER_DURATION;
  /* spread / 2^32 of an interval: the volume's own moment in each. */
  uint64_t moment = (interval >> 8) * spread >> 24;
  uint64_t latest = later(sent_ns, interval);
  uint64_t wait;

  if (latest == TIME_NEVER)
    return latest;
  wait = interval - (latest - moment) % interval;
  /* Too soon: the way to the moment after it, in two. */
  if (wait < interval / 2)
    wait = (wait + interval) / 2;
  return sent_ns + wait;
}

uint64_t
timing_valid_until(uint64_t sent_ns, uint32_t duration_s)
{
  uint64_t duration = duration_s * NANOSECONDS_PER_SECOND;

  if (duration_s == LEASE_DURATION_INFINITE)
    return TIME_NEVER;
  return later(sent_ns, duration - duration / MARGIN_DIVISOR);
}

uint64_t
timing_retry_at(uint64_t now_ns, unsigned attempt)
{
  static const unsigned seconds[] = {1, 1, 2, 4, 5}; /* by attempt, then 5 */
  unsigned last = sizeof seconds / sizeof seconds[0] - 1;

  return later(now_ns, seconds[attempt < last ? attempt : last] *
                           NANOSECONDS_PER_SECOND);
}

#define ASKS_AT_ONCE 3

uint64_t
timing_asked_until(uint64_t asked_until_ns, uint64_t now_ns)
{
  return later(asked_until_ns > now_ns ? asked_until_ns : now_ns,
               NANOSECONDS_PER_SECOND);
}

uint64_t
timing_ask_again_at(uint64_t asked_until_ns)
{
  const uint64_t room = (ASKS_AT_ONCE - 1) * NANOSECONDS_PER_SECOND;

  return asked_until_ns > room ? asked_until_ns - room : 0;
}
