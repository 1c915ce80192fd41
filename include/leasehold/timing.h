/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* timing.h: every interval of a lease, from one base: its duration.
 *
 * A worked timeline, for the default duration of 30 s. The renewal was sent at
 * 0 and answered well. Seconds since that sending:
 *
 *    0   renewal sent; the store restarts its clock at some moment after this
 *   10   next renewal (duration / 3) at the latest, and after 5 s at the
 *        earliest. Each volume has a moment of its own in every 10 s of the
 *        clock, so that the renewals of many volumes spread out over time: one
 *        or two renewals come early, the others after 10 s each
 *   11, 13, 17, ...  retries, if transient errors come: 1 s, doubling to 5 s
 *   25   provable end (duration - margin, margin = duration / 6): nothing is
 *        served from a cache, writes wait for the store (UNCERTAIN)
 *   30   the earliest moment at which the store may call it expired
 *
 * The margin covers a clock that runs 1/6 slower than the store's; nothing
 * that keeps data right depends on it (S8: the clock is only ever a reason to
 * stop).
 *
 * An infinite lease is renewed too, as if it lasted 60 s: not to keep it, but
 * to learn that it was taken. Its provable end is never.
 */
#ifndef LEASEHOLD_TIMING_H
#define LEASEHOLD_TIMING_H

#include <stdint.h>

/* duration_s everywhere: 15..60 or LEASE_DURATION_INFINITE. Results in
 * nanoseconds; absolute ones on CLOCK_BOOTTIME. Pure.
 */

/* A number that follows from the volume's name, spread over all there are. */
uint32_t timing_spread(const char *name);
/* When to renew what was last acquired or renewed at sent_ns. spread
 * chooses the moment.
 */
uint64_t timing_renew_at(uint64_t sent_ns, uint32_t duration_s,
                         uint32_t spread);
/* Until when the lease is provably held; TIME_NEVER for an infinite one. */
uint64_t timing_valid_until(uint64_t sent_ns, uint32_t duration_s);
/* When to send again after the attempt-th (1, 2, ...) transient failure. */
uint64_t timing_retry_at(uint64_t now_ns, unsigned attempt);
/* A session that is not the holder asks the store for the lease three times as
 * fast as writes come, and then once a second. asked_until_ns is the bucket in
 * which that is counted, 0 at first: each ask puts a second in.
 */
uint64_t timing_asked_until(uint64_t asked_until_ns, uint64_t now_ns);
/* When it may ask again; in the past: now. */
uint64_t timing_ask_again_at(uint64_t asked_until_ns);

#endif
