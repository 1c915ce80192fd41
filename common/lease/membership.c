/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* membership.c: a session's part in the registrations; see membership.h. */
#include "leasehold/membership.h"

#include <stdlib.h>
#include <string.h>

#include "lease/control-internal.h"
#include "utils/cleanup.h"
#include "utils/workers.h"

/* --- the command --------------------------------------------------------- */

/* Is the last holder noted in the group, as that instance? */
static bool
is_outsider(const struct work *work)
{
  const struct holder *last = &work->info.record.holder;
  const struct registrant *registrant =
      registrations_find(&work->state, last->node);

  return registrant == NULL ||
         strcmp(registrant->instance, last->instance) != 0;
}

static void
describe(const struct work *work, const char *node, struct lease_reply *reply)
{
  const struct registrant *registrant = registrations_find(&work->state, node);
  struct membership *out = &reply->membership;

  reply->info = work->info;
  *out = (struct membership){.member = false};
  if (!registrations_has_group(&work->state))
    return;
  out->group = work->group;
  if (registrant == NULL)
    return;
  out->member = true;
  memcpy(out->session, registrant->session, sizeof out->session);
  memcpy(out->instance, registrant->instance, sizeof out->instance);
  out->unclean = registrant->unclean;
  out->outsider = is_outsider(work);
}

/* Whether there is something to note, and it has been put into the state. */
static bool
note(struct work *work, const struct lease_command *command)
{
  const struct join *join = &command->join;
  struct registrant *registrant =
      registrations_note(&work->state, command->node);

  if (!registrations_has_group(&work->state) || registrant == NULL)
    return false;
  if (join->kind == JOIN_LEAVE) {
    bool ours = strcmp(registrant->session, join->session) == 0;

    ours = ours && registrant->unclean;
    registrant->unclean = registrant->unclean && !ours;
    return ours;
  }
  if (join->kind != JOIN_NOTE ||
      strcmp(registrant->session, join->expected) != 0)
    return false;
  memcpy(registrant->session, join->session, sizeof registrant->session);
  memcpy(registrant->instance, join->instance, sizeof registrant->instance);
  registrant->unclean = false;
  return true;
}

static int
try_once(struct work *work, struct store_command *command)
{
  int r = control_look(work);

  if (r == 0 && note(work, &command->command))
    r = control_save(work, &work->state);
  if (r == 0)
    describe(work, command->command.node, &command->reply);
  return r;
}

int
membership_run(const struct control *control, struct store_command *command)
{
  CLEANUP_FREE struct work *work = calloc(1, sizeof *work);
  struct lease_reply *reply = &command->reply;
  int r = STATUS_ETAG_STALE;

  command->error = (struct error)ERROR_INIT;
  memset(reply, 0, sizeof *reply);
  if (work == NULL)
    return reply->status = error_set(&command->error, STATUS_NO_MEMORY,
                                     "%s: no memory", control->name);
  work->control = control;
  for (int i = 0; i < CONTROL_TRIES_MAX && r == STATUS_ETAG_STALE; i++)
    r = try_once(work, command);
  if (r == STATUS_ETAG_STALE)
    r = error_set(&work->error, STATUS_TRANSIENT,
                  "%s: its registrations change too often", control->name);
  command->error = work->error;
  return reply->status = r;
}

/* --- its threads --------------------------------------------------------- */

/* One store that does not answer for one volume must not hold up the others:
 * as many as the file store has for its commands.
 */
#define THREADS 4

struct runner {
  struct membership_runner base; /* first */
  struct lease_key key;
  const struct log *log;
  struct workers *workers;
};

struct membership_job {
  struct job job; /* first */
  struct runner *runner;
  struct store_volume *volume;
  const char *name;
  struct store_command *command;
};

static void
run_job(struct job *job)
{
  struct membership_job *own = (struct membership_job *)job;
  struct store_command *command = own->command;
  const struct control control = {.volume = own->volume,
                                  .name = own->name,
                                  .node = command->command.node,
                                  .key = own->runner->key,
                                  .log = own->runner->log};

  membership_run(&control, command);
  free(own);
  command->done(command);
}

static int
submit(struct membership_runner *base, struct store_volume *volume,
       const char *name, struct store_command *command)
{
  struct runner *runner = (struct runner *)base;
  struct membership_job *job = malloc(sizeof *job);
  int r = STATUS_NO_MEMORY;

  if (job != NULL) {
    *job = (struct membership_job){.job.run = run_job,
                                   .runner = runner,
                                   .volume = volume,
                                   .name = name,
                                   .command = command};
    r = workers_submit(runner->workers, &job->job);
  }
  if (r == 0)
    return STORE_PENDING;
  free(job);
  return command->reply.status = error_set(&command->error, (enum status)r,
                                           "%s: %s", name, status_text(r));
}

struct membership_runner *
membership_runner_new(const struct lease_key *key, const struct log *log)
{
  struct runner *runner = calloc(1, sizeof *runner);

  if (runner == NULL)
    return NULL;
  runner->base.submit = submit;
  runner->key = *key;
  runner->log = log;
  runner->workers = workers_new(THREADS);
  if (runner->workers == NULL) {
    free(runner);
    return NULL;
  }
  return &runner->base;
}

void
membership_runner_free(struct membership_runner *base)
{
  struct runner *runner = (struct runner *)base;

  if (runner == NULL)
    return;
  workers_free(runner->workers);
  free(runner);
}
