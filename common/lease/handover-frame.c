/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handover-frame.c: the bytes of a hand-over; see handover-frame.h. */
#include "lease/handover-frame.h"

#include <string.h>

#include "lease/scsi-pr-bytes.h"
#include "lease/scsi-sense.h"
#include "utils/names.h"

#define RESULT(...) ((struct scsi_result){__VA_ARGS__})

#define FORCE 0x01

/* One name of length bytes; false: no node can have it. */
static bool
read_name(const uint8_t *bytes, size_t length, char name[NODE_NAME_MAX + 1])
{
  if (length > NODE_NAME_MAX ||
      node_name_check_span((const char *)bytes, length, NULL) != 0)
    return false;
  memcpy(name, bytes, length);
  name[length] = '\0';
  return true;
}

struct scsi_result
handover_frame_decode(const uint8_t cdb[SCSI_CDB_MAX], const uint8_t *list,
                      size_t length, const char *node,
                      struct handover_frame *out)
{
  size_t from, to;

  memset(out, 0, sizeof *out);
  if (cdb[0] != HANDOVER_OPERATION_CODE)
    return RESULT(INVALID_OPERATION_CODE);
  if (read_be32(cdb + 5) > length || read_be32(cdb + 5) < HANDOVER_LIST_HEADER)
    return RESULT(PARAMETER_LIST_LENGTH_ERROR);
  length = read_be32(cdb + 5);
  from = read_be16(list);
  to = read_be16(list + 2);
  if (HANDOVER_LIST_HEADER + from + to != length)
    return RESULT(PARAMETER_LIST_LENGTH_ERROR);
  list += HANDOVER_LIST_HEADER;
  if (!read_name(list, from, out->from) ||
      !read_name(list + from, to, out->to) || strcmp(out->from, out->to) == 0 ||
      (strcmp(node, out->from) != 0 && strcmp(node, out->to) != 0))
    return RESULT(INVALID_FIELD_IN_PARAMETER_LIST);
  out->force = (cdb[1] & FORCE) != 0;
  out->timeout_s = read_be16(cdb + 2);
  return RESULT(RESULT_GOOD);
}

size_t
handover_frame_encode(const struct handover_frame *frame,
                      uint8_t cdb[SCSI_CDB_MAX],
                      uint8_t list[HANDOVER_LIST_MAX])
{
  size_t from = strlen(frame->from), to = strlen(frame->to);
  size_t length = HANDOVER_LIST_HEADER + from + to;

  memset(cdb, 0, SCSI_CDB_MAX);
  cdb[0] = HANDOVER_OPERATION_CODE;
  cdb[1] = frame->force ? FORCE : 0;
  write_be16(cdb + 2, frame->timeout_s);
  write_be32(cdb + 5, (uint32_t)length);
  write_be16(list, (uint16_t)from);
  write_be16(list + 2, (uint16_t)to);
  memcpy(list + HANDOVER_LIST_HEADER, frame->from, from);
  memcpy(list + HANDOVER_LIST_HEADER + from, frame->to, to);
  return length;
}
