/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* transfer.h: one request as libcurl's easy handle, for http.c alone. */
#ifndef LEASEHOLD_HTTP_TRANSFER_H
#define LEASEHOLD_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "http/http.h"

struct http_transfer {
  CURL *easy;
  struct http_request *request;
  struct curl_slist *headers;
  size_t body_given; /* bytes of the body that libcurl has taken */
  bool begun;        /* a connection was there, the request was to be sent */
  char error[CURL_ERROR_SIZE];
};

/* Makes the request's transfer, ready for a multi handle. 0, or
 * STATUS_NO_MEMORY.
 */
int http_transfer_new(struct http_request *request, const char *cainfo);
/* Fills in what became of it, and frees the transfer. */
void http_transfer_end(struct http_transfer *transfer, CURLcode code);

#endif
