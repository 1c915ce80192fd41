/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* access.c: who may read, where a reservation of types 3, 6 or 8 says so.
 *
 * A store gives everybody who may read it what he asks for. So it is the server
 * that refuses reads, and how soon depends on what it knows: a connection asks
 * the registrations anew after each command by this server, and else after as
 * long as lies between two renewals. While its session holds the lease, or its
 * node's group does, there is nothing to ask but after a command: whoever loses
 * it learns that by a renewal, too.
 *
 * An answer that cannot be had leaves the last one as it is, for the read that
 * follows goes to the same store; without any it is what the read fails with.
 * But credentials for the volume alone, such as a SAS for one blob, do for
 * reading it: who has no right to see registrations is refused nothing here.
 *
 *   what                      written by                    under
 *   commands                  any connection's thread       atomic
 *   struct access             its connection's threads      its lock
 *
 * commands and until_ns are read without the lock: the common case is that
 * nothing has to be asked.
 */
#include "plugin.h"

#include "leasehold/control.h"
#include "leasehold/timing.h"
#include "utils/cleanup.h"

static atomic_uint commands;

void
access_command_done(void)
{
  atomic_fetch_add(&commands, 1);
}

void
access_init(struct access *access)
{
  pthread_mutex_init(&access->lock, NULL);
}

void
access_destroy(struct access *access)
{
  pthread_mutex_destroy(&access->lock);
}

static bool
holds(const struct connection *connection)
{
  struct gate gate;

  if (connection->tenure == NULL)
    return false;
  tenure_gate(connection->tenure, &gate);
  return gate.position == GATE_OPEN || gate.position == GATE_ASK ||
         gate.position == GATE_DRAINING;
}

static bool
is_fresh(struct access *access, unsigned now_commands, uint64_t now_ns)
{
  return atomic_load(&access->until_ns) > now_ns &&
         atomic_load(&access->commands) == now_commands;
}

static int
ask(struct connection *connection, struct error *err)
{
  struct access *access = &connection->access;
  const struct control control = {
      .volume = connection->tenure != NULL ? tenure_volume(connection->tenure)
                                           : connection->observed,
      .name = connection->name.volume,
      .node = connection->name.node,
      .key = {.bytes = (unsigned char *)settings.key.bytes,
              .length = settings.key.length},
  };
  bool may;
  int r = control_may_read(&control, &may, err);

  if (r == 0)
    atomic_store(&access->denied, !may);
  if (r == 0 || r == STATUS_DENIED)
    access->known = true;
  return access->known ? 0 : r;
}

int
access_check(struct connection *connection, struct error *err)
{
  struct access *access = &connection->access;
  unsigned now_commands = atomic_load(&commands);
  uint64_t now_ns = clock_now(&system_clock);
  int r = 0;

  if (!is_fresh(access, now_commands, now_ns)) {
    LOCK_FOR_SCOPE(&access->lock);
    bool same = access->known && access->commands == now_commands;

    if (is_fresh(access, now_commands, now_ns))
      r = 0;
    else if (same && !access->denied && holds(connection))
      r = 0;
    else
      r = ask(connection, err);
    if (r == 0) {
      atomic_store(&access->commands, now_commands);
      atomic_store(&access->until_ns,
                   timing_renew_at(now_ns, settings.duration_s, 0));
    }
  }
  if (r != 0 || !atomic_load(&access->denied))
    return r;
  return error_set(err, STATUS_CONFLICT,
                   "reservation conflict: reads are reserved, too");
}
