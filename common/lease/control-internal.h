/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control-internal.h: what the parts of a reservation command share; see
 * control.c.
 */
#ifndef LEASEHOLD_CONTROL_INTERNAL_H
#define LEASEHOLD_CONTROL_INTERNAL_H

#include "leasehold/control.h"
#include "leasehold/registrations.h"

/* One command. */
struct work {
  const struct control *control;
  struct pr_command command;
  struct pr_nodes nodes;
  struct volume_info info;         /* as last looked at */
  bool looked;                     /* before state was known to be so */
  struct registrations state;      /* as last read, reconciled */
  struct lease_id group;           /* whose lease it is, if a group's */
  struct registrations after;      /* as it is to be */
  struct lease_effect effect;      /* what lies between the two */
  struct side_object object, seen; /* the one that state is from; scratch */
  struct error error;              /* of what failed in the store */
};

/* control-side.c: the side object. */

/* Reads the registrations; without a side object they are empty. */
int control_load(struct work *work);
/* Replaces the registrations that were read last. STATUS_ETAG_STALE: somebody
 * was faster. STATUS_UNKNOWN: nobody can say any more.
 */
int control_save(struct work *work, struct registrations *state);

/* control-lease.c: the lease. */

/* The lease ID of an owner; "" for nobody, and for a node that is not known. */
int control_name_lease(const struct work *work, const struct lease_owner *owner,
                       struct lease_id *id);
/* "group:7", for people. */
void control_group_text(uint64_t group, char text[NODE_NAME_MAX + 1]);
/* Looks at the volume, and after that whether the registrations are those that
 * were read. STATUS_ETAG_STALE: others.
 */
int control_look_again(struct work *work);
/* Does work->effect to the lease; what follows from that for the registrations
 * is put into work->after. 0, STATUS_CONFLICT, or what went wrong;
 * STATUS_ETAG_STALE: it is not pending any more.
 */
int control_do_effect(struct work *work);

/* control.c. */

/* Looks at the volume, reads the registrations, completes what is pending, and
 * makes the two agree. STATUS_ETAG_STALE: begin anew.
 */
int control_look(struct work *work);
/* How often a command begins anew because others were faster. */
#define CONTROL_TRIES_MAX 16

#endif
