/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handover-json.c: a request to hand a volume over, as JSON; see handover.h.
 *
 *   {"leasehold": 1,
 *    "handover": {"from": "node-a", "from-lease": "b0e2...",
 *                 "to": "node-b", "to-lease": "44a1...", "epoch": 7,
 *                 "asked": 1767225600000, "writer": "5e55..."}}
 *
 * and null in the place of the inner object for none. What is read is not
 * trusted.
 */
#include "leasehold/handover.h"

#include <stdlib.h>
#include <string.h>

#include "leasehold/export-name.h"
#include "utils/json-reader.h"

#define FORMAT 1

static bool
is_uuid(const char *text)
{
  return strlen(text) == LEASE_ID_LENGTH &&
         text[strspn(text, "0123456789abcdef-")] == '\0';
}

/* What is wrong with it, or NULL. */
static const char *
find_bad(const struct handover_request *request)
{
  if (node_name_check(request->from, NULL) != 0 ||
      node_name_check(request->to, NULL) != 0)
    return "it has a name that no node can have";
  if (strcmp(request->from, request->to) == 0)
    return "it is from a node to itself";
  if (!is_uuid(request->from_lease.text) || !is_uuid(request->to_lease.text))
    return "it has a lease ID that is none";
  if (request->writer[strspn(request->writer, "0123456789abcdef")] != '\0')
    return "its writer is not hexadecimal";
  return NULL;
}

int
handover_encode(const struct handover_request *request, char **text,
                struct error *err)
{
  const char *bad = request->from[0] == '\0' ? NULL : find_bad(request);
  json_t *root, *inner = json_null();

  *text = NULL;
  if (bad == NULL && request->epoch > INT64_MAX)
    bad = "its epoch is too large";
  if (bad != NULL)
    return error_set(err, STATUS_INVALID, "a hand-over cannot be asked for: %s",
                     bad);
  if (request->from[0] != '\0')
    inner = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "from",
                      request->from, "from-lease", request->from_lease.text,
                      "to", request->to, "to-lease", request->to_lease.text,
                      "epoch", (json_int_t)request->epoch, "asked",
                      (json_int_t)request->asked_ms, "writer", request->writer);
  root = json_pack("{s:i, s:o}", "leasehold", FORMAT, "handover", inner);
  if (root != NULL)
    *text = json_dumps(root,
                       JSON_COMPACT | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER);
  json_decref(root);
  if (*text == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a hand-over");
  return STATUS_OK;
}

static int
read_request(const struct json_reader *reader, json_t *from,
             struct handover_request *out)
{
  const char *node, *lease, *to, *to_lease, *writer, *bad;
  json_int_t epoch, asked;
  json_error_t json_error;
  int r;

  if (json_is_null(from))
    return STATUS_OK;
  if (json_unpack_ex(from, &json_error, JSON_STRICT,
                     "{s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "from", &node,
                     "from-lease", &lease, "to", &to, "to-lease", &to_lease,
                     "epoch", &epoch, "asked", &asked, "writer", &writer) != 0)
    return json_damaged_by(reader, &json_error);
  out->asked_ms = asked;
  if ((r = json_read_number(reader, epoch, &out->epoch,
                            "its epoch is negative")) != 0 ||
      (r = json_read_text(reader, node, out->from, sizeof out->from,
                          "a node's name is too long")) != 0 ||
      (r = json_read_text(reader, to, out->to, sizeof out->to,
                          "a node's name is too long")) != 0 ||
      (r = json_read_text(reader, lease, out->from_lease.text,
                          sizeof out->from_lease.text,
                          "a lease ID is too long")) != 0 ||
      (r = json_read_text(reader, to_lease, out->to_lease.text,
                          sizeof out->to_lease.text,
                          "a lease ID is too long")) != 0 ||
      (r = json_read_text(reader, writer, out->writer, sizeof out->writer,
                          "its writer is too long")) != 0)
    return r;
  bad = find_bad(out);
  return bad == NULL ? STATUS_OK : json_damaged(reader, bad);
}

int
handover_decode(const char *text, size_t length, const char *name,
                struct handover_request *out, struct error *err)
{
  struct json_reader reader = {.file = name, .err = err};
  json_error_t json_error;
  json_t *root, *inner;
  json_int_t format;
  int r;

  memset(out, 0, sizeof *out);
  if (length > HANDOVER_TEXT_MAX)
    return json_damaged(&reader, "it is too long");
  root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &json_error);
  if (root == NULL)
    return json_damaged_by(&reader, &json_error);
  if (json_unpack_ex(root, &json_error, JSON_STRICT, "{s:I, s:o}", "leasehold",
                     &format, "handover", &inner) != 0)
    r = json_damaged_by(&reader, &json_error);
  else if (format != FORMAT)
    r = json_damaged(&reader,
                     "it has a format that this program does not know");
  else
    r = read_request(&reader, inner, out);
  json_decref(root);
  if (r != 0)
    memset(out, 0, sizeof *out);
  return r;
}

bool
handover_is_current(const struct handover_request *request,
                    const struct volume_info *info)
{
  const struct lease_info *lease = &info->lease;

  return request->from[0] != '\0' && request->epoch == info->epoch &&
         lease->state == LEASE_LEASED &&
         (!lease->id_known || lease_id_equal(&lease->id, &request->from_lease));
}
