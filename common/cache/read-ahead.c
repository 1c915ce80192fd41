/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read-ahead.c: which reads follow one another; see read-ahead.h.
 *
 * A read that belongs to no stream and missed begins one that may turn out to
 * be contiguous, in place of the one used least recently. As long as the stream
 * of a read is not worth it, the read is remembered among the recent ones, too:
 * if it is as far from one of these as that is from another one, the three
 * begin a strided stream.
 *
 * A contiguous stream is worth fetching for when it has had three reads, and
 * what they have skipped so far is no more than what they have read; a strided
 * one when it has had four, the three that it began with among them.
 */
#include "cache/read-ahead.h"

#include <stddef.h>
#include <string.h>

/* How far out of order reads come: so many of them, and no more bytes unless
 * they are larger.
 */
#define SLACK_READS 32
#define SLACK_BYTES (UINT64_C(4) << 20)
#define SLACK_STRIDES 16

#define READS_MIN 3
#define STRIDED_READS_MIN 4
#define WINDOW_MIN (UINT64_C(128) << 10)
#define PIECE_MIN (UINT64_C(64) << 10)
/* A strided stream has no more reads on their way. */
#define STRIDES_AHEAD 32

static uint64_t
smaller(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

static uint64_t
slack_of(uint64_t count)
{
  return larger(smaller(SLACK_READS * count, SLACK_BYTES), 2 * count);
}

/* --- what belongs together -------------------------------------------- */

static bool
fits_contiguous(const struct read_stream *stream, uint64_t offset,
                uint64_t count)
{
  uint64_t slack = slack_of(larger(count, stream->count));

  return offset + slack >= stream->next && offset <= stream->next + slack;
}

/* How many reads of its stride it lies behind the one that is expected; less
 * than 0: before it. False: it does not fit.
 */
static bool
fits_strided(const struct read_stream *stream, uint64_t offset, uint64_t count,
             int64_t *steps)
{
  int64_t distance = (int64_t)(offset - stream->next);

  if (count > stream->count || distance % stream->stride != 0)
    return false;
  *steps = distance / stream->stride;
  return *steps >= -SLACK_STRIDES && *steps <= SLACK_STRIDES;
}

static void
go_on_contiguous(struct read_stream *stream, uint64_t offset, uint64_t count)
{
  uint64_t end = offset + count, before = 0;

  if (offset < stream->next)
    before = smaller(end, stream->next) - offset;
  else
    stream->skipped += offset - stream->next;
  if (before > 0 && stream->skipped == 0 && end <= stream->next)
    return; /* once more what was read */
  stream->skipped -= smaller(stream->skipped, before);
  stream->seen += count;
  stream->next = larger(stream->next, end);
  stream->reads++;
}

static void
go_on_strided(struct read_stream *stream, int64_t steps)
{
  stream->reads++;
  if (steps < 0)
    return;
  stream->next += (uint64_t)((steps + 1) * stream->stride);
  stream->asked -= smaller(stream->asked, (uint64_t)steps + 1);
}

static bool
is_worth_it(const struct read_stream *stream)
{
  if (stream->stride != 0)
    return stream->reads >= STRIDED_READS_MIN;
  return stream->reads >= READS_MIN && stream->skipped <= stream->seen;
}

/* The stream that it belongs to: one that is worth it, if there is. */
static struct read_stream *
find(struct read_ahead *ahead, uint64_t offset, uint64_t count)
{
  struct read_stream *found = NULL;

  for (unsigned i = 0; i < READ_AHEAD_STREAMS; i++) {
    struct read_stream *stream = &ahead->streams[i];
    int64_t steps;

    if (stream->reads == 0 ||
        (stream->stride != 0 ? !fits_strided(stream, offset, count, &steps)
                             : !fits_contiguous(stream, offset, count)))
      continue;
    if (is_worth_it(stream))
      return stream;
    if (found == NULL || found->reads < stream->reads)
      found = stream;
  }
  return found;
}

static struct read_stream *
least_used(struct read_ahead *ahead)
{
  struct read_stream *least = &ahead->streams[0];

  for (unsigned i = 1; i < READ_AHEAD_STREAMS; i++)
    if (ahead->streams[i].used < least->used)
      least = &ahead->streams[i];
  return least;
}

/* The distance between reads of which this may be the third; 0: none. */
static int64_t
find_stride(const struct read_ahead *ahead, uint64_t offset, uint64_t count)
{
  for (unsigned i = 0; i < READ_AHEAD_RECENT; i++) {
    const struct recent_read *second = &ahead->recent[i];
    uint64_t first = 2 * second->offset - offset;

    if (second->count != count || second->offset == offset)
      continue;
    for (unsigned j = 0; j < READ_AHEAD_RECENT; j++)
      if (ahead->recent[j].count == count && ahead->recent[j].offset == first)
        return (int64_t)(offset - second->offset);
  }
  return 0;
}

/* A new stream, in the place of another one. */
static void
begin(struct read_ahead *ahead, const struct read_stream *stream)
{
  struct read_stream *place = least_used(ahead);

  *place = *stream;
  place->used = ahead->clock;
}

/* A read that missed, and belongs to no stream that is worth it. */
static void
remember(struct read_ahead *ahead, uint64_t offset, uint64_t count, bool fits)
{
  int64_t stride = find_stride(ahead, offset, count);

  if (stride != 0)
    begin(ahead, &(struct read_stream){.reads = 3,
                                       .stride = stride,
                                       .next = offset + (uint64_t)stride,
                                       .count = count});
  else if (!fits)
    begin(ahead, &(struct read_stream){.reads = 1,
                                       .next = offset + count,
                                       .count = count,
                                       .seen = count});
  ahead->newest = (ahead->newest + 1) % READ_AHEAD_RECENT;
  ahead->recent[ahead->newest] =
      (struct recent_read){.offset = offset, .count = count};
}

static void
grow(const struct read_ahead *ahead, struct read_stream *stream, uint64_t count)
{
  stream->grown += count;
  if (stream->window == 0) {
    stream->window = larger(WINDOW_MIN, 4 * stream->count);
    stream->from = stream->next;
  } else if (stream->grown >= stream->window) {
    stream->window *= 2;
  } else {
    return;
  }
  stream->window = smaller(stream->window, ahead->most);
  stream->grown = 0;
}

static void
go_on(struct read_stream *stream, uint64_t offset, uint64_t count)
{
  int64_t steps;

  if (stream->stride == 0) {
    stream->count = count;
    go_on_contiguous(stream, offset, count);
  } else if (fits_strided(stream, offset, count, &steps)) {
    go_on_strided(stream, steps);
  }
}

struct read_stream *
read_ahead_note(struct read_ahead *ahead, uint64_t offset, uint64_t count,
                bool missed)
{
  struct read_stream *stream = find(ahead, offset, count);

  ahead->clock++;
  if (stream != NULL) {
    stream->used = ahead->clock;
    go_on(stream, offset, count);
  }
  if (stream != NULL && is_worth_it(stream)) {
    grow(ahead, stream, count);
    return stream;
  }
  if (missed)
    remember(ahead, offset, count, stream != NULL);
  return NULL;
}

/* --- what is fetched -------------------------------------------------- */

static uint64_t
down(const struct read_ahead *ahead, uint64_t offset)
{
  return offset - offset % ahead->block;
}

static uint64_t
up(const struct read_ahead *ahead, uint64_t offset)
{
  return down(ahead, offset + ahead->block - 1);
}

static bool
next_contiguous(const struct read_ahead *ahead, struct read_stream *stream,
                uint64_t size, uint64_t *begin, uint64_t *end)
{
  uint64_t piece = smaller(larger(stream->window / 4, PIECE_MIN),
                           smaller(ahead->piece, stream->window));

  piece = larger(down(ahead, piece), ahead->block);
  if (stream->ahead >= size)
    return false;
  *begin = larger(stream->ahead, down(ahead, stream->next));
  *end = smaller(*begin + piece, size);
  if (*begin >= *end || *end > stream->next + stream->window)
    return false;
  stream->ahead = *end;
  return true;
}

/* The next one that is asked for; a read of a backward stream may lie before
 * the volume's beginning, which makes it a large number.
 */
static bool
next_strided(const struct read_ahead *ahead, struct read_stream *stream,
             uint64_t size, uint64_t *begin, uint64_t *end)
{
  uint64_t at = stream->next + stream->asked * (uint64_t)stream->stride;

  if (stream->asked >= STRIDES_AHEAD ||
      (stream->asked + 1) * up(ahead, stream->count) > stream->window ||
      at >= size || size - at < stream->count)
    return false;
  *begin = down(ahead, at);
  *end = smaller(up(ahead, at + stream->count), size);
  if (*end - *begin > ahead->piece)
    return false;
  stream->asked++;
  return true;
}

bool
read_ahead_next(const struct read_ahead *ahead, struct read_stream *stream,
                uint64_t size, uint64_t *begin, uint64_t *end)
{
  if (stream->window == 0)
    return false;
  return stream->stride != 0 ? next_strided(ahead, stream, size, begin, end)
                             : next_contiguous(ahead, stream, size, begin, end);
}

void
read_ahead_undo(struct read_stream *stream, uint64_t begin)
{
  if (stream->stride == 0)
    stream->ahead = begin;
  else if (stream->asked > 0)
    stream->asked--;
}

bool
read_ahead_asked(const struct read_stream *stream, uint64_t offset)
{
  return stream->stride == 0 && offset >= stream->from &&
         offset < stream->ahead;
}

void
read_ahead_lost(const struct read_ahead *ahead, struct read_stream *stream)
{
  stream->window = larger(stream->window / 2, ahead->block);
  stream->grown = 0;
}

void
read_ahead_forget(struct read_ahead *ahead)
{
  memset(ahead->streams, 0, sizeof ahead->streams);
  memset(ahead->recent, 0, sizeof ahead->recent);
}
