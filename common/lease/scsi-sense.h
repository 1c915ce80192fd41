/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scsi-sense.h: the ways in which commands end here, as initializers of struct
 * scsi_result.
 */
#ifndef LEASEHOLD_SCSI_SENSE_H
#define LEASEHOLD_SCSI_SENSE_H

#include "leasehold/scsi.h"

#define RESULT_GOOD SCSI_GOOD, 0, 0, 0
#define RESULT_CONFLICT SCSI_RESERVATION_CONFLICT, 0, 0, 0

#define NOT_READY SCSI_CHECK_CONDITION, SCSI_NOT_READY, 0x04, 0x00
#define NOT_READY_CALL_SOMEBODY SCSI_CHECK_CONDITION, SCSI_NOT_READY, 0x04, 0x03
#define INTERNAL_TARGET_FAILURE                                                \
  SCSI_CHECK_CONDITION, SCSI_HARDWARE_ERROR, 0x44, 0x00
#define PARAMETER_LIST_LENGTH_ERROR                                            \
  SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, 0x1a, 0x00
#define INVALID_OPERATION_CODE                                                 \
  SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, 0x20, 0x00
#define INVALID_FIELD_IN_CDB                                                   \
  SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, 0x24, 0x00
#define LUN_NOT_SUPPORTED SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, 0x25, 0x00
#define INVALID_FIELD_IN_PARAMETER_LIST                                        \
  SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, 0x26, 0x00
#define INVALID_RELEASE SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, 0x26, 0x04
#define INSUFFICIENT_REGISTRATION_RESOURCES                                    \
  SCSI_CHECK_CONDITION, SCSI_ILLEGAL_REQUEST, 0x55, 0x04
#define WRITE_PROTECTED SCSI_CHECK_CONDITION, SCSI_DATA_PROTECT, 0x27, 0x00
#define SPACE_ALLOCATION_FAILED                                                \
  SCSI_CHECK_CONDITION, SCSI_DATA_PROTECT, 0x27, 0x07
#define TIMEOUT_DURING_PROCESSING                                              \
  SCSI_CHECK_CONDITION, SCSI_ABORTED_COMMAND, 0x2e, 0x02
#define INSUFFICIENT_RESOURCES                                                 \
  SCSI_CHECK_CONDITION, SCSI_ABORTED_COMMAND, 0x55, 0x03

#endif
