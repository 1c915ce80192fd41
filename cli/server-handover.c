/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server-handover.c: a hand-over by a server; and the preempt by a server that
 * is one for which nobody is given any time.
 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease/handover-frame.h"
#include "leasehold/control.h"

enum cli_exit
cli_run_handover(struct cli *cli, const struct handover_frame *frame)
{
  uint8_t bytes[CONTROL_LIST_OFFSET + HANDOVER_LIST_MAX];
  size_t length =
      CONTROL_LIST_OFFSET +
      handover_frame_encode(frame, bytes, bytes + CONTROL_LIST_OFFSET);
  uint8_t *reply = malloc(CONTROL_SIZE);
  struct scsi_result result;
  char text[SCSI_TEXT_MAX];
  enum cli_exit code;

  if (reply == NULL)
    return cli_fail(cli, CLI_FAILED, "out of memory");
  code = cli_run_frame(cli, frame->to, bytes, length, reply);
  if (code == CLI_DONE) {
    result =
        scsi_sense_decode(reply[0], reply + CONTROL_SENSE_OFFSET, reply[1]);
    if (result.status == SCSI_RESERVATION_CONFLICT)
      code = cli_fail(cli, CLI_CONFLICT,
                      "%s: reservation conflict: %s does not hold it",
                      cli->operands[0], frame->from);
    else if (result.status != SCSI_GOOD)
      code = cli_fail(cli, CLI_FAILED, "%s: %s has not handed it over: %s",
                      cli->operands[0], frame->from,
                      scsi_result_text(&result, text));
  }
  free(reply);
  return code;
}

enum cli_exit
cli_server_take(struct cli *cli)
{
  struct handover_frame frame = {.force = true, .timeout_s = 0};
  const char *from = cli->options[OPTION_VICTIM];
  const char *to = cli->options[OPTION_NODE];
  enum cli_exit code;

  if (strcmp(from, to) == 0)
    return cli_fail(cli, CLI_USAGE, "--node and --victim are the same node");
  memcpy(frame.from, from, strlen(from) + 1);
  memcpy(frame.to, to, strlen(to) + 1);
  code = cli_run_handover(cli, &frame);
  if (code == CLI_DONE)
    printf("%s: %s holds it; %s does not\n", cli->operands[0], to, from);
  return code;
}
