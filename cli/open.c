/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* open.c: turns operands and options into a store, a volume, a size, ... */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/export-name.h"
#include "utils/duration.h"
#include "utils/size.h"

#define DEFAULT_DURATION_S 30

/* What an operator should know goes to standard error: results stay alone on
 * standard output.
 */
static void
write_log(const struct log *log, enum log_level level, const char *line)
{
  (void)log;
  if (level != LOG_LEVEL_DEBUG)
    fprintf(stderr, "leasehold: %s\n", line);
}

static const struct log stderr_log = {.write = write_log};

const char *
cli_store_url(const struct cli *cli)
{
  const char *url = cli->options[OPTION_STORE];

  if (url == NULL)
    url = getenv("LEASEHOLD_STORE");
  return url != NULL && url[0] != '\0' ? url : NULL;
}

/* Is it a URL at all? Then what goes wrong is the store's doing. */
static bool
has_known_scheme(const char *url)
{
  for (size_t i = 0; store_table[i] != NULL; i++) {
    const char *scheme = store_table[i]->scheme;

    if (strncmp(url, scheme, strlen(scheme)) == 0)
      return true;
  }
  return false;
}

enum cli_exit
cli_open_store(struct cli *cli, bool create)
{
  struct store_config config = {
      .url = cli_store_url(cli),
      .clock = &system_clock,
      .log = &stderr_log,
      .workers = 0,
      .create = create,
      .account_key = cli->account_key.bytes,
      .sas = cli->sas.bytes,
      .token = cli->token.bytes,
      .cainfo = cli->options[OPTION_CAINFO],
      .insecure = cli->options[OPTION_INSECURE] != NULL,
  };
  struct error err = ERROR_INIT;

  if (config.url == NULL)
    return cli_fail(cli, CLI_USAGE,
                    "no store: use --store URL, or set LEASEHOLD_STORE");
  if (store_open(&config, &cli->store, &err) != 0)
    return cli_fail(cli, has_known_scheme(config.url) ? CLI_FAILED : CLI_USAGE,
                    "%s", err.text);
  return CLI_DONE;
}

enum cli_exit
cli_open_volume(struct cli *cli)
{
  struct error err = ERROR_INIT;
  enum cli_exit code = cli_check_volume(cli);

  if (code == CLI_DONE)
    code = cli_open_store(cli, false);
  if (code != CLI_DONE)
    return code;
  if (store_volume_open(cli->store, cli->operands[0], &cli->volume, &err) != 0)
    return cli_fail_with(cli, &err);
  return CLI_DONE;
}

enum cli_exit
cli_lease_id(const struct cli *cli, const char *node, struct lease_id *out)
{
  struct error err = ERROR_INIT;

  if (node_name_check(node, &err) != 0)
    return cli_fail(cli, CLI_USAGE, "%s", err.text);
  if (lease_id_from_node(node, &cli->key, out) != 0)
    return cli_fail(cli, CLI_FAILED, "the crypto library fails");
  return CLI_DONE;
}

enum cli_exit
cli_node(const struct cli *cli, enum cli_option option, struct lease_id *out)
{
  if (cli->options[option] == NULL)
    return CLI_DONE;
  return cli_lease_id(cli, cli->options[option], out);
}

enum cli_exit
cli_size(const struct cli *cli, uint64_t *size)
{
  struct error err = ERROR_INIT;

  if (size_parse(cli->operands[1], size, &err) != 0)
    return cli_fail(cli, CLI_USAGE, "%s", err.text);
  if (*size == 0 || *size % STORE_SECTOR != 0 || *size > STORE_SIZE_MAX)
    return cli_fail(cli, CLI_USAGE,
                    "size %s: must be a multiple of %d, from %d to 8T",
                    cli->operands[1], STORE_SECTOR, STORE_SECTOR);
  return CLI_DONE;
}

enum cli_exit
cli_duration(const struct cli *cli, uint32_t *duration_s)
{
  const char *text = cli->options[OPTION_DURATION];
  struct error err = ERROR_INIT;

  *duration_s = DEFAULT_DURATION_S;
  if (text == NULL)
    return CLI_DONE;
  if (duration_parse(text, duration_s, &err) != 0)
    return cli_fail(cli, CLI_USAGE, "%s", err.text);
  if (*duration_s != LEASE_DURATION_INFINITE &&
      (*duration_s < LEASE_DURATION_MIN || *duration_s > LEASE_DURATION_MAX))
    return cli_fail(cli, CLI_USAGE,
                    "duration %s: must be %d to %d seconds, or infinite", text,
                    LEASE_DURATION_MIN, LEASE_DURATION_MAX);
  return CLI_DONE;
}

void
cli_close(struct cli *cli)
{
  store_volume_close(cli->volume);
  store_close(cli->store);
}
