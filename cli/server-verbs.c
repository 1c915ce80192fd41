/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server-verbs.c: with --server, reserve, release, preempt and clear are
 * persistent reservation commands.
 *
 * Keys are for machines: people name nodes, and the keys are looked up in READ
 * FULL STATUS.
 */
#include "cli.h"

#include <stdio.h>

#include "leasehold/registrations.h"

/* Reads the registrations and finds --node's among them. */
static enum cli_exit
begin(struct cli *cli, struct registrations *state,
      const struct registrant **mine)
{
  const char *node = cli->options[OPTION_NODE];
  enum cli_exit code = cli_check_names(cli);

  if (code == CLI_DONE)
    code = cli_read_registrations(cli, node, state);
  if (code != CLI_DONE)
    return code;
  *mine = registrations_find(state, node);
  if (*mine == NULL)
    return cli_fail(cli, CLI_FAILED,
                    "%s: %s is not registered; do that first: leasehold "
                    "--server URI register %s --node %s --key KEY",
                    cli->operands[0], node, cli->operands[0], node);
  return CLI_DONE;
}

enum cli_exit
run_server_reserve(struct cli *cli)
{
  struct pr_command command = {.action = PR_RESERVE, .type = WRITE_EXCLUSIVE};
  const struct registrant *mine;
  struct registrations state;
  enum cli_exit code = begin(cli, &state, &mine);

  if (code == CLI_DONE) {
    command.key = mine->key;
    code = cli_run_out(cli, &command);
  }
  if (code == CLI_DONE)
    printf("%s: reserved for %s, until it is released\n", cli->operands[0],
           mine->node);
  return code;
}

enum cli_exit
run_server_release(struct cli *cli)
{
  struct pr_command command = {.action = PR_RELEASE, .type = WRITE_EXCLUSIVE};
  const struct registrant *mine;
  struct registrations state;
  enum cli_exit code = begin(cli, &state, &mine);

  if (code == CLI_DONE) {
    command.key = mine->key;
    code = cli_run_out(cli, &command);
  }
  if (code != CLI_DONE)
    return code;
  if (registrations_holds(&state, mine->node))
    printf("%s: released by %s\n", cli->operands[0], mine->node);
  else
    printf("%s: not held by %s; nothing to release\n", cli->operands[0],
           mine->node);
  return CLI_DONE;
}

/* Whom to preempt: --victim, else the holder. */
static enum cli_exit
find_victim(struct cli *cli, const struct registrations *state,
            const struct registrant **victim)
{
  const char *node = cli->options[OPTION_VICTIM];

  *victim = registrations_find(state,
                               node != NULL ? node : state->reservation.holder);
  if (*victim != NULL)
    return CLI_DONE;
  if (node != NULL)
    return cli_fail(cli, CLI_CONFLICT, "%s: %s is not registered",
                    cli->operands[0], node);
  return cli_fail(cli, CLI_CONFLICT,
                  "%s: nobody who is registered holds it; reserve takes it if "
                  "it is free, and clear from a node that has not registered",
                  cli->operands[0]);
}

/* By the operator's word alone, whoever is registered. */
static enum cli_exit
preempt_by_force(struct cli *cli)
{
  enum cli_exit code = cli_check_names(cli);

  if (code == CLI_DONE && cli->options[OPTION_VICTIM] == NULL)
    code = cli_fail(cli, CLI_USAGE, "--force by a server needs --victim NODE");
  return code == CLI_DONE ? cli_server_take(cli) : code;
}

enum cli_exit
run_server_preempt(struct cli *cli)
{
  struct pr_command command = {.action = PR_PREEMPT_AND_ABORT,
                               .type = WRITE_EXCLUSIVE};
  const struct registrant *mine, *victim;
  struct registrations state;
  enum cli_exit code;

  if (cli->options[OPTION_FORCE] != NULL)
    return preempt_by_force(cli);
  code = begin(cli, &state, &mine);
  if (code == CLI_DONE)
    code = find_victim(cli, &state, &victim);
  if (code == CLI_DONE && victim != mine) {
    command.key = mine->key;
    command.service_key = victim->key;
    code = cli_run_out(cli, &command);
  }
  if (code != CLI_DONE)
    return code;
  if (victim == mine)
    printf("%s: %s holds it already\n", cli->operands[0], mine->node);
  else if (registrations_holds(&state, victim->node))
    printf("%s: taken from %s; %s holds it, until it is released\n",
           cli->operands[0], victim->node, mine->node);
  else
    printf("%s: %s is not registered any more; it did not hold it\n",
           cli->operands[0], victim->node);
  return CLI_DONE;
}

enum cli_exit
run_server_clear(struct cli *cli)
{
  struct pr_command command = {.action = PR_CLEAR};
  const struct registrant *mine;
  struct registrations state;
  enum cli_exit code;

  if (cli->options[OPTION_NODE] == NULL)
    return cli_fail(cli, CLI_USAGE,
                    "with --server, option --node NODE is missing");
  code = begin(cli, &state, &mine);
  if (code == CLI_DONE) {
    command.key = mine->key;
    code = cli_run_out(cli, &command);
  }
  if (code == CLI_DONE)
    printf("%s: cleared; nobody is registered, nobody holds it\n",
           cli->operands[0]);
  return code;
}
