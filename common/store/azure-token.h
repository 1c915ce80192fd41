/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-token.h: OAuth tokens that are fetched, and again before they expire.
 */
#ifndef LEASEHOLD_AZURE_TOKEN_H
#define LEASEHOLD_AZURE_TOKEN_H

#include "http/http.h"
#include "leasehold/store.h"

struct azure_token;

/* Sends nothing yet. */
int azure_token_new(const struct store_config *config, struct http *http,
                    struct azure_token **out, struct error *err);
/* http has been stopped. NULL is fine. */
void azure_token_free(struct azure_token *token);

const char *azure_token_source(const struct azure_token *token);

/* A copy of the token; the caller clears and frees it. Asks for a new one when
 * there is none, or this one is getting old, and does not wait for it:
 * STATUS_TRANSIENT or STATUS_DENIED when there is none.
 */
int azure_token_get(struct azure_token *token, char **out, struct error *err);

/* Waits until there is one, or until the first of deadline_ns and a failure. */
int azure_token_wait(struct azure_token *token, uint64_t deadline_ns,
                     struct error *err);

/* The service does not take it any more: ask for another one. */
void azure_token_refused(struct azure_token *token);

/* What a token service has answered: the token, which the caller clears and
 * frees, and for how many seconds it is good. STATUS_IO. Pure but for memory.
 */
int azure_token_parse(const char *body, size_t length, char **token,
                      uint64_t *seconds);

#endif
