/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-oracle-gates.c: what sessions believe of themselves, after each step; see
 * sim-oracle.c.
 */
#include "sim.h"

#include "leasehold/timing.h"

static void
check_fenced(struct sim *sim, struct client *client, struct sim_volume *volume)
{
  if (volume->fenced)
    return;
  volume->fenced = true;
  sim->counts.fences++;
  if (volume->unnoted)
    return;
  /* A reservation command has moved the lease to a group without it. */
  if (sim->groups && oracle_is_group(sim, &sim->store.lease.id) &&
      !oracle_is_noted(sim, volume))
    return;
  if (volume->claimed ? !volume->superseded : client->instance[0] == '\0')
    sim_violation(sim, "O8 %s was fenced while nobody had taken over",
                  volume->node);
}

/* A stopped gateway cannot close its gate; it cannot use it either. A moment is
 * left to it for its timer.
 */
static void
check_time(struct sim *sim, const struct gateway *gateway,
           const struct sim_volume *volume, const struct gate *gate)
{
  uint64_t now_ns = clock_now(&gateway->clock), until_ns = 0;

  if (volume->extended_ns != 0)
    until_ns = timing_valid_until(volume->extended_ns, volume->duration_s);
  if (gate->valid_until_ns > until_ns)
    sim_violation(sim, "O7 %s: gate valid until %.3f, provably until %.3f",
                  volume->node, (double)gate->valid_until_ns / (double)SECOND,
                  (double)until_ns / (double)SECOND);
  if (volume->extended_ns != 0 && gate->guard.epoch == sim->store.epoch &&
      gateway->paused_until_ns <= sim->now_ns &&
      now_ns > until_ns + 100 * MILLISECOND)
    sim_violation(sim, "O7 %s: gate open at %.3f, renewed %.3f for %u s",
                  volume->node, (double)now_ns / (double)SECOND,
                  (double)volume->extended_ns / (double)SECOND,
                  volume->duration_s);
}

void
oracle_gates(struct sim *sim)
{
  const struct sim_volume *open_volume = NULL;

  if (sim->groups)
    oracle_group_gates(sim);

  for (unsigned i = 0; i < CLIENTS; i++) {
    struct client *client = &sim->clients[i];
    struct sim_volume *volume;
    struct gate gate;

    if (client->gateway == NULL)
      continue;
    volume = (struct sim_volume *)tenure_volume(client->tenure);
    tenure_gate(client->tenure, &gate);
    if (gate.position == GATE_FENCED)
      check_fenced(sim, client, volume);
    if (gate.position != GATE_OPEN && gate.position != GATE_DRAINING)
      continue;
    volume->opened = true;
    if (gate.guard.epoch == sim->store.epoch && !sim->groups) {
      if (open_volume != NULL && open_volume != volume)
        sim_violation(sim, "O5 two gates are open in epoch %u",
                      (unsigned)gate.guard.epoch);
      open_volume = volume;
    }
    check_time(sim, client->gateway, volume, &gate);
  }
}
