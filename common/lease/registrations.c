/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registrations.c: what each reservation command does to the registrations.
 *
 * States, by who is who to the node that asks:
 *
 *   nothing reserved    type is RESERVATION_NONE
 *   a single holder     types 1, 3 (he alone has access) and 5, 6 (all who are
 *                       registered have access; he alone can release)
 *   all are holders     types 7, 8, as long as anybody is registered
 *
 * Each command is a function of a struct change: before is what was, after
 * begins as a copy of it and is changed only once nothing can fail any more.
 * What it all means for the lease is not said by any of them: it follows from
 * whose the lease is by the reservation before and after. A lease belongs to
 * the holder for types 1 and 3; for the others to a group, whose number grows
 * when a node leaves it: so a node that was removed is shut out by the store.
 * What sessions have noted with their node's registration lasts as long as the
 * group goes on with that node in it.
 *
 * Section numbers are SPC-4's. Scope is always that of the logical unit.
 * Unit attentions are not kept: a node sees at its next command, or by
 * PRGENERATION, what others have done.
 */
#include "leasehold/registrations.h"

#include <string.h>

#include "lease/scsi-sense.h"
#include "utils/mutation.h"

#define RESULT(...) ((struct scsi_result){__VA_ARGS__})

struct change {
  const struct registrations *before;
  const char *node;
  const struct pr_command *command;
  const struct pr_nodes *nodes;
  unsigned types;
  struct registrations *after;
  const struct registrant *mine; /* in before; NULL: not registered */
};

bool
reservation_type_is_single(unsigned type)
{
  return type == WRITE_EXCLUSIVE || type == EXCLUSIVE_ACCESS;
}

bool
reservation_type_is_all(unsigned type)
{
  return type == WRITE_EXCLUSIVE_ALL || type == EXCLUSIVE_ACCESS_ALL;
}

const struct registrant *
registrations_find(const struct registrations *state, const char *node)
{
  for (unsigned i = 0; i < state->count; i++)
    if (strcmp(state->registrants[i].node, node) == 0)
      return &state->registrants[i];
  return NULL;
}

struct registrant *
registrations_note(struct registrations *state, const char *node)
{
  for (unsigned i = 0; i < state->count; i++)
    if (strcmp(state->registrants[i].node, node) == 0)
      return &state->registrants[i];
  return NULL;
}

static bool
is_held(const struct registrations *state)
{
  return state->reservation.type != RESERVATION_NONE;
}

bool
registrations_has_group(const struct registrations *state)
{
  return is_held(state) && !reservation_type_is_single(state->reservation.type);
}

bool
registrations_holds(const struct registrations *state, const char *node)
{
  if (!is_held(state))
    return false;
  if (reservation_type_is_all(state->reservation.type))
    return registrations_find(state, node) != NULL;
  return strcmp(state->reservation.holder, node) == 0;
}

/* --- access ------------------------------------------------------------- */

/* Holders, and for the types of registrants all registrants. */
static bool
has_all_access(const struct registrations *state, const char *node)
{
  if (!is_held(state) || registrations_holds(state, node))
    return true;
  return !reservation_type_is_single(state->reservation.type) &&
         registrations_find(state, node) != NULL;
}

bool
registrations_may_write(const struct registrations *state, const char *node)
{
  return has_all_access(state, node);
}

bool
registrations_may_read(const struct registrations *state, const char *node)
{
  switch (state->reservation.type) {
  case EXCLUSIVE_ACCESS:
  case EXCLUSIVE_ACCESS_REGISTRANTS:
  case EXCLUSIVE_ACCESS_ALL:
    return has_all_access(state, node);
  default:
    return true;
  }
}

/* --- changing a state --------------------------------------------------- */

static void
set_reservation(struct registrations *state, uint8_t type, const char *holder)
{
  state->reservation = (struct reservation){.type = type};
  if (!reservation_type_is_all(type))
    memcpy(state->reservation.holder, holder, strlen(holder) + 1);
}

/* Registers node, or gives it another key. False: there is no room. */
static bool
put_registrant(struct registrations *state, const char *node, uint64_t key,
               bool all_ports)
{
  struct registrant *registrant = registrations_note(state, node);

  if (registrant == NULL) {
    if (state->count == REGISTRANTS_MAX)
      return false;
    registrant = &state->registrants[state->count++];
    *registrant = (struct registrant){.key = 0};
    memcpy(registrant->node, node, strlen(node) + 1);
  }
  registrant->key = key;
  registrant->all_ports = all_ports;
  return true;
}

/* Removes those whom doomed names, and the reservation with them that only
 * they held (5.13.11.2.3).
 */
static void
remove_registrants(struct registrations *state,
                   bool (*doomed)(const struct registrant *,
                                  const struct change *),
                   const struct change *change)
{
  const struct reservation *reservation = &state->reservation;
  bool release = false;
  unsigned kept = 0;

  for (unsigned i = 0; i < state->count; i++) {
    if (!doomed(&state->registrants[i], change))
      state->registrants[kept++] = state->registrants[i];
    else if (strcmp(reservation->holder, state->registrants[i].node) == 0)
      release = true;
  }
  /* What is no longer used is zero, so that equal states have equal bytes. */
  memset(&state->registrants[kept], 0,
         (state->count - kept) * sizeof state->registrants[0]);
  state->count = kept;
  if (release || (reservation_type_is_all(reservation->type) && kept == 0))
    set_reservation(state, RESERVATION_NONE, "");
}

static bool
is_asker(const struct registrant *registrant, const struct change *change)
{
  return strcmp(registrant->node, change->node) == 0;
}

static bool
has_service_key(const struct registrant *registrant,
                const struct change *change)
{
  return registrant->key == change->command->service_key;
}

/* Service action key 0: everybody. The asker stays. */
static bool
is_victim(const struct registrant *registrant, const struct change *change)
{
  return !is_asker(registrant, change) && (change->command->service_key == 0 ||
                                           has_service_key(registrant, change));
}

static bool
is_anybody(const struct registrant *registrant, const struct change *change)
{
  (void)registrant;
  (void)change;
  return true;
}

/* --- the commands ------------------------------------------------------- */

/* Nothing but REGISTER is for those who are not registered, or do not know
 * their key.
 */
static bool
knows_key(const struct change *change)
{
  return change->mine != NULL && change->mine->key == change->command->key;
}

static bool
type_is_offered(const struct change *change)
{
  return change->command->scope == 0 && (change->types & RESERVATION_TYPES_ALL &
                                         1u << change->command->type) != 0;
}

/* 5.13.7: the asker's registration is made, changed or removed. */
static struct scsi_result
set_registration(struct change *change)
{
  const struct pr_command *command = change->command;
  struct registrations *after = change->after;
  struct registrations made = *after;
  bool fits;

  if (command->service_key == 0) {
    if (change->mine == NULL)
      return RESULT(RESULT_GOOD);
    remove_registrants(after, is_asker, change);
  } else {
    fits = put_registrant(&made, change->node, command->service_key,
                          command->all_ports);
    for (unsigned i = 0; command->specify_nodes && i < change->nodes->count;
         i++)
      fits = fits && put_registrant(&made, change->nodes->names[i],
                                    command->service_key, command->all_ports);
    if (!fits)
      return RESULT(INSUFFICIENT_REGISTRATION_RESOURCES);
    *after = made;
  }
  after->persist = command->persist;
  after->generation++;
  return RESULT(RESULT_GOOD);
}

/* Table 52. Whoever is not registered and has no key does nothing at all. */
static struct scsi_result
do_register(struct change *change)
{
  const struct pr_command *command = change->command;

  if (change->mine == NULL ? command->key != 0 : !knows_key(change))
    return RESULT(RESULT_CONFLICT);
  if (command->specify_nodes && change->mine != NULL)
    return RESULT(INVALID_FIELD_IN_CDB);
  if (command->specify_nodes && command->service_key != 0) {
    for (unsigned i = 0; i < change->nodes->count; i++)
      if (registrations_find(change->before, change->nodes->names[i]) != NULL)
        return RESULT(INVALID_FIELD_IN_PARAMETER_LIST);
  }
  return set_registration(change);
}

static struct scsi_result
do_register_and_ignore(struct change *change)
{
  return set_registration(change);
}

/* 5.13.8. */
static struct scsi_result
do_move(struct change *change)
{
  const struct pr_command *command = change->command;
  struct registrations *after = change->after;
  uint8_t type = change->before->reservation.type;
  struct registrations made = *after;

  if (!knows_key(change))
    return RESULT(RESULT_CONFLICT);
  if (!is_held(change->before))
    return RESULT(INVALID_FIELD_IN_CDB);
  if (reservation_type_is_all(type) ||
      !registrations_holds(change->before, change->node))
    return RESULT(RESULT_CONFLICT);
  if (command->service_key == 0 ||
      strcmp(command->destination, change->node) == 0)
    return RESULT(INVALID_FIELD_IN_PARAMETER_LIST);
  if (!put_registrant(&made, command->destination, command->service_key, false))
    return RESULT(INSUFFICIENT_REGISTRATION_RESOURCES);
  *after = made;
  set_reservation(after, type, command->destination);
  if (command->unregister)
    remove_registrants(after, is_asker, change);
  after->persist = command->persist;
  after->generation++;
  return RESULT(RESULT_GOOD);
}

/* Whether a RESERVE may have what a node has that is only attached: the node
 * itself any reservation; another one a group in which that node is, too.
 */
static bool
yields(const struct change *change)
{
  const struct reservation *reservation = &change->before->reservation;

  if (!reservation->implied)
    return false;
  return strcmp(reservation->holder, change->node) == 0 ||
         (!reservation_type_is_single(change->command->type) &&
          registrations_find(change->before, reservation->holder) != NULL);
}

/* 5.13.9. */
static struct scsi_result
do_reserve(struct change *change)
{
  const struct pr_command *command = change->command;

  if (!type_is_offered(change))
    return RESULT(INVALID_FIELD_IN_CDB);
  if (!knows_key(change))
    return RESULT(RESULT_CONFLICT);
  if (!is_held(change->before) || yields(change))
    set_reservation(change->after, command->type, change->node);
  else if (!registrations_holds(change->before, change->node) ||
           change->before->reservation.type != command->type)
    return RESULT(RESULT_CONFLICT);
  return RESULT(RESULT_GOOD);
}

/* 5.13.11.2.2. */
static struct scsi_result
do_release(struct change *change)
{
  const struct pr_command *command = change->command;

  if (!knows_key(change))
    return RESULT(RESULT_CONFLICT);
  if (!registrations_holds(change->before, change->node))
    return RESULT(RESULT_GOOD);
  if (command->scope != 0 || command->type != change->before->reservation.type)
    return RESULT(INVALID_RELEASE);
  set_reservation(change->after, RESERVATION_NONE, "");
  return RESULT(RESULT_GOOD);
}

/* 5.13.11.2.7. */
static struct scsi_result
do_clear(struct change *change)
{
  if (!knows_key(change))
    return RESULT(RESULT_CONFLICT);
  remove_registrants(change->after, is_anybody, change);
  set_reservation(change->after, RESERVATION_NONE, "");
  change->after->generation++;
  return RESULT(RESULT_GOOD);
}

/* Whether a PREEMPT is of the reservation, not only of registrations: table
 * 54.
 */
static bool
preempts_reservation(const struct change *change)
{
  const struct registrations *before = change->before;
  const struct registrant *holder =
      registrations_find(before, before->reservation.holder);

  if (!is_held(before))
    return false;
  if (reservation_type_is_all(before->reservation.type))
    return change->command->service_key == 0;
  return holder != NULL && has_service_key(holder, change);
}

/* 5.13.11.2.4 to 5.13.11.2.6. */
static struct scsi_result
do_preempt(struct change *change)
{
  const struct registrations *before = change->before;
  uint64_t victim = change->command->service_key;
  bool known = false;

  if (!knows_key(change))
    return RESULT(RESULT_CONFLICT);
  if (victim == 0 && !reservation_type_is_all(before->reservation.type))
    return RESULT(INVALID_FIELD_IN_PARAMETER_LIST);
  for (unsigned i = 0; i < before->count; i++)
    known = known || before->registrants[i].key == victim;
  if (victim != 0 && !known)
    return RESULT(RESULT_CONFLICT);

  if (preempts_reservation(change)) {
    if (!type_is_offered(change))
      return RESULT(INVALID_FIELD_IN_CDB);
    remove_registrants(change->after, is_victim, change);
    set_reservation(change->after, change->command->type, change->node);
  } else {
    remove_registrants(change->after, has_service_key, change);
  }
  change->after->generation++;
  return RESULT(RESULT_GOOD);
}

/* 5.13.3, with CRH: RESERVE and RELEASE do nothing for those whom a persistent
 * reservation lets write. A lease that was taken without a registration is what
 * RESERVE takes and RELEASE gives back.
 */
static bool
has_persistent_access(const struct change *change)
{
  return is_held(change->before) && change->mine != NULL &&
         has_all_access(change->before, change->node);
}

static struct scsi_result
do_plain_reserve(struct change *change)
{
  const struct registrations *before = change->before;

  if (has_persistent_access(change))
    return RESULT(RESULT_GOOD);
  if (is_held(before) ? !registrations_holds(before, change->node)
                      : before->count > 0)
    return RESULT(RESULT_CONFLICT);
  set_reservation(change->after, WRITE_EXCLUSIVE, change->node);
  return RESULT(RESULT_GOOD);
}

static struct scsi_result
do_plain_release(struct change *change)
{
  const struct registrations *before = change->before;

  if (has_persistent_access(change))
    return RESULT(RESULT_GOOD);
  if (registrations_holds(before, change->node))
    set_reservation(change->after, RESERVATION_NONE, "");
  else if (before->count > 0)
    return RESULT(RESULT_CONFLICT);
  return RESULT(RESULT_GOOD);
}

static struct scsi_result
do_nothing(struct change *change)
{
  (void)change;
  return RESULT(RESULT_GOOD);
}

static struct scsi_result (*const action_table[])(struct change *) = {
    [PR_REGISTER] = do_register,
    [PR_RESERVE] = do_reserve,
    [PR_RELEASE] = do_release,
    [PR_CLEAR] = do_clear,
    [PR_PREEMPT] = do_preempt,
    [PR_PREEMPT_AND_ABORT] = do_preempt,
    [PR_REGISTER_AND_IGNORE] = do_register_and_ignore,
    [PR_REGISTER_AND_MOVE] = do_move,
    [PR_PLAIN_RESERVE] = do_plain_reserve,
    [PR_PLAIN_RELEASE] = do_plain_release,
    [PR_READ_KEYS] = do_nothing,
    [PR_READ_RESERVATION] = do_nothing,
    [PR_REPORT_CAPABILITIES] = do_nothing,
    [PR_READ_FULL_STATUS] = do_nothing,
};

/* --- what it means for the lease ---------------------------------------- */

/* A new number when a group begins, and when one of it has gone. What sessions
 * have noted ends with the group.
 */
static void
renumber_group(const struct registrations *before, struct registrations *after)
{
  bool left = !registrations_has_group(before);

  for (unsigned i = 0; i < after->count; i++)
    if (left || !registrations_has_group(after)) {
      struct registrant *registrant = &after->registrants[i];

      memset(registrant->session, 0, sizeof registrant->session);
      memset(registrant->instance, 0, sizeof registrant->instance);
      registrant->unclean = false;
    }
  if (!registrations_has_group(after))
    return;
  for (unsigned i = 0; i < before->count && !left && !MUTATED(GROUP_KEEPS_ID);
       i++)
    left = registrations_find(after, before->registrants[i].node) == NULL;
  if (left)
    after->group++;
}

void
registrations_owner(const struct registrations *state, struct lease_owner *out)
{
  *out = (struct lease_owner){.kind = OWNER_NOBODY};
  if (registrations_has_group(state)) {
    out->kind = OWNER_GROUP;
    out->group = state->group;
  } else if (is_held(state)) {
    out->kind = OWNER_NODE;
    memcpy(out->node, state->reservation.holder, sizeof out->node);
  }
}

static bool
same_owner(const struct lease_owner *a, const struct lease_owner *b)
{
  return a->kind == b->kind && a->group == b->group &&
         strcmp(a->node, b->node) == 0;
}

static void
find_effect(const struct change *change, struct lease_effect *effect)
{
  enum pr_action action = change->command->action;
  struct lease_owner *from = &effect->from, *to = &effect->to;

  registrations_owner(change->before, from);
  registrations_owner(change->after, to);
  if (from->kind == OWNER_NOBODY && to->kind == OWNER_NOBODY)
    effect->kind = EFFECT_NONE;
  else if (from->kind == OWNER_NOBODY)
    effect->kind = EFFECT_ACQUIRE;
  else if (to->kind == OWNER_NOBODY)
    effect->kind = action == PR_CLEAR ? EFFECT_BREAK : EFFECT_RELEASE;
  else if (!same_owner(from, to))
    effect->kind = EFFECT_CHANGE;
  /* RESERVE by the holder: his lease may be one that ends by itself. */
  else if (action == PR_RESERVE || action == PR_PLAIN_RESERVE)
    effect->kind = EFFECT_ACQUIRE;
}

struct scsi_result
registrations_apply(const struct registrations *before, const char *node,
                    const struct pr_command *command,
                    const struct pr_nodes *nodes, unsigned types,
                    struct registrations *after, struct lease_effect *effect)
{
  struct change change = {.before = before,
                          .node = node,
                          .command = command,
                          .nodes = nodes,
                          .types = types,
                          .after = after,
                          .mine = registrations_find(before, node)};
  struct scsi_result result;

  *after = *before;
  *effect = (struct lease_effect){.kind = EFFECT_NONE};
  result = action_table[command->action](&change);
  if (result.status != SCSI_GOOD || pr_action_reads(command->action))
    return result;
  renumber_group(before, after);
  find_effect(&change, effect);
  return result;
}
