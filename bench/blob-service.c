/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blob-service.c: a part of the Blob service, in memory.
 *
 * Page blobs with leases, sequence numbers, metadata, page ranges and
 * conditions; block blobs in one piece, as side objects need them. Leases are
 * common/store/blob-lease.c, the same that the file store has and that is
 * tested against Microsoft's table. Not there: lists, snapshots, credentials
 * (any are taken), and containers (any is there).
 *
 * An answer that has bytes of a blob keeps the blob (uses),
 * even if it is deleted meanwhile, and sends what is there at that moment.
 */
#include "bench/blob-service.h"

#include "bench/blob.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/http.h"
#include "leasehold/clock.h"
#include "leasehold/store.h"
#include "store/blob-lease.h"
#include "utils/decimal.h"

#define HEAD_MAX (16 * 1024)
#define TEXT_MAX (64 * 1024 * 1024)
#define META "x-ms-meta-"

struct blob_service {
  struct blob *blobs;
  uint64_t etag; /* the last one given */
};

static struct blob **
find(struct blob_service *service, const char *name)
{
  struct blob **at = &service->blobs;

  while (*at != NULL && strcmp((*at)->name, name) != 0)
    at = &(*at)->next;
  return at;
}

/* --- answers ---------------------------------------------------------- */

static void
begin(struct blob_answer *answer, unsigned code, const char *reason)
{
  char date[HTTP_DATE_MAX];

  http_date_format(system_clock.wall_ms(&system_clock), date);
  strbuf_printf(&answer->head,
                "HTTP/1.1 %u %s\r\nServer: blob-server\r\nDate: %s\r\n"
                "x-ms-version: 2021-12-02\r\n",
                code, reason, date);
}

static void __attribute__((format(printf, 3, 4)))
header(struct blob_answer *answer, const char *name, const char *format, ...)
{
  char value[256];
  va_list args;

  va_start(args, format);
  vsnprintf(value, sizeof value, format, args);
  va_end(args);
  strbuf_printf(&answer->head, "%s: %s\r\n", name, value);
}

static void
end(struct blob_answer *answer, uint64_t length)
{
  strbuf_printf(&answer->head, "Content-Length: %" PRIu64 "\r\n\r\n", length);
}

static void
refuse(struct blob_answer *answer, unsigned code, const char *why)
{
  begin(answer, code, "Refused");
  header(answer, "x-ms-error-code", "%s", why);
  end(answer, 0);
}

static void
init(struct blob_answer *answer)
{
  *answer = (struct blob_answer){.head = STRBUF_INIT(HEAD_MAX),
                                 .text = STRBUF_INIT(TEXT_MAX)};
}

void
blob_answer_malformed(struct blob_answer *answer)
{
  init(answer);
  refuse(answer, 400, "InvalidInput");
}

static void
touch(struct blob_service *service, struct blob *blob)
{
  blob->etag = ++service->etag;
}

static void
header_version(struct blob_answer *answer, const struct blob *blob)
{
  header(answer, "ETag", "\"0x%" PRIX64 "\"", blob->etag);
  if (blob->is_page)
    header(answer, "x-ms-blob-sequence-number", "%" PRIu64, blob->epoch);
}

/* Done; says the blob's ETag and sequence number. */
static void
done(struct blob_answer *answer, unsigned code, const struct blob *blob)
{
  begin(answer, code, "Done");
  header_version(answer, blob);
  end(answer, 0);
}

static const struct {
  int status;
  unsigned code;
  const char *text;
} refusals[] = {
    {STATUS_LEASE_HELD, 409, "LeaseAlreadyPresent"},
    {STATUS_LEASE_MISMATCH, 409, "LeaseIdMismatchWithLeaseOperation"},
    {STATUS_LEASE_ABSENT, 409, "LeaseNotPresentWithLeaseOperation"},
    {STATUS_LEASE_BREAKING, 409, "LeaseIsBreakingAndCannotBeAcquired"},
    {STATUS_LEASE_BROKEN, 409, "LeaseIsBrokenAndCannotBeRenewed"},
    {STATUS_INVALID, 400, "InvalidHeaderValue"},
};

/* Of a use of the blob. */
static const struct {
  int status;
  const char *text;
} use_refusals[] = {
    {STATUS_LEASE_MISMATCH, "LeaseIdMismatchWithBlobOperation"},
    {STATUS_LEASE_ABSENT, "LeaseNotPresentWithBlobOperation"},
    {STATUS_LEASE_LOST, "LeaseLost"},
    {STATUS_LEASE_REQUIRED, "LeaseIdMissing"},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

void
blob_answer_free(struct blob_answer *answer)
{
  strbuf_free(&answer->head);
  strbuf_free(&answer->text);
  if (answer->blob != NULL)
    blob_drop(answer->blob);
  answer->blob = NULL;
}

/* --- conditions ------------------------------------------------------- */

static struct lease_id
lease_id_of(const struct blob_request *request, const char *name)
{
  const char *text = blob_header(request, name);
  struct lease_id id = {{0}};

  if (text != NULL && strlen(text) == LEASE_ID_LENGTH)
    memcpy(id.text, text, LEASE_ID_LENGTH);
  return id;
}

/* False: it has answered. */
static bool
etag_is_right(const struct blob_request *request, const struct blob *blob,
              struct blob_answer *answer)
{
  const char *match = blob_header(request, "If-Match");
  const char *none = blob_header(request, "If-None-Match");
  char etag[32];

  snprintf(etag, sizeof etag, "\"0x%" PRIX64 "\"",
           blob != NULL ? blob->etag : 0);
  if (blob != NULL && none != NULL && strcmp(none, "*") == 0)
    refuse(answer, 409, "BlobAlreadyExists");
  else if (match != NULL && (blob == NULL || (strcmp(match, "*") != 0 &&
                                              strcmp(match, etag) != 0)))
    refuse(answer, 412, "ConditionNotMet");
  else
    return true;
  return false;
}

/* May the request change the blob? False: it has answered. */
static bool
may_change(const struct blob_request *request, struct blob *blob,
           struct blob_answer *answer)
{
  const char *epoch = blob_header(request, "x-ms-if-sequence-number-eq");
  struct lease_id id = lease_id_of(request, "x-ms-lease-id");
  uint64_t number;
  int r;

  if (!etag_is_right(request, blob, answer))
    return false;
  if (epoch != NULL &&
      (!decimal_read(&epoch, INT64_MAX, &number) || number != blob->epoch)) {
    refuse(answer, 412, "SequenceNumberConditionNotMet");
    return false;
  }
  r = blob_lease_use(&blob->lease, BLOB_WRITE, &id, clock_now(&system_clock));
  for (size_t i = 0; r != 0 && i < COUNT(use_refusals); i++)
    if (use_refusals[i].status == r)
      refuse(answer, 412, use_refusals[i].text);
  return r == 0;
}

/* --- requests --------------------------------------------------------- */

static uint32_t
number_of(const struct blob_request *request, const char *name, uint32_t none)
{
  const char *text = blob_header(request, name);
  uint64_t number;

  if (text == NULL)
    return none;
  if (strcmp(text, "-1") == 0)
    return LEASE_DURATION_INFINITE;
  return decimal_read(&text, UINT32_MAX - 1, &number) && *text == '\0'
             ? (uint32_t)number
             : none;
}

static void
put_lease(const struct blob_request *request, struct blob *blob,
          struct blob_answer *answer)
{
  const char *action = blob_header(request, "x-ms-lease-action");
  struct lease_id id = lease_id_of(request, "x-ms-lease-id");
  struct lease_id proposed = lease_id_of(request, "x-ms-proposed-lease-id");
  uint64_t now_ns = clock_now(&system_clock);
  int r = STATUS_INVALID;

  if (!etag_is_right(request, blob, answer))
    return;
  if (action == NULL)
    action = "";
  if (strcmp(action, "acquire") == 0)
    r = blob_lease_acquire(&blob->lease, &proposed,
                           number_of(request, "x-ms-lease-duration", 0),
                           now_ns);
  else if (strcmp(action, "renew") == 0)
    r = blob_lease_renew(&blob->lease, &id, now_ns);
  else if (strcmp(action, "change") == 0)
    r = blob_lease_change(&blob->lease, &id, &proposed, now_ns);
  else if (strcmp(action, "release") == 0)
    r = blob_lease_release(&blob->lease, &id);
  else if (strcmp(action, "break") == 0)
    r = blob_lease_break(
        &blob->lease,
        number_of(request, "x-ms-lease-break-period", LEASE_BREAK_DEFAULT),
        now_ns);
  if (r == 0)
    done(answer, strcmp(action, "acquire") == 0 ? 201 : 200, blob);
  for (size_t i = 0; r != 0 && i < COUNT(refusals); i++)
    if (refusals[i].status == r)
      refuse(answer, refusals[i].code, refusals[i].text);
}

static void
set_metadata(const struct blob_request *request, struct blob *blob)
{
  http_headers_free(&blob->metadata);
  for (size_t i = 0; i < request->header_count; i++)
    if (strncasecmp(request->headers[i].name, META, strlen(META)) == 0)
      http_headers_add(&blob->metadata, request->headers[i].name,
                       request->headers[i].value);
}

static void
put_properties(const struct blob_request *request, struct blob *blob,
               struct blob_answer *answer)
{
  const char *action = blob_header(request, "x-ms-sequence-number-action");

  if (action == NULL || strcmp(action, "increment") != 0) {
    refuse(answer, 400, "UnsupportedHeader");
    return;
  }
  blob->epoch++;
  done(answer, 200, blob);
}

/* Put Page and Clear Pages. */
static void
put_page(const struct blob_request *request, struct blob *blob,
         struct blob_answer *answer)
{
  const char *kind = blob_header(request, "x-ms-page-write");
  uint64_t offset, count;
  bool given, update = kind != NULL && strcmp(kind, "update") == 0;

  if (!blob_range(request, blob->size, &offset, &count, &given) ||
      (offset | count) % STORE_SECTOR != 0 ||
      (update && request->body_length != count)) {
    refuse(answer, 416, "InvalidPageRange");
    return;
  }
  if (update)
    memcpy(blob->bytes + offset, request->body, count);
  else
    memset(blob->bytes + offset, 0, count);
  blob_mark(blob, offset, count, update);
  done(answer, 201, blob);
}

static void
create(struct blob_service *service, const struct blob_request *request,
       struct blob **at, struct blob_answer *answer)
{
  const char *type = blob_header(request, "x-ms-blob-type");
  const char *size = blob_header(request, "x-ms-blob-content-length");
  const char *epoch = blob_header(request, "x-ms-blob-sequence-number");
  bool is_page = type != NULL && strcmp(type, "PageBlob") == 0;
  uint64_t bytes = request->body_length;
  struct blob *blob;

  if (!etag_is_right(request, *at, answer))
    return;
  if (is_page && (size == NULL || !decimal_read(&size, INT64_MAX, &bytes) ||
                  bytes % STORE_SECTOR != 0)) {
    refuse(answer, 400, "InvalidHeaderValue");
    return;
  }
  blob = blob_new(request->path, bytes, is_page);
  if (blob == NULL) {
    refuse(answer, 500, "InternalError");
    return;
  }
  if (epoch != NULL)
    decimal_read(&epoch, INT64_MAX, &blob->epoch);
  if (!is_page && bytes > 0)
    memcpy(blob->bytes, request->body, bytes);
  set_metadata(request, blob);
  touch(service, blob);
  if (*at != NULL) {
    struct blob *old = *at;

    blob->next = old->next;
    blob_drop(old);
  }
  *at = blob;
  done(answer, 201, blob);
}

static void
put(struct blob_service *service, const struct blob_request *request,
    struct blob **at, struct blob_answer *answer)
{
  struct blob *blob = *at;

  if (blob_query_is(request, "restype", "container")) {
    begin(answer, 201, "Done");
    end(answer, 0);
  } else if (strstr(request->query, "comp=") == NULL) {
    create(service, request, at, answer);
  } else if (blob == NULL) {
    refuse(answer, 404, "BlobNotFound");
  } else if (blob_query_is(request, "comp", "lease")) {
    put_lease(request, blob, answer);
  } else if (may_change(request, blob, answer)) {
    touch(service, blob);
    if (blob_query_is(request, "comp", "page")) {
      put_page(request, blob, answer);
    } else if (blob_query_is(request, "comp", "properties")) {
      put_properties(request, blob, answer);
    } else if (blob_query_is(request, "comp", "metadata")) {
      set_metadata(request, blob);
      done(answer, 200, blob);
    } else {
      refuse(answer, 400, "UnsupportedQueryParameter");
    }
  }
}

/* Of the whole blob: what a HEAD or a GET says of it. */
static void
header_properties(struct blob_answer *answer, const struct blob *blob)
{
  enum lease_state state =
      blob_lease_state(&blob->lease, clock_now(&system_clock));
  char date[HTTP_DATE_MAX];

  http_date_format(blob->created_ms, date);
  header_version(answer, blob);
  header(answer, "Last-Modified", "%s", date);
  header(answer, "x-ms-creation-time", "%s", date);
  header(answer, "x-ms-blob-type", blob->is_page ? "PageBlob" : "BlockBlob");
  header(answer, "x-ms-lease-state", "%s", lease_state_text(state));
  header(answer, "x-ms-lease-status",
         state == LEASE_LEASED || state == LEASE_BREAKING ? "locked"
                                                          : "unlocked");
  if (state == LEASE_LEASED)
    header(answer, "x-ms-lease-duration",
           blob->lease.duration_s == LEASE_DURATION_INFINITE ? "infinite"
                                                             : "fixed");
  header(answer, "Accept-Ranges", "bytes");
  for (size_t i = 0; i < blob->metadata.count; i++)
    strbuf_printf(&answer->head, "%s: %s\r\n", blob->metadata.items[i].name,
                  blob->metadata.items[i].value);
}

static void
get_ranges(const struct blob_request *request, struct blob *blob,
           struct blob_answer *answer)
{
  uint64_t offset = 0, count = blob->size, at, last;
  bool given;

  if (!blob_range(request, blob->size, &offset, &count, &given) && given) {
    refuse(answer, 416, "InvalidRange");
    return;
  }
  strbuf_printf(&answer->text, "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
                               "<PageList>");
  at = offset / STORE_SECTOR;
  last = (offset + count + STORE_SECTOR - 1) / STORE_SECTOR;
  while (at < last) {
    uint64_t first = at;

    if (!blob_is_written(blob, at)) {
      at++;
      continue;
    }
    while (at < last && blob_is_written(blob, at))
      at++;
    strbuf_printf(&answer->text,
                  "<PageRange><Start>%" PRIu64 "</Start><End>%" PRIu64
                  "</End></PageRange>",
                  first * STORE_SECTOR, at * STORE_SECTOR - 1);
  }
  strbuf_printf(&answer->text, "</PageList>");
  begin(answer, 200, "OK");
  header_version(answer, blob);
  header(answer, "Content-Type", "application/xml");
  end(answer, answer->text.length);
}

static void
get(const struct blob_request *request, struct blob *blob,
    struct blob_answer *answer)
{
  uint64_t offset = 0, count = blob->size;
  bool given;

  if (!blob_range(request, blob->size, &offset, &count, &given) && given) {
    refuse(answer, 416, "InvalidRange");
    return;
  }
  if (given)
    begin(answer, 206, "Partial Content");
  else
    begin(answer, 200, "OK");
  if (given)
    header(answer, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
           offset, offset + count - 1, blob->size);
  header_properties(answer, blob);
  end(answer, count);
  if (strcmp(request->method, "HEAD") == 0 || count == 0)
    return;
  blob->uses++;
  answer->blob = blob;
  answer->bytes = blob->bytes + offset;
  answer->length = count;
}

static void delete (const struct blob_request *request, struct blob **at,
                    struct blob_answer *answer)
{
  struct blob *blob = *at;

  if (!may_change(request, blob, answer))
    return;
  *at = blob->next;
  blob_drop(blob);
  begin(answer, 202, "Accepted");
  end(answer, 0);
}

void
blob_service_answer(struct blob_service *service,
                    const struct blob_request *request,
                    struct blob_answer *answer)
{
  struct blob **at = find(service, request->path);

  init(answer);
  if (strcmp(request->method, "PUT") == 0)
    put(service, request, at, answer);
  else if (*at == NULL)
    refuse(answer, 404, "BlobNotFound");
  else if (strcmp(request->method, "DELETE") == 0)
    delete (request, at, answer);
  else if (blob_query_is(request, "comp", "pagelist"))
    get_ranges(request, *at, answer);
  else if (strstr(request->query, "comp=") != NULL)
    refuse(answer, 400, "UnsupportedQueryParameter");
  else
    get(request, *at, answer);
}

/* --- life ------------------------------------------------------------- */

struct blob_service *
blob_service_new(void)
{
  struct blob_service *service = calloc(1, sizeof *service);

  /* Not the ETags of the server that was here before. */
  if (service != NULL)
    service->etag = (uint64_t)system_clock.wall_ms(&system_clock) << 16;
  return service;
}

void
blob_service_free(struct blob_service *service)
{
  struct blob *blob;

  while ((blob = service->blobs) != NULL) {
    service->blobs = blob->next;
    blob_drop(blob);
  }
  free(service);
}
