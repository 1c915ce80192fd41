/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-request.c: requests to the Blob service; see azure-request.h. */
#include "store/azure-request.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/http.h"

#define SIGN_TEXT_MAX (128 * 1024)

/* --- places ----------------------------------------------------------- */

static bool
is_lower_or_digit(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Containers and accounts: lower-case letters and digits, and in a container
 * single hyphens between them.
 */
static bool
name_ok(const char *name, size_t length, size_t max, bool hyphens)
{
  if (length < 3 || length > max)
    return false;
  for (size_t i = 0; i < length; i++) {
    bool inside = i > 0 && i + 1 < length && name[i - 1] != '-';

    if (!is_lower_or_digit(name[i]) && !(hyphens && inside && name[i] == '-'))
      return false;
  }
  return true;
}

static bool
is_loopback(const char *host, size_t length)
{
  return (length == 9 && strncmp(host, "localhost", 9) == 0) ||
         (length == 5 && strncmp(host, "[::1]", 5) == 0) ||
         (length >= 9 && strncmp(host, "127.", 4) == 0 &&
          strspn(host, "0123456789.") >= length);
}

static bool
host_ok(const char *host, size_t length)
{
  if (length == 0 || length > 253)
    return false;
  if (host[0] == '[')
    return length > 2 && host[length - 1] == ']' &&
           strspn(host + 1, "0123456789abcdefABCDEF:.") == length - 2;
  for (size_t i = 0; i < length; i++)
    if (!isalnum((unsigned char)host[i]) && host[i] != '.' && host[i] != '-')
      return false;
  return isalnum((unsigned char)host[0]) != 0;
}

/* HOST[:PORT] of length bytes; *host_length is HOST's. */
static bool
authority_ok(const char *host, size_t length, size_t *host_length)
{
  const char *end = host + length;
  const char *bracket =
      length > 0 && host[0] == '[' ? memchr(host, ']', length) : NULL;
  const char *from = bracket != NULL ? bracket : host;
  const char *colon = memchr(from, ':', (size_t)(end - from));

  *host_length = colon != NULL ? (size_t)(colon - host) : length;
  if (colon != NULL) {
    size_t digits = (size_t)(end - colon - 1);

    if (digits < 1 || digits > 5 || strspn(colon + 1, "0123456789") < digits)
      return false;
  }
  return host_ok(host, *host_length);
}

/* The account's name from the host's: ACCOUNT.blob.core.windows.net */
static int
account_from_host(const char *host, size_t length, struct azure_place *out,
                  struct error *err)
{
  const char *dot = memchr(host, '.', length);
  size_t word = dot != NULL ? (size_t)(dot - host) : length;
  char text[254];

  snprintf(text, sizeof text, "%.*s", (int)length, host);
  if (is_loopback(host, length) || host[0] == '[')
    return error_set(err, STATUS_INVALID,
                     "the store's URL: an emulator's has an account and a "
                     "container: http://127.0.0.1:10000/ACCOUNT/CONTAINER");
  if (word > AZURE_ACCOUNT_MAX)
    word = AZURE_ACCOUNT_MAX;
  snprintf(out->account, sizeof out->account, "%.*s", (int)word, host);
  out->account_certain = strcasestr(text, ".blob.") != NULL &&
                         name_ok(out->account, word, 24, false);
  return 0;
}

static int
parse_path(const char *path, const char *host, size_t host_length,
           struct azure_place *out, struct error *err)
{
  size_t length = strlen(path), first, second;

  if (length > 0 && path[length - 1] == '/')
    length--;
  first = length > 0 ? strcspn(path + 1, "/") : 0;
  if (first + 1 > length)
    first = length > 0 ? length - 1 : 0;
  if (first == 0)
    return error_set(err, STATUS_INVALID,
                     "the store's URL names no container: write "
                     "https://ACCOUNT.blob.core.windows.net/CONTAINER");
  second = length > first + 1 ? length - first - 2 : 0;
  if (second > 0) {
    if (!name_ok(path + 1, first, 24, false))
      return error_set(err, STATUS_INVALID,
                       "the store's URL: before the container stands "
                       "something that is no account");
    snprintf(out->account, sizeof out->account, "%.*s", (int)first, path + 1);
    out->account_certain = true;
    path += first + 1;
    length -= first + 1;
  }
  if (!name_ok(path + 1, length - 1, AZURE_CONTAINER_MAX, true))
    return error_set(err, STATUS_INVALID,
                     "the store's URL: a container's name is 3 to 63 "
                     "lower-case letters, digits and single hyphens, and "
                     "nothing follows it");
  snprintf(out->container, sizeof out->container, "%.*s", (int)length - 1,
           path + 1);
  snprintf(out->path, sizeof out->path, "%s%s/%s", second > 0 ? "/" : "",
           second > 0 ? out->account : "", out->container);
  return second > 0 ? 0 : account_from_host(host, host_length, out, err);
}

int
azure_place_parse(const char *url, bool insecure, struct azure_place *out,
                  struct error *err)
{
  bool tls = strncasecmp(url, "https://", 8) == 0;
  const char *host = url + (tls ? 8 : 7);
  size_t length, host_length;

  *out = (struct azure_place){.account_certain = false};
  if (!tls && strncasecmp(url, "http://", 7) != 0)
    return error_set(err, STATUS_INVALID, "the store's URL is not a web URL");
  if (strpbrk(url, "?#") != NULL)
    return error_set(err, STATUS_INVALID,
                     "the store's URL ends with its container: a SAS has its "
                     "own place, which others cannot see");
  length = strcspn(host, "/");
  if (memchr(host, '@', length) != NULL)
    return error_set(err, STATUS_INVALID,
                     "the store's URL has no place for a user or a password");
  if (!authority_ok(host, length, &host_length))
    return error_set(err, STATUS_INVALID,
                     "the store's URL has a malformed host or port");
  if (!tls && !insecure && !is_loopback(host, host_length))
    return error_set(err, STATUS_INVALID,
                     "the store's URL is plain http to another host, which "
                     "would show everybody the data: use https (or say "
                     "insecure)");
  snprintf(out->origin, sizeof out->origin, "%s://%.*s", tls ? "https" : "http",
           (int)length, host);
  return parse_path(host + length, host, host_length, out, err);
}

void
azure_place_text(const struct azure_place *place,
                 char text[AZURE_PLACE_TEXT_MAX])
{
  snprintf(text, AZURE_PLACE_TEXT_MAX, "%s/%s", place->account,
           place->container);
}

/* --- requests --------------------------------------------------------- */

static bool
is_unreserved(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || strchr("-._~", c) != NULL;
}

void
azure_request_init(struct azure_request *request, const char *method,
                   const char *blob)
{
  size_t at = 0;

  *request = (struct azure_request){.method = method};
  /* A volume's name has nothing in it that has to be encoded but, on some
   * paths, nothing is relied on.
   */
  for (; blob != NULL && *blob != '\0' && at + 4 < sizeof request->blob;
       blob++) {
    if (is_unreserved(*blob) || *blob == '/')
      request->blob[at++] = *blob;
    else
      at += (size_t)sprintf(request->blob + at, "%%%02X", (unsigned char)*blob);
  }
}

void
azure_request_free(struct azure_request *request)
{
  http_headers_free(&request->query);
  http_headers_free(&request->headers);
}

int
azure_request_status(const struct azure_request *request)
{
  return request->query.status != 0 ? request->query.status
                                    : request->headers.status;
}

void
azure_request_stamp(struct azure_request *request, int64_t now_ms)
{
  char date[HTTP_DATE_MAX];

  http_date_format(now_ms, date);
  http_headers_set(&request->headers, "x-ms-date", date);
  http_headers_set(&request->headers, "x-ms-version", AZURE_VERSION);
}

void
azure_request_range(struct azure_request *request, uint64_t offset,
                    uint64_t count)
{
  http_headers_printf(&request->headers, "x-ms-range",
                      "bytes=%" PRIu64 "-%" PRIu64, offset, offset + count - 1);
}

static void
add_encoded(struct strbuf *out, const char *text)
{
  while (*text != '\0') {
    size_t plain = 0;

    while (text[plain] != '\0' && is_unreserved(text[plain]))
      plain++;
    if (plain > 0)
      strbuf_add(out, text, plain);
    text += plain;
    if (*text != '\0')
      strbuf_printf(out, "%%%02X", (unsigned char)*text++);
  }
}

int
azure_request_url(struct azure_request *request,
                  const struct azure_place *place, const char *sas,
                  struct strbuf *url)
{
  char separator = '?';

  strbuf_printf(url, "%s%s%s%s", place->origin, place->path,
                request->blob[0] != '\0' ? "/" : "", request->blob);
  for (size_t i = 0; i < request->query.count; i++) {
    strbuf_printf(url, "%c%s=", separator, request->query.items[i].name);
    add_encoded(url, request->query.items[i].value);
    separator = '&';
  }
  if (sas != NULL)
    strbuf_printf(url, "%c%s", separator, sas);
  return url->status;
}

/* --- Shared Key ------------------------------------------------------- */

static void
add_text(struct strbuf *out, const char *text)
{
  strbuf_add(out, text, strlen(text));
}

static void
add_line(struct strbuf *out, const char *text)
{
  add_text(out, text);
  strbuf_add(out, "\n", 1);
}

/* Has it any header but those of the service? */
static bool
has_standard_headers(const struct azure_request *request)
{
  for (size_t i = 0; i < request->headers.count; i++)
    if (strncmp(request->headers.items[i].name, "x-ms-", 5) != 0)
      return true;
  return false;
}

static void
add_standard_headers(const struct azure_request *request, struct strbuf *text)
{
  static const char *const names[] = {"Content-Encoding",
                                      "Content-Language",
                                      NULL /* Content-Length */,
                                      "Content-MD5",
                                      "Content-Type",
                                      "Date",
                                      "If-Modified-Since",
                                      "If-Match",
                                      "If-None-Match",
                                      "If-Unmodified-Since",
                                      "Range"};
  bool some = has_standard_headers(request);

  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *value = NULL;

    if (names[i] != NULL && some)
      value = http_headers_get(&request->headers, names[i]);
    else if (names[i] == NULL && request->body_length > 0)
      strbuf_printf(text, "%zu", request->body_length);
    add_line(text, value != NULL ? value : "");
  }
}

int
azure_string_to_sign(struct azure_request *request,
                     const struct azure_place *place, struct strbuf *text)
{
  http_headers_sort(&request->headers);
  http_headers_sort(&request->query);
  add_line(text, request->method);
  add_standard_headers(request, text);
  for (size_t i = 0; i < request->headers.count; i++) {
    const struct http_header *header = &request->headers.items[i];

    if (strncmp(header->name, "x-ms-", 5) != 0)
      continue;
    add_text(text, header->name);
    strbuf_add(text, ":", 1);
    add_line(text, header->value);
  }
  strbuf_printf(text, "/%s%s%s%s", place->account, place->path,
                request->blob[0] != '\0' ? "/" : "", request->blob);
  for (size_t i = 0; i < request->query.count; i++)
    strbuf_printf(text, "\n%s:%s", request->query.items[i].name,
                  request->query.items[i].value);
  return text->status;
}

int
azure_request_sign(struct azure_request *request,
                   const struct azure_place *place, struct azure_signer *signer)
{
  CLEANUP_STRBUF struct strbuf text = STRBUF_INIT(SIGN_TEXT_MAX);
  CLEANUP_STRBUF struct strbuf value = STRBUF_INIT(256);
  char signature[AZURE_SIGNATURE_MAX];
  int r = azure_string_to_sign(request, place, &text);

  if (r == 0)
    r = azure_sign(signer, text.text, text.length, signature);
  if (r == 0)
    r = strbuf_printf(&value, "SharedKey %s:%s", place->account, signature);
  if (r == 0)
    r = http_headers_set(&request->headers, "Authorization", value.text);
  return r;
}
