/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-credentials.h: who we are to the Blob service. */
#ifndef LEASEHOLD_AZURE_CREDENTIALS_H
#define LEASEHOLD_AZURE_CREDENTIALS_H

#include "http/http.h"
#include "leasehold/store.h"
#include "store/azure-request.h"

struct azure_credentials;

/* Looks for credentials in this order; the first that are there are used:
 *
 *   config's account_key, sas or token
 *   AZURE_STORAGE_CONNECTION_STRING
 *   AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, with AZURE_STORAGE_ACCOUNT
 *   the machine's managed identity, and, where there is none,
 *   AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET
 *
 * Sends nothing. The credentials may say which account it is that place could
 * only guess. http and config's clock and log outlive them. STATUS_INVALID for
 * what is malformed, STATUS_NO_MEMORY.
 */
int azure_credentials_new(const struct store_config *config, struct http *http,
                          struct azure_place *place,
                          struct azure_credentials **out, struct error *err);
/* http has been stopped. NULL is fine. */
void azure_credentials_free(struct azure_credentials *credentials);

/* For people: "account-key", "AZURE_STORAGE_KEY", "the managed identity"... */
const char *azure_credentials_source(const struct azure_credentials *);

/* Waits until there is a token, where one is needed: 0; STATUS_DENIED when it
 * was refused, STATUS_TRANSIENT when none could be had by deadline_ns.
 */
int azure_credentials_wait(struct azure_credentials *credentials,
                           uint64_t deadline_ns, struct error *err);

/* Stamps and authorizes a request, and appends its URL. Does not wait:
 * STATUS_TRANSIENT when there is no token, which is then asked for.
 */
int azure_credentials_apply(struct azure_credentials *credentials,
                            const struct azure_place *place,
                            struct azure_request *request, struct strbuf *url,
                            struct error *err);

/* The service has refused what was applied: a token may be out of date. */
void azure_credentials_refused(struct azure_credentials *credentials);

#endif
