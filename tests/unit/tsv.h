/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tsv.h: tables of tests/data, read line by line. */
#ifndef LEASEHOLD_TSV_H
#define LEASEHOLD_TSV_H

#include <stddef.h>

/* Calls row for each line of $LEASEHOLD_SRCDIR/tests/data/NAME but the first,
 * which names the columns, and those that begin with "#". Lines with another
 * number of columns fail the test. line counts from 1, for messages.
 */
void tsv_each(const char *name, size_t columns,
              void (*row)(char *const *fields, unsigned line, void *data),
              void *data);

#endif
