/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* random.c: a name for a session that no other session ever has. */
#include "utils/random.h"

#include <openssl/rand.h>
#include <stdio.h>

#include "leasehold/status.h"

int
random_nonce(char nonce[SESSION_NONCE_MAX + 1])
{
  unsigned char bytes[SESSION_NONCE_MAX / 2];

  if (RAND_bytes(bytes, sizeof bytes) != 1)
    return STATUS_TRANSIENT;
  for (size_t i = 0; i < sizeof bytes; i++)
    snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
  return 0;
}
