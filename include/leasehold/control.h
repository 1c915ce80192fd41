/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control.h: reservation commands as they travel on the control export
 * VOLUME@NODE/reservation (DESIGN section 8).
 *
 * and, as a vendor-specific command, the hand-over of handover-frame.h.
 *
 *   what is written   0-15  the CDB, then zeroes
 *                     16-   the parameter list of a PERSISTENT RESERVE OUT
 *   what is read      0     SCSI status
 *                     1     length of the sense data
 *                     2-3   zero
 *                     4-7   length of the data-in, big-endian
 *                     8-    sense data
 *                     64-   data-in
 */
#ifndef LEASEHOLD_CONTROL_H
#define LEASEHOLD_CONTROL_H

#include "leasehold/events.h"
#include "leasehold/scsi-pr.h"
#include "leasehold/store.h"

#define CONTROL_SIZE 65536
#define CONTROL_LIST_OFFSET 16
#define CONTROL_SENSE_OFFSET 8
#define CONTROL_DATA_OFFSET 64

struct handover_patience;
struct keeper;

/* Who sends commands to what; all of it is the caller's. */
struct control {
  struct store_volume *volume;
  const char *name; /* the volume's */
  const char *node;
  struct lease_key key;
  const struct log *log; /* a line for each change; may be NULL */
  struct events *events; /* and an event; may be NULL */
  /* For a hand-over; see handover.h. Without patience there is none. */
  struct handover_patience *patience;
  const struct clock *clock;
  struct keeper *keeper; /* may be NULL */
  uint32_t duration_s;
};

/* Runs the command in the first length bytes of frame and waits for it; what
 * comes out of it is in reply, all of it. 0, or STATUS_INVALID for a malformed
 * frame, and STATUS_NO_MEMORY; reply is not touched then. Any thread.
 */
int control_run(const struct control *control, const uint8_t *frame,
                size_t length, uint8_t reply[CONTROL_SIZE], struct error *err);

/* The short way of a hand-over by force that gives nobody any time (handover.h,
 * handover_take). True: frame is one, and it is done; reply as of control_run.
 * Else nothing has been decided, and control_run is to be called. control's
 * volume is not used. Any thread.
 */
bool control_take_over(const struct control *control, const uint8_t *frame,
                       size_t length, uint8_t reply[CONTROL_SIZE]);

/* Where the store keeps lease IDs to itself: names the holder in info as the
 * registrations do, which know of reservations whose holder has not written
 * yet. What cannot be read, or is not needed, changes nothing.
 */
void control_name_holder(const struct control *control,
                         struct volume_info *info);

/* Whether the reservation lets control's node, or with "" nobody in particular,
 * read. Changes nothing. Any thread; blocks.
 */
int control_may_read(const struct control *control, bool *may,
                     struct error *err);

/* For an administrator who is about to break the lease: if it is that of a
 * group of writers, the volume is cleared as by one of them, so that the
 * instances in it are remembered (S12). 1: that was done; 0: it is no group's
 * lease, or not under this key; or what went wrong.
 */
int control_clear_group(const struct control *control, struct error *err);

/* For an administrator who has broken the lease: nobody is registered any more,
 * and nothing is pending. Without registrations nothing is done.
 */
int control_unregister_all(const struct control *control, struct error *err);

#endif
