/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper.c: runs the sessions of any number of volumes; see keeper.h.
 *
 * A tenure is a session, the store volume it is about, and those who wait for
 * its gate. Connections' threads only leave notes in a tenure (it was wanted,
 * a request was refused, the last one left) and read its gate; one thread, the
 * keeper's, runs keeper_turn, and nothing else steps a session.
 *
 *   what                                  touched by         under
 *   notes, refs, gate, waiters, view      any thread         tenure->lock
 *   the list of tenures                   attach, turn       keeper->lock
 *   the queues (keeper-queue.c)           any thread         keeper->queue_lock
 *   session, request, told, timers        keeper_turn only   nothing
 *   session.seen: written                 keeper_turn only   tenure->lock
 *                 read                    any thread         tenure->lock
 *
 * keeper->lock is taken before a tenure->lock, and that before queue_lock,
 * never the other way; none is held over I/O. Only keeper_turn frees tenures.
 *
 * One turn: for each tenure with a note (the ready queue), then for each whose
 * time has come (a heap): take the notes, step the session once for each,
 * submit what it wants sent, publish the gate and wake the waiters if it
 * changed. An answer is a note too, so a store that answers inside submit makes
 * for another round. Tenures that are idle are not looked at. At the end the
 * turn knows when the next tenure's time comes; keeper-thread.c sleeps until
 * then or until it is kicked. There is no polling.
 *
 * A command needs much memory (it has a holder record, and so has its answer),
 * so it has some only while it is on its way. When there is none it counts as
 * not sent, and the session tries again.
 *
 * Life of a tenure: made by keeper_attach with one reference, joined by more.
 * The last keeper_detach leaves the note DETACH. When the session has finished
 * (its Release was answered, or none was needed), the turn unlinks and frees
 * it. A tenure that begins while one of the same key is on its way out is held
 * back until that one is gone, so that a Release never meets the lease of its
 * successor.
 */
#include "lease/keeper-internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "utils/cleanup.h"

static void
view_lease(const struct session *session, struct lease_view *out)
{
  memset(out, 0, sizeof *out);
  if (session->claimed ||
      (session->state == SESSION_ATTACHED && session->took)) {
    out->holds = true;
    out->epoch = session->claimed ? session->epoch : session->took_epoch;
  } else if (session->given_away) {
    out->gave = true;
    out->epoch = session->order.epoch;
    memcpy(out->to, session->order.to, sizeof out->to);
  }
}

static void
publish(struct tenure *tenure)
{
  const struct session *session = &tenure->session;

  LOCK_FOR_SCOPE(&tenure->lock);
  tenure->state = session->state;
  tenure->draining = session->draining;
  view_lease(session, &tenure->lease_view);
  tenure->extended_ns = session->extended_ns;
  memcpy(tenure->cause, session->cause, sizeof tenure->cause);
  if (tenure->gate.version == session->gate.version)
    return;
  tenure->gate = session->gate;
  while (tenure->waiters != NULL) {
    struct tenure_waiter *waiter = tenure->waiters;

    tenure->waiters = waiter->next;
    waiter->queued = false;
    waiter->wake(waiter);
  }
}

/* The kick is given under the lock: once it is dropped, a turn may free the
 * tenure, and then the keeper may be freed.
 */
static void
note(struct tenure *tenure, enum note what)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  tenure->notes.set |= what;
  tenure_ready(tenure);
  keeper_kick(tenure->keeper);
}

static void
request_done(struct store_command *command)
{
  struct tenure_request *request = (struct tenure_request *)command;
  struct tenure *tenure = request->tenure;

  LOCK_FOR_SCOPE(&tenure->lock);
  if (request->dropped) {
    tenure->dropped = NULL;
    free(request);
    tenure->notes.set |= NOTE_LOOKED; /* the turn may wait to free it */
  } else {
    tenure->notes.set |= NOTE_REPLY;
  }
  tenure_ready(tenure);
  keeper_kick(tenure->keeper);
}

/* The session does not wait for the command before this one any more. */
static void
drop_request(struct tenure *tenure)
{
  LOCK_FOR_SCOPE(&tenure->lock);
  if (tenure->notes.set & NOTE_REPLY) {
    tenure->notes.set &= ~(unsigned)NOTE_REPLY;
    free(tenure->request);
  } else {
    tenure->dropped = tenure->request;
    tenure->dropped->dropped = true;
  }
  tenure->request = NULL;
}

/* GROUP is not for the store; without anybody to ask there are no groups. */
static int
submit(struct tenure *tenure, struct store_command *command)
{
  struct membership_runner *runner = tenure->keeper->config.memberships;

  if (command->command.verb != LEASE_GROUP)
    return store_submit_command(tenure->volume, command);
  if (runner != NULL)
    return runner->submit(runner, tenure->volume, tenure->name, command);
  command->reply.info = tenure->session.seen;
  return STATUS_OK;
}

static void
send(struct tenure *tenure)
{
  struct tenure_request *request = calloc(1, sizeof *request);

  if (tenure->session.supersedes)
    drop_request(tenure);
  tenure->request = request;
  if (request != NULL) {
    request->tenure = tenure;
    request->command.command = tenure->session.command;
    request->command.done = request_done;
  }
  if (request == NULL || submit(tenure, &request->command) != STORE_PENDING)
    note(tenure, NOTE_REPLY);
}

static void
step_once(struct tenure *tenure, const struct session_event *event)
{
  const struct clock *clock = tenure->keeper->config.clock;
  struct session *session = &tenure->session;
  struct tenure_before before;

  tenure_events_before(tenure, &before);
  {
    LOCK_FOR_SCOPE(&tenure->lock); /* of what was seen */
    session_step(session, event, clock_now(clock), clock->wall_ms(clock));
  }
  tenure_events_after(tenure, &before);
  publish(tenure);
  if (session->send)
    send(tenure);
}

/* While the session drains, whoever keeps changes is asked for them after
 * each step, for the gate may be another one.
 */
static void
ask_drained(struct tenure *tenure)
{
  struct tenure_extra *extra = tenure->extra;

  if (!tenure->session.draining)
    return;
  if (extra == NULL || extra->drain == NULL || extra->drain(extra, tenure))
    step_once(tenure, &(struct session_event){
                          .kind = SESSION_DRAINED,
                          .clean = tenure_flush_status(tenure) == 0});
}

static void
step(struct tenure *tenure, const struct session_event *event)
{
  step_once(tenure, event);
  ask_drained(tenure);
}

static void
step_kind(struct tenure *tenure, enum session_event_kind kind)
{
  step(tenure, &(struct session_event){.kind = kind});
}

/* How long a renewal took that has been answered well. */
static void
measure(const struct tenure *tenure)
{
  const struct session *session = &tenure->session;
  struct keeper *keeper = tenure->keeper;

  if (session->awaited == LEASE_RENEW && tenure->replied == STATUS_OK)
    metrics_histogram_add(&keeper->renewals,
                          clock_now(keeper->config.clock) - session->sent_ns);
}

void
tenure_end_takeover_locked(struct tenure *tenure, int status)
{
  struct takeover *takeover = tenure->takeover;

  tenure->takeover = NULL;
  if (takeover != NULL)
    takeover->ended(takeover, status);
}

static void
end_takeover(struct tenure *tenure)
{
  if (!tenure->taking || tenure->session.state == SESSION_TAKING)
    return;
  tenure->taking = false;

  LOCK_FOR_SCOPE(&tenure->lock);
  tenure_end_takeover_locked(
      tenure, tenure->session.state == SESSION_HELD ? 0 : STATUS_CONFLICT);
}

static void
step_reply(struct tenure *tenure)
{
  static const struct lease_reply not_sent = {.status = STATUS_TRANSIENT};
  CLEANUP_FREE struct tenure_request *request = tenure->request;
  const struct lease_reply *reply =
      request != NULL ? &request->command.reply : &not_sent;

  tenure->request = NULL; /* the step may send the next one */
  tenure->replied = reply->status;
  measure(tenure);
  step(tenure, &(struct session_event){
                   .kind = SESSION_REPLY,
                   .reply = reply,
                   .text = request != NULL ? request->command.error.text
                                           : "no memory for a command"});
  end_takeover(tenure);
}

/* Has the scout look, unless it does so already. */
static void
look(struct tenure *tenure)
{
  struct keeper_scout *scout = tenure->keeper->scout;

  if (scout == NULL)
    return;
  {
    LOCK_FOR_SCOPE(&tenure->lock);
    tenure->look_again = tenure->looking;
    if (tenure->looking)
      return;
    tenure->looking = true;
  }
  scout->look(scout, tenure);
}

/* After each renewal, and to take away what has been carried out. */
static void
look_if_due(struct tenure *tenure)
{
  const struct session *session = &tenure->session;

  if (session->renewals == tenure->renewals &&
      session->handovers == tenure->handovers)
    return;
  tenure->renewals = session->renewals;
  tenure->handovers = session->handovers;
  look(tenure);
}

static void
take_over(struct tenure *tenure, const struct lease_id *victim)
{
  bool again;

  {
    LOCK_FOR_SCOPE(&tenure->lock);
    again = tenure->dropped != NULL;
  }
  tenure->taking = true;
  if (!again)
    step(tenure,
         &(struct session_event){.kind = SESSION_TAKE_OVER, .victim = victim});
  end_takeover(tenure);
}

/* DETACH comes last: what else was noted was before it. */
static void
step_notes(struct tenure *tenure, const struct notes *notes)
{
  if (notes->set & NOTE_ATTACH)
    step_kind(tenure, SESSION_ATTACH);
  if (notes->set & NOTE_REPLY)
    step_reply(tenure);
  if (notes->set & NOTE_REFUSED)
    step(tenure, &(struct session_event){.kind = SESSION_REFUSED,
                                         .epoch = notes->refused_epoch,
                                         .status = notes->refused_status});
  if (notes->set & NOTE_UNKNOWN)
    step(tenure, &(struct session_event){.kind = SESSION_UNKNOWN,
                                         .epoch = notes->unknown_epoch});
  if (notes->set & NOTE_WANT_WRITE)
    step_kind(tenure, SESSION_WANT_WRITE);
  if (notes->set & NOTE_WANT_LEASE)
    step_kind(tenure, SESSION_WANT_LEASE);
  if (notes->set & NOTE_DRAINED)
    ask_drained(tenure);
  if (notes->set & NOTE_ORDER)
    step(tenure, &(struct session_event){.kind = SESSION_HAND_OVER,
                                         .order = &notes->order});
  if (notes->set & NOTE_TAKE_OVER)
    take_over(tenure, &notes->victim);
  if (notes->set & NOTE_LOOK)
    look(tenure);
  if (notes->set & NOTE_RENEW)
    step_kind(tenure, SESSION_RENEW);
  if (notes->set & NOTE_DETACH)
    step(tenure, &(struct session_event){.kind = SESSION_DETACH,
                                         .clean = notes->clean});
}

/* Is an earlier tenure of the same key still on its way out? Those made
 * earlier are further down the list. keeper->lock is held.
 */
static bool
predecessor_locked(struct tenure *tenure)
{
  for (struct tenure *old = tenure->next; old != NULL; old = old->next) {
    if (tenure_same_key(tenure, old)) {
      LOCK_FOR_SCOPE(&old->lock);
      if (old->refs == 0 && !old->session.finished)
        return true;
    }
  }
  return false;
}

static void
unlink_and_free(struct keeper *keeper, struct tenure *tenure)
{
  {
    LOCK_FOR_SCOPE(&keeper->lock);
    *tenure->link = tenure->next;
    if (tenure->next != NULL)
      tenure->next->link = tenure->link;
  }
  timer_heap_set(&keeper->timers, &tenure->timer, TIME_NEVER);
  tenure_free(tenure);
  keeper_hold_nothing_back(keeper);
}

/* Takes the notes, unless the tenure has to be held back. */
static struct notes
take_notes(struct keeper *keeper, struct tenure *tenure)
{
  struct notes notes = {0};

  LOCK_FOR_SCOPE(&keeper->lock);
  LOCK_FOR_SCOPE(&tenure->lock);
  if ((tenure->notes.set & NOTE_ATTACH) && predecessor_locked(tenure)) {
    tenure_hold_back(tenure);
    return notes;
  }
  notes = tenure->notes;
  tenure->notes.set = 0;
  tenure_served(tenure);
  return notes;
}

static bool
is_busy(struct tenure *tenure)
{
  struct tenure_extra *extra = tenure->extra;

  return extra != NULL && extra->busy != NULL && extra->busy(extra);
}

/* Does what is due for one tenure. */
static void
serve(struct keeper *keeper, struct tenure *tenure)
{
  for (;;) {
    struct notes notes = take_notes(keeper, tenure);
    bool referred;

    if (notes.set != 0)
      step_notes(tenure, &notes);
    else if (tenure->session.wake_at_ns <= clock_now(keeper->config.clock))
      step_kind(tenure, SESSION_TIMER);
    else
      break;
    look_if_due(tenure);
    {
      LOCK_FOR_SCOPE(&tenure->lock);
      referred = tenure->refs > 0 || tenure->notes.set != 0 ||
                 tenure->looking || tenure->dropped != NULL;
    }
    if (tenure->session.finished && !referred && !is_busy(tenure)) {
      unlink_and_free(keeper, tenure);
      return;
    }
    if (tenure->session.finished)
      keeper_hold_nothing_back(keeper);
  }
  timer_heap_set(&keeper->timers, &tenure->timer, tenure->session.wake_at_ns);
}

/* The tenure whose time comes first, or NULL. */
static struct tenure *
first_timed(struct keeper *keeper)
{
  struct timer_node *node = keeper->timers.first;

  return node == NULL
             ? NULL
             : (struct tenure *)((char *)node - offsetof(struct tenure, timer));
}

/* Those that get their first note from then on are for the next turn. */
static void
serve_ready(struct keeper *keeper)
{
  unsigned left, count;
  struct tenure *tenure = keeper_first_ready(keeper, &left);

  for (; tenure != NULL && left > 0; left--) {
    serve(keeper, tenure);
    tenure = keeper_first_ready(keeper, &count);
  }
}

uint64_t
keeper_turn(struct keeper *keeper)
{
  struct tenure *tenure;
  unsigned ready;

  serve_ready(keeper);
  while ((tenure = first_timed(keeper)) != NULL &&
         tenure->timer.at_ns <= clock_now(keeper->config.clock))
    serve(keeper, tenure);
  {
    /* keeper_stop's caller frees what the tenures have used: only now. */
    LOCK_FOR_SCOPE(&keeper->lock);
    if (keeper->stopping)
      pthread_cond_broadcast(&keeper->gone);
  }
  keeper_first_ready(keeper, &ready);
  if (ready > 0)
    return 0;
  return tenure != NULL ? tenure->timer.at_ns : TIME_NEVER;
}

/* --- the keeper itself ------------------------------------------------ */

void
keeper_kick(struct keeper *keeper)
{
  if (keeper->kick != NULL)
    keeper->kick->kick(keeper->kick);
}

struct keeper *
keeper_new(const struct keeper_config *config)
{
  struct keeper *keeper = calloc(1, sizeof *keeper);
  pthread_condattr_t attributes;

  if (keeper == NULL)
    return NULL;
  keeper->config = *config;
  keeper->event_fd = keeper->timer_fd = -1;
  pthread_mutex_init(&keeper->lock, NULL);
  keeper_queues_init(keeper);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&keeper->gone, &attributes);
  pthread_condattr_destroy(&attributes);
  return keeper;
}

void
keeper_set_kick(struct keeper *keeper, struct keeper_kick *handler)
{
  keeper->kick = handler;
}

void
keeper_set_scout(struct keeper *keeper, struct keeper_scout *scout)
{
  keeper->scout = scout;
}

void
keeper_abandon(struct keeper *keeper)
{
  struct tenure *tenure, *next;

  for (tenure = keeper->tenures; tenure != NULL; tenure = next) {
    next = tenure->next;
    tenure_free(tenure);
  }
  keeper_close(keeper);
  pthread_cond_destroy(&keeper->gone);
  keeper_queues_destroy(keeper);
  pthread_mutex_destroy(&keeper->lock);
  free(keeper);
}

bool
keeper_free(struct keeper *keeper)
{
  if (keeper == NULL)
    return true;
  for (struct tenure *tenure = keeper->tenures; tenure != NULL;
       tenure = tenure->next) {
    if (tenure->session.awaited != LEASE_NONE || tenure->looking ||
        tenure->dropped != NULL || is_busy(tenure))
      return false; /* its answer will still write into the tenure */
  }
  keeper_abandon(keeper);
  return true;
}
