/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control-handover.h: the hand-over among the control export's commands. */
#ifndef LEASEHOLD_CONTROL_HANDOVER_H
#define LEASEHOLD_CONTROL_HANDOVER_H

#include "leasehold/control.h"

/* Runs the frame, whose length is checked and whose operation code is a
 * hand-over's. Blocks for as long as the frame says.
 */
struct scsi_result control_hand_over(const struct control *control,
                                     const uint8_t *frame, size_t length);

#endif
