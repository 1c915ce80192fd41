/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secret.h: secrets that are read from files, and cleared when they go. */
#ifndef LEASEHOLD_SECRET_H
#define LEASEHOLD_SECRET_H

#include <stddef.h>

#include "leasehold/status.h"

/* Any bytes, with a NUL behind them. All zero: none. */
struct secret {
  char *bytes;
  size_t length;
};

/* Reads all of a file, less one newline at its end. The text of an error
 * begins with path. An empty secret and one of more than max bytes are
 * STATUS_INVALID.
 */
int secret_read(const char *path, size_t max, struct secret *out,
                struct error *err);

/* Clears and frees what is inside. */
void secret_free(struct secret *secret);

#endif
