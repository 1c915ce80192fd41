/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handover-verb.c: handover, by a server or at the store; and the preempt by a
 * server that is a hand-over for which nobody is given any time.
 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lease/handover-frame.h"
#include "leasehold/control.h"
#include "leasehold/handover.h"
#include "utils/decimal.h"
#include "utils/printable.h"

#define DEFAULT_TIMEOUT_S 60
#define TIMEOUT_MAX_S 3600
/* Of a lease that nobody held. */
#define DURATION_S 30

static enum cli_exit
parse_timeout(const struct cli *cli, uint16_t *timeout_s)
{
  const char *text = cli->options[OPTION_TIMEOUT], *rest = text;
  struct printable shown;
  uint64_t seconds = DEFAULT_TIMEOUT_S;

  if (text != NULL &&
      (!decimal_read(&rest, TIMEOUT_MAX_S, &seconds) || *rest != '\0'))
    return cli_fail(cli, CLI_USAGE, "timeout %s: must be 0 to %d seconds",
                    printable(&shown, text, strlen(text)), TIMEOUT_MAX_S);
  if (seconds == 0 && cli->options[OPTION_FORCE] == NULL)
    return cli_fail(cli, CLI_USAGE,
                    "--timeout 0 gives nobody any time; it needs --force");
  *timeout_s = (uint16_t)seconds;
  return CLI_DONE;
}

/* Checks what the command line names. */
static enum cli_exit
begin(struct cli *cli, struct handover_frame *frame)
{
  const char *from = cli->options[OPTION_FROM], *to = cli->options[OPTION_TO];
  struct lease_id unused;
  enum cli_exit code = cli_check_volume(cli);

  if (code == CLI_DONE)
    code = cli_node(cli, OPTION_FROM, &unused);
  if (code == CLI_DONE)
    code = cli_node(cli, OPTION_TO, &unused);
  if (code == CLI_DONE && strcmp(from, to) == 0)
    code = cli_fail(cli, CLI_USAGE, "--from and --to are the same node");
  if (code == CLI_DONE)
    code = parse_timeout(cli, &frame->timeout_s);
  if (code != CLI_DONE)
    return code;
  frame->force = cli->options[OPTION_FORCE] != NULL;
  memcpy(frame->from, from, strlen(from) + 1);
  memcpy(frame->to, to, strlen(to) + 1);
  return CLI_DONE;
}

static enum cli_exit
run_by_server(struct cli *cli, const struct handover_frame *frame)
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
  code = cli_server_run(cli, frame->to, bytes, length, reply);
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

static bool
sleep_for(struct handover_patience *patience, uint64_t for_ns)
{
  struct timespec time = {.tv_sec = (time_t)(for_ns / NANOSECONDS_PER_SECOND),
                          .tv_nsec = (long)(for_ns % NANOSECONDS_PER_SECOND)};

  (void)patience;
  nanosleep(&time, NULL);
  return true;
}

static enum cli_exit
run_here(struct cli *cli, const struct handover_frame *frame)
{
  struct handover_patience patience = {.wait = sleep_for};
  struct error err = ERROR_INIT;
  enum handover_end end;
  enum cli_exit code = cli_open_volume(cli);
  struct handover handover = {.volume = cli->volume,
                              .name = cli->operands[0],
                              .from = frame->from,
                              .to = frame->to,
                              .key = cli->key,
                              .timeout_ns =
                                  frame->timeout_s * NANOSECONDS_PER_SECOND,
                              .duration_s = DURATION_S,
                              .force = frame->force,
                              .clock = &system_clock,
                              .patience = &patience};

  if (code != CLI_DONE)
    return code;
  if (handover_run(&handover, &end, &err) != 0)
    return cli_fail_with(cli, &err);
  return CLI_DONE;
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
  code = run_by_server(cli, &frame);
  if (code == CLI_DONE)
    printf("%s: %s holds it; %s does not\n", cli->operands[0], to, from);
  return code;
}

enum cli_exit
run_handover(struct cli *cli)
{
  struct handover_frame frame = {.force = false};
  enum cli_exit code = begin(cli, &frame);

  if (code == CLI_DONE)
    code = cli->options[OPTION_SERVER] != NULL ? run_by_server(cli, &frame)
                                               : run_here(cli, &frame);
  if (code == CLI_DONE)
    printf("%s: %s holds it\n", cli->operands[0], frame.to);
  return code;
}
