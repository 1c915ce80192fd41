/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* key-verbs.c: register and keys, which are persistent reservation commands.
 *
 * A CDB and its parameter list are a frame of the control export, which a
 * server runs, or, without --server, the command itself on the store.
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

enum cli_exit
cli_read_registrations(struct cli *cli, const char *node,
                       struct registrations *out)
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

enum cli_exit
cli_check_names(const struct cli *cli)
{
  enum cli_exit code = cli_check_volume(cli);

  if (code == CLI_DONE)
    code = cli_check_node(cli, OPTION_NODE);
  if (code == CLI_DONE)
    code = cli_check_node(cli, OPTION_VICTIM);
  if (code == CLI_DONE && cli->options[OPTION_DURATION] != NULL)
    code = cli_fail(cli, CLI_USAGE,
                    "--duration: a server's reservations do not end");
  return code;
}

enum cli_exit
cli_run_out(struct cli *cli, const struct pr_command *command)
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
  enum cli_exit code = cli_check_names(cli);

  if (code == CLI_DONE)
    code = parse_key(cli, &command.service_key);
  if (code == CLI_DONE)
    code = cli_run_out(cli, &command);
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
  enum cli_exit code = cli_check_names(cli);

  if (code == CLI_DONE)
    code = cli_read_registrations(cli, CLI_READER, &state);
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
