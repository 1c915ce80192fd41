/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin.h: what the files of the nbdkit plugin share. */
#ifndef LEASEHOLD_PLUGIN_H
#define LEASEHOLD_PLUGIN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "leasehold/events.h"
#include "leasehold/cache.h"
#include "leasehold/export-name.h"
#include "leasehold/keeper.h"
#include "leasehold/metrics.h"
#include "leasehold/volume.h"
#include "utils/secret.h"

/* --- config.c: the parameters ----------------------------------------- */

struct settings {
  const char *store_url; /* nbdkit's; NULL until given */
  enum conflict_mode on_conflict;
  uint32_t wait_s; /* of ON_CONFLICT_WAIT */
  uint32_t gate_wait_s;
  uint32_t io_timeout_s;
  uint32_t duration_s;
  struct secret key; /* none without lease-key */
  struct secret account_key, sas, token;
  char *cainfo; /* absolute, or NULL */
  bool insecure;
  unsigned connections; /* 0: the store's choice */
  char *metrics;        /* absolute, or NULL */
  int64_t cache_size;   /* bytes; 0: no cache; -1: the store's choice */
  bool write_back;
};

/* Written while nbdkit reads its command line, constant afterwards. */
extern struct settings settings;

/* What --help prints; filled by config_load. */
extern char config_help[];

void config_load(void);
int config_set(const char *key, const char *value);
int config_complete(void);
void config_unload(void);

/* --- plugin.c: what lives as long as the server ------------------------ */

struct server {
  struct events *events;
  struct store *store;
  struct membership_runner *memberships;
  struct keeper *keeper;
  struct handover_scout *scout;
  struct cache *cache; /* NULL: everything goes to the store */
};

/* Set in get_ready, constant until unload. */
extern struct server server;

/* --- report.c: what is said, and where --------------------------------- */

/* The sink for everything below the plugin. */
extern const struct log report_log;

/* Finds out where operators look; call after the last fork. */
void report_after_fork(void);

/* --- metrics.c: the file of metrics= ------------------------------------- */

/* Without metrics= these do nothing. 0, or -1 when it failed and was reported.
 * prepare in get_ready; start after the last fork; stop when the leases are
 * released, idempotent.
 */
int metrics_prepare(void);
int metrics_start(void);
void metrics_stop(void);
void metrics_unload(void);

/* Registers another source; between prepare and start. It outlives stop. */
void metrics_add(struct metrics_source *source);

/* Counts a client's request that has ended. Any thread. */
void metrics_request(enum store_io_kind kind, uint64_t count, int status);

/* --- sleeper.c: how a thread of nbdkit waits --------------------------- */

struct sleeper {
  pthread_mutex_t lock;
  pthread_cond_t woken_up;
  bool woken; /* protected by lock */
};

void sleeper_init(struct sleeper *sleeper);
void sleeper_destroy(struct sleeper *sleeper);

/* Ends the sleep that goes on, or else the next one. Any thread; the sleeper
 * is not touched any more once the sleep has ended.
 */
void sleeper_wake(struct sleeper *sleeper);

enum sleep_end {
  SLEEP_WOKEN, /* sleeper_wake was called */
  SLEEP_OVER,  /* the clock shows until_ns */
  SLEEP_LEAVE  /* the server is being shut down, or the client has gone */
};

/* Sleeps until one of these. SLEEP_LEAVE only with may_leave. */
enum sleep_end sleeper_sleep(struct sleeper *sleeper, const struct clock *clock,
                             uint64_t until_ns, bool may_leave);

/* --- access.c: who may read -------------------------------------------- */

struct connection;

struct access {
  pthread_mutex_t lock; /* held while the registrations are asked for */
  bool known;           /* protected by lock: there has been an answer */
  atomic_bool denied;
  atomic_uint commands;          /* how many there had been at that time */
  atomic_uint_fast64_t until_ns; /* CLOCK_BOOTTIME; it counts until then */
};

void access_init(struct access *access);
void access_destroy(struct access *access);
/* A reservation command has been run by this server. */
void access_command_done(void);
/* 0; STATUS_CONFLICT: a reservation lets only others read; or what came of
 * asking for the first time. May block.
 */
int access_check(struct connection *connection, struct error *err);

/* --- export.c: exports and connections --------------------------------- */

#define DESCRIPTION_MAX 768 /* room for an error's text */

/* One connection to one export. What is here is constant once open has
 * returned, but for the list, access, reported, and of control exports observed
 * (control.c).
 */
struct connection {
  struct connection *next, **link; /* export.c's list of all */
  struct export_name name;
  char label[VOLUME_NAME_MAX + NODE_NAME_MAX + 2]; /* disk0@node-a */
  uint64_t size;
  char *text; /* EXPORT_STATUS, EXPORT_EVENTS: what is read; else NULL */
  char description[DESCRIPTION_MAX];

  /* EXPORT_VOLUME: either a node's tenure or an observer's volume. */
  struct tenure *tenure;
  /* EXPORT_RESERVATION may have one, too, opened by a command. */
  struct store_volume *observed;
  struct volume volume;
  struct control_export *control; /* EXPORT_RESERVATION; else NULL */
  struct access access;           /* of EXPORT_VOLUME */

  /* The refusal last logged, or 0 since a write was accepted: a client that
   * keeps trying is told each time, the log only once.
   */
  atomic_int reported;
};

/* Is it a volume that can be written? */
static inline bool
connection_writes(const struct connection *connection)
{
  return connection->tenure != NULL;
}

int export_list(int readonly, int is_tls, struct nbdkit_exports *exports);
const char *export_default(int readonly, int is_tls);
const char *export_description(void *handle);
void *export_open(int readonly);
void export_close(void *handle);
/* Closes what nbdkit has not; when no callback can come any more. */
void export_close_all(void);
/* How many are open. */
unsigned export_count(void);
int64_t export_size(void *handle);
int export_block_size(void *handle, uint32_t *minimum, uint32_t *preferred,
                      uint32_t *maximum);
int export_can_write(void *handle);
int export_can_flush(void *handle);
int export_can_fua(void *handle);
int export_can_zero(void *handle);
int export_can_fast_zero(void *handle);
int export_can_trim(void *handle);
int export_can_extents(void *handle);
int export_can_cache(void *handle);
int export_can_multi_conn(void *handle);
int export_is_rotational(void *handle);

/* --- control.c: the control export -------------------------------------- */

/* True: the volume is there, and need not be opened before a command. */
bool control_open(struct connection *connection);
struct control_export *control_export_new(void);          /* NULL: no memory */
void control_export_free(struct control_export *control); /* NULL is fine */
uint64_t control_export_size(void);
/* control_name_holder, for the status. */
void control_name(const struct connection *connection,
                  struct volume_info *info);
/* 0, or -1 when it failed and was reported. */
int control_read(struct connection *connection, void *buffer, uint32_t count,
                 uint64_t offset);
int control_write(struct connection *connection, const void *buffer,
                  uint32_t count, uint64_t offset);

/* --- io.c: data -------------------------------------------------------- */

int io_read(void *handle, void *buffer, uint32_t count, uint64_t offset,
            uint32_t flags);
int io_write(void *handle, const void *buffer, uint32_t count, uint64_t offset,
             uint32_t flags);
int io_flush(void *handle, uint32_t flags);
int io_trim(void *handle, uint32_t count, uint64_t offset, uint32_t flags);
int io_zero(void *handle, uint32_t count, uint64_t offset, uint32_t flags);
int io_extents(void *handle, uint32_t count, uint64_t offset, uint32_t flags,
               struct nbdkit_extents *extents);
int io_cache(void *handle, uint32_t count, uint64_t offset, uint32_t flags);

#endif
