/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-record.c: any bytes as a volume's record, with and without a checksum
 * that is right.
 */
#include "fuzz.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "store/record.h"

#define LINE_LENGTH 72 /* "sha256 ", 64 digits, newline */
#define BODY (RECORD_SIZE - LINE_LENGTH)

const char fuzz_name[] = "record";

static void
decode(const char *text, size_t size)
{
  struct volume_record record, again;
  struct volume_info info;
  struct error err = ERROR_INIT;
  char written[RECORD_SIZE];
  int r = record_decode(text, size, "FILE", &record, &err);

  if (r != 0) {
    if (r != STATUS_CORRUPT || strncmp(err.text, "FILE: ", 6) != 0)
      abort();
    fuzz_check_text(err.text);
    return;
  }
  /* What is taken is written again, and is the same then. */
  if (record_encode(&record, written, &err) != 0 ||
      record_decode(written, sizeof written, "FILE", &again, &err) != 0 ||
      memcmp(&record, &again, sizeof record) != 0)
    abort();
  record_settle(&record, "another boot");
  record_info(&record, 1, &info);
}

/* A body made whole: padded, with its checksum. */
static void
decode_body(const uint8_t *data, size_t size)
{
  unsigned char sum[32];
  char *text = malloc(RECORD_SIZE + 1);

  if (text == NULL)
    abort();
  memset(text, ' ', BODY);
  memcpy(text, data, size < BODY ? size : BODY);
  if (EVP_Digest(text, BODY, sum, NULL, EVP_sha256(), NULL) != 1)
    abort();
  memcpy(text + BODY, "sha256 ", 7);
  for (size_t i = 0; i < sizeof sum; i++)
    snprintf(text + BODY + 7 + 2 * i, 3, "%02x", sum[i]);
  memcpy(text + RECORD_SIZE - 1, "\n", 2);
  decode(text, RECORD_SIZE);
  free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char *text = fuzz_string(data, size);

  decode(text, size);
  decode_body(data, size);
  free(text);
  return 0;
}
