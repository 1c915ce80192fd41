/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* export-name-text.h: writes export names, for tests and fuzzing only. */
#ifndef LEASEHOLD_EXPORT_NAME_TEXT_H
#define LEASEHOLD_EXPORT_NAME_TEXT_H

#include <stdio.h>
#include <string.h>

#include "leasehold/export-name.h"

#define EXPORT_NAME_TEXT_MAX 1024

/* A name that parses to the same parts. */
static inline void
export_name_text(const struct export_name *name, char *text)
{
  static const char *const modes[] = {
      [ON_CONFLICT_DEFAULT] = "",           [ON_CONFLICT_GATE] = "/gate",
      [ON_CONFLICT_READONLY] = "/readonly", [ON_CONFLICT_REFUSE] = "/refuse",
      [ON_CONFLICT_WAIT] = "/wait",
  };
  static const char *const kinds[] = {
      [EXPORT_VOLUME] = "",
      [EXPORT_RESERVATION] = "/reservation",
      [EXPORT_STATUS] = "/status",
      [EXPORT_EVENTS] = "/events",
  };
  char seconds[16] = "";

  if (name->on_conflict == ON_CONFLICT_WAIT && name->wait_s != WAIT_FOREVER)
    snprintf(seconds, sizeof seconds, "=%u", (unsigned)name->wait_s);
  snprintf(text, EXPORT_NAME_TEXT_MAX, "%s@%s%s%s%s%s%s%s", name->volume,
           name->node, name->observe && name->node[0] ? "/ro" : "",
           name->instance[0] ? "/instance=" : "", name->instance,
           modes[name->on_conflict], seconds, kinds[name->kind]);
}

static inline bool
export_name_equal(const struct export_name *a, const struct export_name *b)
{
  return strcmp(a->volume, b->volume) == 0 && strcmp(a->node, b->node) == 0 &&
         strcmp(a->instance, b->instance) == 0 && a->observe == b->observe &&
         a->on_conflict == b->on_conflict && a->wait_s == b->wait_s &&
         a->kind == b->kind;
}

#endif
