/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-command.c: lease commands of the Azure store.
 *
 * ACQUIRE, RENEW, CHANGE and BREAK are one request of the service, and a HEAD
 * that says what is so now; DESCRIBE is the HEAD. All of them may be sent
 * again when an answer was lost: done twice is done once.
 *
 * The HEAD of an ACQUIRE, RENEW or CHANGE leaves together with it. If both say
 * that the volume is leased, that is the answer, in one round trip: what the
 * HEAD saw may be a moment older than the command, but all that follows from it
 * is conditional on the epoch or the ETag that it saw. Else another HEAD
 * follows. And a claim that comes next begins from what was seen here
 * (azure_memory), unless that is not so any more.
 *
 * RELEASE looks first, goes no further unless the epoch is the expected one,
 * and carries the ETag of that look: a claim by anybody changes the ETag, so
 * that the lease of a newer holder is never given up (S6). Marking the record
 * as clean is a Set Blob Metadata before it, under the same condition.
 *
 * So does a CHANGE that is bound to an epoch.
 *
 * CLAIM and TAKE_OVER are in azure-claim.c.
 */
#include "store/azure-command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/blob-lease.h"
#include "store/command-job.h"
#include "utils/cleanup.h"

/* All of a blob's metadata is at most 8 KiB; some is left to others. */
#define RECORD_TEXT_MAX 7680

/* Data written in between changes the ETag too. */
#define RELEASE_TRIES 8

/* --- what the parts share --------------------------------------------- */

int
azure_look(struct azure_work *work)
{
  http_headers_free(&work->headers);
  return azure_head(work->volume->store, work->volume->name, work->deadline_ns,
                    &work->seen, &work->headers, work->err);
}

struct azure_memory {
  struct azure_properties seen;
  struct http_headers headers;
};

void
azure_memory_free(struct azure_memory *memory)
{
  if (memory != NULL)
    http_headers_free(&memory->headers);
  free(memory);
}

static struct azure_memory *
swap_memory(struct azure_volume *volume, struct azure_memory *memory)
{
  struct azure_memory *old;

  LOCK_FOR_SCOPE(&volume->lock);
  old = volume->memory;
  volume->memory = memory;
  return old;
}

/* Ends work's look. */
static void
remember(struct azure_work *work)
{
  enum lease_verb verb = work->command->verb;
  struct azure_memory *memory = NULL;

  if (verb == LEASE_ACQUIRE || verb == LEASE_DESCRIBE)
    memory = malloc(sizeof *memory);
  if (memory != NULL) {
    *memory =
        (struct azure_memory){.seen = work->seen, .headers = work->headers};
    work->headers = (struct http_headers){0};
  }
  azure_memory_free(swap_memory(work->volume, memory));
}

bool
azure_recall(struct azure_work *work)
{
  struct azure_memory *memory = swap_memory(work->volume, NULL);
  bool known = memory != NULL &&
               memory->seen.info.epoch == work->command->expected_epoch;

  if (known) {
    http_headers_free(&work->headers);
    work->seen = memory->seen;
    work->headers = memory->headers;
    memory->headers = (struct http_headers){0};
  }
  azure_memory_free(memory);
  return known;
}

/* A claim of this handle that has had an unknown outcome may have moved the
 * epoch on. While nobody has completed a claim since, which its record would
 * show, the volume is still at the epoch that the claim began from.
 */
static bool
in_own_doubt(const struct azure_work *work)
{
  struct azure_volume *volume = work->volume;
  const struct volume_info *info = &work->seen.info;

  LOCK_FOR_SCOPE(&volume->lock);
  return volume->doubt && info->epoch > volume->doubt_epoch &&
         info->record.holder.epoch <= volume->doubt_epoch;
}

uint64_t
azure_epoch(const struct azure_work *work)
{
  if (!in_own_doubt(work))
    return work->seen.info.epoch;
  LOCK_FOR_SCOPE(&work->volume->lock);
  return work->volume->doubt_epoch;
}

void
azure_set_doubt(struct azure_work *work, bool doubt)
{
  struct azure_volume *volume = work->volume;

  LOCK_FOR_SCOPE(&volume->lock);
  volume->doubt = doubt;
  volume->doubt_epoch = work->command->expected_epoch;
}

int
azure_epoch_is_stale(const struct azure_work *work)
{
  return error_set(work->err, STATUS_EPOCH_STALE,
                   "%s: %s refused: the epoch is %" PRIu64 ", not %" PRIu64,
                   work->volume->name, lease_verb_text(work->command->verb),
                   work->seen.info.epoch, work->command->expected_epoch);
}

const struct lease_id *
azure_writer(const struct azure_work *work)
{
  const struct lease_command *command = work->command;

  return command->verb == LEASE_TAKE_OVER ? &command->proposed_id
                                          : &command->lease_id;
}

void
azure_begin(struct azure_work *work, struct azure_exchange *exchange,
            const struct lease_id *lease_id, const char *what,
            const char *component)
{
  azure_exchange_init(exchange, work->volume->store, "PUT", work->volume->name,
                      what);
  exchange->deadline_ns = work->deadline_ns;
  exchange->changes = true;
  http_headers_add(&exchange->request.query, "comp", component);
  if (!lease_id_is_none(lease_id))
    http_headers_add(&exchange->request.headers, "x-ms-lease-id",
                     lease_id->text);
}

int
azure_finish(struct azure_work *work, struct azure_exchange *exchange,
             char etag[ETAG_MAX + 1])
{
  int r = azure_exchange_run(exchange, HTTP_CONTROL);

  azure_exchange_fail(exchange, work->err);
  if (r == 0 && etag != NULL &&
      !azure_etag_copy(http_headers_get(&exchange->http.answer, "ETag"), etag))
    r = error_set(work->err, STATUS_UNKNOWN,
                  "%s: the store's answer has no ETag", work->volume->name);
  azure_exchange_free(exchange);
  return r;
}

/* Set Blob Metadata replaces all of it: what others keep there stays. */
static void
add_others(struct azure_exchange *exchange, const struct http_headers *seen)
{
  static const char prefix[] = "x-ms-meta-";

  for (size_t i = 0; i < seen->count; i++) {
    const struct http_header *header = &seen->items[i];

    if (strncasecmp(header->name, prefix, strlen(prefix)) == 0 &&
        strcasecmp(header->name + strlen(prefix), AZURE_RECORD_NAME) != 0)
      http_headers_add(&exchange->request.headers, header->name, header->value);
  }
}

/* The record's text. What is too long for the service loses its oldest fenced
 * instances; the caller frees *json.
 */
static int
encode(struct azure_work *work, struct holder_record *record, char **json)
{
  for (;;) {
    int r = holder_json_encode(record, json, work->err);

    if (r != 0 || strlen(*json) <= RECORD_TEXT_MAX || record->fenced_count == 0)
      return r;
    free(*json);
    memset(&record->fenced[--record->fenced_count], 0,
           sizeof record->fenced[0]);
  }
}

int
azure_put_record(struct azure_work *work, struct holder_record *record,
                 const char *etag, char new_etag[ETAG_MAX + 1])
{
  struct azure_exchange exchange;
  char *json;
  int r = encode(work, record, &json);

  if (r != 0)
    return r;
  azure_begin(work, &exchange, azure_writer(work), "Set Blob Metadata",
              "metadata");
  add_others(&exchange, &work->headers);
  http_headers_add(&exchange.request.headers, "x-ms-meta-" AZURE_RECORD_NAME,
                   json);
  http_headers_printf(&exchange.request.headers, "If-Match", "\"%s\"", etag);
  free(json);
  return azure_finish(work, &exchange, new_etag);
}

/* --- the lease -------------------------------------------------------- */

static const char *const actions[] = {
    [LEASE_ACQUIRE] = "acquire", [LEASE_RENEW] = "renew",
    [LEASE_CHANGE] = "change",   [LEASE_RELEASE] = "release",
    [LEASE_BREAK] = "break",     [LEASE_TAKE_OVER] = "change",
};

static void
add_arguments(struct http_headers *headers, const struct lease_command *command)
{
  if (command->verb == LEASE_ACQUIRE)
    http_headers_add(headers, "x-ms-proposed-lease-id", command->lease_id.text);
  if (command->verb == LEASE_ACQUIRE &&
      command->duration_s == LEASE_DURATION_INFINITE)
    http_headers_add(headers, "x-ms-lease-duration", "-1");
  else if (command->verb == LEASE_ACQUIRE)
    http_headers_printf(headers, "x-ms-lease-duration", "%" PRIu32,
                        command->duration_s);
  if (command->verb == LEASE_CHANGE || command->verb == LEASE_TAKE_OVER)
    http_headers_add(headers, "x-ms-proposed-lease-id",
                     command->proposed_id.text);
  if (command->verb == LEASE_BREAK &&
      command->break_period_s != LEASE_BREAK_DEFAULT)
    http_headers_printf(headers, "x-ms-lease-break-period", "%" PRIu32,
                        command->break_period_s);
}

void
azure_begin_lease(struct azure_work *work, struct azure_exchange *exchange,
                  const char *etag)
{
  const struct lease_command *command = work->command;
  struct http_headers *headers = &exchange->request.headers;

  azure_begin(work, exchange, &command->lease_id, "Lease Blob", "lease");
  exchange->repeatable = true;
  http_headers_add(headers, "x-ms-lease-action", actions[command->verb]);
  add_arguments(headers, command);
  if (etag != NULL)
    http_headers_printf(headers, "If-Match", "\"%s\"", etag);
}

static int
send_lease(struct azure_work *work, const char *etag)
{
  struct azure_exchange exchange;

  azure_begin_lease(work, &exchange, etag);
  return azure_finish(work, &exchange, NULL);
}

/* An ETag that is another: the sequence number becomes what it is, or 0,
 * whichever is more. Somebody else's change of the ETag is as good.
 */
static int
touch(struct azure_work *work)
{
  struct azure_exchange exchange;
  int r;

  azure_begin(work, &exchange, &work->command->lease_id, "Set Blob Properties",
              "properties");
  exchange.repeatable = true;
  http_headers_add(&exchange.request.headers, "x-ms-sequence-number-action",
                   "max");
  http_headers_add(&exchange.request.headers, "x-ms-blob-sequence-number", "0");
  http_headers_printf(&exchange.request.headers, "If-Match", "\"%s\"",
                      work->command->if_etag);
  r = azure_finish(work, &exchange, NULL);
  return r == STATUS_ETAG_STALE ? 0 : r;
}

/* What the service does not take, or only some versions of it. */
static int
check(const struct azure_work *work)
{
  const struct lease_command *command = work->command;

  if (!lease_id_is_none(&command->lease_id) &&
      !blob_lease_id_valid(&command->lease_id))
    return error_set(work->err, STATUS_INVALID, "%s: the lease ID is no UUID",
                     work->volume->name);
  if ((command->verb == LEASE_CHANGE || command->verb == LEASE_TAKE_OVER) &&
      !blob_lease_id_valid(&command->proposed_id))
    return error_set(work->err, STATUS_INVALID,
                     "%s: the proposed lease ID is no UUID",
                     work->volume->name);
  if (command->verb == LEASE_ACQUIRE &&
      !blob_lease_duration_valid(command->duration_s))
    return error_set(work->err, STATUS_INVALID,
                     "%s: no duration that a lease can have",
                     work->volume->name);
  if (command->verb == LEASE_BREAK &&
      command->break_period_s != LEASE_BREAK_DEFAULT &&
      command->break_period_s > LEASE_BREAK_PERIOD_MAX)
    return error_set(work->err, STATUS_INVALID,
                     "%s: no period that a break can have", work->volume->name);
  return 0;
}

/* The command has been done or refused; how is it now? */
static int
look_after(struct azure_work *work, int r)
{
  struct error *err = work->err, ignored = ERROR_INIT, why = ERROR_INIT;
  int looked;

  if (r != 0 && !status_is_refusal(r))
    return r;
  work->err = r != 0 ? &ignored : &why;
  looked = azure_look(work);
  work->err = err;
  if (r != 0 || looked == 0)
    return r;
  /* A renewal can be repeated; of the others it matters that they were done. */
  if (looked == STATUS_TRANSIENT && work->command->verb != LEASE_RENEW)
    looked = STATUS_UNKNOWN;
  return error_set(err, (enum status)looked, "%s", why.text);
}

/* The command and a look, at the same time. */
static int
send_and_look(struct azure_work *work)
{
  struct azure_exchange head;
  struct error ignored = ERROR_INIT;
  int r, looked;

  azure_head_begin(&head, work->volume->store, work->volume->name,
                   work->deadline_ns);
  r = send_lease(work, NULL);
  http_headers_free(&work->headers);
  looked = azure_head_end(&head, &work->seen, &work->headers, &ignored);
  if (r == 0 && looked == 0 && work->seen.info.lease.state == LEASE_LEASED)
    return 0;
  return look_after(work, r);
}

/* A lease command on condition, and a look. */
static int
run_conditional(struct azure_work *work)
{
  int r = send_lease(work, work->command->if_etag);

  if (r == 0 && work->command->verb == LEASE_ACQUIRE)
    r = touch(work);
  return look_after(work, r);
}

/* --- release ---------------------------------------------------------- */

/* Marks the record, if it is ours. *etag: in and out. */
static int
mark_clean(struct azure_work *work, char etag[ETAG_MAX + 1])
{
  struct volume_info *info = &work->seen.info;
  int r;

  if (!work->command->clean || info->record.holder.node[0] == '\0' ||
      info->record.holder.epoch != info->epoch || info->record.holder.clean)
    return 0;
  info->record.holder.clean = true;
  r = azure_put_record(work, &info->record, etag, etag);
  /* A lease that is over can be given back, but nothing written under it. */
  return status_is_refusal(r) ? 0 : r;
}

/* Whether it is a lease that is not given back. */
static bool
is_kept(const struct azure_work *work)
{
  const struct lease_info *lease = &work->seen.info.lease;

  return work->command->keep_infinite && lease->state == LEASE_LEASED &&
         lease->duration_s == LEASE_DURATION_INFINITE;
}

static int
release_once(struct azure_work *work)
{
  char etag[ETAG_MAX + 1];
  int r = azure_look(work);

  if (r != 0)
    return r;
  if (azure_epoch(work) != work->command->expected_epoch)
    return azure_epoch_is_stale(work);
  if (work->command->if_etag[0] != '\0' &&
      strcmp(work->command->if_etag, work->seen.info.etag) != 0)
    return error_set(work->err, STATUS_ETAG_STALE,
                     "%s: release refused: it has been changed",
                     work->volume->name);
  memcpy(etag, work->seen.info.etag, sizeof etag);
  r = mark_clean(work, etag);
  return r != 0 || is_kept(work) ? r : send_lease(work, etag);
}

/* Hands the lease over, under the expected epoch only. What becomes of a try
 * whose answer is lost, a look shows to whoever asked.
 */
static int
change_checked(struct azure_work *work)
{
  int r = STATUS_ETAG_STALE;

  for (unsigned i = 0; i < RELEASE_TRIES && r == STATUS_ETAG_STALE; i++) {
    r = azure_look(work);
    if (r == 0 && azure_epoch(work) != work->command->expected_epoch)
      return azure_epoch_is_stale(work);
    if (r == 0)
      r = send_lease(work, work->seen.info.etag);
  }
  if (r == STATUS_ETAG_STALE)
    return error_set(work->err, STATUS_TRANSIENT,
                     "%s: change: it is being written to", work->volume->name);
  return r;
}

static int
release(struct azure_work *work)
{
  bool doubt = false;
  int r = 0;

  for (unsigned i = 0; i < RELEASE_TRIES; i++) {
    r = release_once(work);
    /* Of the two that follow a try of which we do not know. */
    if (doubt && (r == STATUS_LEASE_ABSENT || r == STATUS_LEASE_MISMATCH) &&
        azure_look(work) == 0 && work->seen.info.lease.state == LEASE_AVAILABLE)
      return 0;
    if (r == STATUS_UNKNOWN)
      doubt = true;
    else if (r != STATUS_ETAG_STALE || work->command->if_etag[0] != '\0')
      break;
    if (clock_now(work->volume->store->clock) >= work->deadline_ns)
      break;
  }
  if (r == STATUS_ETAG_STALE && work->command->if_etag[0] == '\0')
    return error_set(work->err, STATUS_TRANSIENT,
                     "%s: release: it is being written to", work->volume->name);
  return r;
}

/* --- any command ------------------------------------------------------ */

static int
run_lease(struct azure_work *work)
{
  const struct lease_command *command = work->command;

  if (command->verb == LEASE_CHANGE && command->check_epoch)
    return change_checked(work);
  if (command->if_etag[0] != '\0')
    return run_conditional(work);
  return command->verb == LEASE_BREAK ? look_after(work, send_lease(work, NULL))
                                      : send_and_look(work);
}

static int
run_verb(struct azure_work *work)
{
  int r = check(work);

  if (r != 0)
    return r;
  switch (work->command->verb) {
  case LEASE_DESCRIBE:
    return azure_look(work);
  case LEASE_CLAIM:
    return azure_claim(work);
  case LEASE_TAKE_OVER:
    return azure_take_over(work);
  case LEASE_RELEASE:
    r = release(work);
    if (r != 0)
      return look_after(work, r);
    if (is_kept(work))
      return 0;
    work->seen.info.lease =
        (struct lease_info){.state = LEASE_AVAILABLE, .expires_in_ms = -1};
    return 0;
  case LEASE_ACQUIRE:
  case LEASE_RENEW:
  case LEASE_CHANGE:
  case LEASE_BREAK:
    return run_lease(work);
  case LEASE_GROUP:
  case LEASE_NONE:
    break;
  }
  return error_set(work->err, STATUS_INVALID, "no command");
}

static int
run_command(struct store_volume *store_volume, struct store_command *command)
{
  struct azure_volume *volume = azure_volume(store_volume);
  struct azure_store *store = volume->store;
  struct azure_work work = {
      .volume = volume,
      .command = &command->command,
      .deadline_ns = clock_now(store->clock) + store->command_timeout_ns,
      .err = &command->error,
  };
  int r;

  command->error = (struct error)ERROR_INIT;
  r = run_verb(&work);
  command->reply.status = r;
  command->reply.info = work.seen.info;
  command->reply.info.epoch = azure_epoch(&work);
  remember(&work);
  http_headers_free(&work.headers);
  return r;
}

int
azure_submit_command(struct store_volume *volume, struct store_command *command)
{
  return command_job_submit(azure_volume(volume)->store->workers, run_command,
                            volume, azure_volume(volume)->name, command);
}
