/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* volume-json.h: a volume's state as JSON, the same wherever it is shown: by
 * `leasehold status --json`, `leasehold list --json` and the status export.
 */
#ifndef LEASEHOLD_VOLUME_JSON_H
#define LEASEHOLD_VOLUME_JSON_H

#include "leasehold/handover.h"
#include "leasehold/lease.h"

struct json_t; /* jansson's */

/* One object; leasehold(1) describes its members. The caller owns the
 * reference. handover is the request that is pending, or NULL. NULL: no memory.
 * Pure.
 */
struct json_t *volume_json(const char *volume, const struct volume_info *info,
                           const struct handover_request *handover);

/* The same as text, indented, ending in a newline; free() it. NULL: no memory.
 */
char *volume_json_text(const char *volume, const struct volume_info *info,
                       const struct handover_request *handover);

#endif
