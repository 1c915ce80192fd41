/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-store.c: the simulated store and the messages to it; see sim.h.
 *
 * A request becomes a message. What it asks for takes place when it is
 * delivered, perhaps twice, perhaps never; its sender hears of it when it is
 * answered, or hears STATUS_UNKNOWN when its patience (ANSWER_WITHIN) is over,
 * whatever became of the message. The message holds copies, for by the time it
 * is delivered its sender may be dead. It is freed when no event of it is
 * queued any more.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_WITHIN (4 * SECOND)

/* --- effects -------------------------------------------------------------- */

static int
effect_of_change(struct sim *sim, struct message *message)
{
  struct sim_store *store = &sim->store;
  const struct store_io *io = &message->sent_io;
  const struct guard *guard = &io->guard;
  int status = 0;

  if (!MUTATED(S1_NO_LEASE_ID))
    status = blob_lease_use(&store->lease, BLOB_WRITE, &guard->lease_id,
                            sim->now_ns);
  if (status == 0 && guard->epoch != store->epoch && !MUTATED(S3_NO_EPOCH))
    status = STATUS_EPOCH_STALE;
  if (status != 0) {
    sim->counts.refused++;
    if (message->io != NULL && message->deliveries == 0 &&
        message->from->gave && message->from->gave_epoch == guard->epoch)
      sim_violation(sim,
                    "O15 op %u was under way when its lease was given away",
                    message->ops[0]);
    return status;
  }
  if (store->write_fails && message->deliveries == 0)
    return sim_change_lose(message);
  sim_change_done(message);
  sim->counts.writes++;
  if (sim->schedule->seed % 2 != 0)
    store->revision++;
  return 0;
}

static int
effect_of_io(struct sim *sim, struct message *message)
{
  const struct store_io *io = &message->sent_io;
  uint64_t first = io->offset / STORE_SECTOR;

  switch (io->kind) {
  case STORE_WRITE:
  case STORE_ZERO:
    return effect_of_change(sim, message);
  case STORE_READ:
  case STORE_EXTENTS:
    memcpy(message->sectors, &sim->store.sectors[first],
           io->count / STORE_SECTOR * sizeof message->sectors[0]);
    return 0;
  case STORE_FLUSH:
    if (!sim->store.flush_fails)
      return 0;
    sim->store.flush_fails = false;
    return STATUS_IO;
  default:
    return 0;
  }
}

/* --- messages ------------------------------------------------------------- */

static void
free_if_done(struct message *message)
{
  struct sim *sim = message->sim;

  if (message->deliver.queued || message->again.queued ||
      message->answer.queued)
    return;
  if (message->previous != NULL)
    message->previous->next = message->next;
  else
    sim->messages = message->next;
  if (message->next != NULL)
    message->next->previous = message->previous;
  free(message);
}

static void
take_effect(struct message *message)
{
  struct sim *sim = message->sim;
  int status;

  if (message->is_io)
    status = effect_of_io(sim, message);
  else
    status = sim_effect(sim, message->from, &message->sent);
  if (message->deliveries++ == 0) {
    message->status = status;
    sim_describe(sim, &message->info);
  }
  sim_trace(sim, "store: %s%s from %s/%s: %s (epoch %u, lease %s)",
            message->is_io ? "io" : lease_verb_text(message->sent.verb),
            message->deliveries > 1 ? " again" : "", message->from->node,
            message->from->instance, status_text(status),
            (unsigned)sim->store.epoch, lease_state_text(sim_lease_state(sim)));
}

/* A thread of the gateway's, not a message: it dies with it. */
static void
run_membership(struct sim *sim, struct message *message)
{
  struct gateway *gateway = message->from->gateway;
  struct store_command command = {.command = message->sent};

  if (message->command != NULL && gateway->paused_until_ns > sim->now_ns) {
    sim_at(sim, &message->deliver, gateway->paused_until_ns);
    return;
  }
  if (message->command != NULL) {
    sim_membership(sim, message->from, &command);
    message->status = command.reply.status;
    message->info = command.reply.info;
    message->membership = command.reply.membership;
  }
  sim_at(sim, &message->answer, sim->now_ns + MILLISECOND);
}

static void
run_deliver(struct sim *sim, struct event *event)
{
  struct message *message =
      (struct message *)((char *)event - offsetof(struct message, deliver));

  if (!message->is_io && message->sent.verb == LEASE_GROUP) {
    run_membership(sim, message);
    return;
  }
  if (message->io == NULL && message->command == NULL)
    message->sim->counts.late++;
  take_effect(message);
  free_if_done(message);
}

static void
run_again(struct sim *sim, struct event *event)
{
  struct message *message =
      (struct message *)((char *)event - offsetof(struct message, again));

  (void)sim;
  take_effect(message);
  free_if_done(message);
}

static void
answer_command(struct message *message)
{
  struct store_command *command = message->command;
  const struct lease_command *sent = &message->sent;

  if (message->status == 0 &&
      (sent->verb == LEASE_ACQUIRE || sent->verb == LEASE_RENEW) &&
      message->sent_local_ns > message->from->extended_ns) {
    message->from->extended_ns = message->sent_local_ns;
    message->from->extended_true_ns = message->sent_ns;
  }
  /* It says nothing of how long the lease lasts. */
  if (sent->verb == LEASE_TAKE_OVER) {
    message->from->extended_ns = 0;
    message->from->duration_s = message->sim->duration_s;
  }
  /* One without an end is renewed as if it had one. */
  if (message->status == 0 && sent->verb == LEASE_ACQUIRE)
    message->from->duration_s = sent->duration_s == LEASE_DURATION_INFINITE
                                    ? message->sim->duration_s
                                    : sent->duration_s;
  if (message->status == 0 && sent->verb == LEASE_GROUP &&
      message->membership.member) {
    message->from->extended_ns = message->sent_local_ns;
    message->from->extended_true_ns = message->sent_ns;
    message->from->duration_s = message->sim->duration_s;
  }
  command->reply.status = message->status;
  command->reply.info = message->info;
  command->reply.membership = message->membership;
  command->done(command);
}

char *
sim_place_of(const struct store_io *io, uint64_t offset)
{
  if (io->pieces == NULL)
    return (char *)io->buffer + offset;
  offset += io->piece_begin;
  return (char *)io->pieces[offset / io->piece_size] + offset % io->piece_size;
}

static void
answer_io(struct message *message)
{
  struct store_io *io = message->io;

  if (message->status == STATUS_UNKNOWN && sim_is_change(io))
    sim_change_doubted(message);
  if (io->kind == STORE_WRITE)
    sim_change_same(message, io);
  if (io->kind == STORE_READ && message->status == 0)
    for (uint64_t i = 0; i < io->count / STORE_SECTOR; i++)
      memcpy(sim_place_of(io, i * STORE_SECTOR), &message->sectors[i],
             sizeof message->sectors[i]);
  if (io->kind == STORE_EXTENTS && message->status == 0)
    for (uint64_t i = 0; i < io->count / STORE_SECTOR; i++)
      if (extents_add(&io->extents, STORE_SECTOR, message->sectors[i] == 0))
        abort();
  io->status = message->status;
  io->done(io);
}

static void
run_answer(struct sim *sim, struct event *event)
{
  struct message *message =
      (struct message *)((char *)event - offsetof(struct message, answer));
  struct gateway *gateway = message->from->gateway;

  /* A stopped process takes its answers in when it goes on. */
  if (gateway->paused_until_ns > sim->now_ns &&
      (message->command != NULL || message->io != NULL)) {
    sim_at(sim, event, gateway->paused_until_ns);
    return;
  }
  if (message->command != NULL)
    answer_command(message);
  else if (message->io != NULL)
    answer_io(message);
  message->command = NULL;
  message->io = NULL;
  free_if_done(message);
}

static void
answer_unknown(struct message *message)
{
  message->status = STATUS_UNKNOWN;
  message->deliveries = 1; /* whatever becomes of it, this is the answer */
  message->sim->counts.unknown++;
  sim_at(message->sim, &message->answer, message->sim->now_ns + ANSWER_WITHIN);
}

static void
answer_transient(struct message *message, uint64_t delay_ns)
{
  message->status = STATUS_TRANSIENT;
  sim_at(message->sim, &message->answer, message->sim->now_ns + delay_ns);
}

static void
choose_fate(struct message *message)
{
  struct sim *sim = message->sim;
  uint64_t now = sim->now_ns;
  uint64_t there = MILLISECOND + sim_random(sim, 9 * MILLISECOND);
  uint64_t back = MILLISECOND + sim_random(sim, 9 * MILLISECOND);
  bool bad = sim->schedule->bad_messages && !sim->calm;

  if (sim->store.brown_out_until_ns > now) {
    answer_transient(message, there + back);
  } else if (bad && sim_chance(sim, 30)) { /* refused at the door */
    answer_transient(message, there);
  } else if (bad && sim_chance(sim, 30)) { /* lost on the way there */
    answer_unknown(message);
  } else if (bad && sim_chance(sim, 30)) { /* lost on the way back */
    answer_unknown(message);
    sim_at(sim, &message->deliver, now + there);
    if (sim_chance(sim, 300)) /* and once more */
      sim_at(sim, &message->again, now + there + sim_random(sim, 60 * SECOND));
  } else if (bad && sim_chance(sim, 30)) { /* very late */
    answer_unknown(message);
    sim_at(sim, &message->deliver,
           now + ANSWER_WITHIN + sim_random(sim, 120 * SECOND));
  } else {
    sim_at(sim, &message->deliver, now + there);
    sim_at(sim, &message->answer, now + there + back);
    /* And once more. No protocol can bear a change that was answered and
     * takes effect again in the same epoch; anything else may come any time.
     */
    if (bad && sim_chance(sim, 30))
      sim_at(sim, &message->again,
             now + there +
                 sim_random(sim, message->is_io ? back : 60 * SECOND));
  }
}

static struct sim_volume *
volume_of(struct store_volume *volume)
{
  return (struct sim_volume *)volume;
}

static struct message *
message_new(struct sim_volume *from)
{
  struct sim *sim = from->sim;
  struct message *message = calloc(1, sizeof *message);

  if (message == NULL)
    abort();
  message->sim = sim;
  message->from = from;
  message->sent_local_ns = clock_now(&from->gateway->clock);
  message->sent_ns = sim->now_ns;
  message->deliver.run = run_deliver;
  message->again.run = run_again;
  message->answer.run = run_answer;
  message->next = sim->messages;
  if (message->next != NULL)
    message->next->previous = message;
  sim->messages = message;
  return message;
}

static int
submit_command(struct store_volume *volume, struct store_command *command)
{
  struct message *message = message_new(volume_of(volume));
  const struct holder *holder = &command->command.record.holder;

  oracle_sent(volume_of(volume));
  message->command = command;
  message->sent = command->command;
  if (command->command.verb == LEASE_ACQUIRE) {
    message->from->acquired = false;
    memcpy(message->from->node, command->command.node,
           sizeof message->from->node);
  }
  if ((command->command.verb == LEASE_CLAIM ||
       command->command.verb == LEASE_TAKE_OVER) &&
      holder->session[0] != '\0') {
    memcpy(message->from->instance, holder->instance,
           sizeof message->from->instance);
    memcpy(message->from->session, holder->session,
           sizeof message->from->session);
  }
  if (command->command.verb == LEASE_GROUP)
    memcpy(message->from->session, command->command.join.session,
           sizeof message->from->session);
  sim_note_offer(message->from, &command->command);
  if (command->command.verb == LEASE_GROUP)
    sim_at(message->sim, &message->deliver,
           message->sim->now_ns + MILLISECOND +
               sim_random(message->sim, 9 * MILLISECOND));
  else
    choose_fate(message);
  return STORE_PENDING;
}

int
sim_submit_membership(struct membership_runner *runner,
                      struct store_volume *volume, const char *name,
                      struct store_command *command)
{
  (void)runner;
  (void)name;
  return submit_command(volume, command);
}

static int
submit_io(struct store_volume *volume, struct store_io *io)
{
  struct message *message = message_new(volume_of(volume));

  message->is_io = true;
  message->io = io;
  message->sent_io = *io;
  if (sim_is_change(io)) {
    oracle_sent(volume_of(volume));
    sim_change_sent(message, io);
  }
  choose_fate(message);
  return STORE_PENDING;
}

void
sim_store_free(struct sim *sim)
{
  struct message *message = sim->messages, *next_message;
  struct sim_volume *volume = sim->store.volumes, *next_volume;

  for (; message != NULL; message = next_message) {
    next_message = message->next;
    free(message);
  }
  for (; volume != NULL; volume = next_volume) {
    next_volume = volume->next;
    free(volume);
  }
  for (unsigned i = 0; i < SECTORS; i++)
    free(sim->store.history[i].items);
}

/* --- the vtable -------------------------------------------------------------
 */

static int
volume_open(struct store *store, const char *name, struct store_volume **out,
            struct error *err)
{
  struct gateway *gateway =
      (struct gateway *)((char *)store - offsetof(struct gateway, store));
  struct sim_volume *volume = calloc(1, sizeof *volume);

  (void)name;
  (void)err;
  if (volume == NULL)
    abort();
  volume->volume.ops = store->ops;
  volume->volume.alignment = STORE_SECTOR;
  volume->sim = gateway->sim;
  volume->gateway = gateway;
  volume->incarnation = gateway->incarnation;
  volume->next = gateway->sim->store.volumes;
  gateway->sim->store.volumes = volume;
  *out = &volume->volume;
  return 0;
}

/* Stays known to the oracle. */
static void
volume_close(struct store_volume *volume)
{
  volume_of(volume)->closed = true;
}

const struct store_ops sim_store_ops = {
    .name = "simulated",
    .scheme = "sim:",
    .volume_open = volume_open,
    .volume_close = volume_close,
    .submit_command = submit_command,
    .submit_io = submit_io,
};
