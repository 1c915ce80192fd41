/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blob-lease.c: the lease state machine of the Blob service, as values. */

#include "store/blob-lease.h"

#include <stddef.h>
#include <string.h>

#include "leasehold/clock.h"
#include "leasehold/status.h"

static const struct blob_lease no_lease = {.state = LEASE_AVAILABLE};

enum lease_state
blob_lease_state(const struct blob_lease *lease, uint64_t now_ns)
{
  if (lease->end_ns == TIME_NEVER || now_ns < lease->end_ns)
    return lease->state;
  switch (lease->state) {
  case LEASE_LEASED:
    return LEASE_EXPIRED;
  case LEASE_BREAKING:
    return LEASE_BROKEN;
  case LEASE_AVAILABLE:
  case LEASE_BROKEN:
  case LEASE_EXPIRED:
    break;
  }
  return lease->state;
}

int64_t
blob_lease_expires_in_ms(const struct blob_lease *lease, uint64_t now_ns)
{
  enum lease_state state = blob_lease_state(lease, now_ns);

  if (state != LEASE_LEASED && state != LEASE_BREAKING)
    return -1;
  if (lease->end_ns == TIME_NEVER)
    return -1;
  return (int64_t)((lease->end_ns - now_ns - 1) / NANOSECONDS_PER_MILLISECOND +
                   1);
}

void
blob_lease_rebooted(struct blob_lease *lease)
{
  if (lease->state == LEASE_LEASED && lease->end_ns != TIME_NEVER)
    lease->state = LEASE_EXPIRED;
  else if (lease->state == LEASE_BREAKING)
    lease->state = LEASE_BROKEN;
  else
    return;
  lease->end_ns = 0;
}

bool
blob_lease_id_valid(const struct lease_id *id)
{
  for (size_t i = 0; i < LEASE_ID_LENGTH; i++) {
    char c = id->text[i];
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;

    if (dash ? c != '-' : c == '\0' || !strchr("0123456789abcdef", c))
      return false;
  }
  return id->text[LEASE_ID_LENGTH] == '\0';
}

bool
blob_lease_duration_valid(uint32_t duration_s)
{
  return duration_s == LEASE_DURATION_INFINITE ||
         (duration_s >= LEASE_DURATION_MIN && duration_s <= LEASE_DURATION_MAX);
}

static void
start_clock(struct blob_lease *lease, uint64_t now_ns)
{
  lease->state = LEASE_LEASED;
  lease->end_ns = lease->duration_s == LEASE_DURATION_INFINITE
                      ? TIME_NEVER
                      : now_ns + lease->duration_s * NANOSECONDS_PER_SECOND;
}

int
blob_lease_acquire(struct blob_lease *lease, const struct lease_id *id,
                   uint32_t duration_s, uint64_t now_ns)
{
  enum lease_state state = blob_lease_state(lease, now_ns);
  bool own = lease_id_equal(&lease->id, id);

  if (!blob_lease_id_valid(id) || !blob_lease_duration_valid(duration_s))
    return STATUS_INVALID;
  if (state == LEASE_LEASED && !own)
    return STATUS_LEASE_HELD;
  if (state == LEASE_BREAKING)
    return own ? STATUS_LEASE_BREAKING : STATUS_LEASE_HELD;
  lease->id = *id;
  lease->duration_s = duration_s;
  start_clock(lease, now_ns);
  return STATUS_OK;
}

int
blob_lease_renew(struct blob_lease *lease, const struct lease_id *id,
                 uint64_t now_ns)
{
  enum lease_state state = blob_lease_state(lease, now_ns);

  if (!blob_lease_id_valid(id))
    return STATUS_INVALID;
  if (state == LEASE_AVAILABLE || !lease_id_equal(&lease->id, id))
    return STATUS_LEASE_MISMATCH;
  if (state == LEASE_BREAKING || state == LEASE_BROKEN)
    return STATUS_LEASE_BROKEN;
  start_clock(lease, now_ns);
  return STATUS_OK;
}

int
blob_lease_change(struct blob_lease *lease, const struct lease_id *id,
                  const struct lease_id *proposed, uint64_t now_ns)
{
  enum lease_state state = blob_lease_state(lease, now_ns);
  /* A change to the ID that it already has is a repeat, and is answered as
   * the first time, whoever asks.
   */
  bool ours =
      lease_id_equal(&lease->id, id) || lease_id_equal(&lease->id, proposed);

  if (!blob_lease_id_valid(id) || !blob_lease_id_valid(proposed))
    return STATUS_INVALID;
  if (state != LEASE_LEASED && state != LEASE_BREAKING)
    return STATUS_LEASE_ABSENT;
  if (!ours)
    return STATUS_LEASE_MISMATCH;
  if (state == LEASE_BREAKING)
    return STATUS_LEASE_BREAKING;
  lease->id = *proposed;
  return STATUS_OK;
}

int
blob_lease_release(struct blob_lease *lease, const struct lease_id *id)
{
  if (!blob_lease_id_valid(id))
    return STATUS_INVALID;
  if (lease->state == LEASE_AVAILABLE || !lease_id_equal(&lease->id, id))
    return STATUS_LEASE_MISMATCH;
  *lease = no_lease;
  return STATUS_OK;
}

/* When a break that is asked for now ends. */
static uint64_t
break_end(const struct blob_lease *lease, uint32_t period_s, uint64_t now_ns)
{
  uint64_t asked;

  if (period_s == LEASE_BREAK_DEFAULT)
    return lease->end_ns == TIME_NEVER ? now_ns : lease->end_ns;
  asked = now_ns + period_s * NANOSECONDS_PER_SECOND;
  return asked < lease->end_ns ? asked : lease->end_ns;
}

int
blob_lease_break(struct blob_lease *lease, uint32_t period_s, uint64_t now_ns)
{
  enum lease_state state = blob_lease_state(lease, now_ns);

  if (period_s != LEASE_BREAK_DEFAULT && period_s > LEASE_BREAK_PERIOD_MAX)
    return STATUS_INVALID;
  if (state == LEASE_AVAILABLE)
    return STATUS_LEASE_ABSENT;
  if (state == LEASE_LEASED || state == LEASE_BREAKING) {
    uint64_t end_ns = break_end(lease, period_s, now_ns);

    if (end_ns > now_ns) {
      lease->state = LEASE_BREAKING;
      lease->end_ns = end_ns;
      return STATUS_OK;
    }
  }
  lease->state = LEASE_BROKEN;
  lease->end_ns = 0;
  return STATUS_OK;
}

static int
use_without_id(struct blob_lease *lease, enum blob_use use,
               enum lease_state state)
{
  if (use == BLOB_READ)
    return STATUS_OK;
  if (state == LEASE_LEASED || state == LEASE_BREAKING)
    return STATUS_LEASE_REQUIRED;
  *lease = no_lease;
  return STATUS_OK;
}

int
blob_lease_use(struct blob_lease *lease, enum blob_use use,
               const struct lease_id *id, uint64_t now_ns)
{
  enum lease_state state = blob_lease_state(lease, now_ns);

  if (!id || lease_id_is_none(id))
    return use_without_id(lease, use, state);
  if (state == LEASE_AVAILABLE)
    return STATUS_LEASE_ABSENT;
  if (state == LEASE_BROKEN || state == LEASE_EXPIRED)
    return STATUS_LEASE_LOST;
  return lease_id_equal(&lease->id, id) ? STATUS_OK : STATUS_LEASE_MISMATCH;
}
