/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registrations-lease.c: whose reservation it is, by the lease. */
#include <string.h>

#include "leasehold/registrations.h"
#include "leasehold/reserve.h"

/* Whether the lease has the ID of that node. */
static int
has_lease(const char *node, const struct lease_info *lease,
          const struct lease_key *key, bool *has)
{
  struct lease_id id;
  int r;

  *has = false;
  if (node[0] == '\0')
    return 0;
  r = lease_id_from_node(node, key, &id);
  *has = r == 0 && lease_id_equal(&id, &lease->id);
  return r;
}

/* By its ID: whom the state names, whom the store names, or a registrant; NULL
 * for somebody else.
 */
static int
find_by_id(const struct registrations *state, const struct lease_info *lease,
           const struct lease_key *key, const char **holder)
{
  bool has;
  int r = has_lease(state->reservation.holder, lease, key, &has);

  *holder = has ? state->reservation.holder : NULL;
  if (r == 0 && !has) {
    r = has_lease(lease->node, lease, key, &has);
    *holder = has ? lease->node : NULL;
  }
  for (unsigned i = 0; r == 0 && *holder == NULL && i < state->count; i++) {
    r = has_lease(state->registrants[i].node, lease, key, &has);
    if (has)
      *holder = state->registrants[i].node;
  }
  return r;
}

int
registrations_reconcile(struct registrations *state,
                        const struct volume_info *info,
                        const struct lease_key *key,
                        const struct lease_id *group)
{
  struct reservation *reservation = &state->reservation;
  struct reservation now = {
      .type = WRITE_EXCLUSIVE, .epoch = info->epoch, .implied = true};
  struct lease_holder believed;
  const char *holder = NULL;
  int r = 0;

  lease_holder_of(info, &believed);
  if (registrations_has_group(state) && believed.held &&
      !lease_id_is_none(group) &&
      (!info->lease.id_known || lease_id_equal(&info->lease.id, group)))
    return 0;
  if (registrations_has_group(state))
    *reservation = (struct reservation){.type = RESERVATION_NONE};
  if (!believed.held) {
    *reservation = (struct reservation){.type = RESERVATION_NONE};
    return 0;
  }
  if (info->lease.id_known)
    r = find_by_id(state, &info->lease, key, &holder);
  else if (reservation->holder[0] != '\0' &&
           (reservation->epoch >= info->epoch || believed.node[0] == '\0'))
    holder = reservation->holder;
  else
    holder = believed.node;
  if (r != 0)
    return r;
  if (holder != NULL) {
    memcpy(now.holder, holder, strlen(holder) + 1);
    if (strcmp(holder, reservation->holder) == 0 && reservation->type != 0) {
      now.type = reservation->type;
      now.implied = reservation->implied;
    }
  }
  *reservation = now;
  return 0;
}
