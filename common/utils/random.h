/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* random.h: a name for a session that no other session ever has. */
#ifndef LEASEHOLD_RANDOM_H
#define LEASEHOLD_RANDOM_H

#include "leasehold/lease.h"

/* 128 random bits as 32 lower-case hexadecimal digits. 0, or
 * STATUS_TRANSIENT when the system has no randomness to give.
 */
int random_nonce(char nonce[SESSION_NONCE_MAX + 1]);

#endif
