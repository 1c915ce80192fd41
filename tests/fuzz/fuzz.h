/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz.h: what a fuzz target is.
 *
 * tests/fuzz/fuzz-NAME.c defines the two things below, and corpus/NAME has
 * some inputs, small and different. libfuzzer.sh finds both by itself; for
 * the replay add NAME to local.mk. A target calls abort() when a property
 * does not hold; sanitizers see to the rest.
 */
#ifndef LEASEHOLD_FUZZ_H
#define LEASEHOLD_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* NAME, which is the corpus's folder too. */
extern const char fuzz_name[];

/* Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a string of exactly its size, so that reading past its end is
 * seen; an input with a NUL ends there. The caller frees it.
 */
static inline char *
fuzz_string(const uint8_t *data, size_t size)
{
  char *text = malloc(size + 1);

  if (text == NULL)
    abort();
  if (size > 0)
    memcpy(text, data, size);
  text[size] = '\0';
  return text;
}

/* What every error text must be. */
static inline void
fuzz_check_text(const char *text)
{
  if (*text == '\0')
    abort();
  for (; *text != '\0'; text++)
    if (*text < ' ' || *text > '~')
      abort();
}

#endif
