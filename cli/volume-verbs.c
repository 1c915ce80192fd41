/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* volume-verbs.c: create, resize, delete.
 *
 * resize and delete look at the volume, decide, and then give the store the
 * lease ID that goes with what they saw. If the lease has changed hands in
 * between the store refuses, and they look again.
 */
#include "cli.h"

#include <stdio.h>

#include "utils/size.h"

struct change {
  struct cli *cli;
  const char *volume;
  uint64_t size;            /* resize: the new one */
  struct lease_id node_id;  /* resize: of --node, or "" */
  struct volume_info info;  /* as last looked at */
  struct lease_id lease_id; /* that the store is given; "" for none */
  struct error error;

  /* 0, or a negative status and error. decide may set lease_id. */
  int (*decide)(struct change *);
  int (*act)(struct change *);
};

static int
refuse_held(struct change *change, const char *advice)
{
  char who[LEASE_HOLDER_TEXT_MAX];

  lease_holder_text(&change->info, who);
  return error_set(&change->error, STATUS_CONFLICT,
                   "%s: reservation conflict: %s%s", change->volume, who,
                   advice);
}

static enum cli_exit
run_change(struct change *change)
{
  int status = STATUS_LEASE_MISMATCH;

  for (int look = 0; look < RESERVATION_LOOKS_MAX && status_is_refusal(status);
       look++) {
    change->lease_id = (struct lease_id){.text = ""};
    status =
        reservation_look(change->cli->volume, &change->info, &change->error);
    if (status == 0)
      status = change->decide(change);
    if (status == 0)
      status = change->act(change);
  }
  if (status_is_refusal(status))
    status = refuse_held(change, "");
  return status == 0 ? CLI_DONE : cli_fail_with(change->cli, &change->error);
}

enum cli_exit
run_create(struct cli *cli)
{
  char shown[SIZE_TEXT_MAX];
  struct error err = ERROR_INIT;
  uint64_t size = 0;
  enum cli_exit code = cli_check_volume(cli);

  if (code == CLI_DONE)
    code = cli_size(cli, &size);
  if (code == CLI_DONE)
    code = cli_open_store(cli, true);
  if (code != CLI_DONE)
    return code;
  if (store_create(cli->store, cli->operands[0], size, &err) != 0)
    return cli_fail_with(cli, &err);
  printf("%s: created, %s\n", cli->operands[0], size_format(size, shown));
  return CLI_DONE;
}

static int
decide_resize(struct change *change)
{
  char shown[SIZE_TEXT_MAX];
  const char *node = change->cli->options[OPTION_NODE];
  struct lease_holder holder;

  lease_holder_of(&change->info, &holder);
  if (holder.held && node == NULL)
    return refuse_held(change, "; --node with its name resizes it");
  if (node != NULL && lease_key_check(&change->info, change->volume, node,
                                      &change->node_id, &change->error) != 0)
    return STATUS_CONFLICT;
  if (change->size < change->info.size &&
      change->cli->options[OPTION_SHRINK] == NULL)
    return error_set(&change->error, STATUS_UNSUPPORTED,
                     "%s: it has %s; a smaller size cuts data off and needs "
                     "--shrink",
                     change->volume, size_format(change->info.size, shown));
  /* It may have something in memory, unsent, of what would be cut off. */
  if (holder.held && change->size < change->info.size)
    return refuse_held(change, "; it can be made smaller when nobody does");
  if (holder.held)
    change->lease_id = change->node_id;
  return 0;
}

static int
act_resize(struct change *change)
{
  if (change->size < change->info.size)
    return cli_shrink(change->cli, &change->info, change->size, &change->error);
  return store_resize(change->cli->store, change->volume, change->size,
                      &change->lease_id, &change->error);
}

enum cli_exit
run_resize(struct cli *cli)
{
  struct change change = {
      .cli = cli,
      .volume = cli->operands[0],
      .decide = decide_resize,
      .act = act_resize,
  };
  char shown[SIZE_TEXT_MAX];
  enum cli_exit code = cli_size(cli, &change.size);

  if (code == CLI_DONE)
    code = cli_node(cli, OPTION_NODE, &change.node_id);
  if (code == CLI_DONE)
    code = cli_open_volume(cli);
  if (code == CLI_DONE)
    code = run_change(&change);
  if (code == CLI_DONE)
    printf("%s: resized from %s", change.volume,
           size_format(change.info.size, shown));
  if (code == CLI_DONE)
    printf(" to %s\n", size_format(change.size, shown));
  return code;
}

/* With --force the lease is broken if the store does not tell its ID. */
static int
decide_delete(struct change *change)
{
  struct store_command command = {
      .command = {.verb = LEASE_BREAK, .break_period_s = 0},
  };
  struct lease_holder holder;
  int status;

  lease_holder_of(&change->info, &holder);
  if (!holder.held)
    return 0;
  if (change->cli->options[OPTION_FORCE] == NULL)
    return refuse_held(change, "; --force deletes it all the same");
  if (change->info.lease.id_known) {
    change->lease_id = change->info.lease.id;
    return 0;
  }
  status = store_run_command(change->cli->volume, &command);
  change->error = command.error;
  return status;
}

static int
act_delete(struct change *change)
{
  return store_remove(change->cli->store, change->volume, &change->lease_id,
                      &change->error);
}

enum cli_exit
run_delete(struct cli *cli)
{
  struct change change = {
      .cli = cli,
      .volume = cli->operands[0],
      .decide = decide_delete,
      .act = act_delete,
  };
  enum cli_exit code = cli_open_volume(cli);

  if (code == CLI_DONE)
    code = run_change(&change);
  if (code == CLI_DONE)
    printf("%s: deleted\n", change.volume);
  return code;
}
