/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blob-service.h: a part of the Blob service, in memory. */
#ifndef LEASEHOLD_BLOB_SERVICE_H
#define LEASEHOLD_BLOB_SERVICE_H

#include <stddef.h>

#include "bench/blob-http.h"
#include "utils/strbuf.h"

struct blob;
struct blob_service;

struct blob_answer {
  struct strbuf head; /* status line and headers */
  struct strbuf text; /* the body, or: */
  struct blob *blob;  /* the body is bytes of this one; it is kept for that */
  const char *bytes;
  size_t length;
};

/* NULL: no memory. */
struct blob_service *blob_service_new(void);
void blob_service_free(struct blob_service *service);

/* Does what a request says and makes the answer. */
void blob_service_answer(struct blob_service *service,
                         const struct blob_request *request,
                         struct blob_answer *answer);

/* For what is no request at all. */
void blob_answer_malformed(struct blob_answer *answer);

void blob_answer_free(struct blob_answer *answer);

#endif
