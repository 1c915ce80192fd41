/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-io.c: data of the Azure store.
 *
 * A request is cut into pieces of at most 4 MiB, or 1 MiB for a read (so that
 * it has several connections), each one request of the service; zeroing and
 * page ranges are one piece. All pieces are submitted at once, and common/http
 * begins as many as there are connections for; a single one of a submitter who
 * waits for it is done in his thread. A piece that has been answered is tried
 * again from the data thread if that is safe (azure-exchange.c: never a change
 * of unknown outcome, S4). The last piece to end answers the request.
 *
 *   struct transfer   one store_io; freed by whoever ends its last piece
 *   struct piece      an exchange in it; nobody but its exchange's owner, the
 *                     submitter or the data thread, touches it
 *   transfer->left    how many pieces have not ended, and one for the
 *                     submitter until it has submitted all; atomic
 *
 * Of several pieces that fail, an unknown outcome counts first (it must be
 * settled before anything is sent again), then a refusal, then the first.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/azure-internal.h"
#include "utils/cleanup.h"

/* The service tells of page ranges in portions; an emulator tells all. */
#define RANGES_PORTION "10000"
#define RANGES_TEXT_MAX (64 * 1024 * 1024)

#define READ_PIECE_MAX (UINT64_C(1) << 20)

struct transfer;

struct piece {
  struct azure_exchange exchange; /* first */
  struct transfer *transfer;
  uint64_t offset, count;
};

struct transfer {
  struct azure_volume *volume;
  struct store_io *io;
  unsigned left; /* atomic */
  size_t count;
  struct piece pieces[];
};

/* --- building --------------------------------------------------------- */

static void
add_guard(struct piece *piece)
{
  const struct guard *guard = &piece->transfer->io->guard;
  struct http_headers *headers = &piece->exchange.request.headers;

  if (!lease_id_is_none(&guard->lease_id))
    http_headers_add(headers, "x-ms-lease-id", guard->lease_id.text);
  http_headers_printf(headers, "x-ms-if-sequence-number-eq", "%" PRIu64,
                      guard->epoch);
}

static void
build_read(struct piece *piece)
{
  const struct store_io *io = piece->transfer->io;
  struct azure_exchange *exchange = &piece->exchange;

  azure_exchange_init(exchange, piece->transfer->volume->store, "GET",
                      piece->transfer->volume->name, "Get Blob");
  exchange->http.buffer_length = piece->count;
  if (io->pieces != NULL) {
    /* READ_PIECE_MAX is a multiple of their size. */
    exchange->http.pieces =
        io->pieces + (piece->offset - io->offset) / io->piece_size;
    exchange->http.piece_size = io->piece_size;
  } else {
    exchange->http.buffer = (char *)io->buffer + (piece->offset - io->offset);
  }
}

static void
set_body(struct piece *piece)
{
  const struct store_io *io = piece->transfer->io;
  struct azure_exchange *exchange = &piece->exchange;
  uint64_t at = piece->offset - io->offset;

  exchange->request.body_length = piece->count;
  if (io->pieces == NULL) {
    exchange->request.body = (const char *)io->buffer + at;
    return;
  }
  at += io->piece_begin;
  exchange->http.body_pieces = io->pieces + at / io->piece_size;
  exchange->http.body_piece_size = io->piece_size;
  exchange->http.body_begin = at % io->piece_size;
}

static void
build_change(struct piece *piece)
{
  const struct store_io *io = piece->transfer->io;
  struct azure_exchange *exchange = &piece->exchange;
  bool write = io->kind == STORE_WRITE;

  azure_exchange_init(exchange, piece->transfer->volume->store, "PUT",
                      piece->transfer->volume->name,
                      write ? "Put Page" : "Clear Page");
  exchange->changes = true;
  http_headers_add(&exchange->request.query, "comp", "page");
  http_headers_add(&exchange->request.headers, "x-ms-page-write",
                   write ? "update" : "clear");
  if (write)
    set_body(piece);
  add_guard(piece);
}

static void
build_extents(struct piece *piece, const char *marker)
{
  struct azure_exchange *exchange = &piece->exchange;

  azure_exchange_init(exchange, piece->transfer->volume->store, "GET",
                      piece->transfer->volume->name, "Get Page Ranges");
  http_headers_add(&exchange->request.query, "comp", "pagelist");
  http_headers_add(&exchange->request.query, "maxresults", RANGES_PORTION);
  if (marker != NULL)
    http_headers_add(&exchange->request.query, "marker", marker);
  exchange->http.text.limit = RANGES_TEXT_MAX;
}

static void piece_answered(struct http_request *http);

static void
build(struct piece *piece, const char *marker)
{
  switch (piece->transfer->io->kind) {
  case STORE_READ:
    build_read(piece);
    break;
  case STORE_WRITE:
  case STORE_ZERO:
    build_change(piece);
    break;
  default:
    build_extents(piece, marker);
    break;
  }
  if (piece->transfer->io->kind == STORE_EXTENTS) {
    /* Whole sectors, whatever was asked for. */
    uint64_t first = piece->offset / STORE_SECTOR * STORE_SECTOR;
    uint64_t behind = piece->offset + piece->count + STORE_SECTOR - 1;

    azure_request_range(&piece->exchange.request, first,
                        behind / STORE_SECTOR * STORE_SECTOR - first);
  } else {
    azure_request_range(&piece->exchange.request, piece->offset, piece->count);
  }
  piece->exchange.http.brief = true;
  piece->exchange.http.done = piece_answered;
}

/* --- ending ----------------------------------------------------------- */

/* The greater counts first. */
static int
weight(int status)
{
  if (status == STATUS_UNKNOWN)
    return 3;
  if (status_is_refusal(status))
    return 2;
  return status != 0;
}

static int
conclude(struct transfer *transfer)
{
  const struct azure_exchange *worst = &transfer->pieces[0].exchange;
  struct store_io *io = transfer->io;

  for (size_t i = 1; i < transfer->count; i++)
    if (weight(transfer->pieces[i].exchange.status) > weight(worst->status))
      worst = &transfer->pieces[i].exchange;
  io->status = worst->status;
  if (worst->status != 0)
    io->error = worst->error;
  return io->status;
}

static void
transfer_free(struct transfer *transfer)
{
  for (size_t i = 0; i < transfer->count; i++)
    azure_exchange_free(&transfer->pieces[i].exchange);
  free(transfer);
}

static bool
is_last(struct transfer *transfer)
{
  return __atomic_sub_fetch(&transfer->left, 1, __ATOMIC_ACQ_REL) == 0;
}

/* In the data thread: a piece has ended. */
static void
piece_ended(struct piece *piece)
{
  struct transfer *transfer = piece->transfer;
  struct store_io *io = transfer->io;

  if (!is_last(transfer))
    return;
  conclude(transfer);
  transfer_free(transfer);
  io->done(io);
}

/* Makes it ready for a try; else it has ended, with its status set. */
static int
piece_prepare(struct piece *piece)
{
  struct azure_exchange *exchange = &piece->exchange;
  struct azure_store *store = exchange->store;
  int r = azure_exchange_prepare(exchange);

  if (r != 0)
    return r;
  LOCK_FOR_SCOPE(&store->lock);
  if (exchange->http.not_before_ns < store->busy_until_ns)
    exchange->http.not_before_ns = store->busy_until_ns;
  return 0;
}

/* 0: it is on its way; else it has ended, with its status set. */
static int
piece_queue(struct piece *piece)
{
  struct azure_exchange *exchange = &piece->exchange;
  int r = http_submit(exchange->store->http, HTTP_DATA, &exchange->http);

  if (r != 0)
    exchange->status = error_set(&exchange->error, (enum status)r, "%s: %s",
                                 exchange->name, status_text(r));
  return r;
}

/* The same, from the beginning. */
static int
piece_submit(struct piece *piece)
{
  int r = piece_prepare(piece);

  return r != 0 ? r : piece_queue(piece);
}

/* A read that was answered well must be what was asked for. */
static void
check_read(struct piece *piece)
{
  struct azure_exchange *exchange = &piece->exchange;

  if (exchange->http.code == 206 && exchange->http.received == piece->count)
    return;
  exchange->status = error_set(
      &exchange->error, STATUS_IO,
      "%s: Get Blob answered %zu bytes with HTTP %u, not %" PRIu64 " with 206",
      exchange->name, exchange->http.received, exchange->http.code,
      piece->count);
}

/* True if there is another portion to ask for: none has been found yet. */
static bool
take_ranges(struct piece *piece)
{
  struct azure_exchange *exchange = &piece->exchange;
  struct store_io *io = piece->transfer->io;
  uint64_t at = io->offset;
  char *marker = NULL;
  bool more = false;

  exchange->status = azure_ranges_parse(
      exchange->http.text.text, exchange->http.text.length,
      io->offset + io->count, &at, &io->extents, &marker, &exchange->error);
  if (exchange->status == 0 && marker != NULL && at == io->offset) {
    azure_exchange_free(exchange);
    build(piece, marker);
    more = true;
  }
  if (exchange->status != 0)
    extents_free(&io->extents);
  free(marker);
  return more;
}

/* A try has been answered, or not: true if there is to be another one. */
static bool
piece_judge(struct piece *piece)
{
  struct azure_exchange *exchange = &piece->exchange;
  enum store_io_kind kind = piece->transfer->io->kind;

  azure_exchange_judge(exchange);
  if (exchange->status != 0)
    return azure_exchange_again(exchange);
  if (kind == STORE_READ)
    check_read(piece);
  return kind == STORE_EXTENTS && take_ranges(piece);
}

static void
piece_answered(struct http_request *http)
{
  struct piece *piece = (struct piece *)http;

  if (!piece_judge(piece) || piece_submit(piece) != 0)
    piece_ended(piece);
}

/* As piece_submit, but the first try is done in this thread, if that can be.
 * Not 0: it has ended.
 */
static int
piece_run_here(struct piece *piece)
{
  struct azure_exchange *exchange = &piece->exchange;
  int r = piece_prepare(piece);

  if (r != 0)
    return r;
  if (!http_run_here(exchange->store->http, &exchange->http))
    return piece_queue(piece);
  return piece_judge(piece) ? piece_submit(piece) : 1;
}

/* --- submitting ------------------------------------------------------- */

static struct transfer *
transfer_new(struct azure_volume *volume, struct store_io *io)
{
  bool cut = io->kind == STORE_READ || io->kind == STORE_WRITE;
  uint64_t most = io->kind == STORE_READ ? READ_PIECE_MAX
                  : cut                  ? AZURE_PIECE_MAX
                                         : io->count;
  size_t count = (size_t)((io->count + most - 1) / most);
  struct transfer *transfer =
      calloc(1, sizeof *transfer + count * sizeof transfer->pieces[0]);

  if (transfer == NULL)
    return NULL;
  *transfer = (struct transfer){
      .volume = volume, .io = io, .left = (unsigned)count + 1, .count = count};
  for (size_t i = 0; i < count; i++) {
    struct piece *piece = &transfer->pieces[i];

    piece->transfer = transfer;
    piece->offset = io->offset + i * most;
    piece->count = io->count - i * most;
    if (piece->count > most)
      piece->count = most;
    build(piece, NULL);
  }
  return transfer;
}

int
azure_submit_io(struct store_volume *store_volume, struct store_io *io)
{
  struct azure_volume *volume = azure_volume(store_volume);
  int (*submit)(struct piece *) = piece_submit;
  struct transfer *transfer;
  int r;

  io->error = (struct error)ERROR_INIT;
  io->extents = (struct extent_list){0};
  /* What was answered is durable; what is not asked for is not kept. */
  if (io->kind == STORE_FLUSH || io->kind == STORE_PREFETCH)
    return io->status = 0;
  transfer = transfer_new(volume, io);
  if (transfer == NULL)
    return io->status = error_set(&io->error, STATUS_NO_MEMORY,
                                  "%s: no memory for a request", volume->name);
  if (io->flags & STORE_IO_MAY_BLOCK && transfer->count == 1)
    submit = piece_run_here;
  for (size_t i = 0; i < transfer->count; i++)
    if (submit(&transfer->pieces[i]) != 0)
      is_last(transfer); /* not: the submitter's own is left */
  if (!is_last(transfer))
    return STORE_PENDING;
  r = conclude(transfer);
  transfer_free(transfer);
  return r;
}
