/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure.c: the store that is a container of Azure Blob storage.
 *
 * A volume is a page blob of its name. Its lease is the blob's lease, its epoch
 * the blob's sequence number, its ETag the blob's. The holder record is JSON in
 * one metadata value, "leasehold". A page blob that another tool has made, such
 * as a VHD, is a volume too, whose record is empty.
 *
 * Enforcement is the service's: every change of data carries x-ms-lease-id and
 * x-ms-if-sequence-number-eq, which it checks in the same step (S1). The
 * sequence number grows only by a claim (azure-command.c).
 *
 *   azure-request.c      URLs, headers, signatures; pure
 *   azure-answer.c       results, properties, lists; pure; azure-xml.c
 *   azure-credentials.c  who we are; azure-token.c
 *   azure-exchange.c     one request: its tries, its judgement
 *   azure-command.c      lease commands, each a few exchanges
 *   azure-io.c           data: pieces of up to 4 MiB, in parallel
 *   azure-admin.c        create, remove, resize, list
 *   azure-side.c         side objects
 *
 * Threads. Data requests are answered from common/http's data thread, which
 * begins their next try as well. Lease commands and administration wait for
 * their exchanges: in the caller's thread, or, for commands when there are
 * workers, in a pool of the store's own; they use the control thread and
 * connections of their own, so that no renewal waits behind data. Nothing is
 * sent and no thread is started by open, because the process may still fork.
 *
 * Who frees what. A store is freed by close when nothing uses it. http is
 * stopped first, which ends a token's request that may be on its way, then
 * freed last, because the credentials point to it. An exchange belongs to the
 * frame, or the piece of data, that it is in.
 */
#include "store/azure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/azure-internal.h"
#include "utils/workers.h"

#define CONNECTIONS_DEFAULT 16
#define IO_TIMEOUT_DEFAULT_NS (30 * NANOSECONDS_PER_SECOND)

/* A session repeats its commands by itself and has deadlines of its own. */
#define COMMAND_TIMEOUT_NS (6 * NANOSECONDS_PER_SECOND)

/* A command waits for the network, not for a processor. */
#define WORKERS_FACTOR 4

static void
azure_close(struct store *store)
{
  struct azure_store *own = azure_store(store);

  workers_free(own->workers);
  if (own->http != NULL)
    http_stop(own->http);
  azure_credentials_free(own->credentials);
  http_free(own->http);
  pthread_mutex_destroy(&own->lock);
  free(own);
}

static int
open_parts(struct azure_store *own, const struct store_config *config,
           struct error *err)
{
  struct http_config http_config = {
      .connections =
          config->connections != 0 ? config->connections : CONNECTIONS_DEFAULT,
      .cainfo = config->cainfo,
      .clock = config->clock,
  };
  int r = azure_place_parse(config->url, config->insecure, &own->place, err);

  if (r != 0)
    return r;
  own->http = http_new(&http_config);
  if (own->http == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a store");
  r = azure_credentials_new(config, own->http, &own->place, &own->credentials,
                            err);
  if (r != 0)
    return r;
  azure_place_text(&own->place, own->text);
  if (config->workers == 0)
    return 0;
  own->workers = workers_new(WORKERS_FACTOR * config->workers);
  return own->workers != NULL
             ? 0
             : error_set(err, STATUS_NO_MEMORY, "no memory for a store");
}

static int
azure_open(const struct store_config *config, struct store **out,
           struct error *err)
{
  struct azure_store *own = calloc(1, sizeof *own);
  int r;

  if (own == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a store");
  own->store.ops = &azure_store_ops;
  own->clock = config->clock;
  own->log = config->log;
  own->create = config->create;
  own->io_timeout_ns = config->io_timeout_ns != 0 ? config->io_timeout_ns
                                                  : IO_TIMEOUT_DEFAULT_NS;
  own->command_timeout_ns = own->io_timeout_ns;
  if (config->workers > 0 && own->command_timeout_ns > COMMAND_TIMEOUT_NS)
    own->command_timeout_ns = COMMAND_TIMEOUT_NS;
  pthread_mutex_init(&own->lock, NULL);
  r = open_parts(own, config, err);
  if (r != 0)
    azure_close(&own->store);
  else
    *out = &own->store;
  return r;
}

static void
azure_volume_close(struct store_volume *volume)
{
  struct azure_volume *own = azure_volume(volume);

  azure_memory_free(own->memory);
  pthread_mutex_destroy(&own->lock);
  free(own);
}

static int
azure_volume_open(struct store *store, const char *name,
                  struct store_volume **out, struct error *err)
{
  struct azure_store *own_store = azure_store(store);
  struct azure_properties properties;
  struct azure_volume *own;
  int r = azure_head(own_store, name,
                     clock_now(own_store->clock) + own_store->io_timeout_ns,
                     &properties, NULL, err);

  if (r != 0)
    return r;
  own = calloc(1, sizeof *own);
  if (own == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a volume");
  own->volume.ops = &azure_store_ops;
  own->volume.alignment = STORE_SECTOR;
  own->store = own_store;
  snprintf(own->name, sizeof own->name, "%s", name);
  own->created_s = properties.created_s;
  pthread_mutex_init(&own->lock, NULL);
  *out = &own->volume;
  return 0;
}

/* The scheme is that of http:// and https:// alike; azure_place_parse says
 * which hosts http:// may be.
 */
const struct store_ops azure_store_ops = {
    .name = "azure",
    .scheme = "http",
    .open = azure_open,
    .close = azure_close,
    .create = azure_create,
    .remove = azure_remove,
    .resize = azure_resize,
    .list = azure_list,
    .volume_open = azure_volume_open,
    .volume_close = azure_volume_close,
    .submit_command = azure_submit_command,
    .submit_io = azure_submit_io,
    .side_read = azure_side_read,
    .side_write = azure_side_write,
};
