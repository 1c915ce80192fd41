/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shrink.c: a volume that nobody holds is made smaller.
 *
 *   acquire    under the lease ID of a node that is there for this only, so
 *              that nobody else writes, or claims, meanwhile
 *   claim      a session may have lost its lease without a successor (clear; an
 *              outage): it would go on if it got it back in its own epoch (S7),
 *              with blocks in memory of what is cut off here, unsent ones, too.
 *              After the claim it is fenced, and says so
 *   resize
 *   release
 *
 * Nothing is written, so whoever claimed last stays the one who has, with his
 * instance and what is known of it (S12, S13); only his session is over. If
 * that is not known (a claim without its record), he is nobody.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "lease/holder.h"
#include "utils/random.h"

/* More than it takes; for as long, the volume is held if this is killed. */
#define DURATION_S 30

static int
run(struct cli *cli, struct store_command *command, struct error *err)
{
  int r = store_run_command(cli->volume, command);

  if (r != 0)
    *err = command->error;
  return r;
}

static int
acquire(struct cli *cli, const char *nonce, struct lease_id *id,
        struct error *err)
{
  struct store_command command = {
      .command = {.verb = LEASE_ACQUIRE, .duration_s = DURATION_S}};
  char *node = command.command.node;
  int r;

  snprintf(node, sizeof command.command.node, "resize-%s", nonce);
  r = lease_id_from_node(node, &cli->key, id);
  if (r != 0)
    return error_set(err, r, "the crypto library fails");
  command.command.lease_id = *id;
  return run(cli, &command, err);
}

/* *epoch becomes the new one. */
static int
claim(struct cli *cli, const struct volume_info *seen, const char *nonce,
      const struct lease_id *id, uint64_t *epoch, struct error *err)
{
  const struct holder *last = &seen->record.holder;
  struct store_command command = {.command = {.verb = LEASE_CLAIM,
                                              .lease_id = *id,
                                              .expected_epoch = seen->epoch,
                                              .check_record = true,
                                              .record_epoch = last->epoch,
                                              .record = seen->record}};
  struct holder next = {.clean = true};
  int r;

  if (last->epoch == seen->epoch)
    next = *last;
  memcpy(next.session, nonce, strlen(nonce) + 1);
  holder_succeed(&command.command.record, &next);
  r = run(cli, &command, err);
  if (r == 0)
    *epoch = command.reply.info.epoch;
  return r;
}

/* What is done is done: that the lease is left to end by itself is only said.
 */
static void
release(struct cli *cli, const struct lease_id *id, uint64_t epoch)
{
  struct store_command command = {.command = {.verb = LEASE_RELEASE,
                                              .lease_id = *id,
                                              .expected_epoch = epoch}};

  if (store_run_command(cli->volume, &command) != 0)
    cli_fail(cli, CLI_DONE,
             "its lease was not given back, and ends in %d s: %s", DURATION_S,
             command.error.text);
}

int
cli_shrink(struct cli *cli, const struct volume_info *seen, uint64_t size,
           struct error *err)
{
  char nonce[SESSION_NONCE_MAX + 1];
  uint64_t epoch = seen->epoch;
  struct lease_id id;
  int r = random_nonce(nonce);

  if (r != 0)
    return error_set(err, r, "no random number");
  r = acquire(cli, nonce, &id, err);
  if (r != 0)
    return r;
  r = claim(cli, seen, nonce, &id, &epoch, err);
  if (r == 0)
    r = store_resize(cli->store, cli->operands[0], size, &id, err);
  release(cli, &id, epoch);
  return r;
}
