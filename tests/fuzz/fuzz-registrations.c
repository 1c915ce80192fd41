/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-registrations.c: any bytes as the JSON of registrations. */
#include "fuzz.h"

#include "leasehold/registrations.h"

const char fuzz_name[] = "registrations";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct registrations state, again;
  struct error err = ERROR_INIT;
  char *text = fuzz_string(data, size), *written;
  int r = registrations_decode(text, size, "NAME", &state, &err);

  if (r != 0) {
    if (r != STATUS_CORRUPT || strncmp(err.text, "NAME: ", 6) != 0)
      abort();
    fuzz_check_text(err.text);
  } else {
    /* What is taken is written again, and is the same then. */
    if (registrations_encode(&state, &written, &err) != 0 ||
        registrations_decode(written, strlen(written), "NAME", &again, &err) !=
            0 ||
        memcmp(&state, &again, sizeof state) != 0)
      abort();
    free(written);
  }
  free(text);
  return 0;
}
