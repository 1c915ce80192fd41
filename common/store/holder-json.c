/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* holder-json.c: holder records as JSON; see holder-json.h. */
#include "store/holder-json.h"

#include <string.h>

#include "leasehold/export-name.h"

json_t *
holder_json_holder(const struct holder *holder)
{
  return json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:b}", "node", holder->node,
                   "instance", holder->instance, "session", holder->session,
                   "epoch", (json_int_t)holder->epoch, "since",
                   (json_int_t)holder->since_ms, "write-back",
                   holder->write_back, "clean", holder->clean);
}

json_t *
holder_json_fenced(const struct holder_record *record)
{
  json_t *list = json_array();

  for (unsigned i = 0; list != NULL && i < record->fenced_count; i++) {
    const struct fenced_instance *fenced = &record->fenced[i];
    json_t *item =
        json_pack("{s:s, s:s, s:I}", "node", fenced->node, "instance",
                  fenced->instance, "epoch", (json_int_t)fenced->epoch);

    if (json_array_append_new(list, item) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static bool
is_name(const char *text, int (*check)(const char *text, struct error *err))
{
  return text[0] == '\0' || check(text, NULL) == 0;
}

const char *
holder_json_bad_text(const struct holder_record *record)
{
  const struct holder *holder = &record->holder;

  if (!is_name(holder->node, node_name_check))
    return "its holder's node has a name that no node can have";
  if (!is_name(holder->instance, instance_check))
    return "its holder's instance has a name that no instance can have";
  if (holder->session[strspn(holder->session, "0123456789abcdef")] != '\0')
    return "its holder's session is not hexadecimal";
  for (unsigned i = 0; i < record->fenced_count; i++) {
    if (!is_name(record->fenced[i].node, node_name_check))
      return "a fenced node has a name that no node can have";
    if (!is_name(record->fenced[i].instance, instance_check))
      return "a fenced instance has a name that no instance can have";
  }
  return NULL;
}

bool
holder_json_fits(const struct holder_record *record)
{
  bool fit = record->holder.epoch <= RECORD_NUMBER_MAX &&
             record->fenced_count <= FENCED_INSTANCES_MAX;

  for (unsigned i = 0; fit && i < record->fenced_count; i++)
    fit = record->fenced[i].epoch <= RECORD_NUMBER_MAX;
  return fit;
}

int
holder_json_read(const struct json_reader *reader, json_t *from,
                 struct holder *out)
{
  const char *node, *instance, *session;
  json_int_t epoch, since;
  int write_back, clean, r;
  json_error_t json_error;

  if (json_unpack_ex(from, &json_error, JSON_STRICT,
                     "{s:s, s:s, s:s, s:I, s:I, s:b, s:b}", "node", &node,
                     "instance", &instance, "session", &session, "epoch",
                     &epoch, "since", &since, "write-back", &write_back,
                     "clean", &clean) != 0)
    return json_damaged_by(reader, &json_error);
  if ((r = json_read_text(reader, node, out->node, sizeof out->node,
                          "its holder's node is too long")) != 0 ||
      (r = json_read_text(reader, instance, out->instance, sizeof out->instance,
                          "its holder's instance is too long")) != 0 ||
      (r = json_read_text(reader, session, out->session, sizeof out->session,
                          "its holder's session is too long")) != 0 ||
      (r = json_read_number(reader, epoch, &out->epoch,
                            "its holder's epoch is negative")) != 0)
    return r;
  out->since_ms = since;
  out->write_back = write_back;
  out->clean = clean;
  return STATUS_OK;
}

int
holder_json_read_fenced(const struct json_reader *reader, json_t *from,
                        struct holder_record *out)
{
  if (!json_is_array(from))
    return json_damaged(reader, "its list of fenced instances is not a list");
  if (json_array_size(from) > FENCED_INSTANCES_MAX)
    return json_damaged(reader, "its list of fenced instances is too long");
  for (size_t i = 0; i < json_array_size(from); i++) {
    struct fenced_instance *fenced = &out->fenced[i];
    const char *node, *instance;
    json_int_t epoch;
    json_error_t json_error;
    int r;

    if (json_unpack_ex(json_array_get(from, i), &json_error, JSON_STRICT,
                       "{s:s, s:s, s:I}", "node", &node, "instance", &instance,
                       "epoch", &epoch) != 0)
      return json_damaged_by(reader, &json_error);
    if ((r = json_read_text(reader, node, fenced->node, sizeof fenced->node,
                            "a fenced node's name is too long")) != 0 ||
        (r = json_read_text(reader, instance, fenced->instance,
                            sizeof fenced->instance,
                            "a fenced instance's name is too long")) != 0 ||
        (r = json_read_number(reader, epoch, &fenced->epoch,
                              "a fenced instance's epoch is negative")) != 0)
      return r;
  }
  out->fenced_count = (unsigned)json_array_size(from);
  return STATUS_OK;
}

/* --- alone ------------------------------------------------------------ */

int
holder_json_encode(const struct holder_record *record, char **text,
                   struct error *err)
{
  const char *bad = holder_json_bad_text(record);
  json_t *root = NULL;

  *text = NULL;
  if (bad != NULL)
    return error_set(err, STATUS_INVALID,
                     "a volume's record cannot be written: %s", bad);
  if (holder_json_fits(record))
    root = json_pack("{s:i, s:o, s:o}", "leasehold", HOLDER_JSON_FORMAT,
                     "holder", holder_json_holder(&record->holder), "fenced",
                     holder_json_fenced(record));
  if (root != NULL)
    *text = json_dumps(root,
                       JSON_COMPACT | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER);
  json_decref(root);
  if (*text == NULL)
    return error_set(err, STATUS_INVALID,
                     "a holder record has a number that is too large, or there "
                     "is no memory");
  return STATUS_OK;
}

static int
decode(const struct json_reader *reader, json_t *root,
       struct holder_record *out)
{
  json_t *holder, *fenced;
  json_error_t json_error;
  const char *bad;
  int format, r;

  if (json_unpack(root, "{s:i}", "leasehold", &format) != 0)
    return json_damaged(reader, "it has no format number");
  if (format != HOLDER_JSON_FORMAT)
    return error_set(reader->err, STATUS_CORRUPT,
                     "%s: the record has format %d, this program knows only %d",
                     reader->file, format, HOLDER_JSON_FORMAT);
  if (json_unpack_ex(root, &json_error, JSON_STRICT, "{s:i, s:o, s:o}",
                     "leasehold", &format, "holder", &holder, "fenced",
                     &fenced) != 0)
    return json_damaged_by(reader, &json_error);
  r = holder_json_read(reader, holder, &out->holder);
  if (r == 0)
    r = holder_json_read_fenced(reader, fenced, out);
  if (r != 0)
    return r;
  bad = holder_json_bad_text(out);
  return bad == NULL ? STATUS_OK : json_damaged(reader, bad);
}

int
holder_json_decode(const char *text, const char *name,
                   struct holder_record *out, struct error *err)
{
  struct json_reader reader = {.file = name, .err = err};
  json_error_t json_error;
  json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &json_error);
  int r;

  memset(out, 0, sizeof *out);
  if (root == NULL)
    return json_damaged_by(&reader, &json_error);
  r = decode(&reader, root, out);
  json_decref(root);
  return r;
}
