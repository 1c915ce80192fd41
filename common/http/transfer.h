/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* transfer.h: libcurl's easy handle, for one request after the other; for the
 * files of common/http alone.
 */
#ifndef LEASEHOLD_HTTP_TRANSFER_H
#define LEASEHOLD_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "http/http.h"

struct http_transfer {
  struct http_transfer *next; /* its owner's, while it has no request */
  CURL *easy;
  struct http_request *request;
  bool direct, small; /* as they were last set; small: libcurl's buffers */
  char *origin;       /* the same, "https://HOST:PORT/"; NULL: all of the URL */
  bool proxied;       /* plain HTTP may go through a proxy */
  /* The request's headers, as libcurl wants them; kept for the next one. */
  struct curl_slist *lines;
  char *text;
  size_t lines_size, text_size, text_length;
  size_t body_given; /* bytes of the body that libcurl has taken */
  bool begun;        /* a connection was there, the request was to be sent */
  bool skips;        /* headers of this answer are not kept */
  char error[CURL_ERROR_SIZE];
};

/* NULL: no memory. */
struct http_transfer *http_transfer_new(const char *cainfo);
/* Makes it the request's, ready for a multi handle. 0, or STATUS_NO_MEMORY;
 * then it has none.
 */
int http_transfer_begin(struct http_transfer *transfer,
                        struct http_request *request);
/* Fills in what became of its request, and forgets that. It is in no multi
 * handle.
 */
void http_transfer_end(struct http_transfer *transfer, CURLcode code);
/* It has no request. NULL is fine. */
void http_transfer_free(struct http_transfer *transfer);

#endif
