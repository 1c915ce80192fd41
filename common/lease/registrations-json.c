/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registrations-json.c: registrations as JSON, written and read back; see
 * registrations.h.
 *
 *   {"leasehold": 1, "generation": 3, "persist": true, "group": 0,
 *    "reservation": {"type": 1, "holder": "node-a", "epoch": 7,
 *                    "implied": false},
 *    "registrants": [{"node": "node-a", "key": "0x00000000000000aa",
 *                     "all-ports": false, "session": "", "instance": "",
 *                     "unclean": false}],
 *    "writer": "5e55...", "pending": null}
 *
 * A reservation and a pending command that are not there are null. Keys are
 * text: JSON's numbers are not good for 64 bits. What is read is not trusted:
 * it must be a state that commands can lead to. implied, session, instance and
 * unclean need not be there.
 */
#include "leasehold/registrations.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/export-name.h"
#include "utils/json-reader.h"

#define FORMAT 1
#define NUMBER_MAX ((uint64_t)INT64_MAX)

/* "0x" and 16 digits. */
#define KEY_LENGTH 18

static bool
type_is_known(json_int_t type)
{
  return type > 0 && type < 16 && (RESERVATION_TYPES_ALL & 1u << type) != 0;
}

/* What is not a state, or NULL. Only what passes is written, and only that is
 * read.
 */
static const char *
find_bad_registrant(const struct registrations *state)
{
  for (unsigned i = 0; i < state->count; i++) {
    const struct registrant *registrant = &state->registrants[i];

    if (node_name_check(registrant->node, NULL) != 0)
      return "a registrant has a name that no node can have";
    if (registrant->key == 0)
      return "a registrant has no key";
    if (registrations_find(state, registrant->node) != registrant)
      return "a node is registered twice";
    if (registrant->session[strspn(registrant->session, "0123456789abcdef")] !=
        '\0')
      return "a registrant's session is not hexadecimal";
    if (registrant->instance[0] != '\0' &&
        instance_check(registrant->instance, NULL) != 0)
      return "a registrant's instance has a name that none can have";
  }
  return NULL;
}

static const char *
find_bad_reservation(const struct registrations *state)
{
  const struct reservation *reservation = &state->reservation;

  if (reservation->type == RESERVATION_NONE)
    return reservation->holder[0] == '\0' && reservation->epoch == 0 &&
                   !reservation->implied
               ? NULL
               : "nothing is reserved, and somebody holds it";
  if (!type_is_known(reservation->type))
    return "its reservation has an unknown type";
  if (reservation_type_is_all(reservation->type))
    return reservation->holder[0] != '\0' ? "one holds what all should hold"
           : state->count == 0            ? "all hold it, and nobody is there"
                                          : NULL;
  if (reservation_type_is_single(reservation->type)) {
    if (reservation->holder[0] != '\0' &&
        node_name_check(reservation->holder, NULL) != 0)
      return "its holder has a name that no node can have";
  } else if (registrations_find(state, reservation->holder) == NULL) {
    return "its holder is not registered";
  }
  return NULL;
}

static const char *
find_bad_pending(const struct registrations *state)
{
  const struct pr_command *pending = &state->pending;

  if (state->pending_node[0] == '\0')
    return NULL;
  if (node_name_check(state->pending_node, NULL) != 0)
    return "its pending command is of a name that no node can have";
  if (pr_action_reads(pending->action) || pending->specify_nodes)
    return "its pending command is none that can be pending";
  if (pending->scope > 15 || pending->type > 15)
    return "its pending command has a type that no command can have";
  if (pending->action == PR_REGISTER_AND_MOVE
          ? node_name_check(pending->destination, NULL) != 0
          : pending->destination[0] != '\0')
    return "its pending command has a destination that it cannot have";
  return NULL;
}

static const char *
find_bad(const struct registrations *state)
{
  const char *bad = find_bad_registrant(state);

  if (state->writer[strspn(state->writer, "0123456789abcdef")] != '\0')
    return "its writer is not hexadecimal";
  if (bad == NULL)
    bad = find_bad_reservation(state);
  return bad != NULL ? bad : find_bad_pending(state);
}

/* --- writing ------------------------------------------------------------ */

static json_t *
key_json(uint64_t key)
{
  char text[KEY_LENGTH + 1];

  snprintf(text, sizeof text, "0x%016" PRIx64, key);
  return json_string(text);
}

static json_t *
reservation_json(const struct reservation *reservation)
{
  if (reservation->type == RESERVATION_NONE)
    return json_null();
  return json_pack("{s:i, s:s, s:I, s:b}", "type", (int)reservation->type,
                   "holder", reservation->holder, "epoch",
                   (json_int_t)reservation->epoch, "implied",
                   reservation->implied);
}

static json_t *
registrants_json(const struct registrations *state)
{
  json_t *list = json_array();

  for (unsigned i = 0; list != NULL && i < state->count; i++) {
    const struct registrant *registrant = &state->registrants[i];
    json_t *item = json_pack(
        "{s:s, s:o, s:b, s:s, s:s, s:b}", "node", registrant->node, "key",
        key_json(registrant->key), "all-ports", registrant->all_ports,
        "session", registrant->session, "instance", registrant->instance,
        "unclean", registrant->unclean);

    if (json_array_append_new(list, item) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static json_t *
pending_json(const struct registrations *state)
{
  const struct pr_command *pending = &state->pending;

  if (state->pending_node[0] == '\0')
    return json_null();
  return json_pack(
      "{s:s, s:s, s:i, s:i, s:o, s:o, s:b, s:b, s:b, s:s}", "node",
      state->pending_node, "action", pr_action_text(pending->action), "scope",
      (int)pending->scope, "type", (int)pending->type, "key",
      key_json(pending->key), "service-key", key_json(pending->service_key),
      "all-ports", pending->all_ports, "persist", pending->persist,
      "unregister", pending->unregister, "destination", pending->destination);
}

int
registrations_encode(const struct registrations *state, char **text,
                     struct error *err)
{
  const char *bad = find_bad(state);
  json_t *root;

  *text = NULL;
  if (bad == NULL &&
      (state->group > NUMBER_MAX || state->reservation.epoch > NUMBER_MAX))
    bad = "it has a number that is too large";
  if (bad != NULL)
    return error_set(err, STATUS_INVALID, "registrations cannot be written: %s",
                     bad);
  root = json_pack("{s:i, s:I, s:b, s:I, s:o, s:o, s:s, s:o}", "leasehold",
                   FORMAT, "generation", (json_int_t)state->generation,
                   "persist", state->persist, "group", (json_int_t)state->group,
                   "reservation", reservation_json(&state->reservation),
                   "registrants", registrants_json(state), "writer",
                   state->writer, "pending", pending_json(state));
  if (root != NULL)
    *text = json_dumps(root,
                       JSON_COMPACT | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER);
  json_decref(root);
  if (*text == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for registrations");
  return STATUS_OK;
}

/* --- reading ------------------------------------------------------------ */

static int
read_key(const struct json_reader *reader, const char *text, uint64_t *key)
{
  size_t digits =
      strlen(text) == KEY_LENGTH ? strspn(text + 2, "0123456789abcdef") : 0;

  if (digits != KEY_LENGTH - 2 || memcmp(text, "0x", 2) != 0)
    return json_damaged(reader, "a key is not 0x and 16 digits");
  *key = strtoull(text, NULL, 16);
  return STATUS_OK;
}

static int
read_reservation(const struct json_reader *reader, json_t *from,
                 struct reservation *out)
{
  json_error_t json_error;
  json_int_t type, epoch;
  const char *holder;
  int implied = 0, r;

  if (json_is_null(from))
    return STATUS_OK;
  if (json_unpack_ex(from, &json_error, JSON_STRICT, "{s:I, s:s, s:I, s?b}",
                     "type", &type, "holder", &holder, "epoch", &epoch,
                     "implied", &implied) != 0)
    return json_damaged_by(reader, &json_error);
  if (!type_is_known(type))
    return json_damaged(reader, "its reservation has an unknown type");
  out->type = (uint8_t)type;
  out->implied = implied;
  r = json_read_text(reader, holder, out->holder, sizeof out->holder,
                     "its holder's name is too long");
  if (r == 0)
    r = json_read_number(reader, epoch, &out->epoch,
                         "its reservation's epoch is negative");
  return r;
}

static int
read_registrants(const struct json_reader *reader, json_t *from,
                 struct registrations *out)
{
  if (!json_is_array(from))
    return json_damaged(reader, "its list of registrants is not a list");
  if (json_array_size(from) > REGISTRANTS_MAX)
    return json_damaged(reader, "its list of registrants is too long");
  for (size_t i = 0; i < json_array_size(from); i++) {
    struct registrant *registrant = &out->registrants[i];
    json_error_t json_error;
    const char *node, *key, *session = "", *instance = "";
    int all_ports, unclean = 0, r;

    if (json_unpack_ex(json_array_get(from, i), &json_error, JSON_STRICT,
                       "{s:s, s:s, s:b, s?s, s?s, s?b}", "node", &node, "key",
                       &key, "all-ports", &all_ports, "session", &session,
                       "instance", &instance, "unclean", &unclean) != 0)
      return json_damaged_by(reader, &json_error);
    if ((r = json_read_text(reader, node, registrant->node,
                            sizeof registrant->node,
                            "a registrant's name is too long")) != 0 ||
        (r = read_key(reader, key, &registrant->key)) != 0 ||
        (r = json_read_text(reader, session, registrant->session,
                            sizeof registrant->session,
                            "a registrant's session is too long")) != 0 ||
        (r = json_read_text(reader, instance, registrant->instance,
                            sizeof registrant->instance,
                            "a registrant's instance is too long")) != 0)
      return r;
    registrant->all_ports = all_ports;
    registrant->unclean = unclean;
  }
  out->count = (unsigned)json_array_size(from);
  return STATUS_OK;
}

static int
read_action(const struct json_reader *reader, const char *text,
            enum pr_action *action)
{
  for (int i = PR_REGISTER; i <= PR_READ_FULL_STATUS; i++)
    if (strcmp(text, pr_action_text((enum pr_action)i)) == 0) {
      *action = (enum pr_action)i;
      return STATUS_OK;
    }
  return json_damaged(reader, "its pending command is unknown");
}

static int
read_pending(const struct json_reader *reader, json_t *from,
             struct registrations *out)
{
  struct pr_command *pending = &out->pending;
  const char *node, *action, *key, *service_key, *destination;
  int all_ports, persist, unregister, r;
  json_int_t scope, type;
  json_error_t json_error;

  if (json_is_null(from))
    return STATUS_OK;
  if (json_unpack_ex(from, &json_error, JSON_STRICT,
                     "{s:s, s:s, s:I, s:I, s:s, s:s, s:b, s:b, s:b, s:s}",
                     "node", &node, "action", &action, "scope", &scope, "type",
                     &type, "key", &key, "service-key", &service_key,
                     "all-ports", &all_ports, "persist", &persist, "unregister",
                     &unregister, "destination", &destination) != 0)
    return json_damaged_by(reader, &json_error);
  if (node[0] == '\0' || scope < 0 || scope > 15 || type < 0 || type > 15)
    return json_damaged(reader, "its pending command is not whole");
  pending->scope = (uint8_t)scope;
  pending->type = (uint8_t)type;
  pending->all_ports = all_ports;
  pending->persist = persist;
  pending->unregister = unregister;
  if ((r = json_read_text(reader, node, out->pending_node,
                          sizeof out->pending_node,
                          "its pending command's node is too long")) != 0 ||
      (r = read_action(reader, action, &pending->action)) != 0 ||
      (r = read_key(reader, key, &pending->key)) != 0 ||
      (r = read_key(reader, service_key, &pending->service_key)) != 0 ||
      (r = json_read_text(reader, destination, pending->destination,
                          sizeof pending->destination,
                          "its pending command's destination is too long")) !=
          0)
    return r;
  return STATUS_OK;
}

static int
read_root(const struct json_reader *reader, json_t *root,
          struct registrations *out)
{
  json_t *reservation, *registrants, *pending;
  json_int_t format, generation, group;
  json_error_t json_error;
  const char *writer, *bad;
  int persist, r;

  if (json_unpack(root, "{s:I}", "leasehold", &format) != 0)
    return json_damaged(reader, "it has no format number");
  if (format != FORMAT)
    return error_set(reader->err, STATUS_CORRUPT,
                     "%s: the record has format %lld, this program knows "
                     "only %d",
                     reader->file, (long long)format, FORMAT);
  if (json_unpack_ex(root, &json_error, JSON_STRICT,
                     "{s:I, s:I, s:b, s:I, s:o, s:o, s:s, s:o}", "leasehold",
                     &format, "generation", &generation, "persist", &persist,
                     "group", &group, "reservation", &reservation,
                     "registrants", &registrants, "writer", &writer, "pending",
                     &pending) != 0)
    return json_damaged_by(reader, &json_error);
  if (generation < 0 || generation > UINT32_MAX)
    return json_damaged(reader, "its generation is out of range");
  out->generation = (uint32_t)generation;
  out->persist = persist;
  if ((r = json_read_number(reader, group, &out->group,
                            "its group is negative")) != 0 ||
      (r = read_reservation(reader, reservation, &out->reservation)) != 0 ||
      (r = read_registrants(reader, registrants, out)) != 0 ||
      (r = json_read_text(reader, writer, out->writer, sizeof out->writer,
                          "its writer is too long")) != 0 ||
      (r = read_pending(reader, pending, out)) != 0)
    return r;
  bad = find_bad(out);
  return bad == NULL ? STATUS_OK : json_damaged(reader, bad);
}

int
registrations_decode(const char *text, size_t length, const char *name,
                     struct registrations *out, struct error *err)
{
  struct json_reader reader = {.file = name, .err = err};
  json_error_t json_error;
  json_t *root;
  int r;

  memset(out, 0, sizeof *out);
  if (length > REGISTRATIONS_JSON_MAX)
    return json_damaged(&reader, "it is too long");
  root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &json_error);
  if (root == NULL)
    return json_damaged_by(&reader, &json_error);
  r = read_root(&reader, root, out);
  json_decref(root);
  return r;
}
