/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* names.c: are the names on the command line names? */
#include "cli.h"

#include "leasehold/export-name.h"

enum cli_exit
cli_check_volume(const struct cli *cli)
{
  struct error err = ERROR_INIT;

  if (volume_name_check(cli->operands[0], &err) != 0)
    return cli_fail(cli, CLI_USAGE, "%s", err.text);
  return CLI_DONE;
}

enum cli_exit
cli_check_node(const struct cli *cli, enum cli_option option)
{
  const char *node = cli->options[option];
  struct error err = ERROR_INIT;

  if (node != NULL && node_name_check(node, &err) != 0)
    return cli_fail(cli, CLI_USAGE, "%s", err.text);
  return CLI_DONE;
}
