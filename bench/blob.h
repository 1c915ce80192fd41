/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blob.h: one blob in memory, for blob-service.c. */
#ifndef LEASEHOLD_BLOB_H
#define LEASEHOLD_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "http/headers.h"
#include "store/blob-lease.h"

struct blob {
  struct blob *next;
  char *name;
  unsigned uses; /* the list's, and each answer's */
  bool is_page;
  uint64_t size;
  char *bytes;       /* NULL while size is 0 */
  uint64_t *written; /* a bit a sector; page blobs */
  uint64_t etag, epoch;
  int64_t created_ms;
  struct blob_lease lease;
  struct http_headers metadata; /* with x-ms-meta- before the names */
};

/* All of it zero; one use. NULL: no memory. */
struct blob *blob_new(const char *name, uint64_t size, bool is_page);

/* Ends a use; frees the blob with the last one. */
void blob_drop(struct blob *blob);

/* Notes whether whole sectors of a page blob were written. */
void blob_mark(struct blob *blob, uint64_t offset, uint64_t count,
               bool written);
bool blob_is_written(const struct blob *blob, uint64_t sector);

#endif
