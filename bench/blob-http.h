/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blob-http.h: requests as blob-server reads them, and its answers. */
#ifndef LEASEHOLD_BLOB_HTTP_H
#define LEASEHOLD_BLOB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOB_HEADERS_MAX 64
#define BLOB_HEAD_MAX (32 * 1024)

struct blob_header {
  const char *name, *value;
};

/* All text is in the bytes that were read. */
struct blob_request {
  const char *method;
  char *path;        /* as it came, without the query */
  const char *query; /* "" if there is none */
  struct blob_header headers[BLOB_HEADERS_MAX];
  size_t header_count;
  const char *body;
  size_t body_length;
};

/* How long the head is, with its empty line; 0 while that is missing. */
size_t blob_head_length(const char *bytes, size_t length);

/* Content-Length of a complete head; SIZE_MAX: it is no number. */
size_t blob_body_length(const char *head, size_t length);

/* Cuts a complete head into its parts, in place. False: it is malformed. */
bool blob_request_parse(char *head, size_t length, struct blob_request *out);

/* The value of a header, in any case, or NULL. */
const char *blob_header(const struct blob_request *request, const char *name);

/* Has the query this parameter with this value? */
bool blob_query_is(const struct blob_request *request, const char *name,
                   const char *value);

/* "bytes=FIRST-LAST" of x-ms-range or Range. False: there is none, or it is
 * none within size bytes; *given says which.
 */
bool blob_range(const struct blob_request *request, uint64_t size,
                uint64_t *offset, uint64_t *count, bool *given);

#endif
