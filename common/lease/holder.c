/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* holder.c: holder records; see holder.h. */
#include "lease/holder.h"

#include <string.h>

#include "utils/mutation.h"

static bool
same(const char *node, const char *instance, const char *other_node,
     const char *other_instance)
{
  return strcmp(node, other_node) == 0 && strcmp(instance, other_instance) == 0;
}

bool
holder_is_fenced(const struct holder_record *record, const char *node,
                 const char *instance)
{
  for (unsigned i = 0; i < record->fenced_count; i++)
    if (same(node, instance, record->fenced[i].node,
             record->fenced[i].instance))
      return true;
  return false;
}

enum holder_verdict
holder_judge(const struct volume_info *info, const char *node,
             const char *instance)
{
  const struct holder_record *record = &info->record;
  const struct holder *holder = &record->holder;

  if (instance[0] == '\0')
    return HOLDER_MAY_GO_ON;
  if (holder_is_fenced(record, node, instance))
    return HOLDER_LOST_VOLUME;
  if (!same(node, instance, holder->node, holder->instance))
    return HOLDER_MAY_GO_ON;
  if (holder->epoch != info->epoch)
    return HOLDER_SUPERSEDED;
  if (holder->write_back && !holder->clean && !MUTATED(S13_FORGETS_UNCLEAN))
    return HOLDER_LOST_WRITES;
  return HOLDER_MAY_GO_ON;
}

const char *
holder_verdict_text(enum holder_verdict verdict)
{
  switch (verdict) {
  case HOLDER_MAY_GO_ON:
    return "may go on";
  case HOLDER_LOST_VOLUME:
    return "this instance has lost the volume to another one";
  case HOLDER_LOST_WRITES:
    return "this instance's last session ended with unsent writes";
  case HOLDER_SUPERSEDED:
    return "somebody has claimed the volume since this instance did";
  }
  return "?";
}

/* Which of count entries, newest first, an overfull list gives up. */
static unsigned
victim(const struct fenced_instance *entries, unsigned count)
{
  for (unsigned i = count; i-- > 0;) {
    for (unsigned newer = 0; newer < i; newer++) {
      if (strcmp(entries[newer].node, entries[i].node) == 0)
        return i;
    }
  }
  return count - 1;
}

static void
push(struct holder_record *record, const char *node, const char *instance,
     uint64_t epoch)
{
  struct fenced_instance all[FENCED_INSTANCES_MAX + 1] = {{.epoch = epoch}};
  unsigned count = record->fenced_count + 1;

  memcpy(all[0].node, node, strlen(node) + 1);
  memcpy(all[0].instance, instance, strlen(instance) + 1);
  memcpy(&all[1], record->fenced, (count - 1) * sizeof all[0]);
  if (count > FENCED_INSTANCES_MAX) {
    unsigned index = victim(all, count);

    count--;
    memmove(&all[index], &all[index + 1], (count - index) * sizeof all[0]);
  }
  memcpy(record->fenced, all, count * sizeof all[0]);
  record->fenced_count = count;
}

void
holder_succeed(struct holder_record *record, const struct holder *next)
{
  const struct holder *last = &record->holder;

  if (last->node[0] != '\0' && last->instance[0] != '\0' &&
      !same(last->node, last->instance, next->node, next->instance) &&
      !MUTATED(S12_FORGETS_INSTANCES))
    push(record, last->node, last->instance, last->epoch);
  record->holder = *next;
}

void
holder_fence(struct holder_record *record, const char *node,
             const char *instance, uint64_t epoch)
{
  if (!holder_is_fenced(record, node, instance) &&
      !MUTATED(S12_FORGETS_INSTANCES))
    push(record, node, instance, epoch);
}

enum holder_verdict
holder_judge_member(const struct volume_info *info,
                    const struct membership *membership, const char *node,
                    const char *instance)
{
  const struct holder *holder = &info->record.holder;
  bool noted = strcmp(membership->instance, instance) == 0;

  if (instance[0] == '\0')
    return HOLDER_MAY_GO_ON;
  if (holder_is_fenced(&info->record, node, instance))
    return HOLDER_LOST_VOLUME;
  if (MUTATED(S13_FORGETS_UNCLEAN))
    return HOLDER_MAY_GO_ON;
  if (noted)
    return membership->unclean ? HOLDER_LOST_WRITES : HOLDER_MAY_GO_ON;
  /* It claimed alone, before there was a group. */
  if (!same(node, instance, holder->node, holder->instance))
    return HOLDER_MAY_GO_ON;
  if (holder->epoch != info->epoch)
    return HOLDER_SUPERSEDED;
  return holder->write_back && !holder->clean ? HOLDER_LOST_WRITES
                                              : HOLDER_MAY_GO_ON;
}

void
holder_succeed_member(struct holder_record *record,
                      const struct membership *membership,
                      const struct holder *next)
{
  const struct holder *last = &record->holder;

  if (membership->outsider && last->instance[0] != '\0' &&
      !same(last->node, last->instance, next->node, next->instance))
    holder_fence(record, last->node, last->instance, last->epoch);
  if (membership->instance[0] != '\0' &&
      strcmp(membership->instance, next->instance) != 0)
    holder_fence(record, next->node, membership->instance, last->epoch);
  record->holder = *next;
}

bool
holder_is_session(const struct volume_info *info, const char *nonce)
{
  return info->record.holder.epoch == info->epoch &&
         strcmp(info->record.holder.session, nonce) == 0;
}
