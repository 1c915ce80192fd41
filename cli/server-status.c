/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server-status.c: status, by a server. */
#include "cli.h"

#include <stdlib.h>

static int
look_at_server(struct cli_watcher *base, struct error *err)
{
  struct cli_status *watcher = (struct cli_status *)base;
  char *text = NULL;
  json_t *state;
  int r = cli_server_text(watcher->cli, "status", &text, err);

  if (r != 0)
    return r;
  state = json_loads(text, 0, NULL);
  free(text);
  if (state == NULL)
    return error_set(err, STATUS_CORRUPT,
                     "%s: the server's status cannot be understood",
                     watcher->cli->operands[0]);
  if (cli_status_is_news(watcher, state))
    cli_status_print(watcher->cli, state);
  json_decref(state);
  return 0;
}

enum cli_exit
run_server_status(struct cli *cli)
{
  struct cli_status watcher = {.watcher.look = look_at_server, .cli = cli};
  enum cli_exit code = cli_interval(cli, &watcher.watcher.interval_s);

  if (code == CLI_DONE)
    code = cli_check_node(cli, OPTION_NODE);
  if (code == CLI_DONE)
    code = cli_check_volume(cli);
  if (code == CLI_DONE)
    code = cli_check_server(cli);
  if (code == CLI_DONE)
    code = cli_watch(cli, &watcher.watcher);
  json_decref(watcher.shown);
  return code;
}
