/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* duration.h: durations in parameters. */
#ifndef LEASEHOLD_DURATION_H
#define LEASEHOLD_DURATION_H

#include <stdint.h>

#include "leasehold/status.h"

/* What "infinite" becomes; the same as LEASE_DURATION_INFINITE. */
#define DURATION_INFINITE UINT32_MAX

/* "30" or "30s" (seconds), or "infinite". Which of these make sense is the
 * caller's to say. 0, or STATUS_INVALID with a text that names the input.
 */
int duration_parse(const char *text, uint32_t *seconds, struct error *err);

#endif
