/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-scsi-pr.c: any bytes as a CDB and a parameter list, run on the state
 * that those before them in the same input have led to.
 *
 * An input is a row of commands: a byte that chooses the node, one with the
 * length of the list, 16 bytes of CDB, the list.
 */
#include "fuzz.h"

#include "leasehold/registrations.h"

const char fuzz_name[] = "scsi-pr";

/* What must be so after any command. */
static void
check_state(const struct registrations *state)
{
  static struct registrations again;
  char *text;

  if (registrations_encode(state, &text, NULL) != 0 ||
      registrations_decode(text, strlen(text), "NAME", &again, NULL) != 0 ||
      memcmp(state, &again, sizeof again) != 0)
    abort();
  free(text);
}

/* What is written is read, and is the same then. */
static void
check_full_status(const struct registrations *state, const uint8_t *data,
                  size_t size)
{
  static struct registrations again;
  size_t length = 8 + ((size_t)data[6] << 8 | data[7]);

  if (length > size || !scsi_pr_read_full_status(data, length, &again) ||
      again.generation != state->generation || again.count != state->count ||
      memcmp(again.registrants, state->registrants, sizeof again.registrants) !=
          0)
    abort();
}

static void
check_reply(const struct registrations *state, const struct pr_command *command)
{
  size_t size = command->allocation_length;
  uint8_t *data = malloc(size + 1);

  if (data == NULL)
    abort();
  if (scsi_pr_encode(state, command, RESERVATION_TYPES_ALL, data, size) > size)
    abort();
  if (command->action == PR_READ_FULL_STATUS && size > 60000)
    check_full_status(state, data, size);
  free(data);
}

/* What was understood can be sent again. */
static void
check_request(const struct pr_command *command, const struct pr_nodes *nodes)
{
  static struct pr_nodes nodes_again;
  static uint8_t list[SCSI_PR_LIST_MAX];
  struct pr_command again;
  uint8_t cdb[SCSI_CDB_MAX];
  size_t length = scsi_pr_request(command, nodes, cdb, list);

  if (length > sizeof list ||
      scsi_pr_decode(cdb, list, length, &again, &nodes_again).status !=
          SCSI_GOOD ||
      memcmp(&again, command, sizeof again) != 0 ||
      nodes_again.count != nodes->count)
    abort();
  for (unsigned i = 0; i < nodes->count; i++)
    if (strcmp(nodes_again.names[i], nodes->names[i]) != 0)
      abort();
}

static void
run(struct registrations *state, const char *node, const uint8_t *cdb,
    const uint8_t *list, size_t length)
{
  static struct registrations after;
  static struct pr_nodes nodes;
  struct pr_command command;
  struct lease_effect effect;
  struct scsi_result result =
      scsi_pr_decode(cdb, list, length, &command, &nodes);

  if (result.status == SCSI_GOOD) {
    check_request(&command, &nodes);
    result = registrations_apply(state, node, &command, &nodes,
                                 RESERVATION_TYPES_ALL, &after, &effect);
    if (result.status != SCSI_GOOD || pr_action_reads(command.action)) {
      if (memcmp(state, &after, sizeof after) != 0 ||
          effect.kind != EFFECT_NONE)
        abort();
    }
    check_state(&after);
    check_reply(&after, &command);
    *state = after;
  }
  if (result.status != SCSI_GOOD && result.status != SCSI_CHECK_CONDITION &&
      result.status != SCSI_RESERVATION_CONFLICT)
    abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char *const names[] = {"node-a", "node-b", "c", "d:0"};
  static struct registrations state;

  scsi_pr_read_full_status(data, size, &state); /* as a hostile server's */
  memset(&state, 0, sizeof state);
  while (size >= 2 + SCSI_CDB_MAX) {
    const char *node = names[data[0] % 4];
    size_t length = data[1];
    uint8_t *list;

    data += 2;
    size -= 2;
    if (length > size - SCSI_CDB_MAX)
      length = size - SCSI_CDB_MAX;
    /* Of exactly its size, so that reading past its end is seen. */
    list = (uint8_t *)fuzz_string(data + SCSI_CDB_MAX, length);
    run(&state, node, data, list, length);
    free(list);
    data += SCSI_CDB_MAX + length;
    size -= SCSI_CDB_MAX + length;
  }
  return 0;
}
