/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scsi-pr-request.c: reservation commands from the initiator's side; see
 * scsi-pr.h.
 */
#include <string.h>

#include "lease/scsi-pr-bytes.h"
#include "leasehold/registrations.h"

/* Operation code and service action of each action. */
static const uint8_t action_table[][2] = {
    [PR_REGISTER] = {PERSISTENT_RESERVE_OUT, 0},
    [PR_RESERVE] = {PERSISTENT_RESERVE_OUT, 1},
    [PR_RELEASE] = {PERSISTENT_RESERVE_OUT, 2},
    [PR_CLEAR] = {PERSISTENT_RESERVE_OUT, 3},
    [PR_PREEMPT] = {PERSISTENT_RESERVE_OUT, 4},
    [PR_PREEMPT_AND_ABORT] = {PERSISTENT_RESERVE_OUT, 5},
    [PR_REGISTER_AND_IGNORE] = {PERSISTENT_RESERVE_OUT, 6},
    [PR_REGISTER_AND_MOVE] = {PERSISTENT_RESERVE_OUT, 7},
    [PR_PLAIN_RESERVE] = {RESERVE_6, 0},
    [PR_PLAIN_RELEASE] = {RELEASE_6, 0},
    [PR_READ_KEYS] = {PERSISTENT_RESERVE_IN, 0},
    [PR_READ_RESERVATION] = {PERSISTENT_RESERVE_IN, 1},
    [PR_REPORT_CAPABILITIES] = {PERSISTENT_RESERVE_IN, 2},
    [PR_READ_FULL_STATUS] = {PERSISTENT_RESERVE_IN, 3},
};

/* What REGISTER AND MOVE has behind the keys. Returns the list's length. */
static size_t
put_move(const struct pr_command *command, uint8_t *list)
{
  size_t length =
      scsi_transport_id_write(command->destination, list + SCSI_PR_LIST_LENGTH);

  list[17] = (uint8_t)((command->unregister ? MOVE_UNREG : 0) |
                       (command->persist ? MOVE_APTPL : 0));
  write_be16(list + 18, RELATIVE_TARGET_PORT);
  write_be32(list + 20, (uint32_t)length);
  return SCSI_PR_LIST_LENGTH + length;
}

/* What the others have. */
static size_t
put_flags(const struct pr_command *command, const struct pr_nodes *nodes,
          uint8_t *list)
{
  uint8_t *ids = list + SCSI_PR_LIST_LENGTH + 4;
  size_t length = 0;

  list[20] = (uint8_t)((command->specify_nodes ? OUT_SPEC_I_PT : 0) |
                       (command->all_ports ? OUT_ALL_TG_PT : 0) |
                       (command->persist ? OUT_APTPL : 0));
  if (!command->specify_nodes)
    return SCSI_PR_LIST_LENGTH;
  for (unsigned i = 0; nodes != NULL && i < nodes->count; i++)
    length += scsi_transport_id_write(nodes->names[i], ids + length);
  write_be32(list + SCSI_PR_LIST_LENGTH, (uint32_t)length);
  return SCSI_PR_LIST_LENGTH + 4 + length;
}

size_t
scsi_pr_request(const struct pr_command *command, const struct pr_nodes *nodes,
                uint8_t cdb[SCSI_CDB_MAX], uint8_t *list)
{
  size_t length;

  memset(cdb, 0, SCSI_CDB_MAX);
  cdb[0] = action_table[command->action][0];
  cdb[1] = action_table[command->action][1];
  if (cdb[0] == PERSISTENT_RESERVE_IN)
    write_be16(cdb + 7, (uint16_t)command->allocation_length);
  if (cdb[0] != PERSISTENT_RESERVE_OUT)
    return 0;
  cdb[2] = (uint8_t)(command->scope << 4 | command->type);
  memset(list, 0, SCSI_PR_LIST_LENGTH);
  write_be64(list, command->key);
  write_be64(list + 8, command->service_key);
  length = command->action == PR_REGISTER_AND_MOVE
               ? put_move(command, list)
               : put_flags(command, nodes, list);
  write_be32(cdb + 5, (uint32_t)length);
  return length;
}

/* One registrant. How long it is; 0: it is not whole. */
static size_t
read_registrant(const uint8_t *data, size_t length, struct registrations *out)
{
  enum { HEADER = 24, ALL_TG_PT = 0x02, R_HOLDER = 0x01 };
  struct registrant *registrant = &out->registrants[out->count];
  size_t id_length;

  if (length < HEADER || out->count == REGISTRANTS_MAX)
    return 0;
  id_length = read_be32(data + 20);
  if (id_length == 0 || id_length > length - HEADER ||
      scsi_transport_id_read(data + HEADER, id_length, registrant->node) !=
          id_length)
    return 0;
  registrant->key = read_be64(data);
  registrant->all_ports = (data[12] & ALL_TG_PT) != 0;
  if ((data[12] & R_HOLDER) != 0) {
    out->reservation.type = data[13] & 0x0f;
    memcpy(out->reservation.holder, registrant->node,
           sizeof out->reservation.holder);
  }
  out->count++;
  return HEADER + id_length;
}

bool
scsi_pr_read_full_status(const uint8_t *data, size_t length,
                         struct registrations *out)
{
  memset(out, 0, sizeof *out);
  if (length < 8 || read_be32(data + 4) != length - 8)
    return false;
  out->generation = read_be32(data);
  data += 8;
  length -= 8;
  while (length > 0) {
    size_t used = read_registrant(data, length, out);

    if (used == 0)
      return false;
    data += used;
    length -= used;
  }
  return true;
}
