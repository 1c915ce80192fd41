/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-group.c: registrations, and commands to them; see sim.h.
 *
 * The code is the real one (common/lease/control*.c, membership.c), which
 * blocks. So it runs inside one event, from its first call of the store to its
 * last, on a handle whose calls take effect at once. Between two calls the rest
 * of the world may go on, for a while or until its gateway does: then other
 * events run in the middle of this one, which may be commands, too. And a
 * command may end in the middle, as if whoever sent it had died: none of its
 * calls does anything from then on.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease/scsi-pr-bytes.h"
#include "leasehold/membership.h"

#define DEPTH_MAX 3

struct direct {
  struct store_volume volume; /* first */
  struct sim *sim;
  const struct gateway *gateway; /* NULL: the operator's */
  unsigned calls_left;           /* until it dies */
};

/* --- one call ------------------------------------------------------------ */

/* Other events, up to some time from now. */
static void
let_go_on(struct sim *sim, uint64_t ns)
{
  uint64_t until_ns = sim->now_ns + sim_random(sim, ns);

  if (sim->depth >= DEPTH_MAX)
    return;
  sim->depth++;
  while (sim->violation[0] == '\0' && sim_step(sim, until_ns))
    continue;
  sim->depth--;
  if (sim->now_ns < until_ns)
    sim->now_ns = until_ns;
}

enum fate { DONE, NOT_DONE, DONE_UNKNOWN, LOST };

static enum fate
begin_call(struct direct *direct)
{
  struct sim *sim = direct->sim;
  bool bad = sim->schedule->bad_messages && !sim->calm;

  if (sim_chance(sim, 20))
    let_go_on(sim, 20 * SECOND);
  else if (sim_chance(sim, 300))
    let_go_on(sim, 30 * MILLISECOND);
  if (direct->calls_left == 0 || sim->store.brown_out_until_ns > sim->now_ns)
    return NOT_DONE;
  direct->calls_left--;
  if (bad && sim_chance(sim, 10))
    return NOT_DONE;
  if (bad && sim_chance(sim, 10))
    return LOST;
  return bad && sim_chance(sim, 10) ? DONE_UNKNOWN : DONE;
}

static int
end_call(enum fate fate, int status)
{
  return fate == DONE       ? status
         : fate == NOT_DONE ? STATUS_TRANSIENT
                            : STATUS_UNKNOWN;
}

static struct direct *
direct_of(struct store_volume *volume)
{
  return (struct direct *)volume;
}

static int
submit_command(struct store_volume *volume, struct store_command *command)
{
  struct direct *direct = direct_of(volume);
  struct sim *sim = direct->sim;
  enum fate fate = begin_call(direct);
  int status = 0;

  if (fate == DONE || fate == DONE_UNKNOWN) {
    status = sim_effect(sim, NULL, &command->command);
    sim_describe(sim, &command->reply.info);
    sim_trace(sim, "  %s: %s (epoch %u, lease %.8s %s)",
              lease_verb_text(command->command.verb), status_text(status),
              (unsigned)sim->store.epoch, sim->store.lease.id.text,
              lease_state_text(sim_lease_state(sim)));
  }
  return command->reply.status = end_call(fate, status);
}

static int
side_read(struct store_volume *volume, enum side side, struct side_object *out,
          struct error *err)
{
  struct direct *direct = direct_of(volume);
  enum fate fate = begin_call(direct);

  (void)side;
  (void)err;
  *out = direct->sim->store.side;
  return fate == DONE ? 0 : STATUS_TRANSIENT;
}

static int
side_write(struct store_volume *volume, enum side side,
           struct side_object *object, struct error *err)
{
  struct direct *direct = direct_of(volume);
  struct sim *sim = direct->sim;
  struct sim_store *store = &sim->store;
  enum fate fate = begin_call(direct);

  (void)side;
  (void)err;
  if (fate != DONE && fate != DONE_UNKNOWN)
    return end_call(fate, 0);
  if (strcmp(object->etag, store->side.etag) != 0)
    return end_call(fate, STATUS_ETAG_STALE);
  store->side = *object;
  snprintf(store->side.etag, sizeof store->side.etag, "%u",
           (unsigned)++store->side_revision);
  if (fate == DONE)
    memcpy(object->etag, store->side.etag, sizeof object->etag);
  oracle_registrations(sim);
  return end_call(fate, 0);
}

static const struct store_ops direct_ops = {
    .name = "simulated",
    .scheme = "sim:",
    .submit_command = submit_command,
    .side_read = side_read,
    .side_write = side_write,
};

static struct direct
make_direct(struct sim *sim, const struct gateway *gateway)
{
  struct direct direct = {.volume = {.ops = &direct_ops, .alignment = 512},
                          .sim = sim,
                          .gateway = gateway,
                          .calls_left = UINT32_MAX};

  return direct;
}

/* --- what a session asks ------------------------------------------------- */

void
sim_membership(struct sim *sim, struct sim_volume *from,
               struct store_command *command)
{
  struct direct direct = make_direct(sim, from->gateway);
  const struct control control = {
      .volume = &direct.volume, .name = "disk0", .node = command->command.node};
  const struct membership *found = &command->reply.membership;

  membership_run(&control, command);
  if (command->command.join.kind == JOIN_LEAVE && command->reply.status == 0)
    from->clean = true;
  sim_trace(sim, "group: %s/%s: %s, %s, noted: %s", from->node, from->instance,
            status_text(command->reply.status),
            found->member ? "member" : "no member",
            found->session[0] == '\0' ? "nobody"
            : strcmp(found->session, command->command.join.session) == 0
                ? "itself"
                : "another");
}

/* --- commands ------------------------------------------------------------ */

struct operation {
  struct event event; /* first */
  struct operation *next;
  unsigned node, victim, kind, type, calls;
};

enum {
  OUT_REGISTER,
  OUT_RESERVE,
  OUT_RELEASE,
  OUT_CLEAR,
  OUT_PREEMPT,
  OUT_REGISTER_AND_IGNORE = 6
};

static uint8_t
run_out(struct sim *sim, struct direct *direct, unsigned action, unsigned node,
        uint64_t key, uint64_t service_key, unsigned type)
{
  static uint8_t reply[CONTROL_SIZE];
  uint8_t frame[16 + 24] = {PERSISTENT_RESERVE_OUT, (uint8_t)action,
                            (uint8_t)type};
  struct control control = {.volume = &direct->volume, .name = "disk0"};
  char name[16];

  frame[8] = 24;
  write_be64(frame + 16, key);
  write_be64(frame + 24, service_key);
  snprintf(name, sizeof name, "n%u", node);
  control.node = name;
  sim_trace(sim, "operator: %u by %s, key %u over %u, type %u, %u calls",
            action, name, (unsigned)key, (unsigned)service_key, type,
            direct->calls_left);
  if (control_run(&control, frame, sizeof frame, reply, NULL) != 0)
    abort();
  sim_trace(sim, "operator: status %u", reply[0]);
  return reply[0];
}

static void
run_operation(struct sim *sim, struct event *event)
{
  struct operation operation = *(struct operation *)event;
  struct direct direct = make_direct(sim, NULL);
  unsigned node = operation.node, key = node + 1;

  direct.calls_left = operation.calls;
  switch (operation.kind) {
  case OUT_REGISTER:
    run_out(sim, &direct, OUT_REGISTER, node, key, 0, 0);
    break;
  case OUT_REGISTER_AND_IGNORE:
    run_out(sim, &direct, OUT_REGISTER_AND_IGNORE, node, 0, key, 0);
    break;
  case OUT_PREEMPT:
    run_out(sim, &direct, OUT_PREEMPT, node, key, operation.victim + 1,
            operation.type);
    break;
  default:
    run_out(sim, &direct, operation.kind, node, key, 0, operation.type);
    break;
  }
}

void
sim_register(struct sim *sim, uint32_t a, uint32_t b, uint32_t c)
{
  static const unsigned kinds[] = {
      OUT_REGISTER_AND_IGNORE,
      OUT_REGISTER_AND_IGNORE,
      OUT_REGISTER_AND_IGNORE,
      OUT_REGISTER_AND_IGNORE,
      OUT_REGISTER_AND_IGNORE,
      OUT_REGISTER_AND_IGNORE,
      OUT_RESERVE,
      OUT_RESERVE,
      OUT_RESERVE,
      OUT_RESERVE,
      OUT_PREEMPT,
      OUT_PREEMPT,
      OUT_PREEMPT,
      OUT_PREEMPT,
      OUT_REGISTER,
      OUT_RELEASE,
      OUT_CLEAR,
  };
  static const unsigned types[] = {5, 5, 5, 7, 7, 1};
  struct operation *operation = calloc(1, sizeof *operation);

  if (operation == NULL)
    abort();
  operation->next = sim->operations;
  sim->operations = operation;
  operation->event.run = run_operation;
  operation->node = a % NODES;
  operation->victim = b % NODES;
  operation->kind = kinds[c % (sizeof kinds / sizeof kinds[0])];
  operation->type = types[a / NODES % (sizeof types / sizeof types[0])];
  operation->calls = b / NODES % 4 == 0 ? b / (4 * NODES) % 16 : UINT32_MAX;
  sim_at(sim, &operation->event,
         sim->now_ns + sim_random(sim, 20 * MILLISECOND));
}

void
sim_group_free(struct sim *sim)
{
  struct operation *next;

  for (struct operation *operation = sim->operations; operation != NULL;
       operation = next) {
    next = operation->next;
    free(operation);
  }
}

/* An administrator, who need not be registered. */
void
sim_clear(struct sim *sim)
{
  struct direct direct = make_direct(sim, NULL);
  const struct control control = {.volume = &direct.volume, .name = "disk0"};
  struct error error = ERROR_INIT;

  if (control_clear_group(&control, &error) == 0 &&
      !oracle_is_group(sim, &sim->store.lease.id))
    sim_operator(sim, false, 0, 0);
}

void
sim_let_write(struct sim *sim, bool group)
{
  struct direct direct = make_direct(sim, NULL);

  run_out(sim, &direct, OUT_REGISTER_AND_IGNORE, 0, 0, 1, 0);
  if (!group || !registrations_has_group(&sim->store.truth))
    run_out(sim, &direct, OUT_CLEAR, 0, 1, 0, 0);
}
