/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-changes.c: which operations a change that is sent to the store is about;
 * see sim.h.
 *
 * A client's change is about its operation. A cache sends what many operations
 * have left behind: each sector of a write says itself of which one, for that
 * is what clients write; a zero is that of the newest zero of its session.
 */
#include "sim.h"

#include <string.h>

bool
sim_is_change(const struct store_io *io)
{
  return io->kind == STORE_WRITE || io->kind == STORE_ZERO;
}

void
sim_change_done(struct message *message)
{
  struct sim *sim = message->sim;
  const struct store_io *io = &message->sent_io;

  for (unsigned i = 0; i < io->count / STORE_SECTOR; i++)
    oracle_change(sim, message->from, io->guard.epoch, &io->guard.lease_id,
                  (unsigned)(io->offset / STORE_SECTOR) + i, message->ops[i]);
}

int
sim_change_lose(struct message *message)
{
  struct sim *sim = message->sim;

  sim->store.write_fails = false;
  sim_cancel(sim, &message->again);
  for (unsigned i = 0; i < message->sent_io.count / STORE_SECTOR; i++)
    sim->ops[message->ops[i]].lost = true;
  return STATUS_IO;
}

void
sim_change_doubted(struct message *message)
{
  const struct store_io *io = &message->sent_io;

  for (uint64_t i = 0; i < io->count / STORE_SECTOR; i++) {
    if (message->cached)
      message->from->doubted[io->offset / STORE_SECTOR + i] = io->guard.epoch;
    else
      message->sim->ops[message->ops[i]].doubted_epoch = io->guard.epoch;
  }
}

/* Is one of the same session, not answered yet, about the same sector? */
static bool
under_way(const struct message *message, uint64_t sector)
{
  for (const struct message *other = message->sim->messages; other != NULL;
       other = other->next) {
    const struct store_io *io = &other->sent_io;

    if (other != message && other->from == message->from && other->is_io &&
        other->io != NULL && sim_is_change(io) &&
        io->offset / STORE_SECTOR <= sector &&
        sector < (io->offset + io->count) / STORE_SECTOR)
      return true;
  }
  return false;
}

void
sim_change_same(const struct message *message, const struct store_io *io)
{
  for (uint64_t i = 0; message->cached && i < io->count / STORE_SECTOR; i++)
    if (memcmp(&message->ops[i], sim_place_of(io, i * STORE_SECTOR),
               sizeof message->ops[i]) != 0)
      sim_violation(message->sim, "O19 sector %u was changed on its way",
                    (unsigned)(io->offset / STORE_SECTOR + i));
}

/* Which operations a change is about: what a client writes is the number of
 * its operation.
 */
void
sim_change_sent(struct message *message, struct store_io *io)
{
  struct sim *sim = message->sim;
  const char *clients = (const char *)sim->clients;
  const char *address = (const char *)io;

  message->cached =
      address < clients || address >= clients + sizeof sim->clients;
  for (uint64_t i = 0; i < io->count / STORE_SECTOR; i++) {
    unsigned sector = (unsigned)(io->offset / STORE_SECTOR + i);

    if (io->kind == STORE_WRITE)
      memcpy(&message->ops[i], sim_place_of(io, i * STORE_SECTOR),
             sizeof message->ops[i]);
    else if (message->cached)
      message->ops[i] = oracle_zero_op(sim, message->from, sector);
    else
      message->ops[i] = ((struct client_op *)io)->op; /* io is first */
    if (message->cached)
      oracle_sent_sector(message->from, sector, io->guard.epoch,
                         under_way(message, sector));
    else
      oracle_again(sim, message->ops[i], io->guard.epoch);
  }
}
