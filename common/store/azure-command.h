/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-command.h: what azure-command.c and azure-claim.c share. */
#ifndef LEASEHOLD_AZURE_COMMAND_H
#define LEASEHOLD_AZURE_COMMAND_H

#include "store/azure-internal.h"
#include "store/holder-json.h"

/* A lease command on its way. */
struct azure_work {
  struct azure_volume *volume;
  const struct lease_command *command;
  uint64_t deadline_ns;
  struct error *err;
  /* The last look. */
  struct azure_properties seen;
  struct http_headers headers;
};

/* HEAD, into seen and headers. */
int azure_look(struct azure_work *work);
/* In place of a look: what the command before this one saw, if that is known
 * and has the expected epoch.
 */
bool azure_recall(struct azure_work *work);

/* The epoch that counts, by what was seen. */
uint64_t azure_epoch(const struct azure_work *work);
/* Whether a claim from expected_epoch is in doubt. */
void azure_set_doubt(struct azure_work *work, bool doubt);
/* STATUS_EPOCH_STALE, with its text. */
int azure_epoch_is_stale(const struct azure_work *work);

/* A PUT ?comp=component with lease_id. */
void azure_begin(struct azure_work *work, struct azure_exchange *exchange,
                 const struct lease_id *lease_id, const char *what,
                 const char *component);
/* A command of the lease itself; etag: If-Match, or NULL. */
void azure_begin_lease(struct azure_work *work, struct azure_exchange *exchange,
                       const char *etag);
/* Runs and frees it; etag, if not NULL, is the answer's. */
int azure_finish(struct azure_work *work, struct azure_exchange *exchange,
                 char etag[ETAG_MAX + 1]);
/* The lease ID under which what the command writes is written. */
const struct lease_id *azure_writer(const struct azure_work *work);

/* Set Blob Metadata, if etag is the present one. record is cut to what fits. */
int azure_put_record(struct azure_work *work, struct holder_record *record,
                     const char *etag, char new_etag[ETAG_MAX + 1]);

int azure_claim(struct azure_work *work);
int azure_take_over(struct azure_work *work);

#endif
