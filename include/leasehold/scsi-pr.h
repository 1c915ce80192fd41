/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scsi-pr.h: the bytes of SCSI reservation commands (SPC-4 sections 6.15 and
 * 6.16, SPC-2 sections 7.21 to 7.24 for RESERVE and RELEASE).
 *
 * The I_T nexus is a node, and its TransportID an iSCSI one (SPC-4 section
 * 7.6.4.6) with the node's name. There is one target port, number 1, whichever
 * gateway a command comes by. Pure.
 */
#ifndef LEASEHOLD_SCSI_PR_H
#define LEASEHOLD_SCSI_PR_H

#include <stdbool.h>

#include "leasehold/lease.h"
#include "leasehold/scsi.h"
#include "leasehold/status.h"

#define SCSI_CDB_MAX 16
#define SCSI_PR_LIST_LENGTH 24

/* How many nodes can be registered with a volume. */
#define REGISTRANTS_MAX 128

/* The longest parameter list: that many TransportIDs, of the longest names. */
#define SCSI_PR_LIST_MAX                                                       \
  (SCSI_PR_LIST_LENGTH + 4 + REGISTRANTS_MAX * (4 + NODE_NAME_MAX + 4))

/* Reservation types, as bits of a mask: 1u << type. */
enum reservation_type {
  RESERVATION_NONE = 0,
  WRITE_EXCLUSIVE = 1,
  EXCLUSIVE_ACCESS = 3,
  WRITE_EXCLUSIVE_REGISTRANTS = 5,
  EXCLUSIVE_ACCESS_REGISTRANTS = 6,
  WRITE_EXCLUSIVE_ALL = 7,
  EXCLUSIVE_ACCESS_ALL = 8
};

#define RESERVATION_TYPES_ALL                                                  \
  (1u << WRITE_EXCLUSIVE | 1u << EXCLUSIVE_ACCESS |                            \
   1u << WRITE_EXCLUSIVE_REGISTRANTS | 1u << EXCLUSIVE_ACCESS_REGISTRANTS |    \
   1u << WRITE_EXCLUSIVE_ALL | 1u << EXCLUSIVE_ACCESS_ALL)

/* "write exclusive", ...; "unknown" for others. Static. */
const char *reservation_type_text(unsigned type);

enum pr_action {
  /* PERSISTENT RESERVE OUT */
  PR_REGISTER,
  PR_RESERVE,
  PR_RELEASE,
  PR_CLEAR,
  PR_PREEMPT,
  PR_PREEMPT_AND_ABORT,
  PR_REGISTER_AND_IGNORE,
  PR_REGISTER_AND_MOVE,
  /* RESERVE and RELEASE, of 6 and of 10 bytes */
  PR_PLAIN_RESERVE,
  PR_PLAIN_RELEASE,
  /* PERSISTENT RESERVE IN */
  PR_READ_KEYS,
  PR_READ_RESERVATION,
  PR_REPORT_CAPABILITIES,
  PR_READ_FULL_STATUS
};

/* "REGISTER", "READ KEYS", ... Static. */
const char *pr_action_text(enum pr_action action);
bool pr_action_reads(enum pr_action action); /* PERSISTENT RESERVE IN */

/* One command; what its action does not have is 0. */
struct pr_command {
  enum pr_action action;
  uint8_t scope, type;  /* as sent; whether they are valid depends on the state
                           of the reservation */
  uint64_t key;         /* RESERVATION KEY */
  uint64_t service_key; /* SERVICE ACTION RESERVATION KEY */
  bool specify_nodes;   /* SPEC_I_PT, with REGISTER */
  bool all_ports;       /* ALL_TG_PT */
  bool persist;         /* APTPL */
  bool unregister;      /* UNREG, with REGISTER AND MOVE */
  char destination[NODE_NAME_MAX + 1]; /* REGISTER AND MOVE */
  uint32_t allocation_length;          /* PERSISTENT RESERVE IN */
};

/* The nodes of SPEC_I_PT. */
struct pr_nodes {
  unsigned count;
  char names[REGISTRANTS_MAX][NODE_NAME_MAX + 1];
};

/* Reads a command from untrusted bytes. list is what came behind the CDB: all
 * of a PERSISTENT RESERVE OUT's parameter list, perhaps more. GOOD, or why it
 * is refused whatever the state.
 */
struct scsi_result scsi_pr_decode(const uint8_t cdb[SCSI_CDB_MAX],
                                  const uint8_t *list, size_t list_length,
                                  struct pr_command *out,
                                  struct pr_nodes *nodes);

struct registrations;

/* The data-in of a PERSISTENT RESERVE IN, in at most size bytes of data and no
 * more than the ALLOCATION LENGTH; length fields in it say what there would be
 * without a limit. types is the mask of the reservation types offered. Returns
 * how many bytes were written.
 */
size_t scsi_pr_encode(const struct registrations *registrations,
                      const struct pr_command *command, unsigned types,
                      uint8_t *data, size_t size);

/* What an initiator does. */

/* Writes the CDB, and the parameter list of a PERSISTENT RESERVE OUT. nodes are
 * those of SPEC_I_PT; may be NULL. Returns the list's length; 0 for others. The
 * list needs room for SCSI_PR_LIST_MAX bytes if the command names nodes, else
 * for SCSI_PR_LIST_LENGTH.
 */
size_t scsi_pr_request(const struct pr_command *command,
                       const struct pr_nodes *nodes, uint8_t cdb[SCSI_CDB_MAX],
                       uint8_t *list);
/* Reads the data-in of READ FULL STATUS: generation, registrants, and the
 * reservation as far as a registrant holds it. The rest of out is 0. False:
 * it is not whole, or not one of ours.
 */
bool scsi_pr_read_full_status(const uint8_t *data, size_t length,
                              struct registrations *out);

#endif
