/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blob-lease.h: the lease state machine of the Blob service, as values.
 *
 * A struct blob_lease is what has to be kept; how it stands at a moment
 * follows from it and the time alone. Each command either answers 0 and has
 * changed the lease, or answers a refusal and has changed nothing. What they
 * answer in which state is tests/data/lease-table.tsv; what they do is:
 *
 *              available   leased(A)     breaking(A)   broken(A)  expired(A)
 *   acquire A  leased(A)   leased(A)*    refused       leased(A)  leased(A)
 *   acquire B  leased(B)   refused       refused       leased(B)  leased(B)
 *   renew A    refused     leased(A)*    refused       refused    leased(A)
 *   change A B refused     leased(B)     refused       refused    refused
 *   release A  refused     available     available     available  available
 *   break      refused     breaking**    breaking***   broken     broken
 *   write, A   refused     same          same          refused    refused
 *   write, -   same        refused       refused       available  available
 *   read, -    same        same          same          same       same
 *
 *   *    the clock starts again, for an acquire with the duration it gives
 *   **   broken at once for period 0, and for an infinite lease when no
 *        period is given; a finite lease never breaks later than it expires
 *   ***  a break can make a running one shorter, never longer
 *
 * An expired lease can be renewed only while nothing has been written and
 * nobody has leased since: both take the ID out of it.
 *
 * Pure: no clock, no I/O, no memory of their own. Times are nanoseconds on the
 * caller's clock (CLOCK_BOOTTIME where it is a host's).
 */
#ifndef LEASEHOLD_BLOB_LEASE_H
#define LEASEHOLD_BLOB_LEASE_H

#include <stdint.h>

#include "leasehold/lease.h"

struct blob_lease {
  enum lease_state state; /* as it was last written: see blob_lease_state */
  struct lease_id id;     /* "" while available */
  uint32_t duration_s;    /* of the last acquire; 0 while available */
  /* LEASED: when it expires. BREAKING: when it is broken. TIME_NEVER for an
   * infinite lease, 0 in the other states.
   */
  uint64_t end_ns;
};

enum blob_use { BLOB_READ, BLOB_WRITE };

/* How the lease stands at now_ns. */
enum lease_state blob_lease_state(const struct blob_lease *lease,
                                  uint64_t now_ns);

/* Milliseconds, rounded up, until a leased one expires or a breaking one is
 * broken; -1 when it never will or is neither.
 */
int64_t blob_lease_expires_in_ms(const struct blob_lease *lease,
                                 uint64_t now_ns);

/* The host has booted since: its clock began anew. Finite leases and running
 * breaks are over; infinite leases stay.
 */
void blob_lease_rebooted(struct blob_lease *lease);

/* Whether text is a UUID of 36 lower-case characters. */
bool blob_lease_id_valid(const struct lease_id *id);

/* Whether a lease can have this duration. */
bool blob_lease_duration_valid(uint32_t duration_s);

/* The commands: 0, a status of the STATUS_LEASE_* group, or STATUS_INVALID for
 * an ID or a number that the service does not take. A store that makes up an
 * ID for an acquire without one passes the new ID as id.
 */
int blob_lease_acquire(struct blob_lease *lease, const struct lease_id *id,
                       uint32_t duration_s, uint64_t now_ns);
int blob_lease_renew(struct blob_lease *lease, const struct lease_id *id,
                     uint64_t now_ns);
int blob_lease_change(struct blob_lease *lease, const struct lease_id *id,
                      const struct lease_id *proposed, uint64_t now_ns);
int blob_lease_release(struct blob_lease *lease, const struct lease_id *id);
int blob_lease_break(struct blob_lease *lease, uint32_t period_s,
                     uint64_t now_ns);

/* A use of the object, with a lease ID or without one ("" or NULL). */
int blob_lease_use(struct blob_lease *lease, enum blob_use use,
                   const struct lease_id *id, uint64_t now_ns);

#endif
