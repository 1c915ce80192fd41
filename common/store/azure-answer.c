/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-answer.c: answers of the Blob service; see azure-answer.h. */
#include "store/azure-answer.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/http.h"
#include "leasehold/export-name.h"
#include "store/azure-xml.h"
#include "store/holder-json.h"
#include "utils/decimal.h"

/* --- results ---------------------------------------------------------- */

/* One line a code; status 0 fits any. In the documents of the service; the
 * lease codes also in tests/data/lease-table.tsv.
 */
static const struct {
  unsigned status;
  const char *code;
  int result;
} codes[] = {
    {0, "LeaseAlreadyPresent", STATUS_LEASE_HELD},
    {0, "LeaseAlreadyBroken", STATUS_LEASE_BROKEN},
    {0, "LeaseIdMismatchWithBlobOperation", STATUS_LEASE_MISMATCH},
    {0, "LeaseIdMismatchWithLeaseOperation", STATUS_LEASE_MISMATCH},
    {0, "LeaseNotPresentWithBlobOperation", STATUS_LEASE_ABSENT},
    {0, "LeaseNotPresentWithLeaseOperation", STATUS_LEASE_ABSENT},
    {0, "LeaseLost", STATUS_LEASE_LOST},
    {0, "LeaseIdMissing", STATUS_LEASE_REQUIRED},
    {0, "LeaseIsBreakingAndCannotBeAcquired", STATUS_LEASE_BREAKING},
    {0, "LeaseIsBreakingAndCannotBeChanged", STATUS_LEASE_BREAKING},
    {0, "LeaseIsBrokenAndCannotBeRenewed", STATUS_LEASE_BROKEN},
    {0, "SequenceNumberConditionNotMet", STATUS_EPOCH_STALE},
    {0, "ConditionNotMet", STATUS_ETAG_STALE},
    {0, "TargetConditionNotMet", STATUS_ETAG_STALE},
    {409, "BlobAlreadyExists", STATUS_EXISTS},
    {409, "ContainerAlreadyExists", STATUS_EXISTS},
    {409, "ContainerBeingDeleted", STATUS_TRANSIENT},
    {409, "AccountBeingCreated", STATUS_TRANSIENT},
    {409, "OperationTimedOut", STATUS_UNKNOWN},
    {409, "SnapshotsPresent", STATUS_INVALID},
    {409, "SnapshotOperationRateExceeded", STATUS_TRANSIENT},
    {409, "InvalidBlobType", STATUS_UNSUPPORTED},
    {409, "BlobArchived", STATUS_UNSUPPORTED},
    {409, "BlobImmutableDueToPolicy", STATUS_DENIED},
    {409, "BlobImmutableDueToLegalHold", STATUS_DENIED},
    {409, "InsufficientStorageSpace", STATUS_NO_SPACE},
    {409, "SystemInUse", STATUS_TRANSIENT},
    {412, "BlobImmutableDueToPolicy", STATUS_DENIED},
    {400, "UnsupportedHeader", STATUS_UNSUPPORTED},
    {400, "AuthenticationFailed", STATUS_DENIED},
    {400, "InvalidAuthenticationInfo", STATUS_DENIED},
    {413, "InsufficientStorageSpace", STATUS_NO_SPACE},
    {503, "ServerBusy", STATUS_TRANSIENT},
};

/* By status alone: from first to last. */
static const struct {
  unsigned first, last;
  int result;
} statuses[] = {
    {200, 299, 0},
    {304, 304, STATUS_ETAG_STALE},
    {401, 401, STATUS_DENIED},
    {402, 402, STATUS_NO_SPACE},
    {403, 403, STATUS_DENIED},
    {404, 404, STATUS_NOT_FOUND},
    {405, 405, STATUS_UNSUPPORTED},
    {407, 407, STATUS_DENIED},
    {408, 408, STATUS_UNKNOWN},
    {409, 409, STATUS_LEASE_MISMATCH}, /* it stands against another use */
    {410, 410, STATUS_NOT_FOUND},
    {412, 412, STATUS_EPOCH_STALE}, /* a condition: to be looked into */
    {429, 429, STATUS_TRANSIENT},
    {400, 499, STATUS_INVALID},
    {501, 501, STATUS_UNSUPPORTED},
    {505, 505, STATUS_UNSUPPORTED},
    {507, 507, STATUS_NO_SPACE},
    {500, 599, STATUS_UNKNOWN},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

int
azure_result(unsigned status, const char *code)
{
  if (status >= 200 && status <= 299)
    return 0;
  for (size_t i = 0; code != NULL && status >= 300 && i < COUNT(codes); i++)
    if ((codes[i].status == status ||
         (codes[i].status == 0 && (status == 409 || status == 412))) &&
        strcmp(codes[i].code, code) == 0)
      return codes[i].result;
  for (size_t i = 0; i < COUNT(statuses); i++)
    if (status >= statuses[i].first && status <= statuses[i].last)
      return statuses[i].result;
  return STATUS_UNSUPPORTED; /* a redirection: nobody has done anything */
}

static void
copy_code(const char *from, char code[AZURE_CODE_MAX])
{
  size_t length = strlen(from);

  code[0] = '\0';
  for (size_t i = 0; i < length; i++)
    if (!isalnum((unsigned char)from[i]))
      return;
  if (length < AZURE_CODE_MAX)
    memcpy(code, from, length + 1);
}

void
azure_error_code(const struct http_headers *headers, const char *body,
                 size_t length, char code[AZURE_CODE_MAX])
{
  const char *header = http_headers_get(headers, "x-ms-error-code");
  char *from_body = NULL;

  code[0] = '\0';
  if (header != NULL) {
    copy_code(header, code);
    return;
  }
  if (length > 0 && azure_xml_error(body, length, &from_body) == 0 &&
      from_body != NULL)
    copy_code(from_body, code);
  free(from_body);
}

unsigned
azure_retry_after_s(const struct http_headers *headers)
{
  const char *text = http_headers_get(headers, "Retry-After");
  uint64_t seconds;

  if (text == NULL || !decimal_read(&text, 300, &seconds) || *text != '\0')
    return 0;
  return (unsigned)seconds;
}

/* --- properties ------------------------------------------------------- */

static int
strange(const char *name, const char *what, struct error *err)
{
  return error_set(err, STATUS_IO, "%s: the store's answer has %s", name, what);
}

/* The lease, from the words of the service; NULL: no lease was mentioned. */
static int
parse_lease(const char *state, const char *duration, struct lease_info *out)
{
  *out = (struct lease_info){.state = LEASE_AVAILABLE, .expires_in_ms = -1};
  if (state == NULL)
    return 0;
  for (int i = LEASE_AVAILABLE; i <= LEASE_EXPIRED; i++) {
    if (strcmp(state, lease_state_text((enum lease_state)i)) != 0)
      continue;
    out->state = (enum lease_state)i;
    if (duration != NULL && strcmp(duration, "infinite") == 0)
      out->duration_s = LEASE_DURATION_INFINITE;
    return 0;
  }
  return STATUS_IO;
}

void
azure_guess_holder(struct volume_info *info)
{
  const struct holder *holder = &info->record.holder;
  struct lease_info *lease = &info->lease;
  bool held = lease->state == LEASE_LEASED || lease->state == LEASE_BREAKING;

  if (!held || holder->clean || holder->epoch != info->epoch)
    return;
  memcpy(lease->node, holder->node, sizeof lease->node);
  lease->since_ms = holder->since_ms;
}

bool
azure_etag_copy(const char *text, char etag[ETAG_MAX + 1])
{
  size_t length;

  if (text == NULL)
    return false;
  text += text[0] == '"';
  length = strspn(text, "0123456789abcdefABCDEFxX-");
  if (length == 0 || length > ETAG_MAX ||
      (text[length] != '\0' && strcmp(text + length, "\"") != 0))
    return false;
  memcpy(etag, text, length);
  etag[length] = '\0';
  return true;
}

/* What HEAD says in headers, and a list in elements. */
struct words {
  const char *type, *size, *epoch, *etag, *state, *duration, *record;
};

static int
parse_words(const struct words *words, const char *name,
            struct azure_properties *out, struct error *err)
{
  struct volume_info *info = &out->info;
  const char *size = words->size, *epoch = words->epoch;

  memset(out, 0, sizeof *out);
  if (words->type == NULL)
    return strange(name, "no blob type", err);
  out->page_blob = strcmp(words->type, "PageBlob") == 0;
  if (!out->page_blob)
    return 0;
  if (size == NULL || !decimal_read(&size, STORE_SIZE_MAX, &info->size) ||
      *size != '\0' || info->size % STORE_SECTOR != 0)
    return strange(name, "no size that a page blob can have", err);
  if (epoch != NULL &&
      (!decimal_read(&epoch, INT64_MAX, &info->epoch) || *epoch != '\0'))
    return strange(name, "a malformed sequence number", err);
  if (!azure_etag_copy(words->etag, info->etag))
    return strange(name, "no ETag", err);
  if (parse_lease(words->state, words->duration, &info->lease) != 0)
    return strange(name, "an unknown lease state", err);
  if (words->record != NULL) {
    int r = holder_json_decode(words->record, name, &info->record, err);

    if (r != 0)
      return r;
  }
  azure_guess_holder(info);
  return 0;
}

int
azure_properties_parse(const struct http_headers *headers, const char *name,
                       struct azure_properties *out, struct error *err)
{
  struct words words = {
      .type = http_headers_get(headers, "x-ms-blob-type"),
      .size = http_headers_get(headers, "Content-Length"),
      .epoch = http_headers_get(headers, "x-ms-blob-sequence-number"),
      .etag = http_headers_get(headers, "ETag"),
      .state = http_headers_get(headers, "x-ms-lease-state"),
      .duration = http_headers_get(headers, "x-ms-lease-duration"),
      .record = http_headers_get(headers, "x-ms-meta-" AZURE_RECORD_NAME),
  };

  const char *created = http_headers_get(headers, "x-ms-creation-time");
  int64_t created_ms = created != NULL ? http_date_parse(created) : -1;
  int r = parse_words(&words, name, out, err);

  if (r == 0 && created_ms > 0)
    out->created_s = created_ms / 1000;
  return r;
}

/* --- lists ------------------------------------------------------------ */

static int
bad_xml(int status, const char *what, struct error *err)
{
  if (status == STATUS_NO_MEMORY)
    return error_set(err, STATUS_NO_MEMORY, "no memory for %s", what);
  return error_set(err, STATUS_IO, "the store's answer is no %s", what);
}

static int
add_entry(const struct azure_xml_blob *blob, struct volume_list *out)
{
  struct words words = {.type = blob->type,
                        .size = blob->size,
                        .epoch = blob->epoch,
                        .etag = blob->etag,
                        .state = blob->state,
                        .duration = blob->duration,
                        .record = blob->record};
  struct azure_properties properties;
  struct volume_entry *items, *entry;
  struct error err = ERROR_INIT;
  int r;

  if (blob->name == NULL || volume_name_check(blob->name, NULL) != 0)
    return 0; /* it cannot be addressed */
  r = parse_words(&words, blob->name, &properties, &err);
  if (r == 0 && !properties.page_blob)
    return 0;
  if (out->count == out->capacity) {
    size_t wanted = out->capacity == 0 ? 16 : 2 * out->capacity;

    items = reallocarray(out->items, wanted, sizeof *items);
    if (items == NULL)
      return STATUS_NO_MEMORY;
    out->items = items;
    out->capacity = wanted;
  }
  entry = &out->items[out->count++];
  memset(entry, 0, sizeof *entry);
  memcpy(entry->name, blob->name, strlen(blob->name) + 1);
  entry->status = r;
  entry->error = err;
  if (r == 0)
    entry->info = properties.info;
  return 0;
}

int
azure_list_parse(const char *body, size_t length, struct volume_list *out,
                 char **marker, struct error *err)
{
  int r = azure_xml_list(body, length, add_entry, out, marker);

  return r != 0 ? bad_xml(r, "list of blobs", err) : 0;
}

struct ranges {
  struct extent_list *out;
  uint64_t at, end;
};

/* Ranges come in order. Clipped to what was asked for. */
static int
add_range(uint64_t first, uint64_t last, struct ranges *ranges)
{
  uint64_t behind = last + 1;
  int r;

  if (last < first || last >= STORE_SIZE_MAX || first % STORE_SECTOR != 0 ||
      behind % STORE_SECTOR != 0)
    return STATUS_IO;
  if (first < ranges->at)
    first = ranges->at;
  if (behind > ranges->end)
    behind = ranges->end;
  if (first >= behind)
    return 0;
  r = extents_add(ranges->out, first - ranges->at, true);
  if (r == 0)
    r = extents_add(ranges->out, behind - first, false);
  ranges->at = behind;
  return r;
}

int
azure_ranges_parse(const char *body, size_t length, uint64_t end, uint64_t *at,
                   struct extent_list *out, char **marker, struct error *err)
{
  struct ranges ranges = {.out = out, .at = *at, .end = end};
  int r = azure_xml_ranges(body, length, add_range, &ranges, marker);

  if (r == 0 && *marker == NULL) {
    r = extents_add(out, end - ranges.at, true);
    ranges.at = end;
  }
  *at = ranges.at;
  return r != 0 ? bad_xml(r, "list of page ranges", err) : 0;
}
