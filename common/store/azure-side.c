/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-side.c: side objects of the Azure store.
 *
 * Each is a block blob VOLUME@NAME, such as disk0@registrations: no volume's
 * name has an '@' in it, and no block blob is a volume. Its ETag is the blob's,
 * and the service sees to the condition. Its metadata value "volume" is the
 * time at which the volume's blob was made, in seconds: what another volume of
 * this name has left behind, because somebody deleted that one by other means,
 * is not there, and is written over. For that each call looks at the volume
 * first; a volume that has been replaced since it was opened is gone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/log.h"
#include "store/azure-internal.h"

#define VOLUME_NAME "x-ms-meta-volume"

struct side_blob {
  char name[VOLUME_NAME_MAX + 1 + SIDE_TEXT_MAX + 1];
  char volume[24];         /* VOLUME_NAME's value for the volume as it is now */
  char etag[ETAG_MAX + 1]; /* "": there is no blob */
  bool ours;               /* it is that of this volume */
};

static void
make_name(const char *volume, enum side side, struct side_blob *blob)
{
  snprintf(blob->name, sizeof blob->name, "%s@%s", volume, side_text(side));
}

/* Looks at the volume. */
static int
begin(struct azure_volume *volume, enum side side, struct side_blob *blob,
      struct error *err)
{
  struct azure_store *store = volume->store;
  struct azure_properties properties;
  int r = azure_head(store, volume->name,
                     clock_now(store->clock) + store->command_timeout_ns,
                     &properties, NULL, err);

  if (r != 0)
    return r;
  if (properties.created_s != volume->created_s)
    return error_set(err, STATUS_NOT_FOUND,
                     "volume %s has been deleted, and another one of its name "
                     "was made",
                     volume->name);
  make_name(volume->name, side, blob);
  snprintf(blob->volume, sizeof blob->volume, "%" PRId64, volume->created_s);
  return 0;
}

static void
begin_exchange(struct azure_volume *volume, struct side_blob *blob,
               const char *method, const char *what,
               struct azure_exchange *exchange)
{
  struct azure_store *store = volume->store;

  azure_exchange_init(exchange, store, method, blob->name, what);
  exchange->deadline_ns = clock_now(store->clock) + store->command_timeout_ns;
}

/* Reads the blob, with its bytes if out is not NULL. */
static int
get(struct azure_volume *volume, struct side_blob *blob,
    struct side_object *out, struct error *err)
{
  struct azure_exchange exchange;
  const struct http_request *http = &exchange.http;
  const char *owner;
  int r;

  begin_exchange(volume, blob, out != NULL ? "GET" : "HEAD", "Get Blob",
                 &exchange);
  exchange.http.text.limit = SIDE_OBJECT_MAX;
  r = azure_exchange_run(&exchange, HTTP_CONTROL);
  if (r == STATUS_NOT_FOUND) {
    azure_exchange_free(&exchange);
    return 0;
  }
  azure_exchange_fail(&exchange, err);
  if (r == 0 &&
      !azure_etag_copy(http_headers_get(&http->answer, "ETag"), blob->etag))
    r = error_set(err, STATUS_IO, "%s: the store's answer has no ETag",
                  blob->name);
  if (r == 0) {
    owner = http_headers_get(&http->answer, VOLUME_NAME);
    blob->ours = owner != NULL && strcmp(owner, blob->volume) == 0;
  }
  if (r == 0 && blob->ours && out != NULL) {
    memcpy(out->etag, blob->etag, sizeof out->etag);
    if (http->text.length > 0)
      memcpy(out->bytes, http->text.text, http->text.length);
    out->length = http->text.length;
  }
  azure_exchange_free(&exchange);
  return r;
}

int
azure_side_read(struct store_volume *volume, enum side side,
                struct side_object *out, struct error *err)
{
  struct side_blob blob = {.ours = false};
  int r = begin(azure_volume(volume), side, &blob, err);

  return r != 0 ? r : get(azure_volume(volume), &blob, out, err);
}

/* Put Blob, in the place of the one that blob says is there. */
static int
put(struct azure_volume *volume, struct side_blob *blob,
    struct side_object *object, struct error *err)
{
  struct azure_exchange exchange;
  struct http_headers *headers = &exchange.request.headers;
  int r;

  begin_exchange(volume, blob, "PUT", "Put Blob", &exchange);
  http_headers_add(headers, "x-ms-blob-type", "BlockBlob");
  http_headers_add(headers, "Content-Type", "application/octet-stream");
  http_headers_add(headers, VOLUME_NAME, blob->volume);
  if (blob->etag[0] != '\0')
    http_headers_printf(headers, "If-Match", "\"%s\"", blob->etag);
  else
    http_headers_add(headers, "If-None-Match", "*");
  exchange.request.body = object->bytes;
  exchange.request.body_length = object->length;
  exchange.changes = true;
  r = azure_exchange_run(&exchange, HTTP_CONTROL);
  azure_exchange_fail(&exchange, err);
  if (r == 0 &&
      !azure_etag_copy(http_headers_get(&exchange.http.answer, "ETag"),
                       object->etag))
    r = error_set(err, STATUS_UNKNOWN, "%s: the store's answer has no ETag",
                  blob->name);
  azure_exchange_free(&exchange);
  return r;
}

int
azure_side_write(struct store_volume *volume, enum side side,
                 struct side_object *object, struct error *err)
{
  struct azure_volume *own = azure_volume(volume);
  struct side_blob blob = {.ours = false};
  int r = begin(own, side, &blob, err);

  if (r != 0)
    return r;
  if (object->etag[0] != '\0')
    memcpy(blob.etag, object->etag, sizeof blob.etag);
  else
    r = get(own, &blob, NULL, err);
  if (r == 0)
    r = object->etag[0] == '\0' && blob.ours ? STATUS_ETAG_STALE
                                             : put(own, &blob, object, err);
  if (r == STATUS_ETAG_STALE || r == STATUS_EXISTS || r == STATUS_NOT_FOUND)
    return error_set(err, STATUS_ETAG_STALE,
                     "%s: its %s have been changed meanwhile", own->name,
                     side_text(side));
  return r;
}

void
azure_side_delete(struct azure_store *store, const char *volume)
{
  for (int side = 0; side < SIDES; side++) {
    struct azure_exchange exchange;
    struct side_blob blob;
    int r;

    make_name(volume, (enum side)side, &blob);
    azure_exchange_init(&exchange, store, "DELETE", blob.name, "Delete Blob");
    exchange.changes = true;
    exchange.repeatable = true;
    r = azure_exchange_run(&exchange, HTTP_DATA);
    if (r != 0 && r != STATUS_NOT_FOUND)
      log_line(store->log, LOG_LEVEL_ERROR, "%s was left behind: %s", blob.name,
               exchange.error.text);
    azure_exchange_free(&exchange);
  }
}
