/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* count.h: how many requests a store was given, and how they ended. */
#ifndef LEASEHOLD_STORE_COUNT_H
#define LEASEHOLD_STORE_COUNT_H

#include "leasehold/metrics.h"
#include "leasehold/store.h"

struct counters *count_new(void); /* NULL: no memory */

/* Each counts one request that has ended. counters may be NULL. */
void count_command(struct counters *counters, enum lease_verb verb, int status);
void count_io(struct counters *counters, const struct store_io *io);
void count_side(struct counters *counters, bool write, int status);

#endif
