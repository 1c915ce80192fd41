/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-admin.c: volumes are made, resized, deleted and listed.
 *
 * A new volume's epoch begins at the present time in seconds: so a volume made
 * again under the same name begins beyond every epoch that the one before it
 * can have reached, and what was sent to that one cannot land in it (S3).
 */
#include "store/azure-internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIST_TEXT_MAX (32 * 1024 * 1024)
#define LIST_PAGE "1000"

static void
add_lease(struct azure_exchange *exchange, const struct lease_id *lease)
{
  if (lease != NULL && !lease_id_is_none(lease))
    http_headers_add(&exchange->request.headers, "x-ms-lease-id", lease->text);
}

/* Runs an exchange that changes something, and frees it. */
static int
finish(struct azure_exchange *exchange, struct error *err)
{
  int r;

  exchange->changes = true;
  r = azure_exchange_run(exchange, HTTP_DATA);
  azure_exchange_fail(exchange, err);
  azure_exchange_free(exchange);
  return r;
}

static int
create_container(struct azure_store *store, struct error *err)
{
  struct azure_exchange exchange;
  int r;

  azure_exchange_init(&exchange, store, "PUT", NULL, "Create Container");
  http_headers_add(&exchange.request.query, "restype", "container");
  exchange.repeatable = true;
  r = finish(&exchange, err);
  return r == STATUS_EXISTS ? 0 : r;
}

static int
create_blob(struct azure_store *store, const char *name, uint64_t size,
            struct error *err)
{
  struct azure_exchange exchange;
  struct http_headers *headers = &exchange.request.headers;
  uint64_t epoch = (uint64_t)(store->clock->wall_ms(store->clock) / 1000);

  azure_exchange_init(&exchange, store, "PUT", name, "Put Blob");
  http_headers_add(headers, "x-ms-blob-type", "PageBlob");
  http_headers_printf(headers, "x-ms-blob-content-length", "%" PRIu64, size);
  http_headers_printf(headers, "x-ms-blob-sequence-number", "%" PRIu64, epoch);
  http_headers_add(headers, "If-None-Match", "*");
  return finish(&exchange, err);
}

int
azure_create(struct store *store, const char *name, uint64_t size,
             struct error *err)
{
  struct azure_store *own = azure_store(store);
  int r = create_blob(own, name, size, err);

  if (r == STATUS_NOT_FOUND && own->create) {
    r = create_container(own, err);
    if (r == 0)
      r = create_blob(own, name, size, err);
  }
  if (r == STATUS_EXISTS || r == STATUS_ETAG_STALE ||
      (r == STATUS_LEASE_REQUIRED))
    return error_set(err, STATUS_EXISTS, "there is a volume %s in %s already",
                     name, own->text);
  return r;
}

int
azure_remove(struct store *store, const char *name,
             const struct lease_id *lease, struct error *err)
{
  struct azure_exchange exchange;
  int r;

  azure_exchange_init(&exchange, azure_store(store), "DELETE", name,
                      "Delete Blob");
  http_headers_add(&exchange.request.headers, "x-ms-delete-snapshots",
                   "include");
  add_lease(&exchange, lease);
  r = finish(&exchange, err);
  if (r == 0)
    azure_side_delete(azure_store(store), name);
  return r;
}

int
azure_resize(struct store *store, const char *name, uint64_t size,
             const struct lease_id *lease, struct error *err)
{
  struct azure_exchange exchange;

  azure_exchange_init(&exchange, azure_store(store), "PUT", name,
                      "Set Blob Properties");
  http_headers_add(&exchange.request.query, "comp", "properties");
  http_headers_printf(&exchange.request.headers, "x-ms-blob-content-length",
                      "%" PRIu64, size);
  add_lease(&exchange, lease);
  return finish(&exchange, err);
}

/* One page of the list, from *marker on, which is replaced. */
static int
list_page(struct azure_store *store, struct volume_list *out, char **marker,
          struct error *err)
{
  struct azure_exchange exchange;
  struct http_headers *query = &exchange.request.query;
  int r;

  azure_exchange_init(&exchange, store, "GET", NULL, "List Blobs");
  exchange.http.text.limit = LIST_TEXT_MAX;
  http_headers_add(query, "restype", "container");
  http_headers_add(query, "comp", "list");
  http_headers_add(query, "include", "metadata");
  http_headers_add(query, "maxresults", LIST_PAGE);
  if (*marker != NULL)
    http_headers_add(query, "marker", *marker);
  r = azure_exchange_run(&exchange, HTTP_DATA);
  free(*marker);
  *marker = NULL;
  if (r != 0)
    azure_exchange_fail(&exchange, err);
  else
    r = azure_list_parse(exchange.http.text.text, exchange.http.text.length,
                         out, marker, err);
  azure_exchange_free(&exchange);
  return r;
}

static int
compare(const void *a, const void *b)
{
  return strcmp(((const struct volume_entry *)a)->name,
                ((const struct volume_entry *)b)->name);
}

int
azure_list(struct store *store, struct volume_list *out, struct error *err)
{
  char *marker = NULL;
  int r;

  do
    r = list_page(azure_store(store), out, &marker, err);
  while (r == 0 && marker != NULL);
  free(marker);
  if (r != 0)
    volume_list_free(out);
  else if (out->count > 0)
    qsort(out->items, out->count, sizeof out->items[0], compare);
  return r;
}
