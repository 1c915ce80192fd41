/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* membership.h: answers a session's LEASE_GROUP: how its node stands to the
 * group of writers, by the registrations (registrations.h).
 *
 * That takes several requests to the store, one after the other, and may have
 * to complete somebody's command (control.c): so it blocks, and the keeper's
 * thread does not do it. The simulator has a runner of its own.
 */
#ifndef LEASEHOLD_MEMBERSHIP_H
#define LEASEHOLD_MEMBERSHIP_H

#include "leasehold/control.h"

/* Runs the command and waits; fills its reply and error, calls nobody. Returns
 * the reply's status. Any thread.
 */
int membership_run(const struct control *control,
                   struct store_command *command);

struct membership_runner {
  /* As store_submit_command, for the volume of that name. */
  int (*submit)(struct membership_runner *, struct store_volume *,
                const char *name, struct store_command *);
};

/* One with threads of its own, which start with the first command. key's bytes
 * and log outlive it; log may be NULL. NULL: no memory.
 */
struct membership_runner *membership_runner_new(const struct lease_key *key,
                                                const struct log *log);
/* Waits for what is on its way. NULL is fine. */
void membership_runner_free(struct membership_runner *runner);

#endif
