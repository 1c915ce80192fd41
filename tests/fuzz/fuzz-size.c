/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-size.c: any bytes as a size, and as a duration. */
#include "fuzz.h"

#include "utils/duration.h"
#include "utils/size.h"

const char fuzz_name[] = "size";

/* A size that is taken is shown so that it can be typed again. */
static void
check_shown(uint64_t bytes)
{
  char shown[SIZE_TEXT_MAX];
  uint64_t again;

  size_format(bytes, shown);
  if (strchr(shown, '(') != NULL || bytes < 1024)
    return;
  if (size_parse(shown, &again, NULL) != 0 || again != bytes)
    abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char *text = fuzz_string(data, size);
  struct error err = ERROR_INIT;
  uint32_t seconds;
  uint64_t bytes;

  if (size_parse(text, &bytes, &err) == 0)
    check_shown(bytes);
  else
    fuzz_check_text(err.text);
  if (duration_parse(text, &seconds, &err) != 0)
    fuzz_check_text(err.text);
  free(text);
  return 0;
}
