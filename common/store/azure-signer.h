/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-signer.h: signs with an account's key, for many threads at once. */
#ifndef LEASEHOLD_AZURE_SIGNER_H
#define LEASEHOLD_AZURE_SIGNER_H

#include <stddef.h>

#include "leasehold/status.h"

struct azure_signer;

/* Copies the key. NULL: no memory, or OpenSSL does not work. */
struct azure_signer *azure_signer_new(const unsigned char *key,
                                      size_t key_length);
void azure_signer_free(struct azure_signer *signer); /* NULL is fine */

/* base64(HMAC-SHA256(key, text)). 0 or STATUS_NO_MEMORY. */
#define AZURE_SIGNATURE_MAX 48
int azure_sign(struct azure_signer *signer, const char *text, size_t length,
               char signature[AZURE_SIGNATURE_MAX]);

#endif
