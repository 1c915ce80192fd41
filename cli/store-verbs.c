/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store-verbs.c: the verbs that need a store, and the libraries for it. */
#include "cli.h"

#include <string.h>

static const struct {
  const char *name;
  enum cli_exit (*run)(struct cli *);
} verbs[] = {
    {"create", run_create},     {"list", run_list},
    {"status", run_status},     {"resize", run_resize},
    {"delete", run_delete},     {"reserve", run_reserve},
    {"release", run_release},   {"preempt", run_preempt},
    {"handover", run_handover}, {"clear", run_clear},
    {"register", run_register}, {"keys", run_keys},
    {"pr-out", run_pr_out},     {"pr-in", run_pr_in},
    {"lease-id", run_lease_id},
};

enum cli_exit
leasehold_store_verb(struct cli *cli)
{
  enum cli_exit code = CLI_FAILED;

  for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
    if (strcmp(verbs[i].name, cli->verb->name) == 0)
      code = verbs[i].run(cli);
  cli_close(cli);
  return code;
}
