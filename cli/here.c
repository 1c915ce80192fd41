/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* here.c: what a server would do, done here at the store. */
#include "cli.h"

#include <time.h>

#include "lease/handover-frame.h"
#include "leasehold/control.h"
#include "leasehold/handover.h"

/* Of a lease that nobody held. */
#define DURATION_S 30

enum cli_exit
cli_run_frame(struct cli *cli, const char *node, const uint8_t *frame,
              size_t length, uint8_t *reply)
{
  struct control control = {
      .name = cli->operands[0], .node = node, .key = cli->key};
  struct error err = ERROR_INIT;
  enum cli_exit code = cli->volume != NULL ? CLI_DONE : cli_open_volume(cli);

  if (code != CLI_DONE)
    return code;
  control.volume = cli->volume;
  if (control_run(&control, frame, length, reply, &err) != 0)
    return cli_fail_with(cli, &err);
  return CLI_DONE;
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

enum cli_exit
cli_run_handover(struct cli *cli, const struct handover_frame *frame)
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
