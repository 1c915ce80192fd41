/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-azure-xml.c: any bytes as each of the Blob service's XML answers. */
#include "fuzz.h"

#include "store/azure-answer.h"

const char fuzz_name[] = "azure-xml";

#define END (UINT64_C(1) << 32)

static void
check_error(const char *body, size_t size)
{
  struct http_headers none = {0};
  char code[AZURE_CODE_MAX];

  azure_error_code(&none, body, size, code);
  if (code[0] != '\0')
    fuzz_check_text(code);
}

static void
check_list(const char *body, size_t size)
{
  struct volume_list list = {0};
  struct error err = ERROR_INIT;
  char *marker;

  if (azure_list_parse(body, size, &list, &marker, &err) != 0)
    fuzz_check_text(err.text);
  for (size_t i = 0; i < list.count; i++)
    fuzz_check_text(list.items[i].name);
  free(marker);
  volume_list_free(&list);
}

/* What is told covers the range, or ends where it says. */
static void
check_ranges(const char *body, size_t size)
{
  struct extent_list list = {0};
  struct error err = ERROR_INIT;
  uint64_t at = 512, sum = 512;
  char *marker;
  int r = azure_ranges_parse(body, size, END, &at, &list, &marker, &err);

  if (r != 0)
    fuzz_check_text(err.text);
  for (size_t i = 0; i < list.count; i++)
    sum += list.items[i].length;
  if (sum > END || (r == 0 && (sum != at || (marker == NULL && sum != END))))
    abort();
  free(marker);
  extents_free(&list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const char *body = (const char *)data;

  check_error(body, size);
  check_list(body, size);
  check_ranges(body, size);
  return 0;
}
