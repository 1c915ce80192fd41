/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-request.h: requests to the Blob service, as values: which place they
 * go to, what stands in them, how they are signed. Pure but for memory.
 */
#ifndef LEASEHOLD_AZURE_REQUEST_H
#define LEASEHOLD_AZURE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "http/headers.h"
#include "leasehold/lease.h"
#include "leasehold/status.h"
#include "store/azure-signer.h"
#include "utils/strbuf.h"

#define AZURE_VERSION "2021-12-02"

#define AZURE_ACCOUNT_MAX 63
#define AZURE_CONTAINER_MAX 63
#define AZURE_URL_MAX 4096

/* Where a store is: https://HOST/CONTAINER, or http(s)://HOST/ACCOUNT/CONTAINER
 * as emulators have it.
 */
struct azure_place {
  char origin[300]; /* "https://HOST[:PORT]" */
  char path[160];   /* "/CONTAINER" or "/ACCOUNT/CONTAINER" */
  char account[AZURE_ACCOUNT_MAX + 1];
  char container[AZURE_CONTAINER_MAX + 1];
  bool account_certain; /* the path or a host of the service names it; else it
                           is only the first word of the host's name */
};

/* Reads a store's URL; plain http only to this host, unless insecure. The text
 * of an error does not have the URL in it, which may hold a secret.
 * STATUS_INVALID.
 */
int azure_place_parse(const char *url, bool insecure, struct azure_place *out,
                      struct error *err);

/* "ACCOUNT/CONTAINER", for people. */
#define AZURE_PLACE_TEXT_MAX (AZURE_ACCOUNT_MAX + AZURE_CONTAINER_MAX + 2)
void azure_place_text(const struct azure_place *place,
                      char text[AZURE_PLACE_TEXT_MAX]);

/* A volume's name, or a side object's, encoded. */
#define AZURE_BLOB_MAX (3 * (VOLUME_NAME_MAX + 32) + 1)

/* A request without its authorization. Failures stick in status. */
struct azure_request {
  const char *method;
  char blob[AZURE_BLOB_MAX]; /* encoded; "": about the container */
  struct http_headers query; /* values are not encoded yet */
  struct http_headers headers;
  const void *body;
  size_t body_length;
};

/* blob: a volume's or a side object's name, or NULL. */
void azure_request_init(struct azure_request *request, const char *method,
                        const char *blob);
void azure_request_free(struct azure_request *request);

/* 0, or what went wrong since init. */
int azure_request_status(const struct azure_request *request);

/* Sets "x-ms-version" and "x-ms-date" (milliseconds since 1970). */
void azure_request_stamp(struct azure_request *request, int64_t now_ms);

/* "bytes=0-511" as x-ms-range. count is not 0. */
void azure_request_range(struct azure_request *request, uint64_t offset,
                         uint64_t count);

/* Appends the request's URL. sas, or NULL, is appended as it is: it is encoded
 * already.
 */
int azure_request_url(struct azure_request *request,
                      const struct azure_place *place, const char *sas,
                      struct strbuf *url);

/* Appends what Shared Key signs. Sorts query and headers. */
int azure_string_to_sign(struct azure_request *request,
                         const struct azure_place *place, struct strbuf *text);

/* Sets "Authorization: SharedKey ACCOUNT:SIGNATURE". */
int azure_request_sign(struct azure_request *request,
                       const struct azure_place *place,
                       struct azure_signer *signer);

#endif
