/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pr-show.c: what PERSISTENT RESERVE IN answers, for people and as JSON.
 *
 * The answer may be cut off anywhere, by its allocation length, and may be a
 * hostile server's: what is whole is shown, and that it is not all is said. The
 * text has the words and the order of sg_persist(8), which scripts know.
 */
#include "cli.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease/scsi-pr-bytes.h"

#define HEADER 8
#define RESERVATION_LENGTH 16
#define REGISTRANT_LENGTH 24
#define CAPABILITIES_LENGTH 8
#define KEY_TEXT_MAX 19

static const struct {
  uint8_t type;
  uint16_t bit; /* in the type mask of REPORT CAPABILITIES */
  const char *name;
} types[] = {
    {WRITE_EXCLUSIVE_ALL, 0x8000, "Write Exclusive, all registrants"},
    {EXCLUSIVE_ACCESS_REGISTRANTS, 0x4000,
     "Exclusive Access, registrants only"},
    {WRITE_EXCLUSIVE_REGISTRANTS, 0x2000, "Write Exclusive, registrants only"},
    {EXCLUSIVE_ACCESS, 0x0800, "Exclusive Access"},
    {WRITE_EXCLUSIVE, 0x0200, "Write Exclusive"},
    {EXCLUSIVE_ACCESS_ALL, 0x0001, "Exclusive Access, all registrants"},
};
#define TYPES (sizeof types / sizeof types[0])

/* The flags of REPORT CAPABILITIES, in the order in which they are shown. */
static const struct {
  uint8_t byte, bit;
  const char *json, *name;
} flags[] = {
    {2, 0x80, "rlr_c", "Replace Lost Reservation Capable(RLR_C)"},
    {2, 0x10, "crh", "Compatible Reservation Handling(CRH)"},
    {2, 0x08, "sip_c", "Specify Initiator Ports Capable(SIP_C)"},
    {2, 0x04, "atp_c", "All Target Ports Capable(ATP_C)"},
    {2, 0x01, "ptpl_c", "Persist Through Power Loss Capable(PTPL_C)"},
    {3, 0x80, "tmv", "Type Mask Valid(TMV)"},
    {3, 0x01, "ptpl_a", "Persist Through Power Loss Active(PTPL_A)"},
};
#define FLAGS (sizeof flags / sizeof flags[0])

/* An answer, as far as there is one. */
struct answer {
  const uint8_t *data; /* behind the header */
  size_t length;       /* of data, no more than there should be */
  bool truncated;
  uint32_t generation;
};

/* One registrant of READ FULL STATUS. */
struct registrant_shown {
  const uint8_t *bytes; /* REGISTRANT_LENGTH */
  char node[NODE_NAME_MAX + 1];
};

static const char *
type_name(unsigned type)
{
  for (size_t i = 0; i < TYPES; i++)
    if (types[i].type == type)
      return types[i].name;
  return "unknown";
}

static const char *
key_text(const uint8_t *bytes, char text[KEY_TEXT_MAX])
{
  snprintf(text, KEY_TEXT_MAX, "0x%" PRIx64, read_be64(bytes));
  return text;
}

/* Where the next registrant ends; 0: there is no other that is whole, or not
 * one of ours.
 */
static size_t
next_registrant(const struct answer *answer, size_t at,
                struct registrant_shown *out)
{
  size_t left = answer->length - at, id_length;

  if (left < REGISTRANT_LENGTH)
    return 0;
  out->bytes = answer->data + at;
  id_length = read_be32(out->bytes + 20);
  if (id_length == 0 || id_length > left - REGISTRANT_LENGTH ||
      scsi_transport_id_read(out->bytes + REGISTRANT_LENGTH, id_length,
                             out->node) != id_length)
    return 0;
  return at + REGISTRANT_LENGTH + id_length;
}

/* --- for people --------------------------------------------------------- */

static void
print_keys(const struct answer *answer)
{
  char key[KEY_TEXT_MAX];
  size_t count = answer->length / 8;

  if (count == 0 && !answer->truncated) {
    printf("  PR generation=0x%" PRIx32
           ", there are NO registered reservation keys\n",
           answer->generation);
    return;
  }
  printf("  PR generation=0x%" PRIx32 ", %zu registered reservation key%s\n",
         answer->generation, count, count == 1 ? " follows:" : "s follow:");
  for (size_t i = 0; i < count; i++)
    printf("    %s\n", key_text(answer->data + 8 * i, key));
}

static void
print_reservation(const struct answer *answer)
{
  char key[KEY_TEXT_MAX];

  if (answer->length < RESERVATION_LENGTH && answer->truncated)
    printf("  PR generation=0x%" PRIx32 "\n", answer->generation);
  else if (answer->length < RESERVATION_LENGTH)
    printf("  PR generation=0x%" PRIx32 ", there is NO reservation held\n",
           answer->generation);
  else
    printf("  PR generation=0x%" PRIx32 ", Reservation follows:\n"
           "    Key=%s\n"
           "    scope: %s,  type: %s\n",
           answer->generation, key_text(answer->data, key),
           answer->data[13] >> 4 == 0 ? "LU_SCOPE" : "unknown",
           type_name(answer->data[13] & 0x0f));
}

static void
print_capabilities(const uint8_t *data)
{
  uint16_t mask = read_be16(data + 4);

  printf("Report capabilities response:\n");
  for (size_t i = 0; i < FLAGS; i++)
    printf("  %s: %d\n", flags[i].name,
           (data[flags[i].byte] & flags[i].bit) != 0);
  if ((data[3] & 0x80) == 0)
    return;
  printf("    Support indicated in Type mask:\n");
  for (size_t i = 0; i < TYPES; i++)
    printf("      %s: %d\n", types[i].name, (mask & types[i].bit) != 0);
}

static void
print_full_status(const struct answer *answer)
{
  struct registrant_shown it;
  char key[KEY_TEXT_MAX];
  size_t at = 0;

  printf("  PR generation=0x%" PRIx32 "\n", answer->generation);
  if (answer->length == 0 && !answer->truncated)
    printf("    No full status descriptors\n");
  while ((at = next_registrant(answer, at, &it)) != 0) {
    printf("    Key=%s\n", key_text(it.bytes, key));
    if ((it.bytes[12] & 0x02) != 0)
      printf("      All target ports bit set\n");
    else
      printf("      All target ports bit clear\n"
             "      Relative port address: 0x%x\n",
             read_be16(it.bytes + 18));
    if ((it.bytes[12] & 0x01) != 0)
      printf("      << Reservation holder >>\n"
             "      scope: %s,  type: %s\n",
             it.bytes[13] >> 4 == 0 ? "LU_SCOPE" : "unknown",
             type_name(it.bytes[13] & 0x0f));
    else
      printf("      not reservation holder\n");
    printf("      Transport Id of initiator:\n"
           "        iSCSI name: %s\n",
           it.node);
  }
}

/* --- JSON --------------------------------------------------------------- */

static json_t *
key_json(const uint8_t *bytes)
{
  char text[KEY_TEXT_MAX];

  return json_string(key_text(bytes, text));
}

static json_t *
keys_json(const struct answer *answer)
{
  json_t *list = json_array();

  for (size_t i = 0; i < answer->length / 8; i++)
    json_array_append_new(list, key_json(answer->data + 8 * i));
  return json_pack("{s:I, s:b, s:o}", "generation",
                   (json_int_t)answer->generation, "truncated",
                   answer->truncated, "keys", list);
}

static json_t *
reservation_json(const struct answer *answer)
{
  json_t *held = json_null();

  if (answer->length >= RESERVATION_LENGTH)
    held = json_pack("{s:o, s:i, s:i}", "key", key_json(answer->data), "scope",
                     answer->data[13] >> 4, "type", answer->data[13] & 0x0f);
  return json_pack("{s:I, s:b, s:o}", "generation",
                   (json_int_t)answer->generation, "truncated",
                   answer->truncated, "reservation", held);
}

static json_t *
capabilities_json(const uint8_t *data)
{
  json_t *root = json_object(), *list = json_array();
  uint16_t mask = read_be16(data + 4);

  for (size_t i = 0; i < FLAGS; i++)
    json_object_set_new(
        root, flags[i].json,
        json_boolean((data[flags[i].byte] & flags[i].bit) != 0));
  for (unsigned type = 0; type <= 0xf; type++)
    for (size_t i = 0; i < TYPES; i++)
      if (types[i].type == type && (mask & types[i].bit) != 0)
        json_array_append_new(list, json_integer(type));
  json_object_set_new(root, "types", list);
  return root;
}

static json_t *
full_status_json(const struct answer *answer)
{
  json_t *list = json_array();
  struct registrant_shown it;
  size_t at = 0;

  while ((at = next_registrant(answer, at, &it)) != 0) {
    bool holder = (it.bytes[12] & 0x01) != 0;

    json_array_append_new(
        list,
        json_pack("{s:s, s:o, s:b, s:o, s:b, s:i}", "node", it.node, "key",
                  key_json(it.bytes), "holder", holder, "type",
                  holder ? json_integer(it.bytes[13] & 0x0f) : json_null(),
                  "all_target_ports", (it.bytes[12] & 0x02) != 0,
                  "relative_target_port", read_be16(it.bytes + 18)));
  }
  return json_pack("{s:I, s:b, s:o}", "generation",
                   (json_int_t)answer->generation, "truncated",
                   answer->truncated, "registrants", list);
}

static enum cli_exit
print_json(const struct cli *cli, json_t *root)
{
  char *text = root != NULL ? json_dumps(root, JSON_INDENT(2)) : NULL;

  json_decref(root);
  if (text == NULL)
    return cli_fail(cli, CLI_FAILED, "out of memory");
  puts(text);
  free(text);
  return CLI_DONE;
}

/* ------------------------------------------------------------------------ */

static const struct {
  void (*print)(const struct answer *);
  json_t *(*json)(const struct answer *);
} table[] = {
    [PR_READ_KEYS] = {print_keys, keys_json},
    [PR_READ_RESERVATION] = {print_reservation, reservation_json},
    [PR_READ_FULL_STATUS] = {print_full_status, full_status_json},
};

static enum cli_exit
show_capabilities(const struct cli *cli, const uint8_t *data)
{
  if (cli->options[OPTION_JSON] != NULL)
    return print_json(cli, capabilities_json(data));
  print_capabilities(data);
  return CLI_DONE;
}

enum cli_exit
cli_show_data_in(const struct cli *cli, enum pr_action action,
                 const uint8_t *data, size_t length)
{
  struct answer answer;
  uint32_t whole;

  if (length <
      (action == PR_REPORT_CAPABILITIES ? CAPABILITIES_LENGTH : HEADER))
    return cli_fail(cli, CLI_FAILED,
                    "%s: the answer is cut off after %zu bytes; see --hex",
                    cli->operands[0], length);
  if (action == PR_REPORT_CAPABILITIES)
    return show_capabilities(cli, data);
  whole = read_be32(data + 4);
  answer = (struct answer){
      .data = data + HEADER,
      .length = length - HEADER < whole ? length - HEADER : whole,
      .truncated = length - HEADER < whole,
      .generation = read_be32(data),
  };
  if (cli->options[OPTION_JSON] != NULL)
    return print_json(cli, table[action].json(&answer));
  table[action].print(&answer);
  if (answer.truncated)
    printf("  cut off: %zu of %zu bytes\n", length, HEADER + (size_t)whole);
  return CLI_DONE;
}
