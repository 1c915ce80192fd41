/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control-handover.c: a hand-over that comes by the control export. */
#include "lease/control-handover.h"

#include <stdio.h>
#include <string.h>

#include "lease/handover-frame.h"
#include "lease/scsi-sense.h"
#include "leasehold/handover.h"
#include "leasehold/translate.h"

/* What a session tells of itself is not told twice. */
static void
tell(const struct control *control, const struct handover_frame *frame,
     enum handover_end end)
{
  struct lease_event event;

  if (end != HANDOVER_FORCED && end != HANDOVER_FREE)
    return;
  event_init(&event, end == HANDOVER_FORCED ? EVENT_PREEMPT : EVENT_RESERVE,
             control->name, frame->to);
  memcpy(event.other_node, frame->from, sizeof event.other_node);
  snprintf(event.cause, sizeof event.cause, "%s",
           end == HANDOVER_FORCED ? "it was not handed over in time"
                                  : "to be handed over, and free");
  event_log(control->log, &event);
  events_add(control->events, &event);
}

static struct handover
make_handover(const struct control *control, const struct handover_frame *asked)
{
  return (struct handover){.volume = control->volume,
                           .name = control->name,
                           .from = asked->from,
                           .to = asked->to,
                           .key = control->key,
                           .timeout_ns =
                               asked->timeout_s * NANOSECONDS_PER_SECOND,
                           .duration_s = control->duration_s,
                           .force = asked->force,
                           .clock = control->clock,
                           .patience = control->patience,
                           .keeper = control->keeper};
}

static struct scsi_result
decode(const struct control *control, const uint8_t *frame, size_t length,
       struct handover_frame *out)
{
  struct scsi_result result =
      handover_frame_decode(frame, frame + CONTROL_LIST_OFFSET,
                            length - CONTROL_LIST_OFFSET, control->node, out);

  if (result.status == SCSI_GOOD && control->patience == NULL)
    return (struct scsi_result){INVALID_OPERATION_CODE};
  return result;
}

bool
control_take_over(const struct control *control, const uint8_t *frame,
                  size_t length, uint8_t reply[CONTROL_SIZE])
{
  struct handover_frame asked;
  struct handover handover;

  if (length < CONTROL_LIST_OFFSET || frame[0] != HANDOVER_OPERATION_CODE ||
      decode(control, frame, length, &asked).status != SCSI_GOOD ||
      asked.timeout_s > 0 || !asked.force)
    return false;
  handover = make_handover(control, &asked);
  if (handover_take(&handover) != 0)
    return false;
  tell(control, &asked, HANDOVER_FORCED);
  memset(reply, 0, CONTROL_SIZE); /* GOOD */
  return true;
}

struct scsi_result
control_hand_over(const struct control *control, const uint8_t *frame,
                  size_t length)
{
  struct handover_frame asked;
  enum handover_end end = HANDOVER_DONE;
  struct error error = ERROR_INIT;
  struct scsi_result result = decode(control, frame, length, &asked);
  struct handover handover;
  int r;

  if (result.status != SCSI_GOOD)
    return result;
  handover = make_handover(control, &asked);
  r = handover_run(&handover, &end, &error);
  if (r == 0)
    tell(control, &asked, end);
  else if (r != STATUS_CONFLICT)
    log_line(control->log, LOG_LEVEL_ERROR, "%s@%s: hand-over: %s",
             control->name, control->node,
             error.text[0] != '\0' ? error.text : status_text(r));
  if (r == STATUS_TIMEOUT)
    return (struct scsi_result){TIMEOUT_DURING_PROCESSING};
  return translate_scsi(r);
}
