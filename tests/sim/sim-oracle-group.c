/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-oracle-group.c: what must hold of groups of writers; see sim-oracle.c.
 *
 * The truth about who is in the group is what the registrations say while no
 * command is pending. A session of it is noted there. From the moment that this
 * is no longer so, nothing of it may land (O14): its node was removed, or the
 * group is over; or, once the session that is noted instead has claimed, it has
 * been replaced. As long as it is so, it must not be fenced (O8).
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

bool
oracle_is_group(const struct sim *sim, const struct lease_id *id)
{
  if (!sim->groups || lease_id_is_none(id))
    return false;
  for (unsigned i = 0; i < NODES; i++) {
    struct lease_id node;

    sim_node_id(i, &node);
    if (lease_id_equal(&node, id))
      return false;
  }
  return true;
}

/* Is it the session that writes for its node, as the truth has it? */
bool
oracle_is_noted(const struct sim *sim, const struct sim_volume *volume)
{
  const struct registrations *truth = &sim->store.truth;
  const struct registrant *registrant = registrations_find(truth, volume->node);

  return registrations_has_group(truth) && registrant != NULL &&
         volume->session[0] != '\0' &&
         strcmp(registrant->session, volume->session) == 0;
}

/* Is another session of the same instance noted? */
static bool
lives_on(const struct sim *sim, const struct sim_volume *volume)
{
  const struct registrant *registrant =
      registrations_find(&sim->store.truth, volume->node);

  return registrant != NULL && registrant->session[0] != '\0' &&
         strcmp(registrant->instance, volume->instance) == 0;
}

/* Does its instance go on, alone, in another session? */
static bool
goes_on_alone(const struct sim *sim, const struct sim_volume *volume)
{
  const struct holder *holder = &sim->store.record.holder;

  return holder->epoch == sim->store.epoch &&
         strcmp(holder->node, volume->node) == 0 &&
         strcmp(holder->instance, volume->instance) == 0;
}

static void
evict(struct sim_volume *volume)
{
  volume->evicted = volume->superseded = true;
}

void
oracle_group_change(struct sim *sim, struct sim_volume *volume, uint32_t number)
{
  if (!volume->in_group)
    sim_violation(sim, "O14 op %u of %s lands, which is not in the group",
                  number, volume->node);
  if (volume->evicted)
    sim_violation(sim, "O14 op %u of %s lands after it was removed", number,
                  volume->node);
}

void
oracle_group_claim(struct sim *sim, struct sim_volume *volume)
{
  sim_trace(sim, "  claim of epoch %u in the group by %s/%s%s",
            (unsigned)sim->store.epoch, volume->node, volume->instance,
            oracle_is_noted(sim, volume) ? "" : ", not noted");
  if (!oracle_is_noted(sim, volume)) {
    volume->unnoted = true; /* it will learn that, too */
    /* The instance before it is on the list now, and may learn that. */
    for (struct sim_volume *other = sim->store.volumes; other != NULL;
         other = other->next)
      if (strcmp(other->node, volume->node) == 0 &&
          oracle_other_instance(other, volume))
        other->superseded = true;
    /* Or it was noted when it sent this, and will hear of what is noted now. */
    if (strcmp(sim->store.record.holder.session, volume->session) == 0)
      volume->claimed = volume->superseded = true;
    return;
  }
  oracle_instance(sim, volume);
  /* It has never heard that it had claimed, and comes anew. */
  if (!volume->opened)
    volume->evicted = volume->superseded = false;
  if (volume->claimed)
    sim->counts.reclaims++;
  volume->claimed = volume->in_group = true;
  volume->epoch = sim->store.epoch;
  for (struct sim_volume *other = sim->store.volumes; other != NULL;
       other = other->next) {
    if (other == volume || !other->claimed || oracle_is_noted(sim, other))
      continue;
    other->superseded = true;
    if (strcmp(other->node, volume->node) == 0 && other->in_group)
      evict(other);
    if ((strcmp(other->node, volume->node) == 0 || !other->in_group) &&
        oracle_other_instance(other, volume) && !lives_on(sim, other))
      other->lost = true;
  }
}

/* A command has incremented the epoch, for the session that its record names:
 * with a lease that is a node's, that session goes on alone.
 */
void
oracle_control_claim(struct sim *sim)
{
  const struct holder *holder = &sim->store.record.holder;
  bool group = oracle_is_group(sim, &sim->store.lease.id);

  for (struct sim_volume *other = sim->store.volumes; other != NULL;
       other = other->next) {
    bool named = holder->session[0] != '\0' &&
                 strcmp(other->session, holder->session) == 0;

    if (named && !group) {
      other->claimed = other->alone = true;
      other->clean = true; /* it has nothing unsent */
      other->in_group = false;
      other->epoch = sim->store.epoch;
    } else if (other->claimed &&
               (!other->in_group || holder->node[0] == '\0')) {
      other->superseded = true; /* for nobody: the group ends */
    }
  }
}

void
oracle_registrations(struct sim *sim)
{
  static struct registrations now;
  struct error error = ERROR_INIT;

  if (registrations_decode(sim->store.side.bytes, sim->store.side.length,
                           "registrations", &now, &error) != 0)
    sim_violation(sim, "O17 %s", error.text);
  if (now.pending_node[0] != '\0')
    return;
  sim->store.truth = now;
  sim_trace(sim, "  registrations: type %u, group %u, %u registered",
            now.reservation.type, (unsigned)now.group, now.count);
  for (struct sim_volume *volume = sim->store.volumes; volume != NULL;
       volume = volume->next) {
    bool registered = registrations_find(&now, volume->node) != NULL &&
                      registrations_has_group(&now);

    if (oracle_is_noted(sim, volume)) {
      volume->in_group = true;
    } else if (volume->in_group && !volume->evicted && !registered) {
      evict(volume);
      if (!goes_on_alone(sim, volume))
        volume->lost = true;
    } else if (volume->in_group || registrations_has_group(&now)) {
      volume->superseded = true; /* by what is noted instead, or may be */
    }
  }
}

/* The lease is gone: whoever has it next takes the volume from all of them. */
void
oracle_group_broken(struct sim *sim)
{
  for (struct sim_volume *volume = sim->store.volumes; volume != NULL;
       volume = volume->next)
    if (volume->in_group)
      volume->superseded = true;
}

void
oracle_group_gates(struct sim *sim)
{
  bool open[NODES] = {false}, group;

  group = oracle_is_group(sim, &sim->store.lease.id);
  for (unsigned i = 0; i < CLIENTS; i++) {
    struct client *client = &sim->clients[i];
    struct gate gate;

    if (client->gateway == NULL)
      continue;
    for (unsigned j = 0; j < i; j++)
      if (sim->clients[j].tenure == client->tenure)
        goto next;
    tenure_gate(client->tenure, &gate);
    if (gate.position != GATE_OPEN || gate.guard.epoch != sim->store.epoch ||
        !lease_id_equal(&gate.guard.lease_id, &sim->store.lease.id))
      continue;
    if (gate.shared != group)
      sim_violation(sim, "O5 the gate of n%u does not know what it is",
                    client->node);
    if (open[client->node])
      sim_violation(sim, "O5 two gates of n%u are open in epoch %u",
                    client->node, (unsigned)gate.guard.epoch);
    open[client->node] = true;
  next:;
  }
}
