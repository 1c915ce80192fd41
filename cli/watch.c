/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch.c: verbs that go on: look, print what is new, wait, look again.
 *
 * There is no end but these: SIGINT or SIGTERM, and a reader of the output that
 * has gone, are the user's wish (exit code 0); a first look that fails, and a
 * later one that shows that the volume is no more, are failures. Others are
 * told when they begin, and survived: a store or a server that cannot be
 * reached for a while is a thing to watch.
 */
#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "utils/decimal.h"

#define DEFAULT_INTERVAL_S 1
#define INTERVAL_S_MAX 3600

enum cli_exit
cli_interval(const struct cli *cli, int *interval_s)
{
  const char *text = cli->options[OPTION_INTERVAL], *end = text;
  uint64_t seconds = DEFAULT_INTERVAL_S;

  if (text != NULL && cli->options[OPTION_WATCH] == NULL)
    return cli_fail(cli, CLI_USAGE, "--interval needs --watch");
  if (text != NULL && (!decimal_read(&end, INTERVAL_S_MAX, &seconds) ||
                       *end != '\0' || seconds == 0))
    return cli_fail(cli, CLI_USAGE,
                    "--interval must be a number of seconds, 1 to %d",
                    INTERVAL_S_MAX);
  *interval_s = (int)seconds;
  return CLI_DONE;
}

/* What has been printed is out, and nothing else is to be done. */
static void
leave(int signal_number)
{
  (void)signal_number;
  _exit(CLI_DONE);
}

static void
catch_signals(void)
{
  struct sigaction action = {.sa_handler = leave};

  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  action.sa_handler = SIG_IGN; /* EPIPE says it, too */
  sigaction(SIGPIPE, &action, NULL);
}

/* Waits; false: nobody reads what is printed any more. */
static bool
wait_for_time(int interval_s)
{
  struct pollfd out = {.fd = STDOUT_FILENO}; /* no events: only errors */

  return poll(&out, 1, interval_s * 1000) <= 0;
}

enum cli_exit
cli_watch(struct cli *cli, struct cli_watcher *watcher)
{
  bool first = true, away = false;

  if (cli->options[OPTION_WATCH] != NULL)
    catch_signals();
  for (;;) {
    struct error err = ERROR_INIT;
    int r = watcher->look(watcher, &err);

    if (r != 0 && (first || r == STATUS_NOT_FOUND))
      return cli_fail_with(cli, &err);
    if (r != 0 && !away)
      cli_fail_with(cli, &err);
    away = r != 0;
    first = false;
    if (cli->options[OPTION_WATCH] == NULL)
      return CLI_DONE;
    if (fflush(stdout) != 0) {
      if (errno == EPIPE)
        _exit(CLI_DONE);
      return CLI_FAILED; /* main says why */
    }
    if (!wait_for_time(watcher->interval_s))
      _exit(CLI_DONE);
  }
}
