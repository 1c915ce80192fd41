/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* key-verbs.c: verbs that are persistent reservation commands: register and
 * keys, and with --server also reserve, release, preempt and clear.
 *
 * All go the same way: a CDB and its parameter list are a frame of the control
 * export, which a server runs, or, for register and keys without --server, this
 * program itself on the store. Keys are for machines: people name nodes, and
 * the keys are looked up in READ FULL STATUS.
 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/control.h"
#include "leasehold/export-name.h"
#include "leasehold/registrations.h"
#include "utils/printable.h"

static uint32_t
read_be32(const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
         p[3];
}

/* Without --server. */
static enum cli_exit
run_here(struct cli *cli, const char *node, const uint8_t *frame, size_t length,
         uint8_t reply[CONTROL_SIZE])
{
  struct control control = {
      .name = cli->operands[0], .node = node, .key = cli->key};
  struct error err = ERROR_INIT;
  enum cli_exit code = cli->volume != NULL ? CLI_DONE : cli_open_volume(cli);

  if (code != CLI_DONE)
    return code;
  control.volume = cli->volume;
  if (control_run(&control, frame, length, reply, &err) != 0)
    return cli_fail_with(cli, &err);
  return CLI_DONE;
}

enum cli_exit
cli_run_frame(struct cli *cli, const char *node, const uint8_t *frame,
              size_t length, uint8_t *reply)
{
  return cli->options[OPTION_SERVER] != NULL
             ? cli_server_run(cli, node, frame, length, reply)
             : run_here(cli, node, frame, length, reply);
}

/* Runs one command, which names no other nodes, in node's name. Anything but
 * GOOD is reported.
 */
static enum cli_exit
run_command(struct cli *cli, const char *node, const struct pr_command *command,
            uint8_t reply[CONTROL_SIZE])
{
  uint8_t frame[CONTROL_LIST_OFFSET + SCSI_PR_LIST_LENGTH];
  size_t length =
      CONTROL_LIST_OFFSET +
      scsi_pr_request(command, NULL, frame, frame + CONTROL_LIST_OFFSET);
  struct scsi_result result;
  char text[SCSI_TEXT_MAX];
  enum cli_exit code = cli_run_frame(cli, node, frame, length, reply);

  if (code != CLI_DONE)
    return code;
  result = scsi_sense_decode(reply[0], reply + CONTROL_SENSE_OFFSET, reply[1]);
  if (result.status == SCSI_GOOD)
    return CLI_DONE;
  return cli_fail(
      cli,
      result.status == SCSI_RESERVATION_CONFLICT ? CLI_CONFLICT : CLI_FAILED,
      "%s: %s: %s", cli->operands[0], pr_action_text(command->action),
      scsi_result_text(&result, text));
}

/* Who is registered, as node sees it. */
static enum cli_exit
read_registrations(struct cli *cli, const char *node, struct registrations *out)
{
  const struct pr_command read = {.action = PR_READ_FULL_STATUS,
                                  .allocation_length = UINT16_MAX};
  uint8_t *reply = malloc(CONTROL_SIZE);
  enum cli_exit code;
  uint32_t length;

  if (reply == NULL)
    return cli_fail(cli, CLI_FAILED, "out of memory");
  code = run_command(cli, node, &read, reply);
  if (code == CLI_DONE) {
    length = read_be32(reply + 4);
    if (length > CONTROL_SIZE - CONTROL_DATA_OFFSET ||
        !scsi_pr_read_full_status(reply + CONTROL_DATA_OFFSET, length, out))
      code = cli_fail(cli, CLI_FAILED, "%s: the server's reply is malformed",
                      cli->operands[0]);
  }
  free(reply);
  return code;
}

/* Checks what the command line names. */
static enum cli_exit
check_names(struct cli *cli)
{
  struct lease_id unused;
  enum cli_exit code = cli_check_volume(cli);

  if (code == CLI_DONE)
    code = cli_node(cli, OPTION_NODE, &unused);
  if (code == CLI_DONE)
    code = cli_node(cli, OPTION_VICTIM, &unused);
  if (code == CLI_DONE && cli->options[OPTION_DURATION] != NULL)
    code = cli_fail(cli, CLI_USAGE,
                    "--duration: a server's reservations do not end");
  return code;
}

/* Reads the registrations and finds --node's among them. */
static enum cli_exit
begin(struct cli *cli, struct registrations *state,
      const struct registrant **mine)
{
  const char *node = cli->options[OPTION_NODE];
  enum cli_exit code = check_names(cli);

  if (code == CLI_DONE)
    code = read_registrations(cli, node, state);
  if (code != CLI_DONE)
    return code;
  *mine = registrations_find(state, node);
  if (*mine == NULL)
    return cli_fail(cli, CLI_FAILED,
                    "%s: %s is not registered; do that first: leasehold "
                    "--server URI register %s --node %s --key KEY",
                    cli->operands[0], node, cli->operands[0], node);
  return CLI_DONE;
}

/* Runs a PERSISTENT RESERVE OUT of --node. */
static enum cli_exit
run_out(struct cli *cli, const struct pr_command *command)
{
  uint8_t *reply = malloc(CONTROL_SIZE);
  enum cli_exit code;

  if (reply == NULL)
    return cli_fail(cli, CLI_FAILED, "out of memory");
  code = run_command(cli, cli->options[OPTION_NODE], command, reply);
  free(reply);
  return code;
}

/* A hexadecimal number after 0x, else a decimal one. */
static enum cli_exit
parse_key(const struct cli *cli, uint64_t *key)
{
  const char *text = cli->options[OPTION_KEY];
  struct printable shown;
  char *end;

  errno = 0;
  *key = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
    return cli_fail(cli, CLI_USAGE,
                    "key %s: must be a number of at most 64 bits, such as "
                    "0x1234",
                    printable(&shown, text, strlen(text)));
  return CLI_DONE;
}

enum cli_exit
run_register(struct cli *cli)
{
  struct pr_command command = {.action = PR_REGISTER_AND_IGNORE,
                               .persist = true};
  const char *node = cli->options[OPTION_NODE];
  enum cli_exit code = check_names(cli);

  if (code == CLI_DONE)
    code = parse_key(cli, &command.service_key);
  if (code == CLI_DONE)
    code = run_out(cli, &command);
  if (code != CLI_DONE)
    return code;
  if (command.service_key == 0)
    printf("%s: %s is not registered any more\n", cli->operands[0], node);
  else
    printf("%s: %s is registered with key 0x%" PRIx64 "\n", cli->operands[0],
           node, command.service_key);
  return CLI_DONE;
}

static enum cli_exit
print_keys_json(const struct cli *cli, const struct registrations *state)
{
  json_t *list = json_array(), *root;
  char *text;

  for (unsigned i = 0; i < state->count; i++) {
    const struct registrant *registrant = &state->registrants[i];
    char key[19];

    snprintf(key, sizeof key, "0x%016" PRIx64, registrant->key);
    json_array_append_new(
        list,
        json_pack("{s:s, s:s, s:b}", "node", registrant->node, "key", key,
                  "holder", registrations_holds(state, registrant->node)));
  }
  root = json_pack("{s:s, s:I, s:o}", "volume", cli->operands[0], "generation",
                   (json_int_t)state->generation, "registrants", list);
  text = root != NULL ? json_dumps(root, JSON_INDENT(2)) : NULL;
  json_decref(root);
  if (text == NULL)
    return cli_fail(cli, CLI_FAILED, "out of memory");
  puts(text);
  free(text);
  return CLI_DONE;
}

enum cli_exit
run_keys(struct cli *cli)
{
  struct registrations state;
  enum cli_exit code = check_names(cli);

  if (code == CLI_DONE)
    code = read_registrations(cli, CLI_READER, &state);
  if (code != CLI_DONE)
    return code;
  if (cli->options[OPTION_JSON] != NULL)
    return print_keys_json(cli, &state);
  for (unsigned i = 0; i < state.count; i++) {
    const struct registrant *registrant = &state.registrants[i];

    printf("0x%016" PRIx64 "  %s%s\n", registrant->key, registrant->node,
           registrations_holds(&state, registrant->node) ? ", holds it" : "");
  }
  return CLI_DONE;
}

enum cli_exit
run_server_reserve(struct cli *cli)
{
  struct pr_command command = {.action = PR_RESERVE, .type = WRITE_EXCLUSIVE};
  const struct registrant *mine;
  struct registrations state;
  enum cli_exit code = begin(cli, &state, &mine);

  if (code == CLI_DONE) {
    command.key = mine->key;
    code = run_out(cli, &command);
  }
  if (code == CLI_DONE)
    printf("%s: reserved for %s, until it is released\n", cli->operands[0],
           mine->node);
  return code;
}

enum cli_exit
run_server_release(struct cli *cli)
{
  struct pr_command command = {.action = PR_RELEASE, .type = WRITE_EXCLUSIVE};
  const struct registrant *mine;
  struct registrations state;
  enum cli_exit code = begin(cli, &state, &mine);

  if (code == CLI_DONE) {
    command.key = mine->key;
    code = run_out(cli, &command);
  }
  if (code != CLI_DONE)
    return code;
  if (registrations_holds(&state, mine->node))
    printf("%s: released by %s\n", cli->operands[0], mine->node);
  else
    printf("%s: not held by %s; nothing to release\n", cli->operands[0],
           mine->node);
  return CLI_DONE;
}

/* Whom to preempt: --victim, else the holder. */
static enum cli_exit
find_victim(struct cli *cli, const struct registrations *state,
            const struct registrant **victim)
{
  const char *node = cli->options[OPTION_VICTIM];

  *victim = registrations_find(state,
                               node != NULL ? node : state->reservation.holder);
  if (*victim != NULL)
    return CLI_DONE;
  if (node != NULL)
    return cli_fail(cli, CLI_CONFLICT, "%s: %s is not registered",
                    cli->operands[0], node);
  return cli_fail(cli, CLI_CONFLICT,
                  "%s: nobody who is registered holds it; reserve takes it if "
                  "it is free, and clear from a node that has not registered",
                  cli->operands[0]);
}

/* By the operator's word alone, whoever is registered. */
static enum cli_exit
preempt_by_force(struct cli *cli)
{
  enum cli_exit code = check_names(cli);

  if (code == CLI_DONE && cli->options[OPTION_VICTIM] == NULL)
    code = cli_fail(cli, CLI_USAGE, "--force by a server needs --victim NODE");
  return code == CLI_DONE ? cli_server_take(cli) : code;
}

enum cli_exit
run_server_preempt(struct cli *cli)
{
  struct pr_command command = {.action = PR_PREEMPT_AND_ABORT,
                               .type = WRITE_EXCLUSIVE};
  const struct registrant *mine, *victim;
  struct registrations state;
  enum cli_exit code;

  if (cli->options[OPTION_FORCE] != NULL)
    return preempt_by_force(cli);
  code = begin(cli, &state, &mine);
  if (code == CLI_DONE)
    code = find_victim(cli, &state, &victim);
  if (code == CLI_DONE && victim != mine) {
    command.key = mine->key;
    command.service_key = victim->key;
    code = run_out(cli, &command);
  }
  if (code != CLI_DONE)
    return code;
  if (victim == mine)
    printf("%s: %s holds it already\n", cli->operands[0], mine->node);
  else if (registrations_holds(&state, victim->node))
    printf("%s: taken from %s; %s holds it, until it is released\n",
           cli->operands[0], victim->node, mine->node);
  else
    printf("%s: %s is not registered any more; it did not hold it\n",
           cli->operands[0], victim->node);
  return CLI_DONE;
}

enum cli_exit
run_server_clear(struct cli *cli)
{
  struct pr_command command = {.action = PR_CLEAR};
  const struct registrant *mine;
  struct registrations state;
  enum cli_exit code;

  if (cli->options[OPTION_NODE] == NULL)
    return cli_fail(cli, CLI_USAGE,
                    "with --server, option --node NODE is missing");
  code = begin(cli, &state, &mine);
  if (code == CLI_DONE) {
    command.key = mine->key;
    code = run_out(cli, &command);
  }
  if (code == CLI_DONE)
    printf("%s: cleared; nobody is registered, nobody holds it\n",
           cli->operands[0]);
  return code;
}
