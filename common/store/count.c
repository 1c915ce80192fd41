/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* count.c: the counters of a store; see count.h.
 *
 * store.c's wrappers see every request of every store when it is submitted and
 * when it is answered, and count the answers here: so many kinds of requests
 * times so many outcomes, and bytes.
 */
#include "store/count.h"

#include <stdbool.h>

enum outcome {
  OUTCOME_OK,
  OUTCOME_REFUSED,   /* by lease, epoch or ETag */
  OUTCOME_TRANSIENT, /* nothing was changed: it is tried again */
  OUTCOME_UNKNOWN,   /* S4 */
  OUTCOME_FAILED,
  OUTCOMES
};

static const char *const outcomes[OUTCOMES] = {
    [OUTCOME_OK] = "ok",
    [OUTCOME_REFUSED] = "refused",
    [OUTCOME_TRANSIENT] = "transient",
    [OUTCOME_UNKNOWN] = "unknown",
    [OUTCOME_FAILED] = "failed",
};

enum request {
  REQUEST_IO,
  REQUEST_COMMAND = STORE_PREFETCH + 1,
  REQUEST_SIDE_READ = REQUEST_COMMAND + LEASE_TAKE_OVER,
  REQUEST_SIDE_WRITE,
  REQUESTS
};

static const char *const requests[REQUESTS] = {
    [STORE_READ] = "read",
    [STORE_WRITE] = "write",
    [STORE_ZERO] = "zero",
    [STORE_FLUSH] = "flush",
    [STORE_EXTENTS] = "extents",
    [STORE_PREFETCH] = "prefetch",
    [REQUEST_SIDE_READ] = "side_read",
    [REQUEST_SIDE_WRITE] = "side_write",
};

/* Behind the requests with their outcomes. */
enum { BYTES_READ = REQUESTS * OUTCOMES, BYTES_WRITTEN, COUNTERS };

struct counters *
count_new(void)
{
  return counters_new(COUNTERS);
}

static enum outcome
outcome_of(int status)
{
  if (status == STATUS_OK)
    return OUTCOME_OK;
  if (status_is_refusal(status) || status == STATUS_ETAG_STALE)
    return OUTCOME_REFUSED;
  if (status == STATUS_TRANSIENT)
    return OUTCOME_TRANSIENT;
  return status == STATUS_UNKNOWN ? OUTCOME_UNKNOWN : OUTCOME_FAILED;
}

static void
count(struct counters *counters, unsigned request, int status)
{
  counters_add(counters, request * OUTCOMES + outcome_of(status), 1);
}

void
count_command(struct counters *counters, enum lease_verb verb, int status)
{
  count(counters, REQUEST_COMMAND + (unsigned)verb - LEASE_DESCRIBE, status);
}

void
count_io(struct counters *counters, const struct store_io *io)
{
  count(counters, REQUEST_IO + (unsigned)io->kind, io->status);
  if (io->status != STATUS_OK)
    return;
  if (io->kind == STORE_READ)
    counters_add(counters, BYTES_READ, io->count);
  else if (io->kind == STORE_WRITE)
    counters_add(counters, BYTES_WRITTEN, io->count);
}

void
count_side(struct counters *counters, bool write, int status)
{
  count(counters, write ? REQUEST_SIDE_WRITE : REQUEST_SIDE_READ, status);
}

static const char *
request_text(unsigned request)
{
  if (requests[request] != NULL)
    return requests[request];
  return lease_verb_text(
      (enum lease_verb)(request - REQUEST_COMMAND + LEASE_DESCRIBE));
}

void
store_collect(const struct store *store, struct metrics *metrics)
{
  metrics_family(metrics, "leasehold_store_requests_total", METRIC_COUNTER,
                 "Requests that the store has answered, or not.");
  for (unsigned r = 0; r < REQUESTS; r++)
    for (unsigned o = 0; o < OUTCOMES; o++)
      metrics_count(metrics, counters_sum(store->counters, r * OUTCOMES + o),
                    (const char *[]){"request", request_text(r), "outcome",
                                     outcomes[o], NULL});
  metrics_family(metrics, "leasehold_store_read_bytes_total", METRIC_COUNTER,
                 "Bytes of data read from the store.");
  metrics_count(metrics, counters_sum(store->counters, BYTES_READ), NULL);
  metrics_family(metrics, "leasehold_store_written_bytes_total", METRIC_COUNTER,
                 "Bytes of data written to the store.");
  metrics_count(metrics, counters_sum(store->counters, BYTES_WRITTEN), NULL);
}
