/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secrets.c: reads the files that options name. */
#include "cli.h"

#define KEY_BYTES_MAX 4096
#define CREDENTIALS_BYTES_MAX 16384

/* A secret never stands on a command line, only the name of its file; that may
 * have the + before it that the plugin's parameters have.
 */
static enum cli_exit
read_secret(struct cli *cli, enum cli_option option, const char *what,
            size_t max, struct secret *out)
{
  const char *path = cli->options[option];
  struct error err = ERROR_INIT;

  if (path == NULL)
    return CLI_DONE;
  path += path[0] == '+';
  if (secret_read(path, max, out, &err) != 0)
    return cli_fail(cli, CLI_FAILED, "%s: %s", what, err.text);
  return CLI_DONE;
}

enum cli_exit
cli_read_secrets(struct cli *cli)
{
  enum cli_exit code = read_secret(cli, OPTION_LEASE_KEY, "lease key",
                                   KEY_BYTES_MAX, &cli->key_bytes);

  if (code == CLI_DONE)
    code = read_secret(cli, OPTION_ACCOUNT_KEY, "account key",
                       CREDENTIALS_BYTES_MAX, &cli->account_key);
  if (code == CLI_DONE)
    code =
        read_secret(cli, OPTION_SAS, "SAS", CREDENTIALS_BYTES_MAX, &cli->sas);
  if (code == CLI_DONE)
    code = read_secret(cli, OPTION_TOKEN, "token", CREDENTIALS_BYTES_MAX,
                       &cli->token);
  cli->key = (struct lease_key){.bytes = (unsigned char *)cli->key_bytes.bytes,
                                .length = cli->key_bytes.length};
  return code;
}

void
cli_forget_secrets(struct cli *cli)
{
  secret_free(&cli->key_bytes);
  secret_free(&cli->account_key);
  secret_free(&cli->sas);
  secret_free(&cli->token);
}
