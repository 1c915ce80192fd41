/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-export-name.c: any bytes as an export name. */
#include "fuzz.h"

#include "../unit/export-name-text.h"

const char fuzz_name[] = "export-name";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char *text = fuzz_string(data, size), printed[EXPORT_NAME_TEXT_MAX];
  struct error err = ERROR_INIT;
  struct export_name name, again;
  int status = export_name_parse(text, &name, &err);

  free(text);
  if (status == STATUS_INVALID) {
    fuzz_check_text(err.text);
    return 0;
  }
  /* What is taken prints to a name that means the same. */
  export_name_text(&name, printed);
  if (status != 0 || export_name_parse(printed, &again, NULL) != 0 ||
      !export_name_equal(&name, &again))
    abort();
  return 0;
}
