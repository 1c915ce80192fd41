/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scsi-sense.c: SCSI results as sense data and as text; see scsi.h. */
#include "lease/scsi-sense.h"

#include <stdio.h>
#include <string.h>

static const struct {
  struct scsi_result result;
  const char *text;
} text_table[] = {
    {{RESULT_GOOD}, "GOOD"},
    {{RESULT_CONFLICT}, "RESERVATION CONFLICT"},
    {{NOT_READY}, "NOT READY, CAUSE NOT REPORTABLE"},
    {{NOT_READY_CALL_SOMEBODY}, "NOT READY, MANUAL INTERVENTION REQUIRED"},
    {{INTERNAL_TARGET_FAILURE}, "HARDWARE ERROR, INTERNAL TARGET FAILURE"},
    {{PARAMETER_LIST_LENGTH_ERROR},
     "ILLEGAL REQUEST, PARAMETER LIST LENGTH ERROR"},
    {{INVALID_OPERATION_CODE}, "ILLEGAL REQUEST, INVALID OPERATION CODE"},
    {{INVALID_FIELD_IN_CDB}, "ILLEGAL REQUEST, INVALID FIELD IN CDB"},
    {{LUN_NOT_SUPPORTED}, "ILLEGAL REQUEST, LOGICAL UNIT NOT SUPPORTED"},
    {{INVALID_FIELD_IN_PARAMETER_LIST},
     "ILLEGAL REQUEST, INVALID FIELD IN PARAMETER LIST"},
    {{INVALID_RELEASE},
     "ILLEGAL REQUEST, INVALID RELEASE OF PERSISTENT RESERVATION"},
    {{INSUFFICIENT_REGISTRATION_RESOURCES},
     "ILLEGAL REQUEST, INSUFFICIENT REGISTRATION RESOURCES"},
    {{WRITE_PROTECTED}, "DATA PROTECT, WRITE PROTECTED"},
    {{SPACE_ALLOCATION_FAILED},
     "DATA PROTECT, SPACE ALLOCATION FAILED WRITE PROTECT"},
    {{TIMEOUT_DURING_PROCESSING},
     "ABORTED COMMAND, COMMAND TIMEOUT DURING PROCESSING"},
    {{INSUFFICIENT_RESOURCES}, "ABORTED COMMAND, INSUFFICIENT RESOURCES"},
};

enum { RESPONSE_CODE_CURRENT_FIXED = 0x70, RESPONSE_CODE_MASK = 0x7f };

size_t
scsi_sense_encode(const struct scsi_result *result,
                  uint8_t sense[SCSI_SENSE_LENGTH])
{
  if (result->status != SCSI_CHECK_CONDITION)
    return 0;
  memset(sense, 0, SCSI_SENSE_LENGTH);
  sense[0] = RESPONSE_CODE_CURRENT_FIXED;
  sense[2] = result->sense_key;
  sense[7] = SCSI_SENSE_LENGTH - 8;
  sense[12] = result->asc;
  sense[13] = result->ascq;
  return SCSI_SENSE_LENGTH;
}

struct scsi_result
scsi_sense_decode(uint8_t status, const uint8_t *sense, size_t length)
{
  struct scsi_result result = {.status = status};

  if (status != SCSI_CHECK_CONDITION || length < 14 ||
      (sense[0] & RESPONSE_CODE_MASK) != RESPONSE_CODE_CURRENT_FIXED)
    return result;
  result.sense_key = sense[2] & 0x0f;
  result.asc = sense[12];
  result.ascq = sense[13];
  return result;
}

const char *
scsi_result_text(const struct scsi_result *result, char text[SCSI_TEXT_MAX])
{
  for (size_t i = 0; i < sizeof text_table / sizeof text_table[0]; i++)
    if (memcmp(&text_table[i].result, result, sizeof *result) == 0)
      return text_table[i].text;
  snprintf(text, SCSI_TEXT_MAX,
           "status %02xh, sense key %xh, additional sense %02xh/%02xh",
           result->status, result->sense_key, result->asc, result->ascq);
  return text;
}
