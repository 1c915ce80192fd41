/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control.c: the control export VOLUME@NODE/reservation.
 *
 * A connection to it has CONTROL_SIZE bytes of its own: what can be read is the
 * reply to the last command, all zero before the first. A write at offset 0
 * runs a command to its end (common/lease/control.c) and replaces the reply. A
 * write that fails, for a frame that is none, leaves it alone. Requests on one
 * connection wait for each other; nothing is kept between two commands but the
 * reply.
 *
 * A volume on which this server has a session is there, so it is opened only
 * by the first command that uses it: a hand-over by force may not, and every
 * request to the store adds to the time that an operator waits for it.
 */
#include "plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease/scsi-pr-bytes.h"
#include "leasehold/control.h"
#include "leasehold/handover.h"
#include "utils/cleanup.h"

struct control_export {
  pthread_mutex_t lock; /* protects reply, and the connection's observed; held
                           while a command runs */
  uint8_t reply[CONTROL_SIZE];
};

struct control_export *
control_export_new(void)
{
  struct control_export *export = calloc(1, sizeof *export);

  if (export != NULL)
    pthread_mutex_init(&export->lock, NULL);
  return export;
}

void
control_export_free(struct control_export *export)
{
  if (export == NULL)
    return;
  pthread_mutex_destroy(&export->lock);
  free(export);
}

bool
control_open(struct connection *connection)
{
  if (!keeper_knows(server.keeper, connection->name.volume))
    return false;
  snprintf(connection->description, sizeof connection->description,
           "reservation commands");
  return true;
}

uint64_t
control_export_size(void)
{
  return CONTROL_SIZE;
}

/* While a command waits: until the client or the server leaves. */
struct patience {
  struct handover_patience patience; /* first */
  struct sleeper sleeper;
};

static bool
wait_for(struct handover_patience *patience, uint64_t for_ns)
{
  struct patience *own = (struct patience *)patience;

  return sleeper_sleep(&own->sleeper, &system_clock,
                       clock_now(&system_clock) + for_ns, true) != SLEEP_LEAVE;
}

static struct control
make_control(const struct connection *connection)
{
  return (struct control){
      .volume = connection->observed,
      .name = connection->name.volume,
      .node = connection->name.node,
      .key = {.bytes = (unsigned char *)settings.key.bytes,
              .length = settings.key.length},
      .log = &report_log,
      .events = server.events,
      .clock = &system_clock,
      .keeper = server.keeper,
      .duration_s = settings.duration_s,
  };
}

void
control_name(const struct connection *connection, struct volume_info *info)
{
  const struct control control = make_control(connection);

  control_name_holder(&control, info);
}

int
control_read(struct connection *connection, void *buffer, uint32_t count,
             uint64_t offset)
{
  LOCK_FOR_SCOPE(&connection->control->lock);
  memcpy(buffer, connection->control->reply + offset, count);
  return 0;
}

/* May more write after the command than before it? RESERVE and PREEMPT begin
 * groups.
 */
static bool
may_let_write(const uint8_t *frame)
{
  enum { RESERVE = 1, PREEMPT = 4, PREEMPT_AND_ABORT = 5 };
  unsigned action = frame[1] & SERVICE_ACTION_MASK;

  return frame[0] == PERSISTENT_RESERVE_OUT &&
         (action == RESERVE || action == PREEMPT ||
          action == PREEMPT_AND_ABORT);
}

static int
open_observed(struct connection *connection, struct error *err)
{
  if (connection->observed != NULL)
    return STATUS_OK;
  return store_volume_open(server.store, connection->name.volume,
                           &connection->observed, err);
}

static int
run(struct connection *connection, const void *buffer, uint32_t count,
    struct error *err)
{
  struct control control = make_control(connection);
  struct patience patience = {.patience.wait = wait_for};
  uint8_t *reply = connection->control->reply;
  int r = STATUS_OK;

  sleeper_init(&patience.sleeper);
  control.patience = &patience.patience;
  if (!control_take_over(&control, buffer, count, reply)) {
    r = open_observed(connection, err);
    control.volume = connection->observed;
    if (r == STATUS_OK)
      r = control_run(&control, buffer, count, reply, err);
  }
  sleeper_destroy(&patience.sleeper);
  return r;
}

int
control_write(struct connection *connection, const void *buffer, uint32_t count,
              uint64_t offset)
{
  struct error error = ERROR_INIT;
  int r;

  LOCK_FOR_SCOPE(&connection->control->lock);
  if (offset != 0)
    r = error_set(&error, STATUS_INVALID,
                  "a frame must be written at offset 0");
  else
    r = run(connection, buffer, count, &error);
  if (r == 0) {
    access_command_done();
    if (may_let_write(buffer))
      keeper_mistrust(server.keeper, connection->name.volume);
    return 0;
  }
  nbdkit_set_error(status_errno(r));
  nbdkit_error("%s/reservation: %s", connection->label, error.text);
  return -1;
}
