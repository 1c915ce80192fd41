/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* printable.h: untrusted bytes, made fit for messages. */
#ifndef LEASEHOLD_PRINTABLE_H
#define LEASEHOLD_PRINTABLE_H

#include <stddef.h>

/* At most so many bytes are shown; "..." stands for the rest. */
#define PRINTABLE_SHOWN_MAX 64

/* Each byte becomes at most four characters; two quotes, dots, NUL. */
struct printable {
  char text[4 * PRINTABLE_SHOWN_MAX + 6];
};

/* "disk0" with its quotes; what is not printable ASCII, a quote or a backslash
 * becomes \xNN. Returns out->text.
 */
const char *printable(struct printable *out, const char *bytes, size_t length);

#endif
