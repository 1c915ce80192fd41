/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tenure.c: the side of a tenure that connections see: join and leave it, read
 * its gate, wait for it, leave notes. keeper.c has the design.
 */
#include "lease/keeper-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/timing.h"
#include "utils/cleanup.h"
#include "utils/random.h"

bool
tenure_same_key(const struct tenure *tenure, const struct tenure *other)
{
  const struct session_config *a = &tenure->session.config;
  const struct session_config *b = &other->session.config;

  return tenure->volume->ops == other->volume->ops &&
         strcmp(tenure->name, other->name) == 0 &&
         strcmp(tenure->volume->identity, other->volume->identity) == 0 &&
         strcmp(a->node, b->node) == 0 && strcmp(a->instance, b->instance) == 0;
}

void
tenure_free(struct tenure *tenure)
{
  if (tenure->extra != NULL)
    tenure->extra->free(tenure->extra);
  tenure_served(tenure); /* until then something may have been posted */
  store_volume_close(tenure->volume);
  {
    LOCK_FOR_SCOPE(&tenure->lock);
    tenure_end_takeover_locked(tenure, STATUS_STOPPING);
  }
  pthread_mutex_destroy(&tenure->lock);
  free(tenure->dropped);
  free(tenure->request);
  free(tenure);
}

static int
tenure_new(struct keeper *keeper, struct store *store, const char *volume,
           const struct session_config *config, struct tenure **out,
           struct error *err)
{
  struct tenure *tenure = calloc(1, sizeof *tenure);
  int status;

  if (tenure == NULL)
    return error_set(err, STATUS_NO_MEMORY, "%s: no memory", volume);
  status = store_volume_open(store, volume, &tenure->volume, err);
  if (status != 0) {
    free(tenure);
    return status;
  }
  if (keeper->config.extra_new != NULL) {
    tenure->extra = keeper->config.extra_new();
    if (tenure->extra == NULL) {
      store_volume_close(tenure->volume);
      free(tenure);
      return error_set(err, STATUS_NO_MEMORY, "%s: no memory", volume);
    }
  }
  tenure->keeper = keeper;
  tenure->refs = 1;
  tenure->notes.set = NOTE_ATTACH;
  snprintf(tenure->name, sizeof tenure->name, "%s", volume);
  pthread_mutex_init(&tenure->lock, NULL);
  session_init(&tenure->session, config);
  tenure->told = SESSION_IDLE;
  tenure->told_epoch = EVENT_NO_EPOCH;
  *out = tenure;
  return 0;
}

/* keeper->lock is held. A fenced tenure is joined only by its own instance
 * (S12); one that nobody refers to any more is on its way out.
 */
static bool
join_locked(struct tenure *tenure)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  bool fenced = tenure->gate.position == GATE_FENCED ||
                tenure->gate.position == GATE_CLOSED;

  if (tenure->refs == 0 ||
      (fenced && tenure->session.config.instance[0] == '\0'))
    return false;
  tenure->refs++;
  return true;
}

static struct tenure *
find_or_add(struct keeper *keeper, struct tenure *fresh)
{
  LOCK_FOR_SCOPE(&keeper->lock);
  if (keeper->stopping)
    return NULL;
  for (struct tenure *old = keeper->tenures; old != NULL; old = old->next) {
    if (tenure_same_key(fresh, old) && join_locked(old))
      return old;
  }
  fresh->next = keeper->tenures;
  if (fresh->next != NULL)
    fresh->next->link = &fresh->next;
  fresh->link = &keeper->tenures;
  keeper->tenures = fresh;
  tenure_ready(fresh); /* nobody else knows it: it has no need of its lock */
  return fresh;
}

int
keeper_attach(struct keeper *keeper, struct store *store, const char *volume,
              const char *node, const char *instance, struct tenure **out,
              struct error *err)
{
  struct session_config config = {.duration_s = keeper->config.duration_s,
                                  .write_back = keeper->config.write_back,
                                  .drain_ns = keeper->config.drain_ns,
                                  .spread = timing_spread(volume)};
  struct tenure *fresh = NULL;
  int status;

  snprintf(config.node, sizeof config.node, "%s", node);
  snprintf(config.instance, sizeof config.instance, "%s", instance);
  if (random_nonce(config.nonce) != 0)
    return error_set(err, STATUS_NO_MEMORY, "%s: no random numbers", volume);
  status = lease_id_from_node(node, &keeper->config.key, &config.lease_id);
  if (status != 0)
    return error_set(err, status, "%s@%s: cannot derive a lease ID", volume,
                     node);
  status = tenure_new(keeper, store, volume, &config, &fresh, err);
  if (status != 0)
    return status;
  *out = find_or_add(keeper, fresh);
  if (*out != fresh)
    tenure_free(fresh);
  if (*out == NULL)
    return error_set(err, STATUS_STOPPING, "%s: the server is stopping",
                     volume);
  keeper_kick(keeper);
  return 0;
}

static void
note_detach_locked(struct tenure *tenure)
{
  tenure->notes.set |= NOTE_DETACH;
  tenure->notes.clean = tenure->flush_status == 0;
  tenure_ready(tenure);
}

void
keeper_detach(struct tenure *tenure)
{
  if (tenure == NULL)
    return;

  LOCK_FOR_SCOPE(&tenure->lock);
  if (--tenure->refs > 0)
    return;
  note_detach_locked(tenure);
  keeper_kick(tenure->keeper);
}

static void
detach_each(struct keeper *keeper, bool drop_references)
{
  LOCK_FOR_SCOPE(&keeper->lock);
  keeper->stopping = true;
  for (struct tenure *tenure = keeper->tenures; tenure != NULL;
       tenure = tenure->next) {
    LOCK_FOR_SCOPE(&tenure->lock);
    if (drop_references)
      tenure->refs = 0;
    note_detach_locked(tenure);
  }
  keeper_kick(keeper);
}

void
keeper_retire(struct keeper *keeper)
{
  detach_each(keeper, false);
}

void
keeper_detach_all(struct keeper *keeper)
{
  detach_each(keeper, true);
}

struct tenure_extra *
tenure_extra(struct tenure *tenure)
{
  return tenure->extra;
}

struct store_volume *
tenure_volume(struct tenure *tenure)
{
  return tenure->volume;
}

const struct clock *
tenure_clock(struct tenure *tenure)
{
  return tenure->keeper->config.clock;
}

const struct log *
tenure_log(struct tenure *tenure)
{
  return tenure->keeper->config.log;
}

void
tenure_gate(struct tenure *tenure, struct gate *out)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  *out = tenure->gate;
  /* The keeper has not yet come to what was posted. */
  if ((out->position == GATE_OPEN || out->position == GATE_DRAINING) &&
      out->guard.epoch <= tenure->doubted_epoch)
    out->position = GATE_PENDING;
  if (tenure->mistrusted_ns != 0 &&
      tenure->extended_ns <= tenure->mistrusted_ns)
    out->valid_until_ns = 0;
}

void
tenure_view(struct tenure *tenure, struct volume_info *info,
            enum session_state *state, char cause[SESSION_CAUSE_MAX])
{
  LOCK_FOR_SCOPE(&tenure->lock);
  if (info != NULL)
    *info = tenure->session.seen;
  if (state != NULL)
    *state = tenure->state;
  if (cause != NULL)
    memcpy(cause, tenure->cause, sizeof tenure->cause);
}

void
tenure_flush_failed(struct tenure *tenure, int status)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  if (tenure->flush_status == 0)
    tenure->flush_status = status;
}

int
tenure_flush_status(struct tenure *tenure)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  return tenure->flush_status;
}

bool
tenure_wait(struct tenure *tenure, uint64_t version,
            struct tenure_waiter *waiter)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  if (tenure->gate.version != version)
    return false;
  waiter->previous = NULL;
  waiter->next = tenure->waiters;
  if (waiter->next != NULL)
    waiter->next->previous = waiter;
  tenure->waiters = waiter;
  waiter->queued = true;
  return true;
}

void
tenure_forget(struct tenure *tenure, struct tenure_waiter *waiter)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  if (!waiter->queued)
    return;
  if (waiter->previous != NULL)
    waiter->previous->next = waiter->next;
  else
    tenure->waiters = waiter->next;
  if (waiter->next != NULL)
    waiter->next->previous = waiter->previous;
  waiter->queued = false;
}

void
tenure_order(struct tenure *tenure, const struct handover_order *order)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  tenure->notes.order = *order;
  tenure->notes.set |= NOTE_ORDER;
  tenure_ready(tenure);
  keeper_kick(tenure->keeper);
}

bool
tenure_looked(struct tenure *tenure)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  bool again = tenure->look_again;

  tenure->look_again = false;
  tenure->looking = again;
  if (!again) { /* the turn may wait for that to free it */
    tenure->notes.set |= NOTE_LOOKED;
    tenure_ready(tenure);
    keeper_kick(tenure->keeper);
  }
  return again;
}

void
keeper_look(struct keeper *keeper, const char *volume, const char *node)
{
  LOCK_FOR_SCOPE(&keeper->lock);
  for (struct tenure *tenure = keeper->tenures; tenure != NULL;
       tenure = tenure->next) {
    if (strcmp(tenure->name, volume) == 0 &&
        strcmp(tenure->session.config.node, node) == 0) {
      LOCK_FOR_SCOPE(&tenure->lock);
      tenure->notes.set |= NOTE_LOOK;
      tenure_ready(tenure);
    }
  }
  keeper_kick(keeper);
}

/* Sessions that stand by, or ask; the newest comes first. */
static bool
order_takeover(struct tenure *tenure, const struct lease_id *victim,
               struct takeover *takeover)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  if (tenure->refs == 0 || tenure->takeover != NULL ||
      (tenure->state != SESSION_STANDBY && tenure->state != SESSION_LOOKING))
    return false;
  tenure->takeover = takeover;
  tenure->notes.victim = *victim;
  tenure->notes.set |= NOTE_TAKE_OVER;
  tenure_ready(tenure);
  return true;
}

bool
keeper_take_over(struct keeper *keeper, const char *volume, const char *node,
                 const struct lease_id *victim, struct takeover *takeover)
{
  LOCK_FOR_SCOPE(&keeper->lock);
  for (struct tenure *tenure = keeper->tenures; tenure != NULL;
       tenure = tenure->next) {
    if (strcmp(tenure->name, volume) == 0 &&
        strcmp(tenure->session.config.node, node) == 0 &&
        order_takeover(tenure, victim, takeover)) {
      keeper_kick(keeper);
      return true;
    }
  }
  return false;
}

void
keeper_forget_takeover(struct keeper *keeper, struct takeover *takeover)
{
  LOCK_FOR_SCOPE(&keeper->lock);
  for (struct tenure *tenure = keeper->tenures; tenure != NULL;
       tenure = tenure->next) {
    LOCK_FOR_SCOPE(&tenure->lock);
    if (tenure->takeover == takeover)
      tenure->takeover = NULL;
  }
}

bool
keeper_knows(struct keeper *keeper, const char *volume)
{
  LOCK_FOR_SCOPE(&keeper->lock);
  for (struct tenure *tenure = keeper->tenures; tenure != NULL;
       tenure = tenure->next)
    if (strcmp(tenure->name, volume) == 0)
      return true;
  return false;
}

void
keeper_mistrust(struct keeper *keeper, const char *volume)
{
  uint64_t now_ns = clock_now(keeper->config.clock);

  LOCK_FOR_SCOPE(&keeper->lock);
  for (struct tenure *tenure = keeper->tenures; tenure != NULL;
       tenure = tenure->next) {
    if (strcmp(tenure->name, volume) == 0) {
      LOCK_FOR_SCOPE(&tenure->lock);
      tenure->mistrusted_ns = now_ns;
      tenure->notes.set |= NOTE_RENEW;
      tenure_ready(tenure);
    }
  }
  keeper_kick(keeper);
}

void
tenure_post(struct tenure *tenure, const struct session_event *event)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  struct notes *notes = &tenure->notes;

  switch (event->kind) {
  case SESSION_WANT_WRITE:
    notes->set |= NOTE_WANT_WRITE;
    break;
  case SESSION_WANT_LEASE:
    notes->set |= NOTE_WANT_LEASE;
    break;
  case SESSION_DRAINED:
    notes->set |= NOTE_DRAINED;
    break;
  case SESSION_REFUSED:
    /* Only the newest epoch can matter to the session. */
    if (!(notes->set & NOTE_REFUSED) || notes->refused_epoch < event->epoch) {
      notes->refused_epoch = event->epoch;
      notes->refused_status = event->status;
    }
    notes->set |= NOTE_REFUSED;
    break;
  case SESSION_UNKNOWN:
    if (!(notes->set & NOTE_UNKNOWN) || notes->unknown_epoch < event->epoch)
      notes->unknown_epoch = event->epoch;
    notes->set |= NOTE_UNKNOWN;
    if (tenure->doubted_epoch < event->epoch)
      tenure->doubted_epoch = event->epoch;
    break;
  default:
    abort(); /* the keeper's own events */
  }
  tenure_ready(tenure);
  keeper_kick(tenure->keeper);
}
