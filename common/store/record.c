/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record.c: what the file store keeps of a volume; see record.h. */

#include "store/record.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "leasehold/clock.h"
#include "leasehold/export-name.h"
#include "leasehold/store.h"

#define SUM_WORD "sha256 "
#define SUM_BYTES 32
#define SUM_LINE_LENGTH (sizeof SUM_WORD - 1 + 2 * SUM_BYTES + 1)
#define BODY_LENGTH (RECORD_SIZE - SUM_LINE_LENGTH)

/* The line over the BODY_LENGTH bytes of body, with a NUL behind it. */
static int
sum_line(const char *body, char line[SUM_LINE_LENGTH + 1])
{
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned length;
  size_t at = sizeof SUM_WORD - 1;

  if (EVP_Digest(body, BODY_LENGTH, sum, &length, EVP_sha256(), NULL) != 1)
    return STATUS_NO_MEMORY;
  assert(length == SUM_BYTES);
  memcpy(line, SUM_WORD, at);
  for (size_t i = 0; i < SUM_BYTES; i++, at += 2)
    snprintf(line + at, 3, "%02x", sum[i]);
  memcpy(line + at, "\n", 2);
  return STATUS_OK;
}

/* Which text is not what it should be, or NULL. Only what passes is written,
 * and only that is read. Each may be empty.
 */
static const char *
find_bad_text(const struct volume_record *record)
{
  const char *id = record->volume_id, *node = record->lease_node;

  if (id[strspn(id, "0123456789abcdef")] != '\0')
    return "its volume ID is not hexadecimal";
  if (node[0] != '\0' && node_name_check(node, NULL) != 0)
    return "its lease's node has a name that no node can have";
  return holder_json_bad_text(&record->record);
}

/* Encoding. */

static json_t *
encode_lease(const struct volume_record *record)
{
  const struct blob_lease *lease = &record->lease;
  json_t *end = lease->end_ns == TIME_NEVER
                    ? json_null()
                    : json_integer((json_int_t)lease->end_ns);
  json_t *duration = lease->duration_s == LEASE_DURATION_INFINITE
                         ? json_null()
                         : json_integer(lease->duration_s);

  return json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:I}", "state",
                   lease_state_text(lease->state), "id", lease->id.text,
                   "duration", duration, "end", end, "boot", record->boot_id,
                   "node", record->lease_node, "since",
                   (json_int_t)record->lease_since_ms);
}

static bool
numbers_fit(const struct volume_record *record)
{
  bool fit = record->revision <= RECORD_NUMBER_MAX &&
             record->size <= RECORD_NUMBER_MAX &&
             record->epoch <= RECORD_NUMBER_MAX &&
             (record->lease.end_ns <= RECORD_NUMBER_MAX ||
              record->lease.end_ns == TIME_NEVER) &&
             holder_json_fits(&record->record);

  return fit;
}

int
record_encode(const struct volume_record *record, char text[RECORD_SIZE],
              struct error *err)
{
  char line[SUM_LINE_LENGTH + 1];
  const char *bad;
  json_t *root;
  size_t length;

  if (!numbers_fit(record))
    return error_set(err, STATUS_INVALID,
                     "a number is too large for a volume's record");
  bad = find_bad_text(record);
  if (bad != NULL)
    return error_set(err, STATUS_INVALID,
                     "a volume's record cannot be written: %s", bad);
  root = json_pack("{s:i, s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "leasehold",
                   RECORD_FORMAT, "volume", record->volume_id, "revision",
                   (json_int_t)record->revision, "size",
                   (json_int_t)record->size, "epoch", (json_int_t)record->epoch,
                   "lease", encode_lease(record), "holder",
                   holder_json_holder(&record->record.holder), "fenced",
                   holder_json_fenced(&record->record));
  if (root == NULL)
    return error_set(err, STATUS_INVALID,
                     "no memory for a volume's record, or a name in it is not "
                     "UTF-8");
  memset(text, ' ', BODY_LENGTH);
  length = json_dumpb(root, text, BODY_LENGTH - 1,
                      JSON_INDENT(1) | JSON_PRESERVE_ORDER);
  json_decref(root);
  if (length == 0 || length > BODY_LENGTH - 1)
    return error_set(err, STATUS_INVALID,
                     "a volume's record needs %zu bytes, more than %d", length,
                     RECORD_SIZE);
  text[BODY_LENGTH - 1] = '\n';
  if (sum_line(text, line) != 0)
    return error_set(err, STATUS_NO_MEMORY, "SHA-256 does not work");
  memcpy(text + BODY_LENGTH, line, SUM_LINE_LENGTH);
  return STATUS_OK;
}

/* Decoding. */

static int
read_state(const struct json_reader *reader, const char *text,
           enum lease_state *state)
{
  for (int i = LEASE_AVAILABLE; i <= LEASE_EXPIRED; i++)
    if (strcmp(text, lease_state_text((enum lease_state)i)) == 0) {
      *state = (enum lease_state)i;
      return STATUS_OK;
    }
  return json_damaged(reader, "it has an unknown lease state");
}

/* An integer, or null for the value without end. */
static int
read_or_never(const struct json_reader *reader, const json_t *from,
              uint64_t never, uint64_t *to, const char *what)
{
  if (json_is_null(from)) {
    *to = never;
    return STATUS_OK;
  }
  if (!json_is_integer(from))
    return json_damaged(reader, what);
  return json_read_number(reader, json_integer_value(from), to, what);
}

/* What blob-lease.c relies on. */
static int
check_lease(const struct json_reader *reader, const struct blob_lease *lease)
{
  bool runs = lease->state == LEASE_LEASED || lease->state == LEASE_BREAKING;
  bool infinite = lease->duration_s == LEASE_DURATION_INFINITE;

  if (lease->state == LEASE_AVAILABLE) {
    if (!lease_id_is_none(&lease->id) || lease->duration_s != 0 ||
        lease->end_ns != 0)
      return json_damaged(reader, "it is available and has a lease");
    return STATUS_OK;
  }
  if (!blob_lease_id_valid(&lease->id))
    return json_damaged(reader, "its lease ID is not a UUID");
  if (!blob_lease_duration_valid(lease->duration_s))
    return json_damaged(reader, "its lease duration is out of range");
  if (runs ? lease->end_ns == 0 : lease->end_ns != 0)
    return json_damaged(reader, "the end of its lease does not fit its state");
  if ((lease->end_ns == TIME_NEVER) !=
      (lease->state == LEASE_LEASED && infinite))
    return json_damaged(reader,
                        "the end of its lease does not fit its duration");
  return STATUS_OK;
}

static int
decode_lease(const struct json_reader *reader, json_t *from,
             struct volume_record *out)
{
  const char *state, *id, *boot, *node;
  json_t *duration, *end;
  json_int_t since;
  uint64_t seconds = 0;
  json_error_t json_error;
  int r;

  if (json_unpack_ex(from, &json_error, JSON_STRICT,
                     "{s:s, s:s, s:o, s:o, s:s, s:s, s:I}", "state", &state,
                     "id", &id, "duration", &duration, "end", &end, "boot",
                     &boot, "node", &node, "since", &since) != 0)
    return json_damaged_by(reader, &json_error);
  if ((r = read_state(reader, state, &out->lease.state)) != 0 ||
      (r = json_read_text(reader, id, out->lease.id.text,
                          sizeof out->lease.id.text,
                          "its lease ID is too long")) != 0 ||
      (r = read_or_never(reader, duration, LEASE_DURATION_INFINITE, &seconds,
                         "its lease duration is not a number")) != 0 ||
      (r = read_or_never(reader, end, TIME_NEVER, &out->lease.end_ns,
                         "the end of its lease is not a number")) != 0 ||
      (r = json_read_text(reader, boot, out->boot_id, sizeof out->boot_id,
                          "its boot ID is too long")) != 0 ||
      (r = json_read_text(reader, node, out->lease_node, sizeof out->lease_node,
                          "its lease's node is too long")) != 0)
    return r;
  if (seconds > UINT32_MAX)
    return json_damaged(reader, "its lease duration is out of range");
  out->lease.duration_s = (uint32_t)seconds;
  out->lease_since_ms = since;
  return check_lease(reader, &out->lease);
}

static int
decode_root(const struct json_reader *reader, json_t *root,
            struct volume_record *out)
{
  json_int_t revision, size, epoch;
  json_t *lease, *holder, *fenced;
  const char *volume_id, *bad;
  json_error_t json_error;
  int format, r;

  if (json_unpack(root, "{s:i}", "leasehold", &format) != 0)
    return json_damaged(reader, "it has no format number");
  if (format != RECORD_FORMAT)
    return error_set(reader->err, STATUS_CORRUPT,
                     "%s: the record has format %d, this program knows only %d",
                     reader->file, format, RECORD_FORMAT);
  if (json_unpack_ex(root, &json_error, JSON_STRICT,
                     "{s:i, s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "leasehold",
                     &format, "volume", &volume_id, "revision", &revision,
                     "size", &size, "epoch", &epoch, "lease", &lease, "holder",
                     &holder, "fenced", &fenced) != 0)
    return json_damaged_by(reader, &json_error);
  if (size <= 0 || size % STORE_SECTOR != 0 || (uint64_t)size > STORE_SIZE_MAX)
    return json_damaged(reader, "its size is out of range");
  out->size = (uint64_t)size;
  if ((r = json_read_text(reader, volume_id, out->volume_id,
                          sizeof out->volume_id,
                          "its volume ID is too long")) != 0 ||
      (r = json_read_number(reader, revision, &out->revision,
                            "its revision is negative")) != 0 ||
      (r = json_read_number(reader, epoch, &out->epoch,
                            "its epoch is negative")) != 0 ||
      (r = decode_lease(reader, lease, out)) != 0 ||
      (r = holder_json_read(reader, holder, &out->record.holder)) != 0 ||
      (r = holder_json_read_fenced(reader, fenced, &out->record)) != 0)
    return r;
  bad = find_bad_text(out);
  return bad == NULL ? STATUS_OK : json_damaged(reader, bad);
}

int
record_decode(const char *text, size_t length, const char *file,
              struct volume_record *out, struct error *err)
{
  struct json_reader reader = {.file = file, .err = err};
  char line[SUM_LINE_LENGTH + 1];
  json_error_t json_error;
  json_t *root;
  int r;

  memset(out, 0, sizeof *out);
  if (length != RECORD_SIZE)
    return error_set(err, STATUS_CORRUPT,
                     "%s: the record is damaged: it is %s than %d bytes long",
                     file, length < RECORD_SIZE ? "less" : "more", RECORD_SIZE);
  if (sum_line(text, line) != 0)
    return error_set(err, STATUS_NO_MEMORY, "%s: SHA-256 does not work", file);
  if (memcmp(text + BODY_LENGTH, line, SUM_LINE_LENGTH) != 0)
    return json_damaged(&reader, "its checksum does not match");
  root = json_loadb(text, BODY_LENGTH, JSON_REJECT_DUPLICATES, &json_error);
  if (root == NULL)
    return json_damaged_by(&reader, &json_error);
  r = decode_root(&reader, root, out);
  json_decref(root);
  return r;
}

void
record_settle(struct volume_record *record, const char *boot_id)
{
  if (strcmp(record->boot_id, boot_id) == 0)
    return;
  blob_lease_rebooted(&record->lease);
  snprintf(record->boot_id, sizeof record->boot_id, "%s", boot_id);
}

void
record_info(const struct volume_record *record, uint64_t now_ns,
            struct volume_info *out)
{
  struct lease_info *lease = &out->lease;

  out->size = record->size;
  out->epoch = record->epoch;
  snprintf(out->etag, sizeof out->etag, "%s-%" PRIu64, record->volume_id,
           record->revision);
  lease->state = blob_lease_state(&record->lease, now_ns);
  lease->duration_s = record->lease.duration_s;
  lease->id_known = true;
  lease->id = record->lease.id;
  memcpy(lease->node, record->lease_node, sizeof lease->node);
  lease->since_ms = record->lease_since_ms;
  lease->expires_in_ms = blob_lease_expires_in_ms(&record->lease, now_ns);
  out->record = record->record;
}
