/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-azure-headers.c: any lines as the headers of an answer; and any text as
 * a store's URL, and as a token service's answer.
 */
#include "fuzz.h"

#include "store/azure-answer.h"
#include "store/azure-request.h"
#include "store/azure-token.h"

const char fuzz_name[] = "azure-headers";

static void
check_headers(const char *text)
{
  CLEANUP_HEADERS struct http_headers headers = {0};
  struct azure_properties properties;
  struct error err = ERROR_INIT;
  char code[AZURE_CODE_MAX];

  while (*text != '\0') {
    size_t length = strcspn(text, "\n");

    http_headers_add_line(&headers, text, length);
    text += length + (text[length] != '\0');
  }
  if (azure_properties_parse(&headers, "disk0", &properties, &err) != 0)
    fuzz_check_text(err.text);
  else if (properties.page_blob)
    fuzz_check_text(properties.info.etag);
  azure_error_code(&headers, NULL, 0, code);
  if (code[0] != '\0')
    fuzz_check_text(code);
  if (azure_retry_after_s(&headers) > 300)
    abort();
}

static void
check_url(const char *text)
{
  struct azure_place place;
  struct error err = ERROR_INIT;

  if (azure_place_parse(text, true, &place, &err) != 0) {
    fuzz_check_text(err.text);
    return;
  }
  fuzz_check_text(place.origin);
  fuzz_check_text(place.path);
  fuzz_check_text(place.account);
  fuzz_check_text(place.container);
}

static void
check_token(const char *text)
{
  uint64_t seconds;
  char *token;

  if (azure_token_parse(text, strlen(text), &token, &seconds) == 0 &&
      (token[0] == '\0' || strpbrk(token, "\r\n") != NULL || seconds == 0))
    abort();
  free(token);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char *text = fuzz_string(data, size);

  check_headers(text);
  check_url(text);
  check_token(text);
  free(text);
  return 0;
}
