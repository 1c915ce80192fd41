/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-lease.c: what lease commands do to the simulated store; see sim.h. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

enum lease_state
sim_lease_state(const struct sim *sim)
{
  return blob_lease_state(&sim->store.lease, sim->now_ns);
}

void
sim_node_id(unsigned node, struct lease_id *out)
{
  char name[16];

  snprintf(name, sizeof name, "n%u", node);
  lease_id_from_node(name, NULL, out);
}

void
sim_describe(const struct sim *sim, struct volume_info *info)
{
  const struct sim_store *store = &sim->store;

  memset(info, 0, sizeof *info);
  info->size = SECTORS * STORE_SECTOR;
  info->epoch = store->epoch;
  info->lease.state = sim_lease_state(sim);
  info->lease.duration_s = store->lease.duration_s;
  /* Half of the worlds have a store that keeps lease IDs to itself. */
  info->lease.id_known = sim->schedule->seed % 2 == 0;
  if (info->lease.id_known) {
    info->lease.id = store->lease.id;
    memcpy(info->lease.node, store->node, sizeof info->lease.node);
  }
  info->record = store->record;
  snprintf(info->etag, sizeof info->etag, "%u", (unsigned)store->revision);
}

static int
claim(struct sim *sim, struct sim_volume *from, const struct lease_id *lease_id,
      const struct lease_command *command)
{
  struct sim_store *store = &sim->store;
  uint64_t old_epoch = store->epoch;
  int status = blob_lease_use(&store->lease, BLOB_WRITE, lease_id, sim->now_ns);

  if (status != 0)
    return status;
  if (command->expected_epoch != store->epoch &&
      !(command->verb == LEASE_TAKE_OVER && MUTATED(TAKE_OVER_ANY_EPOCH)))
    return STATUS_EPOCH_STALE;
  store->epoch++;
  store->record = command->record;
  store->record.holder.epoch = store->epoch;
  if (from == NULL)
    oracle_control_claim(sim);
  else if (oracle_is_group(sim, lease_id))
    oracle_group_claim(sim, from);
  else
    oracle_claim(sim, from, old_epoch);
  return 0;
}

/* As a store does it that has two requests for this: the second may be lost, or
 * its answer. It moves the epoch on in any case.
 */
static int
take_over(struct sim *sim, struct sim_volume *from,
          const struct lease_command *command)
{
  struct sim_store *store = &sim->store;
  bool bad = sim->schedule->bad_messages && !sim->calm;
  bool stale =
      command->expected_epoch != store->epoch && !MUTATED(TAKE_OVER_ANY_EPOCH);
  int status = blob_lease_change(&store->lease, &command->lease_id,
                                 &command->proposed_id, sim->now_ns);

  if (status != 0)
    return status;
  memcpy(store->node, command->node, sizeof store->node);
  oracle_leased(sim, &command->proposed_id);
  if (bad && sim_chance(sim, 50))
    return STATUS_UNKNOWN;
  if (stale || (bad && sim_chance(sim, 50))) {
    store->epoch++;
    oracle_skipped(sim);
    return stale ? STATUS_EPOCH_STALE : STATUS_UNKNOWN;
  }
  sim->counts.taken++;
  return claim(sim, from, &command->proposed_id, command);
}

static int
effect_of_command(struct sim *sim, struct sim_volume *from,
                  const struct lease_command *command)
{
  struct sim_store *store = &sim->store;
  int status;

  switch (command->verb) {
  case LEASE_ACQUIRE:
    status = blob_lease_acquire(&store->lease, &command->lease_id,
                                command->duration_s, sim->now_ns);
    if (status == 0) {
      memcpy(store->node, command->node, sizeof store->node);
      oracle_leased(sim, &command->lease_id);
      if (from != NULL) {
        from->acquired = true;
        from->acquired_epoch = store->epoch;
      }
    }
    return status;
  case LEASE_RENEW:
    return blob_lease_renew(&store->lease, &command->lease_id, sim->now_ns);
  case LEASE_CHANGE:
    if (command->check_epoch && command->expected_epoch != store->epoch)
      return STATUS_EPOCH_STALE;
    status = blob_lease_change(&store->lease, &command->lease_id,
                               &command->proposed_id, sim->now_ns);
    if (status == 0) {
      memcpy(store->node, command->node, sizeof store->node);
      oracle_leased(sim, &command->proposed_id);
      if (from != NULL)
        oracle_gave(sim, from, command);
      else
        sim->counts.takeovers++;
    }
    return status;
  case LEASE_BREAK:
    if (oracle_is_group(sim, &store->lease.id))
      oracle_group_broken(sim);
    return blob_lease_break(&store->lease, command->break_period_s,
                            sim->now_ns);
  case LEASE_CLAIM:
    return claim(sim, from, &command->lease_id, command);
  case LEASE_TAKE_OVER:
    return take_over(sim, from, command);
  case LEASE_RELEASE:
    if (command->expected_epoch != store->epoch && !MUTATED(S6_BLIND_RELEASE))
      return STATUS_EPOCH_STALE;
    status = blob_lease_release(&store->lease, &command->lease_id);
    if (status == 0) {
      if (from != NULL)
        oracle_release(sim, from, command->expected_epoch, command->clean);
      store->record.holder.clean |= command->clean;
    }
    return status;
  default:
    return 0;
  }
}

/* A store that tells lease IDs has another ETag after each command; one that
 * does not, after each change of data, each claim, and each command that was
 * bound to one.
 */
int
sim_effect(struct sim *sim, struct sim_volume *from,
           const struct lease_command *command)
{
  struct volume_info info;
  int status;

  sim_describe(sim, &info);
  if (command->if_etag[0] != '\0' && strcmp(command->if_etag, info.etag) != 0)
    return STATUS_ETAG_STALE;
  status = effect_of_command(sim, from, command);
  if (status == 0 && command->verb != LEASE_DESCRIBE &&
      (info.lease.id_known || command->verb == LEASE_CLAIM ||
       command->verb == LEASE_TAKE_OVER || command->if_etag[0] != '\0'))
    sim->store.revision++;
  return status;
}
