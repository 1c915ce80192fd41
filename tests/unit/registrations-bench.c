/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registrations-bench.c: commands to registrations; see the header. */
#include "registrations-bench.h"

#include <string.h>

#include "lease/scsi-sense.h"

const uint8_t all_types[6] = {
    WRITE_EXCLUSIVE,
    EXCLUSIVE_ACCESS,
    WRITE_EXCLUSIVE_REGISTRANTS,
    EXCLUSIVE_ACCESS_REGISTRANTS,
    WRITE_EXCLUSIVE_ALL,
    EXCLUSIVE_ACCESS_ALL,
};

const struct scsi_result good = {RESULT_GOOD}, conflict = {RESULT_CONFLICT},
                         bad_cdb = {INVALID_FIELD_IN_CDB},
                         bad_list = {INVALID_FIELD_IN_PARAMETER_LIST},
                         bad_release = {INVALID_RELEASE},
                         no_room = {INSUFFICIENT_REGISTRATION_RESOURCES};

struct registrations now;
struct lease_effect effect;
struct pr_nodes nodes;
unsigned types;

int
begin(void **state)
{
  (void)state;
  memset(&now, 0, sizeof now);
  memset(&nodes, 0, sizeof nodes);
  types = RESERVATION_TYPES_ALL;
  return 0;
}

struct scsi_result
run(const char *node, const struct pr_command *command)
{
  static struct registrations before;
  struct scsi_result result;

  before = now;
  result =
      registrations_apply(&before, node, command, &nodes, types, &now, &effect);
  if (result.status != SCSI_GOOD) {
    assert_memory_equal(&before, &now, sizeof now);
    assert_int_equal(effect.kind, EFFECT_NONE);
  }
  return result;
}

struct scsi_result
out(const char *node, enum pr_action action, uint64_t key, uint64_t service_key,
    unsigned type)
{
  struct pr_command command = {.action = action,
                               .type = (uint8_t)type,
                               .key = key,
                               .service_key = service_key};

  return run(node, &command);
}

void
check_result(struct scsi_result got, struct scsi_result want, const char *file,
             int line)
{
  char a[SCSI_TEXT_MAX], b[SCSI_TEXT_MAX];

  if (memcmp(&got, &want, sizeof got) != 0)
    fail_msg("%s:%d: %s, not %s", file, line, scsi_result_text(&got, a),
             scsi_result_text(&want, b));
}

void
register_all(void)
{
  GOOD("a", PR_REGISTER, 0, KEY_A, 0);
  GOOD("b", PR_REGISTER, 0, KEY_B, 0);
}

void
reserved(unsigned type)
{
  memset(&now, 0, sizeof now);
  register_all();
  GOOD("a", PR_RESERVE, KEY_A, 0, type);
}
