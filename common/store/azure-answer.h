/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-answer.h: answers of the Blob service, as values. What comes in is not
 * trusted. Pure but for memory.
 */
#ifndef LEASEHOLD_AZURE_ANSWER_H
#define LEASEHOLD_AZURE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "http/headers.h"
#include "leasehold/store.h"

/* The metadata value that keeps the holder record. */
#define AZURE_RECORD_NAME "leasehold"

/* Status and code to a result. A code that is not in the table is judged by
 * the status. 2xx: 0. code may be NULL. STATUS_UNKNOWN for answers after which
 * it may have been done.
 */
int azure_result(unsigned status, const char *code);

/* An error code as it can be shown: letters only; else "". */
#define AZURE_CODE_MAX 80
/* Of the header x-ms-error-code, or, without one, of an XML body. */
void azure_error_code(const struct http_headers *headers, const char *body,
                      size_t length, char code[AZURE_CODE_MAX]);

/* A blob's properties, as HEAD tells them. */
struct azure_properties {
  bool page_blob;
  int64_t created_s; /* seconds since 1970; 0 when it was not told */
  struct volume_info info;
};

/* name is for error texts. STATUS_CORRUPT, STATUS_IO for what no service says.
 */
int azure_properties_parse(const struct http_headers *headers, const char *name,
                           struct azure_properties *out, struct error *err);

/* An ETag without its quotes; false if it is none. */
bool azure_etag_copy(const char *text, char etag[ETAG_MAX + 1]);

/* Fills in what follows from the record: who has the lease, for people. */
void azure_guess_holder(struct volume_info *info);

/* One page of a list of blobs: appends those that are page blobs to out;
 * *marker: where the next page begins, or NULL; the caller frees it.
 */
int azure_list_parse(const char *body, size_t length, struct volume_list *out,
                     char **marker, struct error *err);

/* One page of a list of page ranges within offset, count: appends to out what
 * is known, from *at on, and moves *at behind it. *marker as above; without one
 * the whole range is known.
 */
int azure_ranges_parse(const char *body, size_t length, uint64_t end,
                       uint64_t *at, struct extent_list *out, char **marker,
                       struct error *err);

/* Seconds from Retry-After, or 0. At most 300. */
unsigned azure_retry_after_s(const struct http_headers *headers);

#endif
