/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* volume-json.c: a volume's state as JSON; see volume-json.h. */
#include "leasehold/volume-json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/reserve.h"
#include "utils/time-format.h"

/* Members that do not apply are null, not missing: a script need not ask which
 * are there.
 */

/* One member; a NULL object or value counts as a failure. */
static void
set(json_t **object, const char *key, json_t *value)
{
  if (json_object_set_new(*object, key, value) != 0) {
    json_decref(*object);
    *object = NULL;
  }
}

static json_t *
text_or_null(const char *text)
{
  return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *
time_or_null(int64_t unix_ms)
{
  char text[TIME_TEXT_MAX];

  return unix_ms != 0 ? json_string(time_format_iso(unix_ms, text))
                      : json_null();
}

static json_t *
duration(uint32_t duration_s)
{
  if (duration_s == 0)
    return json_null();
  if (duration_s == LEASE_DURATION_INFINITE)
    return json_string("infinite");
  return json_integer(duration_s);
}

/* Whole seconds, rounded up: 0 only when the time is over. */
static json_t *
seconds_left(int64_t ms)
{
  return ms >= 0 ? json_integer((ms + 999) / 1000) : json_null();
}

static json_t *
lease_json(const struct volume_info *info)
{
  const struct lease_info *lease = &info->lease;
  struct lease_holder holder;
  json_t *json = json_object();

  lease_holder_of(info, &holder);
  set(&json, "state", json_string(lease_state_text(lease->state)));
  set(&json, "duration", duration(lease->duration_s));
  set(&json, "holder", text_or_null(holder.node));
  set(&json, "since", time_or_null(holder.since_ms));
  set(&json, "expires_in", seconds_left(lease->expires_in_ms));
  set(&json, "id", text_or_null(lease->id_known ? lease->id.text : ""));
  return json;
}

/* Who claimed last; null: nobody yet. */
static json_t *
last_holder_json(const struct volume_info *info)
{
  const struct holder *holder = &info->record.holder;
  json_t *json;

  if (holder->node[0] == '\0')
    return json_null();
  json = json_object();
  set(&json, "node", json_string(holder->node));
  set(&json, "instance", text_or_null(holder->instance));
  set(&json, "epoch", json_integer((json_int_t)holder->epoch));
  set(&json, "since", time_or_null(holder->since_ms));
  set(&json, "believed", json_boolean(holder->epoch == info->epoch));
  set(&json, "write_back", json_boolean(holder->write_back));
  set(&json, "clean", json_boolean(holder->clean));
  return json;
}

static json_t *
fenced_json(const struct fenced_instance *fenced)
{
  json_t *json = json_object();

  set(&json, "node", json_string(fenced->node));
  set(&json, "instance", text_or_null(fenced->instance));
  set(&json, "epoch", json_integer((json_int_t)fenced->epoch));
  return json;
}

static json_t *
fenced_list_json(const struct holder_record *record)
{
  json_t *list = json_array();

  for (unsigned i = 0; list != NULL && i < record->fenced_count; i++) {
    if (json_array_append_new(list, fenced_json(&record->fenced[i])) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

static json_t *
handover_json(const struct handover_request *request)
{
  json_t *json;

  if (request == NULL || request->from[0] == '\0')
    return json_null();
  json = json_object();
  set(&json, "from", json_string(request->from));
  set(&json, "to", json_string(request->to));
  set(&json, "epoch", json_integer((json_int_t)request->epoch));
  set(&json, "asked", time_or_null(request->asked_ms));
  return json;
}

json_t *
volume_json(const char *volume, const struct volume_info *info,
            const struct handover_request *handover)
{
  json_t *json = json_object();

  set(&json, "volume", json_string(volume));
  set(&json, "size", json_integer((json_int_t)info->size));
  set(&json, "epoch", json_integer((json_int_t)info->epoch));
  set(&json, "lease", lease_json(info));
  set(&json, "last_holder", last_holder_json(info));
  set(&json, "fenced_instances", fenced_list_json(&info->record));
  set(&json, "handover", handover_json(handover));
  set(&json, "etag", text_or_null(info->etag));
  return json;
}

char *
volume_json_text(const char *volume, const struct volume_info *info,
                 const struct handover_request *handover)
{
  json_t *json = volume_json(volume, info, handover);
  char *text = json_dumps(json, JSON_INDENT(2));
  char *line;

  json_decref(json);
  if (text == NULL)
    return NULL;
  line = realloc(text, strlen(text) + 2);
  if (line == NULL)
    free(text);
  else
    strcat(line, "\n");
  return line;
}
