/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handover-verb.c: handover, by a server or at the store. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "lease/handover-frame.h"
#include "utils/decimal.h"
#include "utils/printable.h"

#define DEFAULT_TIMEOUT_S 60
#define TIMEOUT_MAX_S 3600

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
  enum cli_exit code = cli_check_volume(cli);

  if (code == CLI_DONE)
    code = cli_check_node(cli, OPTION_FROM);
  if (code == CLI_DONE)
    code = cli_check_node(cli, OPTION_TO);
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

enum cli_exit
run_handover(struct cli *cli)
{
  struct handover_frame frame = {.force = false};
  enum cli_exit code = begin(cli, &frame);

  if (code == CLI_DONE)
    code = cli_run_handover(cli, &frame);
  if (code == CLI_DONE)
    printf("%s: %s holds it\n", cli->operands[0], frame.to);
  return code;
}
