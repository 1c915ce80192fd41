/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-read-ahead.c: which reads are taken for a stream, and what is fetched
 * for it.
 */
#include "cache/read-ahead.h"
#include "unit.h"

#include <stdlib.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define SIZE (1024 * MIB)

static struct read_ahead
new_ahead(void)
{
  return (struct read_ahead){.block = 4 * KIB, .most = 16 * MIB, .piece = MIB};
}

static struct read_stream *
note(struct read_ahead *ahead, uint64_t offset, uint64_t count)
{
  return read_ahead_note(ahead, offset, count, true);
}

/* Fetches all that there is; where it ends, with nothing left out. */
static uint64_t
fetch_all(struct read_ahead *ahead, struct read_stream *stream, uint64_t from)
{
  uint64_t begin, end;

  while (read_ahead_next(ahead, stream, SIZE, &begin, &end)) {
    assert_int_equal(begin, from);
    assert_int_equal(begin % ahead->block, 0);
    assert_true(end > begin && end - begin <= ahead->piece && end <= SIZE);
    from = end;
  }
  return from;
}

static void
three_reads_are_a_stream(void **state)
{
  struct read_ahead ahead = new_ahead();
  struct read_stream *stream;

  (void)state;
  assert_null(note(&ahead, MIB, 64 * KIB));
  assert_null(note(&ahead, MIB + 64 * KIB, 64 * KIB));
  stream = note(&ahead, MIB + 128 * KIB, 64 * KIB);
  assert_non_null(stream);
  assert_int_equal(fetch_all(&ahead, stream, MIB + 192 * KIB),
                   MIB + (192 + 256) * KIB);
  assert_int_equal(fetch_all(&ahead, stream, 0), 0); /* once only */
}

/* The distance doubles up to the most, and what was asked for is not again. */
static void
the_window_grows(void **state)
{
  struct read_ahead ahead = new_ahead();
  uint64_t at = 0, asked = 3 * 64 * KIB, distance = 0;

  (void)state;
  for (; at < 64 * MIB; at += 64 * KIB) {
    struct read_stream *stream = note(&ahead, at, 64 * KIB);

    if (stream == NULL)
      continue;
    asked = fetch_all(&ahead, stream, asked);
    assert_true(asked - at <= 16 * MIB + 64 * KIB);
    distance = asked - at;
  }
  assert_true(distance > 14 * MIB);
}

static uint64_t dice = 1;

static uint64_t
roll(uint64_t bound)
{
  dice = dice * 6364136223846793005U + 1442695040888963407U;
  return (dice >> 33) % bound;
}

/* Many on their way, and threads: out of order within their number. */
static void
order_is_not_strict(void **state)
{
  (void)state;
  for (unsigned depth = 2; depth <= 32; depth *= 2) {
    struct read_ahead ahead = new_ahead();
    uint64_t under_way[32], next = 0, asked = 0, begin, end;
    unsigned in_front = 0;

    for (unsigned i = 0; i < depth; i++, next += 16 * KIB)
      under_way[i] = next;
    for (unsigned i = 0; i < 2000; i++, next += 16 * KIB) {
      unsigned which = (unsigned)roll(depth);
      uint64_t offset = under_way[which];
      struct read_stream *stream = note(&ahead, offset, 16 * KIB);

      in_front += offset + 16 * KIB <= asked;
      while (stream != NULL &&
             read_ahead_next(&ahead, stream, SIZE, &begin, &end))
        asked = end;
      under_way[which] = next;
    }
    assert_true(in_front > 1500);
  }
}

static void
random_reads_are_none(void **state)
{
  struct read_ahead ahead = new_ahead();
  unsigned fetched = 0;

  (void)state;
  for (unsigned i = 0; i < 100000; i++) {
    struct read_stream *stream = note(&ahead, roll(65536) * 4 * KIB, 4 * KIB);
    uint64_t begin, end;

    while (stream != NULL &&
           read_ahead_next(&ahead, stream, SIZE, &begin, &end))
      fetched++;
  }
  assert_true(fetched < 100);
}

/* The same places again and again, and pairs, are none either. */
static void
nor_are_repeated_ones(void **state)
{
  struct read_ahead ahead = new_ahead();

  (void)state;
  for (unsigned i = 0; i < 100; i++)
    assert_null(note(&ahead, 8 * MIB, 4 * KIB));
  for (unsigned i = 0; i < 1000; i++) {
    uint64_t offset = roll(100000) * 8 * KIB;

    note(&ahead, offset, 4 * KIB);
    assert_null(note(&ahead, offset + 4 * KIB, 4 * KIB));
  }
}

static void
what_is_in_memory_begins_nothing(void **state)
{
  struct read_ahead ahead = new_ahead();

  (void)state;
  for (uint64_t at = 0; at < MIB; at += 4 * KIB)
    assert_null(read_ahead_note(&ahead, at, 4 * KIB, false));
  for (unsigned i = 0; i < 3; i++)
    note(&ahead, 2 * MIB + i * 4 * KIB, 4 * KIB);
  assert_non_null(read_ahead_note(&ahead, 2 * MIB + 12 * KIB, 4 * KIB, false));
}

static void
streams_side_by_side(void **state)
{
  struct read_ahead ahead = new_ahead();
  unsigned found = 0;

  (void)state;
  for (uint64_t i = 0; i < 10; i++)
    for (uint64_t j = 0; j < READ_AHEAD_STREAMS; j++)
      found += note(&ahead, (MIB << j) + i * 4 * KIB, 4 * KIB) != NULL;
  assert_int_equal(found, 8 * READ_AHEAD_STREAMS);
  found = 0; /* one too many */
  read_ahead_forget(&ahead);
  for (uint64_t i = 0; i < 10; i++)
    for (uint64_t j = 0; j <= READ_AHEAD_STREAMS; j++)
      found += note(&ahead, (MIB << j) + i * 4 * KIB, 4 * KIB) != NULL;
  assert_int_equal(found, 0);
}

static void
strided_reads(void **state)
{
  static const int64_t strides[] = {256 * 1024, -64 * 1024, 5 * 1024 * 1024,
                                    -4096};

  (void)state;
  for (unsigned i = 0; i < COUNT(strides); i++) {
    struct read_ahead ahead = new_ahead();
    struct read_stream *stream = NULL;
    uint64_t at = 500 * MIB, begin, end, expected;
    unsigned count = 0;

    for (unsigned j = 0; j < 4; j++, at += (uint64_t)strides[i])
      stream = note(&ahead, at, 4 * KIB);
    assert_non_null(stream);
    for (expected = at; read_ahead_next(&ahead, stream, SIZE, &begin, &end);
         expected += (uint64_t)strides[i]) {
      assert_int_equal(begin, expected);
      assert_int_equal(end, expected + 4 * KIB);
      count++;
    }
    assert_int_equal(count, 32);
    /* One more for each that is read, in whatever order. */
    assert_ptr_equal(note(&ahead, at + (uint64_t)strides[i], 4 * KIB), stream);
    assert_ptr_equal(note(&ahead, at, 4 * KIB), stream);
    for (count = 0; read_ahead_next(&ahead, stream, SIZE, &begin, &end);)
      count++;
    assert_int_equal(count, 2);
  }
}

static void
nothing_behind_the_end(void **state)
{
  struct read_ahead ahead = new_ahead();
  struct read_stream *stream = NULL;
  const uint64_t size = 100 * KIB + 512;
  uint64_t begin, end = 0, last = 0;

  (void)state;
  for (unsigned i = 0; i < 3; i++)
    stream = note(&ahead, i * 4 * KIB, 4 * KIB);
  while (read_ahead_next(&ahead, stream, size, &begin, &end))
    last = end;
  assert_int_equal(last, size);
  /* Backwards, before the beginning. */
  read_ahead_forget(&ahead);
  for (unsigned i = 0; i < 4; i++)
    stream = note(&ahead, (40 - i * 8) * KIB, 4 * KIB);
  assert_true(read_ahead_next(&ahead, stream, size, &begin, &end));
  assert_int_equal(begin, 8 * KIB);
  assert_true(read_ahead_next(&ahead, stream, size, &begin, &end));
  assert_int_equal(begin, 0);
  assert_false(read_ahead_next(&ahead, stream, size, &begin, &end));
}

static void
undone_and_lost(void **state)
{
  struct read_ahead ahead = new_ahead();
  struct read_stream *stream = NULL;
  uint64_t begin, end, again, window;

  (void)state;
  for (unsigned i = 0; i < 3; i++)
    stream = note(&ahead, i * 64 * KIB, 64 * KIB);
  assert_true(read_ahead_next(&ahead, stream, SIZE, &begin, &end));
  read_ahead_undo(stream, begin);
  assert_true(read_ahead_next(&ahead, stream, SIZE, &again, &end));
  assert_int_equal(again, begin);
  assert_true(read_ahead_asked(stream, begin));
  assert_false(read_ahead_asked(stream, end));
  assert_false(read_ahead_asked(stream, 0));
  window = stream->window;
  read_ahead_lost(&ahead, stream);
  assert_int_equal(stream->window, window / 2);
  for (unsigned i = 0; i < 100; i++)
    read_ahead_lost(&ahead, stream);
  assert_int_equal(stream->window, ahead.block);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(three_reads_are_a_stream),
      cmocka_unit_test(the_window_grows),
      cmocka_unit_test(order_is_not_strict),
      cmocka_unit_test(random_reads_are_none),
      cmocka_unit_test(nor_are_repeated_ones),
      cmocka_unit_test(what_is_in_memory_begins_nothing),
      cmocka_unit_test(streams_side_by_side),
      cmocka_unit_test(strided_reads),
      cmocka_unit_test(nothing_behind_the_end),
      cmocka_unit_test(undone_and_lost),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
