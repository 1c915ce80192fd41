/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-claim.c: the fencing step on page blobs (DESIGN S2).
 *
 *   look        HEAD, or what the command before this one saw: the epoch must
 *               be the expected one, and the record the one that ours was made
 *               from: that of an increment before may have come since
 *   increment   Set Blob Properties, x-ms-sequence-number-action: increment,
 *               with the lease ID and the look's ETag: the answer is the new
 *               epoch, and what was written with an older one is refused from
 *               here on
 *   record      Set Blob Metadata with the holder record, with the increment's
 *               ETag: now the claim is complete, and others believe it
 *
 * Writes by an older incarnation of the same node change the ETag between look
 * and increment. After a few tries the increment goes without it; the answer
 * then shows whether somebody else's came between. After the increment nobody
 * can write, so the record's condition fails only if somebody has claimed
 * since.
 *
 * Unknown outcomes. An increment whose answer was lost may have been done, or
 * may still be done, but only while the ETag is that of its look. So we look
 * again: either the epoch is as it was, or it has moved and no record of that
 * epoch is there. In both cases nobody has completed a claim since ours began,
 * and the increment is sent again, with the present ETag, which also makes the
 * lost one impossible. Another session that did an increment meanwhile cannot
 * put its record any more: it has not written, and is told that its epoch is
 * stale. So epochs may be skipped, never shared. If time runs out before that,
 * the handle remembers that it is in doubt (azure_epoch), and the claim is
 * begun again from the same expected epoch.
 *
 * TAKE_OVER is a Change, and the increment right behind it, without waiting for
 * the Change's answer. The increment carries the lease ID that the Change gives
 * the lease to: overtaking, it is refused and has done nothing, and is sent
 * again. So the order is that of S2 always, and what the two of them take is
 * one round trip. As they come by two connections, the Change has a start of
 * some milliseconds: far less than the round trip that an overtaking costs.
 * There is no ETag of a look to go by (whoever holds the lease writes until the
 * Change): that the answer is expected_epoch + 1 says that nobody has claimed
 * since the caller looked. A look for the metadata of others goes along. The
 * record is put as ever, before anything is written.
 */
#include "store/azure-command.h"

#include <string.h>
#include <time.h>

#include "utils/decimal.h"

#define CONDITIONAL_TRIES 3
#define TRIES_MAX 16
#define CHANGE_START_NS (2 * 1000 * 1000)

/* In two halves. etag: If-Match, or NULL. */
static void
begin_increment(struct azure_work *work, struct azure_exchange *exchange,
                const char *etag)
{
  struct http_headers *headers = &exchange->request.headers;

  azure_begin(work, exchange, azure_writer(work), "Set Blob Properties",
              "properties");
  http_headers_add(headers, "x-ms-sequence-number-action", "increment");
  if (etag != NULL)
    http_headers_printf(headers, "If-Match", "\"%s\"", etag);
  azure_exchange_begin(exchange, HTTP_CONTROL);
}

/* *epoch and etag: the answer's. */
static int
end_increment(struct azure_work *work, struct azure_exchange *exchange,
              uint64_t *epoch, char etag[ETAG_MAX + 1])
{
  const char *number, *answered;
  int r = azure_exchange_end(exchange, HTTP_CONTROL);

  azure_exchange_fail(exchange, work->err);
  number =
      http_headers_get(&exchange->http.answer, "x-ms-blob-sequence-number");
  answered = http_headers_get(&exchange->http.answer, "ETag");
  if (r == 0 && (number == NULL || !decimal_read(&number, INT64_MAX, epoch) ||
                 !azure_etag_copy(answered, etag)))
    r = error_set(work->err, STATUS_UNKNOWN,
                  "%s: the store's answer has no sequence number or ETag",
                  work->volume->name);
  azure_exchange_free(exchange);
  return r;
}

static int
increment(struct azure_work *work, bool conditional, uint64_t *epoch,
          char etag[ETAG_MAX + 1])
{
  struct azure_exchange exchange;

  begin_increment(work, &exchange, conditional ? work->seen.info.etag : NULL);
  return end_increment(work, &exchange, epoch, etag);
}

static bool
is_late(const struct azure_work *work)
{
  return clock_now(work->volume->store->clock) >= work->deadline_ns;
}

/* A use of a lease that is over, in the words of the lease table: some
 * versions of the service call it absent.
 */
static int
name_refusal(const struct azure_work *work, int r)
{
  enum lease_state state = work->seen.info.lease.state;

  if (r == STATUS_LEASE_ABSENT &&
      (state == LEASE_BROKEN || state == LEASE_EXPIRED))
    return work->err->status = STATUS_LEASE_LOST;
  return r;
}

/* Was the command's record made from the one that was seen? Its own is there,
 * too, if an earlier try has completed the claim.
 */
static bool
record_is_known(const struct azure_work *work)
{
  const struct lease_command *command = work->command;
  const struct holder *last = &work->seen.info.record.holder;

  return !command->check_record || last->epoch == command->record_epoch ||
         strcmp(last->session, command->record.holder.session) == 0;
}

/* The same after an increment that went by no look: from then on no record of
 * an older epoch is put. It is for a record that may come late.
 */
static int
check_record_again(struct azure_work *work)
{
  const struct lease_command *command = work->command;

  if (!command->check_record ||
      command->record_epoch == command->expected_epoch)
    return 0;
  if (azure_look(work) != 0)
    return work->err->status = STATUS_UNKNOWN;
  return record_is_known(work) ? 0 : azure_epoch_is_stale(work);
}

/* Looks and increments until that has worked: *epoch, etag. */
static int
move_epoch(struct azure_work *work, uint64_t *epoch, char etag[ETAG_MAX + 1])
{
  unsigned lost = 0; /* races against writes */
  int r = STATUS_UNKNOWN;

  for (unsigned i = 0; i < TRIES_MAX; i++) {
    bool conditional = lost < CONDITIONAL_TRIES;
    bool recalled = i == 0 && azure_recall(work);

    r = recalled ? 0 : azure_look(work);
    if (r != 0)
      return r;
    if (azure_epoch(work) != work->command->expected_epoch)
      return azure_epoch_is_stale(work);
    if (!record_is_known(work))
      return azure_epoch_is_stale(work);
    r = increment(work, conditional, epoch, etag);
    if (r == 0 && *epoch != work->seen.info.epoch + 1)
      return azure_epoch_is_stale(work);
    if (r == 0 && !conditional)
      return check_record_again(work);
    if (recalled && r != 0 && r != STATUS_UNKNOWN)
      continue; /* things have moved on since */
    if (r == STATUS_ETAG_STALE)
      lost++;
    else if (r == STATUS_UNKNOWN && conditional && !is_late(work))
      azure_set_doubt(work, true);
    else
      return name_refusal(work, r);
  }
  return r == STATUS_ETAG_STALE ? STATUS_TRANSIENT : r;
}

/* Puts the record of the epoch that is ours, until it is there. */
static int
complete(struct azure_work *work, struct holder_record *record,
         char etag[ETAG_MAX + 1])
{
  int r = STATUS_UNKNOWN;

  for (unsigned i = 0; i < TRIES_MAX; i++) {
    const struct volume_info *info = &work->seen.info;

    r = azure_put_record(work, record, etag, etag);
    if (r != STATUS_UNKNOWN && r != STATUS_ETAG_STALE)
      return r;
    if (is_late(work))
      break;
    r = azure_look(work);
    if (r != 0)
      return r;
    memcpy(etag, info->etag, sizeof info->etag);
    if (info->epoch != record->holder.epoch)
      return azure_epoch_is_stale(work);
    if (info->record.holder.epoch == record->holder.epoch &&
        strcmp(info->record.holder.session, record->holder.session) == 0)
      return 0;
  }
  return r;
}

/* What is left when the epoch has moved, or has not. */
static int
end_claim(struct azure_work *work, int r, uint64_t epoch,
          char etag[ETAG_MAX + 1])
{
  struct holder_record record = work->command->record;
  bool moved = r == 0;

  if (r == 0) {
    record.holder.epoch = epoch;
    r = complete(work, &record, etag);
  }
  if (r == 0 || r == STATUS_EPOCH_STALE)
    azure_set_doubt(work, false);
  else if (moved || r == STATUS_UNKNOWN)
    azure_set_doubt(work, true);
  /* Transient would say that nothing was changed. */
  if (r == STATUS_TRANSIENT && moved)
    r = work->err->status = STATUS_UNKNOWN;
  if (r != 0)
    return r;
  work->seen.info.epoch = epoch;
  work->seen.info.record = record;
  memcpy(work->seen.info.etag, etag, ETAG_MAX + 1);
  azure_guess_holder(&work->seen.info);
  return 0;
}

int
azure_claim(struct azure_work *work)
{
  char etag[ETAG_MAX + 1];
  uint64_t epoch = 0;
  int r = move_epoch(work, &epoch, etag);

  return end_claim(work, r, epoch, etag);
}

static int
end_change(struct azure_work *work, struct azure_exchange *exchange)
{
  int r = azure_exchange_end(exchange, HTTP_CONTROL);

  azure_exchange_fail(exchange, work->err);
  azure_exchange_free(exchange);
  return r;
}

/* What became of both, where the increment was not done. Its refusal alone
 * would say that nothing was changed.
 */
static int
judge(struct azure_work *work, int changed, int step, const struct error *why)
{
  if (changed == STATUS_UNKNOWN || (changed != 0 && step != STATUS_UNKNOWN))
    return changed;
  return error_set(work->err, STATUS_UNKNOWN, "%s", why->text);
}

/* The Change and the increment, at the same time as a look. */
static int
change_and_increment(struct azure_work *work, uint64_t *epoch,
                     char etag[ETAG_MAX + 1])
{
  const struct timespec start = {.tv_nsec = CHANGE_START_NS};
  struct azure_exchange change, step, head;
  struct error *err = work->err, why = ERROR_INIT, ignored = ERROR_INIT;
  int changed, r, looked;

  azure_begin_lease(work, &change, NULL);
  azure_exchange_begin(&change, HTTP_CONTROL);
  nanosleep(&start, NULL);
  begin_increment(work, &step, NULL);
  azure_head_begin(&head, work->volume->store, work->volume->name,
                   work->deadline_ns);
  changed = end_change(work, &change);
  work->err = &why;
  r = end_increment(work, &step, epoch, etag);
  if (status_is_refusal(r) && changed == 0) /* it was too fast */
    r = increment(work, false, epoch, etag);
  work->err = err;
  http_headers_free(&work->headers);
  looked = azure_head_end(&head, &work->seen, &work->headers, &ignored);
  if (r != 0)
    return judge(work, changed, r, &why);
  if (looked != 0 && azure_look(work) != 0)
    return work->err->status = STATUS_UNKNOWN;
  return check_record_again(work);
}

int
azure_take_over(struct azure_work *work)
{
  char etag[ETAG_MAX + 1];
  uint64_t epoch = 0;
  int r = change_and_increment(work, &epoch, etag);

  if (r == 0 && epoch != work->command->expected_epoch + 1) {
    work->seen.info.epoch = epoch;
    r = azure_epoch_is_stale(work);
  }
  return end_claim(work, r, epoch, etag);
}
