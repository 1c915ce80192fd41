/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fault.c: a store on top of another one that fails as it is told.
 *
 * A request that no rule fits is handed down as it is. One that a rule fits is
 * wrapped: a copy goes down, and what comes back is given to the original when
 * its time has come. Held requests stand in one queue; whoever releases takes
 * the whole queue out under the mutex and runs it without. A wrapper is freed
 * by whoever answers its original.
 */

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "store/fault.h"
#include "utils/cleanup.h"

struct held {
  void (*release)(struct held *); /* answers the original, frees itself */
  struct held *next;
};

struct fault_store {
  struct store store;
  struct fault_config config;
  struct store *inner;
  pthread_mutex_t mutex; /* protects the rest */
  pthread_cond_t held_more;
  struct fault_rule rules[FAULT_RULES_MAX];
  unsigned rule_count;
  unsigned calls[FAULT_CALLS];
  struct held *first_held, **last_held;
  unsigned held_count;
};

struct fault_volume {
  struct store_volume volume;
  struct fault_store *store;
  struct store_volume *inner;
};

static const struct store_ops fault_store_ops;

static struct fault_store *
fault_store(struct store *store)
{
  assert(store->ops == &fault_store_ops);
  return (struct fault_store *)store;
}

static bool
rule_fits(const struct fault_rule *rule, enum fault_call call, unsigned number)
{
  if (rule->call != FAULT_ANY && rule->call != call)
    return false;
  if (number < rule->first)
    return false;
  number -= rule->first;
  if (rule->count != 0 && number >= rule->count)
    return false;
  return rule->every <= 1 || number % rule->every == 0;
}

/* Counts a call; true with its rule when there is one. */
static bool
count_call(struct fault_store *store, enum fault_call call,
           struct fault_rule *rule)
{
  LOCK_FOR_SCOPE(&store->mutex);
  store->calls[FAULT_ANY]++;
  store->calls[call]++;
  for (unsigned i = 0; i < store->rule_count; i++)
    if (rule_fits(&store->rules[i], call, store->calls[call])) {
      *rule = store->rules[i];
      return true;
    }
  return false;
}

static void
hold(struct fault_store *store, struct held *held)
{
  LOCK_FOR_SCOPE(&store->mutex);
  held->next = NULL;
  *store->last_held = held;
  store->last_held = &held->next;
  store->held_count++;
  pthread_cond_broadcast(&store->held_more);
}

/* Calls that block: only failing makes sense. */
static int
fail_text(int status, struct error *err)
{
  return error_set(err, (enum status)status, "injected fault: %s",
                   status_text(status));
}

/* Runs expression, which is of type int, unless a rule says otherwise. */
#define BLOCKING_CALL(store, call, expression, err)                            \
  struct fault_rule rule;                                                      \
  bool fits = count_call((store), (call), &rule);                              \
                                                                               \
  assert(!fits || rule.effect == FAULT_BEFORE || rule.effect == FAULT_AFTER);  \
  if (fits && rule.effect == FAULT_BEFORE)                                     \
    return fail_text(rule.status, (err));                                      \
  int r = (expression);                                                        \
  return fits && r == 0 ? fail_text(rule.status, (err)) : r

static int
fault_create(struct store *store, const char *name, uint64_t size,
             struct error *err)
{
  struct store *inner = fault_store(store)->inner;

  BLOCKING_CALL(fault_store(store), FAULT_CREATE,
                inner->ops->create(inner, name, size, err), err);
}

static int
fault_remove(struct store *store, const char *name,
             const struct lease_id *lease, struct error *err)
{
  struct store *inner = fault_store(store)->inner;

  BLOCKING_CALL(fault_store(store), FAULT_REMOVE,
                inner->ops->remove(inner, name, lease, err), err);
}

static int
fault_resize(struct store *store, const char *name, uint64_t size,
             const struct lease_id *lease, struct error *err)
{
  struct store *inner = fault_store(store)->inner;

  BLOCKING_CALL(fault_store(store), FAULT_RESIZE,
                inner->ops->resize(inner, name, size, lease, err), err);
}

static int
list_inner(struct store *inner, bool discard, struct volume_list *out,
           struct error *err)
{
  int r = inner->ops->list(inner, out, err);

  if (discard)
    volume_list_free(out);
  return r;
}

static int
fault_list(struct store *store, struct volume_list *out, struct error *err)
{
  struct store *inner = fault_store(store)->inner;

  BLOCKING_CALL(fault_store(store), FAULT_LIST,
                list_inner(inner, fits, out, err), err);
}

static int
open_inner(struct fault_store *store, const char *name,
           struct store_volume **out, struct error *err)
{
  struct fault_volume *volume = calloc(1, sizeof *volume);
  int r;

  if (volume == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for a volume");
  r = store->inner->ops->volume_open(store->inner, name, &volume->inner, err);
  if (r != 0) {
    free(volume);
    return r;
  }
  volume->volume.ops = &fault_store_ops;
  memcpy(volume->volume.identity, volume->inner->identity,
         sizeof volume->volume.identity);
  volume->volume.alignment = store->config.alignment != 0
                                 ? store->config.alignment
                                 : volume->inner->alignment;
  volume->store = store;
  *out = &volume->volume;
  return STATUS_OK;
}

static int
fault_volume_open(struct store *store, const char *name,
                  struct store_volume **out, struct error *err)
{
  struct fault_store *own = fault_store(store);
  struct fault_rule rule;
  int r;

  if (!count_call(own, FAULT_OPEN, &rule))
    return open_inner(own, name, out, err);
  assert(rule.effect == FAULT_BEFORE || rule.effect == FAULT_AFTER);
  if (rule.effect == FAULT_BEFORE)
    return fail_text(rule.status, err);
  r = open_inner(own, name, out, err);
  if (r != 0)
    return r;
  (*out)->ops->volume_close(*out);
  return fail_text(rule.status, err);
}

static void
fault_volume_close(struct store_volume *volume)
{
  struct fault_volume *own = (struct fault_volume *)volume;

  own->inner->ops->volume_close(own->inner);
  free(own);
}

/* Lease commands. */

struct held_command {
  struct store_command command; /* first: the copy that goes down */
  struct held held;
  struct fault_rule rule;
  struct fault_volume *volume;
  struct store_command *original;
};

static struct held_command *
held_command(struct held *held)
{
  return (struct held_command *)((char *)held -
                                 offsetof(struct held_command, held));
}

static void
answer_command(struct held_command *own)
{
  struct store_command *original = own->original;

  original->reply = own->command.reply;
  original->error = own->command.error;
  if (own->rule.effect == FAULT_AFTER && original->reply.status == 0)
    original->reply.status = fail_text(own->rule.status, &original->error);
  free(own);
  original->done(original);
}

static void
release_answered_command(struct held *held)
{
  answer_command(held_command(held));
}

/* The inner store has done the copy. */
static void
command_done(struct store_command *command)
{
  struct held_command *own = (struct held_command *)command;

  if (own->rule.effect != FAULT_HOLD_AFTER) {
    answer_command(own);
    return;
  }
  own->held.release = release_answered_command;
  hold(own->volume->store, &own->held);
}

static void
send_command(struct held_command *own)
{
  struct store_volume *inner = own->volume->inner;

  if (inner->ops->submit_command(inner, &own->command) != STORE_PENDING)
    command_done(&own->command);
}

static void
release_unsent_command(struct held *held)
{
  send_command(held_command(held));
}

static enum fault_call
command_call(enum lease_verb verb)
{
  return (enum fault_call)(FAULT_DESCRIBE + ((int)verb - (int)LEASE_DESCRIBE));
}

_Static_assert(FAULT_TAKE_OVER - FAULT_DESCRIBE ==
                   (int)LEASE_TAKE_OVER - LEASE_DESCRIBE,
               "the verbs are in one order");

static int
fault_submit_command(struct store_volume *volume, struct store_command *command)
{
  struct fault_volume *own = (struct fault_volume *)volume;
  struct held_command *held;
  struct fault_rule rule;

  if (!count_call(own->store, command_call(command->command.verb), &rule))
    return own->inner->ops->submit_command(own->inner, command);
  if (rule.effect == FAULT_BEFORE)
    return command->reply.status = fail_text(rule.status, &command->error);
  held = malloc(sizeof *held);
  if (held == NULL)
    return command->reply.status = fail_text(STATUS_NO_MEMORY, &command->error);
  *held = (struct held_command){
      .command = *command, .rule = rule, .volume = own, .original = command};
  held->command.done = command_done;
  if (rule.effect == FAULT_HOLD_BEFORE) {
    held->held.release = release_unsent_command;
    hold(own->store, &held->held);
  } else
    send_command(held);
  return STORE_PENDING;
}

/* Data: the same. */

struct held_io {
  struct store_io io; /* first: the copy that goes down */
  struct held held;
  struct fault_rule rule;
  struct fault_volume *volume;
  struct store_io *original;
};

static struct held_io *
held_io(struct held *held)
{
  return (struct held_io *)((char *)held - offsetof(struct held_io, held));
}

static void
answer_io(struct held_io *own)
{
  struct store_io *original = own->original;

  original->extents = own->io.extents;
  original->status = own->io.status;
  original->error = own->io.error;
  if (own->rule.effect == FAULT_AFTER && original->status == 0)
    original->status = fail_text(own->rule.status, &original->error);
  free(own);
  original->done(original);
}

static void
release_answered_io(struct held *held)
{
  answer_io(held_io(held));
}

static void
io_done(struct store_io *io)
{
  struct held_io *own = (struct held_io *)io;

  if (own->rule.effect != FAULT_HOLD_AFTER) {
    answer_io(own);
    return;
  }
  own->held.release = release_answered_io;
  hold(own->volume->store, &own->held);
}

static void
send_io(struct held_io *own)
{
  struct store_volume *inner = own->volume->inner;

  if (inner->ops->submit_io(inner, &own->io) != STORE_PENDING)
    io_done(&own->io);
}

static void
release_unsent_io(struct held *held)
{
  send_io(held_io(held));
}

_Static_assert(FAULT_PREFETCH - FAULT_READ == (int)STORE_PREFETCH - STORE_READ,
               "the kinds are in one order");

static int
fault_submit_io(struct store_volume *volume, struct store_io *io)
{
  struct fault_volume *own = (struct fault_volume *)volume;
  enum fault_call call = (enum fault_call)(FAULT_READ + (int)io->kind);
  struct held_io *held;
  struct fault_rule rule;

  if (!count_call(own->store, call, &rule))
    return own->inner->ops->submit_io(own->inner, io);
  if (rule.effect == FAULT_BEFORE)
    return io->status = fail_text(rule.status, &io->error);
  held = malloc(sizeof *held);
  if (held == NULL)
    return io->status = fail_text(STATUS_NO_MEMORY, &io->error);
  *held =
      (struct held_io){.io = *io, .rule = rule, .volume = own, .original = io};
  held->io.done = io_done;
  if (rule.effect == FAULT_HOLD_BEFORE) {
    held->held.release = release_unsent_io;
    hold(own->store, &held->held);
  } else
    send_io(held);
  return STORE_PENDING;
}

static int
fault_side_read(struct store_volume *volume, enum side side,
                struct side_object *out, struct error *err)
{
  struct fault_volume *own = (struct fault_volume *)volume;

  BLOCKING_CALL(own->store, FAULT_SIDE_READ,
                own->inner->ops->side_read(own->inner, side, out, err), err);
}

static int
fault_side_write(struct store_volume *volume, enum side side,
                 struct side_object *object, struct error *err)
{
  struct fault_volume *own = (struct fault_volume *)volume;

  BLOCKING_CALL(own->store, FAULT_SIDE_WRITE,
                own->inner->ops->side_write(own->inner, side, object, err),
                err);
}

/* What tests call. */

void
fault_store_plan(struct store *store, const struct fault_rule *rules,
                 unsigned count)
{
  struct fault_store *own = fault_store(store);

  assert(count <= FAULT_RULES_MAX);
  LOCK_FOR_SCOPE(&own->mutex);
  for (unsigned i = 0; i < count; i++)
    own->rules[i] = rules[i];
  own->rule_count = count;
  for (unsigned i = 0; i < FAULT_CALLS; i++)
    own->calls[i] = 0;
}

unsigned
fault_store_calls(struct store *store, enum fault_call call)
{
  struct fault_store *own = fault_store(store);

  LOCK_FOR_SCOPE(&own->mutex);
  return own->calls[call];
}

void
fault_store_wait_held(struct store *store, unsigned count)
{
  struct fault_store *own = fault_store(store);

  LOCK_FOR_SCOPE(&own->mutex);
  while (own->held_count < count)
    pthread_cond_wait(&own->held_more, &own->mutex);
}

static struct held *
take_held(struct fault_store *own)
{
  struct held *held;

  LOCK_FOR_SCOPE(&own->mutex);
  held = own->first_held;
  own->first_held = NULL;
  own->last_held = &own->first_held;
  own->held_count = 0;
  return held;
}

void
fault_store_release(struct store *store)
{
  struct held *held = take_held(fault_store(store));

  while (held != NULL) {
    struct held *next = held->next;

    held->release(held);
    held = next;
  }
}

static void
fault_close(struct store *store)
{
  struct fault_store *own = fault_store(store);

  assert(own->held_count == 0);
  store_close(own->inner);
  pthread_mutex_destroy(&own->mutex);
  pthread_cond_destroy(&own->held_more);
  free(own);
}

struct store *
fault_store_new(const struct fault_config *config, struct store *inner)
{
  struct fault_store *own = calloc(1, sizeof *own);

  if (own == NULL)
    return NULL;
  own->store.ops = &fault_store_ops;
  own->config = *config;
  own->inner = inner;
  own->last_held = &own->first_held;
  pthread_mutex_init(&own->mutex, NULL);
  pthread_cond_init(&own->held_more, NULL);
  return &own->store;
}

/* It has no URL, so nothing can open it by one. */
static int
fault_open(const struct store_config *config, struct store **out,
           struct error *err)
{
  (void)config;
  (void)out;
  return error_set(err, STATUS_UNSUPPORTED, "a fault store has no URL");
}

static const struct store_ops fault_store_ops = {
    .name = "fault",
    .scheme = "fault:",
    .open = fault_open,
    .close = fault_close,
    .create = fault_create,
    .remove = fault_remove,
    .resize = fault_resize,
    .list = fault_list,
    .volume_open = fault_volume_open,
    .volume_close = fault_volume_close,
    .submit_command = fault_submit_command,
    .submit_io = fault_submit_io,
    .side_read = fault_side_read,
    .side_write = fault_side_write,
};
