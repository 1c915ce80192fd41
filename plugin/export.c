/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* export.c: exports: listing, opening, closing, and what they can do.
 *
 * Clients open an export for a mere look, and nbdkit cannot tell the
 * difference. So opening claims nothing: for a node it attaches (the lease is
 * taken if it is free or already the node's), and nobody is disturbed; for an
 * observer it opens the store's volume and takes nothing. The claim comes with
 * the first write (DESIGN section 6).
 *
 * An open ends when the gate is decided: a client that is told "read-write"
 * can rely on the answer that its first write gets.
 */
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/handover.h"
#include "leasehold/reserve.h"
#include "leasehold/volume-json.h"
#include "utils/cleanup.h"
#include "utils/size.h"

/* nbdkit refuses longer lists. */
#define EXPORTS_MAX 10000

/* --- what exports there are -------------------------------------------- */

static void
describe(const struct volume_info *info, char *text, size_t size)
{
  char holder[LEASE_HOLDER_TEXT_MAX];
  char bytes[SIZE_TEXT_MAX];

  lease_holder_text(info, holder);
  snprintf(text, size, "%s, %s", size_format(info->size, bytes), holder);
}

int
export_list(int readonly, int is_tls, struct nbdkit_exports *exports)
{
  struct volume_list list = {.items = NULL};
  struct error error = ERROR_INIT;
  int result = 0;

  (void)readonly;
  (void)is_tls;
  if (store_list(server.store, &list, &error) < 0) {
    nbdkit_error("%s", error.text);
    return -1;
  }
  if (list.count > EXPORTS_MAX)
    nbdkit_error("listing the first %d of %zu volumes", EXPORTS_MAX,
                 list.count);
  for (size_t i = 0; i < list.count && i < EXPORTS_MAX && result == 0; i++) {
    const struct volume_entry *entry = &list.items[i];
    char text[DESCRIPTION_MAX];

    if (entry->status == 0)
      describe(&entry->info, text, sizeof text);
    else
      snprintf(text, sizeof text, "cannot be used: %s", entry->error.text);
    result = nbdkit_add_export(exports, entry->name, text);
  }
  volume_list_free(&list);
  return result;
}

const char *
export_default(int readonly, int is_tls)
{
  struct volume_list list = {.items = NULL};
  struct error error = ERROR_INIT;
  const char *name = NULL;

  (void)readonly;
  (void)is_tls;
  if (store_list(server.store, &list, &error) < 0)
    nbdkit_error("%s", error.text);
  else if (list.count == 1)
    name = nbdkit_strdup_intern(list.items[0].name);
  else
    nbdkit_error("the client names no volume, and %s has %zu: there is a "
                 "default only when there is exactly one",
                 settings.store_url, list.count);
  volume_list_free(&list);
  return name;
}

/* --- opening ------------------------------------------------------------ */

static void
learn(struct connection *connection, const struct volume_info *info)
{
  connection->size = info->size;
  describe(info, connection->description, sizeof connection->description);
}

static bool
open_observer(struct connection *connection)
{
  struct handover_request handover;
  struct volume_info info;
  struct error error = ERROR_INIT;

  if (store_volume_open(server.store, connection->name.volume,
                        &connection->observed, &error) < 0 ||
      reservation_look(connection->observed, &info, &error) < 0) {
    nbdkit_error("%s: %s", connection->label, error.text);
    return false;
  }
  learn(connection, &info);
  if (connection->name.kind == EXPORT_STATUS) {
    control_name(connection, &info);
    handover_pending(connection->observed, connection->name.volume, &info,
                     &handover);
    connection->text =
        volume_json_text(connection->name.volume, &info, &handover);
    if (connection->text == NULL) {
      nbdkit_error("%s: no memory", connection->label);
      return false;
    }
    connection->size = strlen(connection->text);
  }
  return true;
}

/* Asks no store: what happened is known also when that cannot be reached. */
static bool
open_events(struct connection *connection)
{
  connection->text = events_text(server.events, connection->name.volume);
  if (connection->text == NULL) {
    nbdkit_error("%s: no memory", connection->label);
    return false;
  }
  connection->size = strlen(connection->text);
  snprintf(connection->description, sizeof connection->description,
           "the last events");
  return true;
}

struct gate_waiter {
  struct tenure_waiter waiter; /* first */
  struct sleeper sleeper;
};

static void
gate_changed(struct tenure_waiter *waiter)
{
  sleeper_wake(&((struct gate_waiter *)waiter)->sleeper);
}

/* Sleeps until the gate is another than the given one, or until until_ns, and
 * reads it again. False: the client or the server is leaving.
 */
static bool
gate_sleep(struct tenure *tenure, struct gate *gate, uint64_t until_ns)
{
  struct gate_waiter waiter = {.waiter = {.wake = gate_changed}};
  enum sleep_end end = SLEEP_WOKEN;

  sleeper_init(&waiter.sleeper);
  if (tenure_wait(tenure, gate->version, &waiter.waiter)) {
    end = sleeper_sleep(&waiter.sleeper, &system_clock, until_ns, true);
    tenure_forget(tenure, &waiter.waiter);
  }
  sleeper_destroy(&waiter.sleeper);
  tenure_gate(tenure, gate);
  return end != SLEEP_LEAVE;
}

static uint64_t
after_seconds(uint32_t seconds)
{
  return clock_now(&system_clock) + seconds * NANOSECONDS_PER_SECOND;
}

/* Waits until the gate is decided. False: it is not, and that was reported. */
static bool
gate_decide(struct connection *connection, struct gate *gate)
{
  const uint64_t deadline = after_seconds(settings.io_timeout_s);
  char cause[SESSION_CAUSE_MAX];
  const char *why;

  tenure_gate(connection->tenure, gate);
  while (gate->position == GATE_PENDING &&
         clock_now(&system_clock) < deadline) {
    if (!gate_sleep(connection->tenure, gate, deadline))
      return false;
  }
  if (gate->position != GATE_PENDING && gate->position != GATE_CLOSED)
    return true;

  if (gate->position == GATE_PENDING)
    why = "the store gave no answer within io-timeout";
  else if (gate->status == STATUS_OK)
    why = "the server is being stopped";
  else
    why = status_text(gate->status);
  tenure_view(connection->tenure, NULL, NULL, cause);
  nbdkit_error("%s: cannot attach: %s%s%s", connection->label, why,
               cause[0] != '\0' ? ": " : "", cause);
  return false;
}

/* Waits until no other node holds the lease, claiming nothing. */
static bool
wait_for_lease(struct connection *connection, uint32_t wait_s,
               struct gate *gate)
{
  const struct session_event ask = {.kind = SESSION_WANT_LEASE};
  const uint64_t deadline =
      wait_s == WAIT_FOREVER ? TIME_NEVER : after_seconds(wait_s);
  uint64_t now;

  while (gate->position == GATE_CONFLICT &&
         (now = clock_now(&system_clock)) < deadline) {
    uint64_t until = deadline;

    if (now >= gate->ask_again_at_ns)
      tenure_post(connection->tenure, &ask);
    else if (gate->ask_again_at_ns < deadline)
      until = gate->ask_again_at_ns;
    if (!gate_sleep(connection->tenure, gate, until) ||
        !gate_decide(connection, gate))
      return false;
  }
  return true;
}

/* Has this instance of the node written to the volume, as far as its record
 * goes back?
 */
static bool
has_written(const struct export_name *name, const struct holder_record *record)
{
  if (strcmp(record->holder.node, name->node) == 0 &&
      strcmp(record->holder.instance, name->instance) == 0)
    return true;
  for (unsigned i = 0; i < record->fenced_count; i++) {
    if (strcmp(record->fenced[i].node, name->node) == 0 &&
        strcmp(record->fenced[i].instance, name->instance) == 0)
      return true;
  }
  return false;
}

static bool
refuse(const struct connection *connection, const char *why)
{
  struct volume_info info;
  char holder[LEASE_HOLDER_TEXT_MAX];

  tenure_view(connection->tenure, &info, NULL, NULL);
  lease_holder_text(&info, holder);
  nbdkit_error("%s: %s: %s", connection->label, why, holder);
  return false;
}

/* Another node holds the lease: what the client is shown (DESIGN section 9). */
static bool
open_in_conflict(struct connection *connection, struct gate *gate)
{
  enum conflict_mode mode = connection->name.on_conflict;
  uint32_t wait_s = connection->name.wait_s;
  struct volume_info info;

  if (mode == ON_CONFLICT_DEFAULT) {
    mode = settings.on_conflict;
    wait_s = settings.wait_s;
  }
  switch (mode) {
  case ON_CONFLICT_REFUSE:
    return refuse(connection, "refused (on-conflict=refuse)");
  case ON_CONFLICT_WAIT:
    if (!wait_for_lease(connection, wait_s, gate))
      return false;
    if (gate->position == GATE_CONFLICT)
      return refuse(connection, "waited in vain (on-conflict=wait)");
    return true;
  case ON_CONFLICT_READONLY:
    /* QEMU and others that reconnect cannot bear a disk that has turned
     * read-only: who could write before gets the gate.
     */
    tenure_view(connection->tenure, &info, NULL, NULL);
    if (has_written(&connection->name, &info.record))
      return true;
    keeper_detach(connection->tenure);
    connection->tenure = NULL;
    return open_observer(connection);
  case ON_CONFLICT_DEFAULT:
  case ON_CONFLICT_GATE:
    break;
  }
  return true;
}

static bool
open_node(struct connection *connection)
{
  const struct export_name *name = &connection->name;
  struct error error = ERROR_INIT;
  struct volume_info info;
  struct gate gate;

  if (keeper_attach(server.keeper, server.store, name->volume, name->node,
                    name->instance, &connection->tenure, &error) < 0) {
    nbdkit_error("%s: %s", connection->label, error.text);
    return false;
  }
  if (!gate_decide(connection, &gate))
    return false;
  if (gate.position == GATE_CONFLICT && !open_in_conflict(connection, &gate))
    return false;
  /* Not what the session saw when it began: it may have been resized since. */
  if (connection->tenure != NULL) {
    if (reservation_look(tenure_volume(connection->tenure), &info, &error) <
        0) {
      nbdkit_error("%s: %s", connection->label, error.text);
      return false;
    }
    learn(connection, &info);
  }
  return true;
}

/* Looks at the volume, so that a name that does not exist is refused now. */
static bool
open_control(struct connection *connection, bool readonly)
{
  if (readonly) {
    nbdkit_error("%s: reservation commands are written, and this server is "
                 "read-only",
                 connection->label);
    return false;
  }
  if (!control_open(connection) && !open_observer(connection))
    return false;
  connection->size = control_export_size();
  connection->control = control_export_new();
  if (connection->control == NULL)
    nbdkit_error("%s: no memory", connection->label);
  return connection->control != NULL;
}

/* Parses the export's name and opens what it names. */
static bool
connection_open(struct connection *connection, bool readonly)
{
  struct export_name *name = &connection->name;
  struct error error = ERROR_INIT;

  if (export_name_parse(nbdkit_export_name(), name, &error) < 0) {
    nbdkit_error("%s", error.text);
    return false;
  }
  snprintf(connection->label, sizeof connection->label, "%s%s%s", name->volume,
           name->node[0] != '\0' ? "@" : "", name->node);
  if (name->kind == EXPORT_RESERVATION)
    return open_control(connection, readonly);
  if (name->kind == EXPORT_EVENTS)
    return open_events(connection);
  if (name->kind == EXPORT_STATUS || name->observe || readonly) {
    if (!open_observer(connection))
      return false;
  } else if (!open_node(connection)) {
    return false;
  }
  connection->volume = (struct volume){
      .tenure = connection->tenure,
      .observed = connection->observed,
      .cache = server.cache,
      .clock = &system_clock,
      .limits = {.gate_wait_ns = settings.gate_wait_s * NANOSECONDS_PER_SECOND,
                 .io_timeout_ns =
                     settings.io_timeout_s * NANOSECONDS_PER_SECOND},
  };
  return true;
}

/* All that are open: nbdkit closes none of them any more once it has been told
 * to stop.
 */
static pthread_mutex_t connections_lock = PTHREAD_MUTEX_INITIALIZER;
static struct connection *connections; /* protected by connections_lock */

static struct connection *left_behind; /* as connections; not freed */

static void
connection_end(struct connection *connection)
{
  keeper_detach(connection->tenure);
  store_volume_close(connection->observed);
  control_export_free(connection->control);
  access_destroy(&connection->access);
  free(connection->text);
}

/* Out of the list of all; false: it is not there any more. */
static bool
take_out_locked(struct connection *connection)
{
  if (connection->link == NULL)
    return false;
  *connection->link = connection->next;
  if (connection->next != NULL)
    connection->next->link = connection->link;
  connection->link = NULL;
  return true;
}

void *
export_open(int readonly)
{
  struct connection *connection = calloc(1, sizeof *connection);

  if (connection == NULL) {
    nbdkit_error("no memory for a connection");
    return NULL;
  }
  access_init(&connection->access);
  if (!connection_open(connection, readonly != 0)) {
    connection_end(connection);
    free(connection);
    return NULL;
  }

  LOCK_FOR_SCOPE(&connections_lock);
  connection->next = connections;
  connection->link = &connections;
  if (connections != NULL)
    connections->link = &connection->next;
  connections = connection;
  return connection;
}

void
export_close(void *handle)
{
  struct connection *connection = handle;
  bool taken;

  {
    LOCK_FOR_SCOPE(&connections_lock);
    taken = take_out_locked(connection);
  }
  if (!taken)
    return;
  connection_end(connection);
  free(connection);
}

/* nbdkit waits for its connections' threads for some seconds only. One that is
 * later may close its connection as well: whoever takes it out of the list
 * does.
 */
void
export_close_all(void)
{
  for (;;) {
    struct connection *connection;
    {
      LOCK_FOR_SCOPE(&connections_lock);
      connection = connections;
      if (connection != NULL) {
        take_out_locked(connection);
        connection->next = left_behind;
        left_behind = connection;
      }
    }
    if (connection == NULL)
      return;
    connection_end(connection);
  }
}

unsigned
export_count(void)
{
  LOCK_FOR_SCOPE(&connections_lock);
  unsigned count = 0;

  for (struct connection *connection = connections; connection != NULL;
       connection = connection->next)
    count++;
  return count;
}

/* --- what an export can do ---------------------------------------------- */

/* A volume's bytes, not a text or a reply. */
static bool
has_data(const struct connection *connection)
{
  return connection->text == NULL && connection->control == NULL;
}

int64_t
export_size(void *handle)
{
  const struct connection *connection = handle;

  return (int64_t)connection->size;
}

const char *
export_description(void *handle)
{
  const struct connection *connection = handle;

  return connection->description;
}

int
export_block_size(void *handle, uint32_t *minimum, uint32_t *preferred,
                  uint32_t *maximum)
{
  const struct connection *connection = handle;

  /* Hints: requests of other alignments and sizes are served as well. */
  *minimum = has_data(connection) ? 512 : 1;
  *preferred = 4096;
  *maximum = 4 * 1024 * 1024;
  return 0;
}

int
export_can_write(void *handle)
{
  const struct connection *connection = handle;

  return connection_writes(connection) || connection->control != NULL;
}

int
export_can_flush(void *handle)
{
  return connection_writes(handle);
}

int
export_can_fua(void *handle)
{
  return connection_writes(handle) ? NBDKIT_FUA_NATIVE : NBDKIT_FUA_NONE;
}

int
export_can_zero(void *handle)
{
  return connection_writes(handle);
}

int
export_can_fast_zero(void *handle)
{
  return connection_writes(handle);
}

int
export_can_trim(void *handle)
{
  return connection_writes(handle);
}

int
export_can_extents(void *handle)
{
  return has_data(handle);
}

int
export_can_cache(void *handle)
{
  return has_data(handle) ? NBDKIT_CACHE_NATIVE : NBDKIT_CACHE_NONE;
}

/* A client may spread its requests over several connections to one export, if
 * a flush on one of them covers what was written on all, and what was written
 * on one is read on all. All connections of a node (and instance) to a volume
 * share one tenure and one store volume: an answered write is in the store's
 * hands, whichever connection it came by; a flush makes all of that durable,
 * not what one connection wrote, and a flush that fails fails on all of them.
 * Observers read from the store and keep nothing. The status export's text and
 * the control export's reply belong to their connection.
 */
int
export_can_multi_conn(void *handle)
{
  return has_data(handle);
}

int
export_is_rotational(void *handle)
{
  (void)handle;
  return 0;
}
