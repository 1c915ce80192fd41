/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blob.c: one blob in memory.
 *
 * Its bytes are one anonymous mapping; a bit for each sector says whether it
 * was written.
 */
#include "bench/blob.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "leasehold/clock.h"
#include "leasehold/store.h"

#define WORD_BITS 64

void
blob_drop(struct blob *blob)
{
  if (--blob->uses > 0)
    return;
  if (blob->bytes != NULL)
    munmap(blob->bytes, blob->size);
  free(blob->written);
  http_headers_free(&blob->metadata);
  free(blob->name);
  free(blob);
}

struct blob *
blob_new(const char *name, uint64_t size, bool is_page)
{
  struct blob *blob = calloc(1, sizeof *blob);
  size_t words = size / STORE_SECTOR / WORD_BITS + 1;
  void *bytes;

  if (blob == NULL)
    return NULL;
  blob->uses = 1;
  blob->is_page = is_page;
  blob->created_ms = system_clock.wall_ms(&system_clock);
  blob->name = strdup(name);
  if (is_page)
    blob->written = calloc(words, sizeof blob->written[0]);
  bytes = size > 0 ? mmap(NULL, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                   : NULL;
  if (bytes != MAP_FAILED) {
    blob->bytes = bytes;
    blob->size = size;
  }
  if (blob->name == NULL || bytes == MAP_FAILED ||
      (is_page && blob->written == NULL)) {
    blob_drop(blob);
    return NULL;
  }
  return blob;
}

void
blob_mark(struct blob *blob, uint64_t offset, uint64_t count, bool written)
{
  uint64_t end = (offset + count) / STORE_SECTOR;

  for (uint64_t sector = offset / STORE_SECTOR; sector < end; sector++) {
    uint64_t bit = UINT64_C(1) << (sector % WORD_BITS);

    if (written)
      blob->written[sector / WORD_BITS] |= bit;
    else
      blob->written[sector / WORD_BITS] &= ~bit;
  }
}

bool
blob_is_written(const struct blob *blob, uint64_t sector)
{
  return blob->written[sector / WORD_BITS] >> (sector % WORD_BITS) & 1;
}
