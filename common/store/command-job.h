/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command-job.h: lease commands that block, done by a pool of threads. */
#ifndef LEASEHOLD_COMMAND_JOB_H
#define LEASEHOLD_COMMAND_JOB_H

#include "leasehold/store.h"
#include "utils/workers.h"

/* What a store does for a command: fills in its error and its reply, and
 * returns the reply's status.
 */
typedef int command_run(struct store_volume *volume,
                        struct store_command *command);

/* A store's submit_command: has run called by a thread of workers, and then
 * command->done, and returns STORE_PENDING; or, with workers NULL, calls run
 * here. Otherwise the status that says why nothing was done. name is the
 * volume's, for the error.
 */
int command_job_submit(struct workers *workers, command_run *run,
                       struct store_volume *volume, const char *name,
                       struct store_command *command);

#endif
