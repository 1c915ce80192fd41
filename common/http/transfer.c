/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* transfer.c: libcurl's easy handle, for one request after the other.
 *
 * To make a handle, and to set what is the same for all requests, costs as much
 * as to send a small request: so handles are kept, and http_transfer_begin sets
 * only what is the request's own. Nothing of a request is left in a handle but
 * what is set again by the next one. The lines of its headers lie in memory of
 * ours, which is kept, too, and wiped after each request: there are secrets in
 * it.
 *
 * Was it sent? libcurl calls begin() each time that it has a connection and is
 * about to send the request, a small body with it, and give_body() for a larger
 * one. A server that never saw the beginning of a request, or nothing of the
 * body it needs, has not acted on it: HTTP_NOT_SENT. Everything else that has
 * no answer is HTTP_MAYBE_SENT.
 *
 * libcurl sends a request again by itself if a connection that it took from
 * its cache is closed before the first byte of an answer. For what changes
 * data that is just what must not happen (DESIGN S4): begin() stops it the
 * second time, unless nothing of the body has left.
 */
#include "http/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

/* Servers close connections that are idle, Azurite after 6 seconds; one that
 * is reused just then costs an unknown outcome.
 */
#define IDLE_MAX_S 4L

/* libcurl's buffers, of which it takes new ones for each request. What is
 * received is copied from there: small enough to be still in a cache of the
 * processor then, and not too much memory for many connections. What is sent
 * is taken from memory anyway. For a small request both are small: to free
 * 64 KiB costs glibc a look at all that is free.
 */
#define RECEIVE_SIZE (64L * 1024)
#define SEND_SIZE (256L * 1024)
#define SMALL_SIZE (16L * 1024)
#define SMALL_ANSWER (8 * 1024)

/* A body of so many bytes leaves in one piece with its headers. */
#define BODY_AT_ONCE (16 * 1024)

static bool
is_success(const struct http_transfer *transfer)
{
  long code = 0;

  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
  return code >= 200 && code <= 299;
}

/* Nothing that the server could act on has left. */
static bool
nothing_sent(const struct http_transfer *transfer)
{
  return !transfer->begun ||
         (transfer->request->body_length > 0 && transfer->body_given == 0);
}

static bool
leaves_at_once(const struct http_request *request)
{
  return request->body_length <= BODY_AT_ONCE && request->body_pieces == NULL;
}

static void
forget_answer(struct http_request *request)
{
  http_headers_free(&request->answer);
  strbuf_free(&request->text);
  request->received = 0;
  request->code = 0;
}

static int
begin(void *opaque, char *remote, char *local, int remote_port, int local_port)
{
  struct http_transfer *transfer = opaque;

  (void)remote;
  (void)local;
  (void)remote_port;
  (void)local_port;
  if (!nothing_sent(transfer) && !transfer->request->repeatable)
    return CURL_PREREQFUNC_ABORT;
  transfer->begun = true;
  transfer->body_given =
      leaves_at_once(transfer->request) ? transfer->request->body_length : 0;
  forget_answer(transfer->request);
  return CURL_PREREQFUNC_OK;
}

/* The body's bytes from at on. */
static void
gather(const struct http_request *request, char *to, size_t at, size_t count)
{
  at += request->body_begin;
  while (count > 0) {
    size_t before = at % request->body_piece_size;
    size_t part = request->body_piece_size - before;

    if (part > count)
      part = count;
    memcpy(to,
           (const char *)request->body_pieces[at / request->body_piece_size] +
               before,
           part);
    to += part;
    at += part;
    count -= part;
  }
}

static size_t
give_body(char *buffer, size_t size, size_t count, void *opaque)
{
  struct http_transfer *transfer = opaque;
  struct http_request *request = transfer->request;
  size_t left = request->body_length - transfer->body_given;

  count *= size;
  if (count > left)
    count = left;
  if (request->body_pieces != NULL)
    gather(request, buffer, transfer->body_given, count);
  else
    memcpy(buffer, (const char *)request->body + transfer->body_given, count);
  transfer->body_given += count;
  return count;
}

/* libcurl wants to begin again: begin() will judge that. */
static int
rewind_body(void *opaque, curl_off_t offset, int origin)
{
  struct http_transfer *transfer = opaque;

  if (!transfer->request->repeatable || offset != 0 || origin != SEEK_SET)
    return CURL_SEEKFUNC_FAIL;
  return CURL_SEEKFUNC_OK;
}

static size_t
take_header(char *bytes, size_t size, size_t count, void *opaque)
{
  struct http_transfer *transfer = opaque;
  struct http_request *request = transfer->request;

  count *= size;
  /* A status line: what came before belongs to a 100 or to a proxy. */
  if (count >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
    const char *blank = memchr(bytes, ' ', count - 1);

    http_headers_free(&request->answer);
    transfer->skips = request->brief && blank != NULL && blank[1] == '2';
  }
  if (transfer->skips)
    return count;
  return http_headers_add_line(&request->answer, bytes, count) == 0 ? count : 0;
}

static void
scatter(const struct http_request *request, const char *bytes, size_t count)
{
  size_t at = request->received;

  while (count > 0) {
    size_t before = at % request->piece_size;
    size_t part = request->piece_size - before;

    if (part > count)
      part = count;
    memcpy((char *)request->pieces[at / request->piece_size] + before, bytes,
           part);
    bytes += part;
    at += part;
    count -= part;
  }
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *opaque)
{
  struct http_transfer *transfer = opaque;
  struct http_request *request = transfer->request;

  count *= size;
  if ((request->buffer == NULL && request->pieces == NULL) ||
      !is_success(transfer))
    return strbuf_add(&request->text, bytes, count) == 0 ? count : 0;
  if (count > request->buffer_length - request->received)
    return 0;
  if (request->pieces != NULL)
    scatter(request, bytes, count);
  else
    memcpy((char *)request->buffer + request->received, bytes, count);
  request->received += count;
  return count;
}

/* Headers of libcurl's own that are not to be sent. It asks before it sends
 * more than 1 MiB, and waits; and it takes each body that leaves at once for a
 * form.
 */
static char no_expect[] = "Expect:", no_type[] = "Content-Type:";

/* Room for all lines of the request's headers, and for the list of them. */
static int
make_room(struct http_transfer *transfer, const struct http_headers *headers)
{
  size_t lines = headers->count + 2, length = 0;

  for (size_t i = 0; i < headers->count; i++)
    length += strlen(headers->items[i].name) + strlen(headers->items[i].value) +
              sizeof ": ";
  if (lines > transfer->lines_size) {
    struct curl_slist *bigger =
        reallocarray(transfer->lines, lines, sizeof *bigger);

    if (bigger == NULL)
      return STATUS_NO_MEMORY;
    transfer->lines = bigger;
    transfer->lines_size = lines;
  }
  if (length > transfer->text_size) {
    free(transfer->text); /* wiped already */
    transfer->text = malloc(length);
    transfer->text_size = transfer->text != NULL ? length : 0;
    if (transfer->text == NULL)
      return STATUS_NO_MEMORY;
  }
  return 0;
}

/* One line; "Name;" is how libcurl is told a header without a value. Where it
 * ends.
 */
static char *
write_line(char *at, const struct http_header *header)
{
  at = stpcpy(at, header->name);
  if (header->value[0] == '\0')
    return stpcpy(at, ";") + 1;
  return stpcpy(stpcpy(at, ": "), header->value) + 1;
}

static int
set_headers(struct http_transfer *transfer)
{
  const struct http_headers *headers = transfer->request->headers;
  struct curl_slist *line;
  char *at;
  int r = make_room(transfer, headers);

  if (r != 0)
    return r;
  line = transfer->lines;
  at = transfer->text;
  line->data = no_expect;
  line->next = line + 1;
  line++;
  line->data = no_type;
  for (size_t i = 0; i < headers->count; i++) {
    line->next = line + 1;
    line++;
    line->data = at;
    at = write_line(at, &headers->items[i]);
  }
  line->next = NULL;
  transfer->text_length =
      headers->count > 0 ? (size_t)(at - transfer->text) : 0;
  return 0;
}

static void
wipe_headers(struct http_transfer *transfer)
{
  if (transfer->text_length > 0)
    explicit_bzero(transfer->text, transfer->text_length);
  transfer->text_length = 0;
}

#define SET(option, value)                                                     \
  do {                                                                         \
    if (curl_easy_setopt(easy, option, value) != CURLE_OK)                     \
      return STATUS_NO_MEMORY;                                                 \
  } while (0)

/* Of libcurl's buffers. */
static int
set_sizes(struct http_transfer *transfer)
{
  const struct http_request *request = transfer->request;
  bool small =
      leaves_at_once(request) && request->buffer_length <= SMALL_ANSWER;
  CURL *easy = transfer->easy;

  if (small == transfer->small)
    return 0;
  SET(CURLOPT_BUFFERSIZE, small ? SMALL_SIZE : RECEIVE_SIZE);
  SET(CURLOPT_UPLOAD_BUFFERSIZE, small ? SMALL_SIZE : SEND_SIZE);
  transfer->small = small;
  return 0;
}

/* Each takes back what was set by the one before. */
static int
set_method(struct http_transfer *transfer)
{
  const struct http_request *request = transfer->request;
  CURL *easy = transfer->easy;

  bool get = strcmp(request->method, "GET") == 0;
  bool head = strcmp(request->method, "HEAD") == 0;
  bool bodiless = get || head || strcmp(request->method, "DELETE") == 0;

  if (bodiless) {
    SET(CURLOPT_HTTPGET, 1L);
    SET(CURLOPT_NOBODY, head ? 1L : 0L);
  } else if (leaves_at_once(request)) {
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, request->body_length > 0 ? request->body : "");
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
  } else {
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_length);
  }
  SET(CURLOPT_CUSTOMREQUEST, get || head ? NULL : request->method);
  return 0;
}

/* Where a URL's path begins; NULL: nowhere. */
static const char *
path_of(const char *url)
{
  const char *host = strstr(url, "://");

  return host != NULL ? strchr(host + 3, '/') : NULL;
}

/* A URL is taken apart and put together again a character at a time, so libcurl
 * is given the path by itself, and the rest only when it is another one. A
 * proxy for plain HTTP needs to be sent all of the URL.
 */
static int
set_url(struct http_transfer *transfer)
{
  const char *url = transfer->request->url, *path = path_of(url);
  bool whole =
      path == NULL || (transfer->proxied && !transfer->request->direct);
  CURL *easy = transfer->easy;
  size_t length;

  if (whole) {
    free(transfer->origin);
    transfer->origin = NULL;
    SET(CURLOPT_REQUEST_TARGET, NULL);
    SET(CURLOPT_URL, url);
    return 0;
  }
  SET(CURLOPT_REQUEST_TARGET, path);
  length = (size_t)(path - url) + 1;
  if (transfer->origin != NULL && strlen(transfer->origin) == length &&
      memcmp(transfer->origin, url, length) == 0)
    return 0;
  free(transfer->origin);
  transfer->origin = strndup(url, length);
  if (transfer->origin == NULL)
    return STATUS_NO_MEMORY;
  SET(CURLOPT_URL, transfer->origin);
  return 0;
}

/* What is the request's own. */
static int
set_request(struct http_transfer *transfer)
{
  const struct http_request *request = transfer->request;
  CURL *easy = transfer->easy;
  long connect_ms = request->connect_timeout_ms != 0
                        ? (long)request->connect_timeout_ms
                        : (long)request->timeout_ms;

  if (set_url(transfer) != 0)
    return STATUS_NO_MEMORY;
  SET(CURLOPT_HTTPHEADER, transfer->lines);
  SET(CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
  SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
  if (request->direct != transfer->direct)
    SET(CURLOPT_PROXY, request->direct ? "" : NULL);
  transfer->direct = request->direct;
  if (set_sizes(transfer) != 0)
    return STATUS_NO_MEMORY;
  return set_method(transfer);
}

/* What all requests have in common. */
static int
set_options(struct http_transfer *transfer, const char *cainfo)
{
  CURL *easy = transfer->easy;

  SET(CURLOPT_PRIVATE, transfer);
  SET(CURLOPT_ERRORBUFFER, transfer->error);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  SET(CURLOPT_USERAGENT, "leasehold/" PACKAGE_VERSION);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_MAXAGE_CONN, IDLE_MAX_S);
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  SET(CURLOPT_BUFFERSIZE, RECEIVE_SIZE);
  SET(CURLOPT_UPLOAD_BUFFERSIZE, SEND_SIZE);
  SET(CURLOPT_PREREQFUNCTION, begin);
  SET(CURLOPT_PREREQDATA, transfer);
  SET(CURLOPT_HEADERFUNCTION, take_header);
  SET(CURLOPT_HEADERDATA, transfer);
  SET(CURLOPT_WRITEFUNCTION, take_body);
  SET(CURLOPT_WRITEDATA, transfer);
  SET(CURLOPT_READFUNCTION, give_body);
  SET(CURLOPT_READDATA, transfer);
  SET(CURLOPT_SEEKFUNCTION, rewind_body);
  SET(CURLOPT_SEEKDATA, transfer);
  if (cainfo != NULL)
    SET(CURLOPT_CAINFO, cainfo);
  return 0;
}

struct http_transfer *
http_transfer_new(const char *cainfo)
{
  struct http_transfer *transfer = calloc(1, sizeof *transfer);

  if (transfer == NULL)
    return NULL;
  transfer->proxied = getenv("http_proxy") != NULL ||
                      getenv("all_proxy") != NULL ||
                      getenv("ALL_PROXY") != NULL;
  transfer->easy = curl_easy_init();
  if (transfer->easy == NULL || set_options(transfer, cainfo) != 0) {
    http_transfer_free(transfer);
    return NULL;
  }
  return transfer;
}

void
http_transfer_free(struct http_transfer *transfer)
{
  if (transfer == NULL)
    return;
  curl_easy_cleanup(transfer->easy);
  free(transfer->lines);
  free(transfer->origin);
  free(transfer->text);
  free(transfer);
}

int
http_transfer_begin(struct http_transfer *transfer,
                    struct http_request *request)
{
  int r;

  transfer->request = request;
  transfer->body_given = 0;
  transfer->begun = transfer->skips = false;
  transfer->error[0] = '\0';
  r = set_headers(transfer);
  if (r == 0)
    r = set_request(transfer);
  if (r == 0)
    return 0;
  wipe_headers(transfer);
  transfer->request = NULL;
  return r;
}

static void
explain(struct http_transfer *transfer, CURLcode code)
{
  struct http_request *request = transfer->request;
  const char *text =
      transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);

  if (code == CURLE_WRITE_ERROR)
    text = "the answer is longer than it may be";
  else if (code == CURLE_ABORTED_BY_CALLBACK || code == CURLE_SEND_FAIL_REWIND)
    text = "the connection was closed before an answer came";
  snprintf(request->reason, sizeof request->reason, "%s", text);
}

/* Nobody has to wait for the network for this to change. */
static bool
is_untrusted(CURLcode code)
{
  return code == CURLE_PEER_FAILED_VERIFICATION ||
         code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CRL_BADFILE ||
         code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS;
}

void
http_transfer_end(struct http_transfer *transfer, CURLcode code)
{
  struct http_request *request = transfer->request;
  long status = 0;

  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
  request->code = (unsigned)status;
  request->reason[0] = '\0';
  if (code == CURLE_OK) {
    request->result = HTTP_ANSWERED;
  } else {
    request->result = !nothing_sent(transfer) ? HTTP_MAYBE_SENT
                      : is_untrusted(code)    ? HTTP_UNTRUSTED
                                              : HTTP_NOT_SENT;
    explain(transfer, code);
  }
  wipe_headers(transfer);
  transfer->request = NULL;
}
