/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scsi-pr-decode.c: CDBs and parameter lists become values; see scsi-pr.h.
 *
 * A PERSISTENT RESERVE OUT has a CDB and, behind it, a parameter list:
 *
 *   CDB byte  0     operation code 5Fh
 *             1     bits 4-0: service action
 *             2     bits 7-4: scope, bits 3-0: type
 *             5-8   parameter list length
 *   list      0-7   reservation key
 *             8-15  service action reservation key
 *             20    SPEC_I_PT (bit 3), ALL_TG_PT (bit 2), APTPL (bit 0)
 *             24-27 length of the TransportIDs that follow, with SPEC_I_PT
 *   list of   17    UNREG (bit 1), APTPL (bit 0)
 *   REGISTER  18-19 relative target port
 *   AND MOVE  20-23 length of the TransportID that follows
 *
 * and a PERSISTENT RESERVE IN only a CDB: 5Eh, the service action as above, and
 * the allocation length in bytes 7-8. Reserved bits are not looked at.
 */
#include "leasehold/scsi-pr.h"

#include <string.h>

#include "lease/scsi-pr-bytes.h"
#include "lease/scsi-sense.h"
#include "utils/names.h"

#define RESULT(...) ((struct scsi_result){__VA_ARGS__})

static const enum pr_action out_table[] = {
    PR_REGISTER,
    PR_RESERVE,
    PR_RELEASE,
    PR_CLEAR,
    PR_PREEMPT,
    PR_PREEMPT_AND_ABORT,
    PR_REGISTER_AND_IGNORE,
    PR_REGISTER_AND_MOVE,
};
static const enum pr_action in_table[] = {
    PR_READ_KEYS,
    PR_READ_RESERVATION,
    PR_REPORT_CAPABILITIES,
    PR_READ_FULL_STATUS,
};

size_t
scsi_transport_id_read(const uint8_t *bytes, size_t length,
                       char node[NODE_NAME_MAX + 1])
{
  size_t whole, name_length;

  if (length < TRANSPORT_ID_HEADER || bytes[0] != TRANSPORT_ID_ISCSI_NAME)
    return 0;
  whole = TRANSPORT_ID_HEADER + read_be16(bytes + 2);
  if (whole > length || whole < TRANSPORT_ID_MIN || whole % 4 != 0)
    return 0;
  bytes += TRANSPORT_ID_HEADER;
  name_length = strnlen((const char *)bytes, whole - TRANSPORT_ID_HEADER);
  /* The name ends in at least one NUL. */
  if (name_length == whole - TRANSPORT_ID_HEADER ||
      node_name_check_span((const char *)bytes, name_length, NULL) != 0)
    return 0;
  memcpy(node, bytes, name_length);
  node[name_length] = '\0';
  return whole;
}

/* SPEC_I_PT: the TransportIDs fill the rest of the list. */
static struct scsi_result
read_nodes(const uint8_t *list, size_t length, struct pr_nodes *nodes)
{
  const uint8_t *p = list + SCSI_PR_LIST_LENGTH + 4;
  size_t left;

  if (length < SCSI_PR_LIST_LENGTH + 4)
    return RESULT(PARAMETER_LIST_LENGTH_ERROR);
  left = length - SCSI_PR_LIST_LENGTH - 4;
  if (read_be32(list + SCSI_PR_LIST_LENGTH) != left)
    return RESULT(INVALID_FIELD_IN_PARAMETER_LIST);
  while (left > 0) {
    size_t used;

    if (nodes->count == REGISTRANTS_MAX)
      return RESULT(INSUFFICIENT_REGISTRATION_RESOURCES);
    used = scsi_transport_id_read(p, left, nodes->names[nodes->count]);
    if (used == 0)
      return RESULT(INVALID_FIELD_IN_PARAMETER_LIST);
    nodes->count++;
    p += used;
    left -= used;
  }
  return RESULT(RESULT_GOOD);
}

/* The list of REGISTER AND MOVE. */
static struct scsi_result
read_move(const uint8_t *list, size_t length, struct pr_command *out)
{
  size_t left = length - SCSI_PR_LIST_LENGTH;

  out->unregister = (list[17] & MOVE_UNREG) != 0;
  out->persist = (list[17] & MOVE_APTPL) != 0;
  if (read_be32(list + 20) != left ||
      read_be16(list + 18) != RELATIVE_TARGET_PORT ||
      scsi_transport_id_read(list + SCSI_PR_LIST_LENGTH, left,
                             out->destination) != left)
    return RESULT(INVALID_FIELD_IN_PARAMETER_LIST);
  return RESULT(RESULT_GOOD);
}

static struct scsi_result
decode_out(const uint8_t *cdb, const uint8_t *list, size_t list_length,
           struct pr_command *out, struct pr_nodes *nodes)
{
  unsigned action = cdb[1] & SERVICE_ACTION_MASK;
  uint32_t length = read_be32(cdb + 5);
  bool specify;

  if (action >= sizeof out_table / sizeof out_table[0])
    return RESULT(INVALID_FIELD_IN_CDB);
  out->action = out_table[action];
  out->scope = cdb[2] >> 4;
  out->type = cdb[2] & 0x0f;
  if (length < SCSI_PR_LIST_LENGTH || length > list_length)
    return RESULT(PARAMETER_LIST_LENGTH_ERROR);
  out->key = read_be64(list);
  out->service_key = read_be64(list + 8);
  if (out->action == PR_REGISTER_AND_MOVE)
    return length > SCSI_PR_LIST_LENGTH ? read_move(list, length, out)
                                        : RESULT(PARAMETER_LIST_LENGTH_ERROR);

  specify = (list[20] & OUT_SPEC_I_PT) != 0;
  out->all_ports = (list[20] & OUT_ALL_TG_PT) != 0;
  out->persist = (list[20] & OUT_APTPL) != 0;
  if (specify && out->action != PR_REGISTER)
    return RESULT(INVALID_FIELD_IN_PARAMETER_LIST);
  if (!specify)
    return length == SCSI_PR_LIST_LENGTH ? RESULT(RESULT_GOOD)
                                         : RESULT(PARAMETER_LIST_LENGTH_ERROR);
  out->specify_nodes = true;
  return read_nodes(list, length, nodes);
}

static struct scsi_result
decode_in(const uint8_t *cdb, struct pr_command *out)
{
  unsigned action = cdb[1] & SERVICE_ACTION_MASK;

  if (action >= sizeof in_table / sizeof in_table[0])
    return RESULT(INVALID_FIELD_IN_CDB);
  out->action = in_table[action];
  out->allocation_length = read_be16(cdb + 7);
  return RESULT(RESULT_GOOD);
}

/* Third parties and extents were obsolete long ago. */
static struct scsi_result
decode_plain(const uint8_t *cdb, enum pr_action action, struct pr_command *out)
{
  bool ten = cdb[0] == RESERVE_10 || cdb[0] == RELEASE_10;

  out->action = action;
  if ((cdb[1] & (PLAIN_THIRD_PARTY | PLAIN_EXTENT)) != 0 ||
      (ten && ((cdb[1] & PLAIN_LONG_ID) != 0 || read_be16(cdb + 7) != 0)))
    return RESULT(INVALID_FIELD_IN_CDB);
  return RESULT(RESULT_GOOD);
}

struct scsi_result
scsi_pr_decode(const uint8_t cdb[SCSI_CDB_MAX], const uint8_t *list,
               size_t list_length, struct pr_command *out,
               struct pr_nodes *nodes)
{
  *out = (struct pr_command){.action = PR_REGISTER};
  nodes->count = 0;
  switch (cdb[0]) {
  case PERSISTENT_RESERVE_OUT:
    return decode_out(cdb, list, list_length, out, nodes);
  case PERSISTENT_RESERVE_IN:
    return decode_in(cdb, out);
  case RESERVE_6:
  case RESERVE_10:
    return decode_plain(cdb, PR_PLAIN_RESERVE, out);
  case RELEASE_6:
  case RELEASE_10:
    return decode_plain(cdb, PR_PLAIN_RELEASE, out);
  default:
    return RESULT(INVALID_OPERATION_CODE);
  }
}

/* --- names of things ---------------------------------------------------- */

const char *
pr_action_text(enum pr_action action)
{
  static const char *const table[] = {
      [PR_REGISTER] = "REGISTER",
      [PR_RESERVE] = "RESERVE",
      [PR_RELEASE] = "RELEASE",
      [PR_CLEAR] = "CLEAR",
      [PR_PREEMPT] = "PREEMPT",
      [PR_PREEMPT_AND_ABORT] = "PREEMPT AND ABORT",
      [PR_REGISTER_AND_IGNORE] = "REGISTER AND IGNORE EXISTING KEY",
      [PR_REGISTER_AND_MOVE] = "REGISTER AND MOVE",
      [PR_PLAIN_RESERVE] = "plain RESERVE",
      [PR_PLAIN_RELEASE] = "plain RELEASE",
      [PR_READ_KEYS] = "READ KEYS",
      [PR_READ_RESERVATION] = "READ RESERVATION",
      [PR_REPORT_CAPABILITIES] = "REPORT CAPABILITIES",
      [PR_READ_FULL_STATUS] = "READ FULL STATUS",
  };

  return table[action];
}

bool
pr_action_reads(enum pr_action action)
{
  return action >= PR_READ_KEYS;
}

const char *
reservation_type_text(unsigned type)
{
  static const char *const table[] = {
      [RESERVATION_NONE] = "none",
      [WRITE_EXCLUSIVE] = "write exclusive",
      [EXCLUSIVE_ACCESS] = "exclusive access",
      [WRITE_EXCLUSIVE_REGISTRANTS] = "write exclusive, registrants only",
      [EXCLUSIVE_ACCESS_REGISTRANTS] = "exclusive access, registrants only",
      [WRITE_EXCLUSIVE_ALL] = "write exclusive, all registrants",
      [EXCLUSIVE_ACCESS_ALL] = "exclusive access, all registrants",
  };

  return type < sizeof table / sizeof table[0] && table[type] != NULL
             ? table[type]
             : "unknown";
}
