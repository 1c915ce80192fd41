/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* translate.h: reservation commands become lease commands (DESIGN section 4).
 *
 * Pure: values in, values out. A caller looks at the volume (DESCRIBE), asks
 * for the plan, runs its commands in order, and asks what the outcome means.
 * If a command of the plan is refused because the volume has moved on in the
 * meantime, translate_outcome says LOOK_AGAIN.
 */
#ifndef LEASEHOLD_TRANSLATE_H
#define LEASEHOLD_TRANSLATE_H

#include "leasehold/lease.h"
#include "leasehold/scsi.h"
#include "leasehold/status.h"

enum reservation_command {
  RESERVATION_RESERVE,
  RESERVATION_RELEASE,
  RESERVATION_PREEMPT,
  RESERVATION_PREEMPT_AND_ABORT,
  RESERVATION_CLEAR,
  RESERVATION_READ_RESERVATION,
  RESERVATION_READ_KEYS,
  RESERVATION_READ_FULL_STATUS
};

struct reservation_request {
  enum reservation_command command;
  char node[NODE_NAME_MAX + 1]; /* who asks (B in the table) */
  struct lease_id node_id;
  struct lease_id victim_id; /* PREEMPT: whom (A); else "" */
  uint32_t duration_s;       /* RESERVE, PREEMPT */
};

enum reservation_outcome {
  RESERVATION_GOOD,
  RESERVATION_CONFLICT,
  RESERVATION_LOOK_AGAIN, /* the state changed meanwhile: DESCRIBE, plan anew */
  RESERVATION_ERROR       /* not an answer about reservations: see status */
};

#define TRANSLATION_COMMANDS_MAX 2

struct translation {
  enum reservation_outcome outcome; /* if every command succeeds; CONFLICT
                                       with no commands: refused as it is */
  bool blind; /* made without knowing whose lease it is: a refusal decides */
  unsigned count;
  struct lease_command commands[TRANSLATION_COMMANDS_MAX];
};

/* The table. For a store that keeps lease IDs to itself (id_known false) a
 * leased volume is treated as if the lease were the one that makes the command
 * succeed; the store's refusal then decides.
 */
void translate(const struct reservation_request *request,
               const struct volume_info *info, struct translation *out);

/* What it means that command number index of the plan answered status. */
enum reservation_outcome translate_outcome(const struct translation *plan,
                                           unsigned index, int status);

/* What a SCSI initiator is told about a status: 00h GOOD, 18h RESERVATION
 * CONFLICT, or 02h CHECK CONDITION with sense key, ASC and ASCQ.
 */
struct scsi_result translate_scsi(int status);

#endif
