/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command-job.c: lease commands as jobs of a pool; see command-job.h. */
#include "store/command-job.h"

#include <stdlib.h>

struct command_job {
  struct job job; /* first */
  command_run *run;
  struct store_volume *volume;
  struct store_command *command;
};

static void
run_job(struct job *job)
{
  struct command_job *own = (struct command_job *)job;
  struct store_command *command = own->command;

  own->run(own->volume, command);
  free(own);
  command->done(command);
}

int
command_job_submit(struct workers *workers, command_run *run,
                   struct store_volume *volume, const char *name,
                   struct store_command *command)
{
  struct command_job *job;
  int r = STATUS_NO_MEMORY;

  if (workers == NULL)
    return run(volume, command);
  job = malloc(sizeof *job);
  if (job != NULL) {
    *job = (struct command_job){
        .job.run = run_job, .run = run, .volume = volume, .command = command};
    r = workers_submit(workers, &job->job);
    if (r == 0)
      return STORE_PENDING;
    free(job);
  }
  return command->reply.status = error_set(&command->error, (enum status)r,
                                           "%s: %s", name, status_text(r));
}
