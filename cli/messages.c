/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* messages.c: how the command says what is wrong. */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>

static void
complain(const struct cli *cli, const char *format, va_list args)
{
  fflush(stdout);
  fprintf(stderr, "leasehold: ");
  if (cli->verb != NULL)
    fprintf(stderr, "%s: ", cli->verb->name);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
}

enum cli_exit
cli_fail(const struct cli *cli, enum cli_exit code, const char *format, ...)
{
  va_list args;

  va_start(args, format);
  complain(cli, format, args);
  va_end(args);
  return code;
}

enum cli_exit
cli_fail_with(const struct cli *cli, const struct error *err)
{
  return cli_fail(cli,
                  err->status == STATUS_CONFLICT ? CLI_CONFLICT : CLI_FAILED,
                  "%s", err->text);
}
