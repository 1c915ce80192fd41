/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decimal.h: unsigned decimal numbers in untrusted text. */
#ifndef LEASEHOLD_DECIMAL_H
#define LEASEHOLD_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the digits at *text and moves *text behind them. False, and *text
 * stays, when there is no digit or the number is above max. No sign, space or
 * base prefix is taken.
 */
bool decimal_read(const char **text, uint64_t max, uint64_t *out);

#endif
