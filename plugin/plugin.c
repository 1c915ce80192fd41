/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin.c: what nbdkit sees of Leasehold, and when it begins and ends.
 *
 * Threads. Every connection of nbdkit has its own threads, and many of them
 * run requests at the same time, on one connection too (PARALLEL). The keeper
 * has one thread more, for the leases of all volumes, and another one that
 * looks for requests to hand one over; the cache has one for what is to be sent
 * later, and the store some of its own for commands that block. None of them
 * exists before after_fork, because nbdkit goes into the background by forking.
 *
 *   get_ready   opens the store, so that a mistake in store= is seen at once,
 *               and makes the keeper and the cache
 *   after_fork  starts the threads of the cache and the keeper, the watch, and
 *               what writes metrics
 *   open        attaches a node to the volume (export.c)
 *   close       detaches it; the last one lets the keeper release the lease
 *   cleanup     stops the watch, the keeper, which first drains and releases
 *               what is left, and then the cache and the metrics
 *   unload      the same if cleanup was not reached, then frees everything
 *
 * The watch is a thread that waits for nbdkit to be told to stop. nbdkit does
 * not end then before the last client has left, and has no callback for the
 * moment; all that it answers until then is ESHUTDOWN. The leases are released
 * at once, so that no other node has to wait for a client that does not leave.
 *
 * Everything of nbdkit's ends in this folder: what is below knows nothing of
 * NBD.
 */
#include "config.h"

#include "plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "leasehold/handover.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

/* For store commands that block, which is what lease commands may do; data
 * requests run in nbdkit's threads. Threads are started as they are needed: so
 * many volumes may be stuck before the renewals of the others have to wait.
 */
#define STORE_WORKERS 64

/* How long a server that is being stopped tries to give its leases back. What
 * it does not give back expires.
 */
#define STOP_GRACE_NS (5 * NANOSECONDS_PER_SECOND)

/* Changes on their way at a time, as many as the store has connections. */
#define CACHE_CONNECTIONS 16

/* How long the watch sleeps at a time: any length does. */
#define WATCH_SECONDS 3600

struct server server;

static pthread_t watch_thread;
static bool watching;

/* A volume that is open costs some file descriptors, and so does each
 * connection: the usual limit of 1024 is for programs that use select(2).
 */
static void
raise_descriptor_limit(void)
{
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static void
plugin_load(void)
{
  raise_descriptor_limit();
  config_load();
}

static void
plugin_dump(void)
{
  printf("leasehold_version=%s\n", PACKAGE_VERSION);
  printf("leasehold_stores=");
  for (size_t i = 0; store_table[i] != NULL; i++)
    printf("%s%s", i == 0 ? "" : " ", store_table[i]->name);
  printf("\n");
}

static int
plugin_get_ready(void)
{
  const struct store_config store_config = {
      .url = settings.store_url,
      .clock = &system_clock,
      .log = &report_log,
      .workers = STORE_WORKERS,
      .account_key = settings.account_key.bytes,
      .sas = settings.sas.bytes,
      .token = settings.token.bytes,
      .cainfo = settings.cainfo,
      .insecure = settings.insecure,
      .connections = settings.connections,
      .count = settings.metrics != NULL,
      .io_timeout_ns = settings.io_timeout_s * NANOSECONDS_PER_SECOND,
  };
  struct keeper_config keeper_config = {
      .clock = &system_clock,
      .log = &report_log,
      .key = {.bytes = (unsigned char *)settings.key.bytes,
              .length = settings.key.length},
      .duration_s = settings.duration_s,
      .write_back = settings.write_back,
      .drain_ns = settings.io_timeout_s * NANOSECONDS_PER_SECOND,
      .extra_new = volume_extra_new,
  };
  const struct cache_config cache_config = {
      .clock = &system_clock,
      .size = (uint64_t)settings.cache_size,
      .block_size = CACHE_BLOCK_SIZE,
      .connections =
          settings.connections != 0 ? settings.connections : CACHE_CONNECTIONS,
      .age_ns = CACHE_AGE_NS,
      .write_back = settings.write_back,
  };
  struct error error = ERROR_INIT;

  if (store_open(&store_config, &server.store, &error) < 0) {
    nbdkit_error("%s", error.text);
    return -1;
  }
  server.events = keeper_config.events = events_new(&system_clock);
  server.memberships = keeper_config.memberships =
      membership_runner_new(&keeper_config.key, &report_log);
  if (server.events != NULL && server.memberships != NULL)
    server.keeper = keeper_new(&keeper_config);
  if (server.keeper != NULL)
    server.scout = handover_scout_new(server.keeper, &report_log);
  if (server.scout == NULL) {
    nbdkit_error("no memory for the keeper");
    return -1;
  }
  if (settings.cache_size != 0) {
    server.cache = cache_new(&cache_config);
    if (server.cache == NULL) {
      nbdkit_error("no memory for a cache of %" PRIi64 " bytes",
                   settings.cache_size);
      return -1;
    }
  }
  return metrics_prepare();
}

/* nbdkit_nanosleep fails when nbdkit is being stopped; outside a connection
 * there is no other reason.
 */
static void *
watch(void *opaque)
{
  (void)opaque;
  while (nbdkit_nanosleep(WATCH_SECONDS, 0) == 0)
    continue;
  keeper_retire(server.keeper);
  return NULL;
}

static int
plugin_after_fork(void)
{
  struct error error = ERROR_INIT;
  int failure;

  report_after_fork();
  if (metrics_start() < 0) /* it may refuse its file: nothing runs yet */
    return -1;
  if ((server.cache != NULL && cache_start(server.cache, &error) < 0) ||
      keeper_start(server.keeper, &error) < 0 ||
      handover_scout_start(server.scout, &error) < 0) {
    nbdkit_error("%s", error.text);
    return -1;
  }
  failure = pthread_create(&watch_thread, NULL, watch, NULL);
  if (failure != 0) {
    nbdkit_error("cannot start a thread: %s", strerror(failure));
    return -1;
  }
  watching = true;
  return 0;
}

static void
plugin_cleanup(void)
{
  if (watching) {
    nbdkit_shutdown(); /* ends the watch, whyever nbdkit stops */
    pthread_join(watch_thread, NULL);
    watching = false;
  }
  export_close_all();
  handover_scout_stop(server.scout);
  if (server.keeper != NULL)
    keeper_stop(server.keeper, STOP_GRACE_NS);
  /* Only now: what was unsent has been sent, and the sessions have ended. */
  cache_stop(server.cache);
  metrics_stop();
}

static void
plugin_unload(void)
{
  plugin_cleanup();
  /* A store that never answered still has a request of the keeper's or the
   * cache's.
   */
  if (keeper_free(server.keeper)) {
    membership_runner_free(server.memberships);
    handover_scout_free(server.scout);
    cache_free(server.cache);
    store_close(server.store);
    events_free(server.events);
  }
  server = (struct server){.store = NULL};
  metrics_unload();
  config_unload();
}

static struct nbdkit_plugin plugin = {
    .name = "leasehold",
    .longname = "Leasehold",
    .version = PACKAGE_VERSION,
    .description = "Block devices in an object store, with at most one writer "
                   "each:\nthe store itself refuses all others.",

    .load = plugin_load,
    .unload = plugin_unload,
    .dump_plugin = plugin_dump,

    .config = config_set,
    .config_complete = config_complete,
    .config_help = config_help,
    .magic_config_key = "store",

    .get_ready = plugin_get_ready,
    .after_fork = plugin_after_fork,
    .cleanup = plugin_cleanup,

    .list_exports = export_list,
    .default_export = export_default,
    .export_description = export_description,
    .open = export_open,
    .close = export_close,
    .get_size = export_size,
    .block_size = export_block_size,
    .can_write = export_can_write,
    .can_flush = export_can_flush,
    .can_fua = export_can_fua,
    .can_zero = export_can_zero,
    .can_fast_zero = export_can_fast_zero,
    .can_trim = export_can_trim,
    .can_extents = export_can_extents,
    .can_cache = export_can_cache,
    .can_multi_conn = export_can_multi_conn,
    .is_rotational = export_is_rotational,

    .pread = io_read,
    .pwrite = io_write,
    .flush = io_flush,
    .trim = io_trim,
    .zero = io_zero,
    .extents = io_extents,
    .cache = io_cache,
};

NBDKIT_REGISTER_PLUGIN(plugin)
