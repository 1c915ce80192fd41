/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handover-frame.h: the bytes of a hand-over on the control export. Pure.
 *
 *   CDB byte  0     operation code C0h (vendor specific, 16 bytes long)
 *             1     bit 0: FORCE
 *             2-3   TIMEOUT, in seconds
 *             5-8   parameter list length
 *   list      0-1   length of the name FROM
 *             2-3   length of the name TO
 *             4-    FROM, and TO behind it
 *
 * Numbers are big-endian; what is not named is reserved and not looked at. The
 * nexus, the node in the export's name, is one of the two.
 */
#ifndef LEASEHOLD_HANDOVER_FRAME_H
#define LEASEHOLD_HANDOVER_FRAME_H

#include <stdbool.h>

#include "leasehold/scsi-pr.h"

#define HANDOVER_OPERATION_CODE 0xc0
#define HANDOVER_LIST_HEADER 4
#define HANDOVER_LIST_MAX (HANDOVER_LIST_HEADER + 2 * NODE_NAME_MAX)

struct handover_frame {
  bool force;
  uint16_t timeout_s;
  char from[NODE_NAME_MAX + 1], to[NODE_NAME_MAX + 1];
};

/* Reads untrusted bytes; node is the nexus. GOOD, or why it is refused. */
struct scsi_result handover_frame_decode(const uint8_t cdb[SCSI_CDB_MAX],
                                         const uint8_t *list, size_t length,
                                         const char *node,
                                         struct handover_frame *out);
/* Writes the CDB and the list; returns the list's length. */
size_t handover_frame_encode(const struct handover_frame *frame,
                             uint8_t cdb[SCSI_CDB_MAX],
                             uint8_t list[HANDOVER_LIST_MAX]);

#endif
