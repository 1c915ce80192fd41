/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* size.h: sizes as people write and read them; powers of 1024. */
#ifndef LEASEHOLD_SIZE_H
#define LEASEHOLD_SIZE_H

#include <stdint.h>

#include "leasehold/status.h"

/* "4096", "10G", "512 MiB", "1.5T": a decimal number with or without a
 * fraction of at most nine digits, then perhaps one space, then nothing or B
 * (bytes), or one of K M G T P E, upper or lower case, with or without "iB".
 * A fraction that does not come out even is rounded up to the next multiple
 * of 512 bytes, as qemu-img does. "KB" and the like, which mean different
 * things to different people, are refused. 0, or STATUS_INVALID with a text
 * that names the input. Untrusted input is fine.
 */
int size_parse(const char *text, uint64_t *bytes, struct error *err);

/* Always exact: "10 GiB", "1.5 GiB", "1000 bytes", and where two decimals are
 * not enough "1.41 MiB (1474561 bytes)".
 */
#define SIZE_TEXT_MAX 80
const char *size_format(uint64_t bytes, char text[SIZE_TEXT_MAX]);

#endif
