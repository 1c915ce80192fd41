/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lease-text.c: lease IDs compared, lease words as texts; see lease.h. */
#include "leasehold/lease.h"

#include <string.h>

bool
lease_id_equal(const struct lease_id *a, const struct lease_id *b)
{
  return strcmp(a->text, b->text) == 0;
}

bool
lease_id_is_none(const struct lease_id *id)
{
  return id->text[0] == '\0';
}

const char *
lease_state_text(enum lease_state state)
{
  static const char *const texts[] = {
      [LEASE_AVAILABLE] = "available", [LEASE_LEASED] = "leased",
      [LEASE_BREAKING] = "breaking",   [LEASE_BROKEN] = "broken",
      [LEASE_EXPIRED] = "expired",
  };

  return texts[state];
}

const char *
lease_verb_text(enum lease_verb verb)
{
  static const char *const texts[] = {
      [LEASE_NONE] = "none",           [LEASE_DESCRIBE] = "describe",
      [LEASE_ACQUIRE] = "acquire",     [LEASE_RENEW] = "renew",
      [LEASE_CHANGE] = "change",       [LEASE_RELEASE] = "release",
      [LEASE_BREAK] = "break",         [LEASE_CLAIM] = "claim",
      [LEASE_TAKE_OVER] = "take_over", [LEASE_GROUP] = "group",
  };

  return texts[verb];
}
