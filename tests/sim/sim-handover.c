/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-handover.c: the operator: commands at the store, and requests to hand the
 * volume over; see sim.h.
 *
 * The operator puts a request into the store, and perhaps has the gateways look
 * for it at once. Nobody takes a request away that is not carried out: what is
 * left over must do no harm. A look takes a while, finds what was there when it
 * began, and is lost at times.
 */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#include "lease/keeper-internal.h"
#include "leasehold/reserve.h"
#include "leasehold/translate.h"

void
sim_operator(struct sim *sim, bool preempt, unsigned node, unsigned victim)
{
  struct reservation_request request = {.command = preempt ? RESERVATION_PREEMPT
                                                           : RESERVATION_CLEAR,
                                        .duration_s = 30};
  struct translation plan;
  struct volume_info info;

  snprintf(request.node, sizeof request.node, "n%u", node);
  sim_node_id(node, &request.node_id);
  sim_node_id(victim, &request.victim_id);
  sim_describe(sim, &info);
  translate(&request, &info, &plan);
  sim_trace(sim, "operator: %s n%u over n%u: %u commands",
            preempt ? "preempt" : "clear", node, victim, plan.count);
  for (unsigned i = 0; i < plan.count; i++) {
    if (sim_effect(sim, NULL, &plan.commands[i]) != 0)
      return;
  }
}

static void
ended(struct takeover *takeover, int status)
{
  (void)takeover;
  (void)status;
}

bool
sim_take_over(struct sim *sim, unsigned node, unsigned victim)
{
  static struct takeover takeover = {.ended = ended};
  struct lease_id victim_id;
  char name[16];

  /* Mostly from whoever has claimed last, else nothing can come of it. */
  if (sim->store.record.holder.node[0] == 'n' && !sim_chance(sim, 250))
    victim = (unsigned)(sim->store.record.holder.node[1] - '0');
  snprintf(name, sizeof name, "n%u", node);
  sim_node_id(victim, &victim_id);
  for (unsigned i = 0; i < GATEWAYS; i++) {
    if (!keeper_take_over(sim->gateways[i].keeper, "disk0", name, &victim_id,
                          &takeover))
      continue;
    sim_trace(sim, "operator: n%u is to take over from n%u at gateway %u", node,
              victim, i);
    return true;
  }
  return false;
}

/* The judging is the real scout's (handover-scout.c). */
static void
obey(struct sim *sim, struct tenure *tenure,
     const struct handover_request *request)
{
  struct handover_order order = {.epoch = request->epoch,
                                 .to_lease = request->to_lease};
  const char *node = tenure->session.config.node;

  memcpy(order.to, request->to, sizeof order.to);
  switch (handover_judge(&tenure->lease_view, node, request)) {
  case HANDOVER_LEAVE:
    break;
  case HANDOVER_OBEY:
    tenure_order(tenure, &order);
    break;
  case HANDOVER_TAKE_AWAY:
    if (strcmp(sim->store.request.writer, request->writer) == 0)
      memset(&sim->store.request, 0, sizeof sim->store.request);
    break;
  }
}

static void
run_errand(struct sim *sim, struct event *event)
{
  struct errand *errand =
      (struct errand *)((char *)event - offsetof(struct errand, event));
  struct tenure *tenure = errand->tenure;

  if (sim_paused(errand->gateway)) {
    sim_at(sim, event, errand->gateway->paused_until_ns);
    return;
  }
  if (sim->calm || !sim_chance(sim, 100))
    obey(sim, tenure, &errand->seen);
  if (tenure_looked(tenure)) {
    errand->seen = sim->store.request;
    sim_at(sim, event, sim->now_ns + sim_random(sim, 20 * MILLISECOND));
  } else {
    errand->gateway = NULL;
  }
}

void
sim_scout(struct keeper_scout *scout, struct tenure *tenure)
{
  struct gateway *gateway =
      (struct gateway *)((char *)scout - offsetof(struct gateway, scout));
  struct sim *sim = gateway->sim;

  for (unsigned i = 0; i < ERRANDS; i++) {
    struct errand *errand = &sim->errands[i];

    if (errand->gateway != NULL)
      continue;
    *errand = (struct errand){.gateway = gateway,
                              .tenure = tenure,
                              .seen = sim->store.request,
                              .event.run = run_errand};
    sim_at(sim, &errand->event,
           sim->now_ns + sim_random(sim, 20 * MILLISECOND));
    return;
  }
  while (tenure_looked(tenure))
    continue;
}

void
sim_ask_handover(struct sim *sim, unsigned from, unsigned to, bool now)
{
  struct sim_store *store = &sim->store;
  struct handover_request *request = &store->request;

  /* Mostly from whoever has claimed last, else nothing can come of it. */
  if (store->record.holder.node[0] == 'n' && !sim_chance(sim, 250))
    from = (unsigned)(store->record.holder.node[1] - '0');
  if (from == to || store->request_count == ACTIONS_MAX)
    return;
  memset(request, 0, sizeof *request);
  snprintf(request->from, sizeof request->from, "n%u", from);
  snprintf(request->to, sizeof request->to, "n%u", to);
  sim_node_id(from, &request->from_lease);
  sim_node_id(to, &request->to_lease);
  request->epoch = store->epoch;
  snprintf(request->writer, sizeof request->writer, "%u", store->request_count);
  store->requests[store->request_count++] = *request;
  sim_trace(sim, "operator: n%u is to hand over to n%u in epoch %u", from, to,
            (unsigned)request->epoch);
  for (unsigned i = 0; now && i < GATEWAYS; i++)
    keeper_look(sim->gateways[i].keeper, "disk0", request->from);
}

void
sim_note_offer(struct sim_volume *from, const struct lease_command *command)
{
  const struct sim_store *store = &from->sim->store;

  if (command->verb != LEASE_CHANGE)
    return;
  from->offered_to = command->proposed_id;
  from->offered_epoch = command->expected_epoch;
  /* It has passed to that one by another way already. */
  if (store->epoch == command->expected_epoch &&
      lease_id_equal(&store->lease.id, &command->proposed_id)) {
    from->gave = true;
    from->gave_epoch = store->epoch;
    from->opened = false;
  }
}

void
sim_handover_forget(struct sim *sim, const struct gateway *gateway)
{
  for (unsigned i = 0; i < ERRANDS; i++) {
    struct errand *errand = &sim->errands[i];

    if (errand->gateway == gateway) {
      sim_cancel(sim, &errand->event);
      errand->gateway = NULL;
    }
  }
}
