/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pr-verbs.c: pr-out and pr-in: reservation commands as they are, with the
 * options that sg_persist(8) has for them.
 *
 * Nothing is looked up and nothing is left out: what is wrong about a command
 * is for whoever runs it to say. Numbers are hexadecimal, with or without 0x.
 */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease/scsi-pr-bytes.h"
#include "leasehold/control.h"
#include "utils/cleanup.h"
#include "utils/names.h"
#include "utils/printable.h"

#define ALLOC_LENGTH_DEFAULT 0x2000

struct action_option {
  enum cli_option option;
  enum pr_action action;
};

static const struct action_option out_options[] = {
    {OPTION_REGISTER, PR_REGISTER},
    {OPTION_REGISTER_IGNORE, PR_REGISTER_AND_IGNORE},
    {OPTION_REGISTER_MOVE, PR_REGISTER_AND_MOVE},
    {OPTION_RESERVE, PR_RESERVE},
    {OPTION_RELEASE, PR_RELEASE},
    {OPTION_CLEAR, PR_CLEAR},
    {OPTION_PREEMPT, PR_PREEMPT},
    {OPTION_PREEMPT_ABORT, PR_PREEMPT_AND_ABORT},
};
static const struct action_option in_options[] = {
    {OPTION_READ_KEYS, PR_READ_KEYS},
    {OPTION_READ_RESERVATION, PR_READ_RESERVATION},
    {OPTION_REPORT_CAPABILITIES, PR_REPORT_CAPABILITIES},
    {OPTION_READ_FULL_STATUS, PR_READ_FULL_STATUS},
};

/* The one of the table that is given; none: *action stays. */
static enum cli_exit
find_action(const struct cli *cli, const struct action_option *table,
            size_t count, enum pr_action *action, bool *found)
{
  const struct action_option *given = NULL;

  for (size_t i = 0; i < count; i++) {
    if (cli->options[table[i].option] == NULL)
      continue;
    if (given != NULL)
      return cli_fail(cli, CLI_USAGE, "--%s and --%s contradict",
                      cli_options[given->option].name,
                      cli_options[table[i].option].name);
    given = &table[i];
  }
  *found = given != NULL;
  if (given != NULL)
    *action = given->action;
  return CLI_DONE;
}

/* A hexadecimal number, at most max; without the option *value stays. */
static enum cli_exit
parse_hex(const struct cli *cli, enum cli_option option, uint64_t max,
          uint64_t *value)
{
  const char *text = cli->options[option], *digits = text;
  struct printable shown;

  if (text == NULL)
    return CLI_DONE;
  if (strncmp(digits, "0x", 2) == 0 || strncmp(digits, "0X", 2) == 0)
    digits += 2;
  errno = 0;
  if (digits[0] != '\0' &&
      strspn(digits, "0123456789abcdefABCDEF") == strlen(digits)) {
    unsigned long long number = strtoull(digits, NULL, 16);

    if (errno == 0 && number <= max) {
      *value = number;
      return CLI_DONE;
    }
  }
  return cli_fail(
      cli, CLI_USAGE, "--%s %s: must be a hexadecimal number, at most 0x%llx",
      cli_options[option].name, printable(&shown, text, strlen(text)),
      (unsigned long long)max);
}

/* --transport-id: names, separated by commas. */
static enum cli_exit
parse_nodes(const struct cli *cli, struct pr_nodes *nodes)
{
  const char *text = cli->options[OPTION_TRANSPORT_ID];
  struct error err = ERROR_INIT;

  while (text != NULL) {
    size_t length = strcspn(text, ",");

    if (nodes->count == REGISTRANTS_MAX)
      return cli_fail(cli, CLI_USAGE, "--transport-id: more than %d nodes",
                      REGISTRANTS_MAX);
    if (node_name_check_span(text, length, &err) != 0)
      return cli_fail(cli, CLI_USAGE, "%s", err.text);
    memcpy(nodes->names[nodes->count], text, length);
    nodes->names[nodes->count++][length] = '\0';
    text = text[length] == ',' ? text + length + 1 : NULL;
  }
  return CLI_DONE;
}

/* Options that only some service actions have a place for. */
static enum cli_exit
check_place(const struct cli *cli, enum pr_action action,
            const struct pr_nodes *nodes)
{
  static const enum cli_option of_move[] = {OPTION_PARAM_UNREG,
                                            OPTION_RELATIVE_TARGET_PORT};

  if (action == PR_REGISTER_AND_MOVE)
    return nodes->count == 1
               ? CLI_DONE
               : cli_fail(cli, CLI_USAGE,
                          "--register-move: --transport-id must name one node");
  for (size_t i = 0; i < sizeof of_move / sizeof of_move[0]; i++)
    if (cli->options[of_move[i]] != NULL)
      return cli_fail(cli, CLI_USAGE, "--%s needs --register-move",
                      cli_options[of_move[i]].name);
  if (nodes->count > 0 && action != PR_REGISTER)
    return cli_fail(cli, CLI_USAGE,
                    "--transport-id needs --register or --register-move");
  return CLI_DONE;
}

/* The command, and REGISTER AND MOVE's target port, which a command that has
 * been understood does not keep.
 */
static enum cli_exit
parse_out(const struct cli *cli, struct pr_command *command,
          struct pr_nodes *nodes, uint64_t *port)
{
  uint64_t type = 0;
  bool found = false;
  enum cli_exit code =
      find_action(cli, out_options, sizeof out_options / sizeof out_options[0],
                  &command->action, &found);

  if (code == CLI_DONE && !found)
    code = cli_fail(cli, CLI_USAGE,
                    "no service action, such as --register or --reserve");
  if (code == CLI_DONE)
    code = parse_hex(cli, OPTION_PARAM_RK, UINT64_MAX, &command->key);
  if (code == CLI_DONE)
    code = parse_hex(cli, OPTION_PARAM_SARK, UINT64_MAX, &command->service_key);
  if (code == CLI_DONE)
    code = parse_hex(cli, OPTION_PROUT_TYPE, 0xf, &type);
  if (code == CLI_DONE)
    code = parse_hex(cli, OPTION_RELATIVE_TARGET_PORT, UINT16_MAX, port);
  if (code == CLI_DONE)
    code = parse_nodes(cli, nodes);
  if (code == CLI_DONE)
    code = check_place(cli, command->action, nodes);
  if (code != CLI_DONE)
    return code;
  command->type = (uint8_t)type;
  command->persist = cli->options[OPTION_PARAM_APTPL] != NULL;
  command->all_ports = cli->options[OPTION_PARAM_ALLTGPT] != NULL;
  command->unregister = cli->options[OPTION_PARAM_UNREG] != NULL;
  command->specify_nodes = command->action == PR_REGISTER && nodes->count > 0;
  if (command->action == PR_REGISTER_AND_MOVE)
    memcpy(command->destination, nodes->names[0], sizeof command->destination);
  return CLI_DONE;
}

/* What sg_persist exits with, where it means nothing else here. */
static enum cli_exit
exit_of(const struct scsi_result *result)
{
  if (result->status == SCSI_GOOD)
    return CLI_DONE;
  if (result->status == SCSI_RESERVATION_CONFLICT)
    return CLI_RESERVATION_CONFLICT;
  switch (result->sense_key) {
  case SCSI_ILLEGAL_REQUEST:
    return CLI_ILLEGAL_REQUEST;
  case SCSI_DATA_PROTECT:
    return CLI_DATA_PROTECT;
  case SCSI_ABORTED_COMMAND:
    return CLI_ABORTED_COMMAND;
  default:
    return CLI_FAILED;
  }
}

/* Runs what frame has. The reply is CONTROL_SIZE bytes, free() it. */
static enum cli_exit
run_frame(struct cli *cli, const char *node, const struct pr_command *command,
          const uint8_t *frame, size_t length, uint8_t **reply)
{
  struct scsi_result result;
  char text[SCSI_TEXT_MAX];
  enum cli_exit code;

  *reply = malloc(CONTROL_SIZE);
  if (*reply == NULL)
    return cli_fail(cli, CLI_FAILED, "out of memory");
  code = cli_run_frame(cli, node, frame, length, *reply);
  if (code != CLI_DONE)
    return code;
  result = scsi_sense_decode((*reply)[0], *reply + CONTROL_SENSE_OFFSET,
                             (*reply)[1]);
  code = exit_of(&result);
  if (code == CLI_DONE)
    return code;
  return cli_fail(cli, code, "%s: %s: %s", cli->operands[0],
                  pr_action_text(command->action),
                  scsi_result_text(&result, text));
}

enum cli_exit
run_pr_out(struct cli *cli)
{
  CLEANUP_FREE struct pr_nodes *nodes = calloc(1, sizeof *nodes);
  CLEANUP_FREE uint8_t *frame = calloc(1, CONTROL_SIZE);
  CLEANUP_FREE uint8_t *reply = NULL;
  struct pr_command command = {.action = PR_REGISTER};
  uint64_t port = RELATIVE_TARGET_PORT;
  enum cli_exit code = cli_check_names(cli);
  size_t length;

  _Static_assert(CONTROL_LIST_OFFSET + SCSI_PR_LIST_MAX <= CONTROL_SIZE, "");
  if (code != CLI_DONE)
    return code;
  if (nodes == NULL || frame == NULL)
    return cli_fail(cli, CLI_FAILED, "out of memory");
  code = parse_out(cli, &command, nodes, &port);
  if (code != CLI_DONE)
    return code;
  length = CONTROL_LIST_OFFSET +
           scsi_pr_request(&command, nodes, frame, frame + CONTROL_LIST_OFFSET);
  if (command.action == PR_REGISTER_AND_MOVE)
    write_be16(frame + CONTROL_LIST_OFFSET + 18, (uint16_t)port);
  code = run_frame(cli, cli->options[OPTION_NODE], &command, frame, length,
                   &reply);
  if (code == CLI_DONE)
    printf("%s: %s: GOOD\n", cli->operands[0], pr_action_text(command.action));
  return code;
}

/* Sixteen bytes a line. */
static void
print_hex(const uint8_t *data, size_t length)
{
  for (size_t i = 0; i < length; i++) {
    if (i % 16 == 0)
      printf("%04zx ", i);
    printf(" %02x%s", data[i], i % 16 == 15 || i + 1 == length ? "\n" : "");
  }
}

static enum cli_exit
parse_in(const struct cli *cli, struct pr_command *command)
{
  static const enum cli_option forms[] = {OPTION_JSON, OPTION_HEX, OPTION_RAW};
  const char *form = NULL;
  uint64_t length = ALLOC_LENGTH_DEFAULT;
  bool found;
  enum cli_exit code =
      find_action(cli, in_options, sizeof in_options / sizeof in_options[0],
                  &command->action, &found);

  if (code == CLI_DONE)
    code = parse_hex(cli, OPTION_ALLOC_LENGTH, UINT16_MAX, &length);
  command->allocation_length = (uint32_t)length;
  for (size_t i = 0; code == CLI_DONE && i < sizeof forms / sizeof forms[0];
       i++) {
    if (cli->options[forms[i]] == NULL)
      continue;
    if (form != NULL)
      code = cli_fail(cli, CLI_USAGE, "--%s and --%s contradict", form,
                      cli_options[forms[i]].name);
    form = cli_options[forms[i]].name;
  }
  return code;
}

enum cli_exit
run_pr_in(struct cli *cli)
{
  CLEANUP_FREE uint8_t *reply = NULL;
  const char *node = cli->options[OPTION_NODE];
  struct pr_command command = {.action = PR_READ_KEYS};
  uint8_t frame[CONTROL_LIST_OFFSET], unused[SCSI_PR_LIST_LENGTH];
  const uint8_t *data;
  size_t length;
  enum cli_exit code = cli_check_names(cli);

  if (code == CLI_DONE)
    code = parse_in(cli, &command);
  if (code != CLI_DONE)
    return code;
  scsi_pr_request(&command, NULL, frame, unused);
  code = run_frame(cli, node != NULL ? node : CLI_READER, &command, frame,
                   sizeof frame, &reply);
  if (code != CLI_DONE)
    return code;
  length = read_be32(reply + 4);
  data = reply + CONTROL_DATA_OFFSET;
  if (length > command.allocation_length ||
      length > CONTROL_SIZE - CONTROL_DATA_OFFSET)
    return cli_fail(cli, CLI_FAILED, "%s: the server's reply is malformed",
                    cli->operands[0]);
  if (cli->options[OPTION_RAW] != NULL)
    fwrite(data, 1, length, stdout);
  else if (cli->options[OPTION_HEX] != NULL)
    print_hex(data, length);
  else
    code = cli_show_data_in(cli, command.action, data, length);
  return code;
}
