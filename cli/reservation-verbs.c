/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reservation-verbs.c: reserve, release, preempt, clear, lease-id. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "leasehold/control.h"

/* The request of the node that --node names, with --victim and --duration.
 * Opens the volume.
 */
static enum cli_exit
begin(struct cli *cli, enum reservation_command command,
      struct reservation_request *request)
{
  enum cli_exit code;

  *request = (struct reservation_request){.command = command};
  code = cli_duration(cli, &request->duration_s);
  if (code == CLI_DONE)
    code = cli_node(cli, OPTION_NODE, &request->node_id);
  if (code == CLI_DONE)
    code = cli_node(cli, OPTION_VICTIM, &request->victim_id);
  if (code == CLI_DONE)
    code = cli_open_volume(cli);
  if (code == CLI_DONE && cli->options[OPTION_NODE] != NULL)
    snprintf(request->node, sizeof request->node, "%s",
             cli->options[OPTION_NODE]);
  return code;
}

static enum cli_exit
finish(struct cli *cli, const struct reservation_request *request,
       struct reservation_result *result)
{
  const char *volume = cli->operands[0], *victim = cli->options[OPTION_VICTIM];

  if (reservation_run(cli->volume, volume, request, result) == 0)
    return CLI_DONE;
  if (result->status == STATUS_CONFLICT && victim != NULL)
    lease_key_check(&result->info, volume, victim, &request->victim_id,
                    &result->error);
  return cli_fail_with(cli, &result->error);
}

/* ", for 30 s unless renewed"; nothing where the store does not tell. */
static void
print_duration(uint32_t duration_s)
{
  if (duration_s == LEASE_DURATION_INFINITE)
    printf(", until it is released");
  else if (duration_s != 0)
    printf(", for %u s unless renewed", duration_s);
  printf("\n");
}

enum cli_exit
run_reserve(struct cli *cli)
{
  struct reservation_request request;
  struct reservation_result result;
  enum cli_exit code = begin(cli, RESERVATION_RESERVE, &request);

  if (code == CLI_DONE)
    code = finish(cli, &request, &result);
  if (code != CLI_DONE)
    return code;
  printf("%s: reserved for %s", cli->operands[0], request.node);
  print_duration(request.duration_s);
  return CLI_DONE;
}

enum cli_exit
run_release(struct cli *cli)
{
  struct reservation_request request;
  struct reservation_result result;
  enum cli_exit code = begin(cli, RESERVATION_RELEASE, &request);

  if (code == CLI_DONE)
    code = finish(cli, &request, &result);
  if (code != CLI_DONE)
    return code;
  if (result.sent > 0)
    printf("%s: released by %s\n", cli->operands[0], request.node);
  else if (lease_key_check(&result.info, cli->operands[0], request.node,
                           &request.node_id, &result.error) != 0)
    return cli_fail_with(cli, &result.error);
  else
    printf("%s: not held by %s; nothing to release\n", cli->operands[0],
           request.node);
  return CLI_DONE;
}

/* Without --victim: whoever holds the volume now, by the lease ID if the store
 * tells it, else by name. A node that takes it in between is left alone, and
 * the conflict names it. from becomes the holder's name, "" if not known.
 */
static enum cli_exit
find_victim(struct cli *cli, struct reservation_request *request,
            char from[NODE_NAME_MAX + 1])
{
  struct error err = ERROR_INIT;
  struct lease_holder holder;
  struct volume_info info;

  if (reservation_look(cli->volume, &info, &err) != 0)
    return cli_fail_with(cli, &err);
  lease_holder_of(&info, &holder);
  memcpy(from, holder.node, sizeof holder.node);
  if (!holder.held)
    request->victim_id = request->node_id; /* nobody is to lose it */
  else if (info.lease.id_known)
    request->victim_id = info.lease.id;
  else if (holder.node[0] != '\0')
    return cli_lease_id(cli, holder.node, &request->victim_id);
  else
    return cli_fail(cli, CLI_FAILED,
                    "%s: the store does not tell who holds it: name the node "
                    "with --victim",
                    cli->operands[0]);
  return CLI_DONE;
}

enum cli_exit
run_preempt(struct cli *cli)
{
  const char *victim = cli->options[OPTION_VICTIM];
  char from[NODE_NAME_MAX + 1];
  struct reservation_request request;
  struct reservation_result result;
  struct lease_holder holder;
  enum cli_exit code = begin(cli, RESERVATION_PREEMPT, &request);

  if (code == CLI_DONE && victim == NULL)
    code = find_victim(cli, &request, from);
  else if (code == CLI_DONE)
    snprintf(from, sizeof from, "%s", victim);
  if (code == CLI_DONE)
    code = finish(cli, &request, &result);
  if (code != CLI_DONE)
    return code;

  lease_holder_of(&result.info, &holder);
  printf("%s: ", cli->operands[0]);
  if (result.sent == 0) {
    printf("%s holds it already\n", request.node);
  } else if (!holder.held) {
    printf("nobody held it; reserved for %s", request.node);
    print_duration(request.duration_s);
  } else {
    printf("taken from %s; %s holds it", from[0] != '\0' ? from : "its holder",
           request.node);
    print_duration(result.info.lease.duration_s);
  }
  return CLI_DONE;
}

enum cli_exit
run_clear(struct cli *cli)
{
  struct reservation_request request;
  struct reservation_result result;
  struct lease_holder holder;
  struct control control = {.name = cli->operands[0], .key = cli->key};
  struct error err = ERROR_INIT;
  enum cli_exit code = begin(cli, RESERVATION_CLEAR, &request);
  int cleared;

  if (code != CLI_DONE)
    return code;
  control.volume = cli->volume;
  cleared = control_clear_group(&control, &err);
  if (cleared < 0)
    return cli_fail_with(cli, &err);
  if (cleared > 0) {
    printf("%s: cleared; a group of writers held it\n", cli->operands[0]);
    return CLI_DONE;
  }
  code = finish(cli, &request, &result);
  if (code != CLI_DONE)
    return code;
  if (control_unregister_all(&control, &err) != 0)
    return cli_fail_with(cli, &err);
  lease_holder_of(&result.info, &holder);
  if (!holder.held)
    printf("%s: nobody held it\n", cli->operands[0]);
  else
    printf("%s: cleared; %s held it\n", cli->operands[0],
           holder.node[0] != '\0' ? holder.node : "an unknown node");
  return CLI_DONE;
}

enum cli_exit
run_lease_id(struct cli *cli)
{
  struct lease_id id;
  enum cli_exit code = cli_lease_id(cli, cli->operands[0], &id);

  if (code == CLI_DONE)
    printf("%s\n", id.text);
  return code;
}
