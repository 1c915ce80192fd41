/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scsi.h: how a SCSI command ends: status byte and sense data.
 *
 * Status bytes: SAM-5 table 39. Sense keys and additional sense codes: SPC-4
 * section 4.5.6 and its annex of codes in numeric order (the list that T10
 * keeps as asc-num.txt). Pure.
 */
#ifndef LEASEHOLD_SCSI_H
#define LEASEHOLD_SCSI_H

#include <stddef.h>
#include <stdint.h>

enum scsi_status {
  SCSI_GOOD = 0x00,
  SCSI_CHECK_CONDITION = 0x02,
  SCSI_RESERVATION_CONFLICT = 0x18
};

enum scsi_sense_key {
  SCSI_NOT_READY = 0x2,
  SCSI_HARDWARE_ERROR = 0x4,
  SCSI_ILLEGAL_REQUEST = 0x5,
  SCSI_DATA_PROTECT = 0x7,
  SCSI_ABORTED_COMMAND = 0xb
};

/* The last three are 0 unless status is CHECK CONDITION. */
struct scsi_result {
  uint8_t status, sense_key, asc, ascq;
};

/* Fixed format (SPC-4 section 4.5.3). Writes SCSI_SENSE_LENGTH bytes and
 * returns that; 0, and nothing written, unless result is CHECK CONDITION.
 */
#define SCSI_SENSE_LENGTH 18
size_t scsi_sense_encode(const struct scsi_result *result,
                         uint8_t sense[SCSI_SENSE_LENGTH]);

/* The other way: what a reply says. sense of any length is read as far as it
 * goes.
 */
struct scsi_result scsi_sense_decode(uint8_t status, const uint8_t *sense,
                                     size_t length);

/* "GOOD", "RESERVATION CONFLICT", "ILLEGAL REQUEST, INVALID FIELD IN CDB";
 * for what is not known the numbers.
 */
#define SCSI_TEXT_MAX 80
const char *scsi_result_text(const struct scsi_result *result,
                             char text[SCSI_TEXT_MAX]);

#endif
