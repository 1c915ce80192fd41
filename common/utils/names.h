/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* names.h: the grammar of names as spans, for parsers; the checks of whole
 * strings are in leasehold/export-name.h.
 */
#ifndef LEASEHOLD_NAMES_H
#define LEASEHOLD_NAMES_H

#include <stddef.h>

#include "leasehold/status.h"

/* As volume_name_check and so on, for length bytes that need not end in NUL.
 */
int volume_name_check_span(const char *name, size_t length, struct error *err);
int node_name_check_span(const char *name, size_t length, struct error *err);
int instance_check_span(const char *token, size_t length, struct error *err);

#endif
