/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* contract-data.c: bytes: read, write, zero, flush, extents, any alignment. */
#include "contract.h"

#include <pthread.h>
#include <string.h>

/* A volume leased to A, for writing with its epoch. */
struct leased {
  struct store_volume *volume;
  uint64_t epoch;
};

static struct leased
leased_volume(void)
{
  struct leased leased = {.volume = contract_volume()};

  leased.epoch = contract_epoch(leased.volume);
  assert_int_equal(
      contract_acquire(leased.volume, &contract_a, LEASE_DURATION_INFINITE), 0);
  return leased;
}

static void
write_ok(const struct leased *leased, uint64_t offset, const void *bytes,
         uint64_t count)
{
  assert_int_equal(contract_write(leased->volume, &contract_a, leased->epoch,
                                  offset, bytes, count),
                   0);
}

static int
zero(const struct leased *leased, uint64_t offset, uint64_t count,
     unsigned flags)
{
  struct store_io io = {
      .kind = STORE_ZERO,
      .offset = offset,
      .count = count,
      .flags = flags,
      .guard = {.lease_id = contract_a, .epoch = leased->epoch}};

  return contract_io(leased->volume, &io);
}

static void
expect(const struct leased *leased, uint64_t offset, uint64_t count, int byte)
{
  static char bytes[CONTRACT_SIZE];

  memset(bytes, 0x77, count);
  contract_read(leased->volume, offset, bytes, count);
  for (uint64_t i = 0; i < count; i++)
    if (bytes[i] != byte)
      fail_msg("byte %d, not %d, at %llu", bytes[i], byte,
               (unsigned long long)(offset + i));
}

static void
test_write_read(void **state)
{
  struct leased leased = leased_volume();
  static char bytes[CONTRACT_SIZE];
  struct store_io io = {.kind = STORE_WRITE,
                        .flags = STORE_IO_FUA,
                        .offset = 512,
                        .count = 1024,
                        .buffer = bytes,
                        .guard = {contract_a, leased.epoch}};
  struct store_io flush = {.kind = STORE_FLUSH};
  struct store_io prefetch = {.kind = STORE_PREFETCH, .count = CONTRACT_SIZE};

  (void)state;
  memset(bytes, 'x', sizeof bytes);
  assert_int_equal(contract_io(leased.volume, &io), 0);
  assert_int_equal(contract_io(leased.volume, &flush), 0);
  assert_int_equal(contract_io(leased.volume, &prefetch), 0);
  expect(&leased, 0, 512, 0);
  expect(&leased, 512, 1024, 'x');
  expect(&leased, 1536, 512, 0);
  write_ok(&leased, 0, bytes, sizeof bytes);
  expect(&leased, 0, CONTRACT_SIZE, 'x');
  contract_close(leased.volume);
}

static void
test_zero(void **state)
{
  static const unsigned flags[] = {0, STORE_IO_MAY_TRIM, STORE_IO_FUA,
                                   STORE_IO_FAST_ONLY,
                                   STORE_IO_FAST_ONLY | STORE_IO_MAY_TRIM};
  struct leased leased = leased_volume();
  static char bytes[CONTRACT_SIZE];

  (void)state;
  memset(bytes, 'x', sizeof bytes);
  for (size_t i = 0; i < COUNT(flags); i++) {
    int r;

    write_ok(&leased, 0, bytes, sizeof bytes);
    r = zero(&leased, 512, 70000 / 512 * 512, flags[i]);
    if (r == STATUS_UNSUPPORTED && (flags[i] & STORE_IO_FAST_ONLY)) {
      expect(&leased, 0, CONTRACT_SIZE, 'x');
      continue;
    }
    assert_int_equal(r, 0);
    expect(&leased, 0, 512, 'x');
    expect(&leased, 512, 70000 / 512 * 512, 0);
    expect(&leased, 512 + 70000 / 512 * 512, 512, 'x');
  }
  contract_close(leased.volume);
}

/* Extents cover a prefix, are whole sectors, and holes read as zero. */
static void
check_extents(const struct leased *leased, uint64_t offset, uint64_t count)
{
  uint64_t end = offset + count;

  while (offset < end) {
    struct store_io io = {
        .kind = STORE_EXTENTS, .offset = offset, .count = end - offset};

    assert_int_equal(contract_io(leased->volume, &io), 0);
    assert_true(io.extents.count > 0);
    for (size_t i = 0; i < io.extents.count; i++) {
      const struct extent *extent = &io.extents.items[i];

      assert_true(extent->length > 0 && extent->length <= end - offset);
      assert_int_equal(extent->length % STORE_SECTOR, 0);
      if (i > 0)
        assert_true(extent->hole != extent[-1].hole);
      if (extent->hole)
        expect(leased, offset, extent->length, 0);
      offset += extent->length;
    }
    extents_free(&io.extents);
  }
  assert_int_equal(offset, end);
}

static void
test_extents(void **state)
{
  struct leased leased = leased_volume();
  struct store_io io = {.kind = STORE_EXTENTS, .count = CONTRACT_SIZE};
  static char bytes[65536];

  (void)state;
  memset(bytes, 'x', sizeof bytes);
  assert_int_equal(contract_io(leased.volume, &io), 0);
  assert_int_equal(io.extents.count, 1);
  assert_true(io.extents.items[0].hole);
  extents_free(&io.extents);
  write_ok(&leased, 131072, bytes, sizeof bytes);
  write_ok(&leased, CONTRACT_SIZE - 512, bytes, 512);
  check_extents(&leased, 0, CONTRACT_SIZE);
  check_extents(&leased, 131072, 512);
  check_extents(&leased, 130560, 1024);
  assert_int_equal(zero(&leased, 131072, 65536, STORE_IO_MAY_TRIM), 0);
  check_extents(&leased, 0, CONTRACT_SIZE);
  contract_close(leased.volume);
}

/* A request may be larger than what a store does in one piece. */
static void
test_large(void **state)
{
  enum { SIZE = 12 << 20 };
  static char bytes[SIZE], again[SIZE];
  struct leased leased;

  (void)state;
  assert_int_equal(store_create(contract_store, "large", SIZE, NULL), 0);
  leased.volume = contract_open(contract_store, "large");
  leased.epoch = contract_epoch(leased.volume);
  assert_int_equal(contract_acquire(leased.volume, &contract_a, 60), 0);
  for (size_t i = 0; i < SIZE; i++)
    bytes[i] = (char)(i * 2654435761u >> 24);
  write_ok(&leased, 512, bytes + 512, SIZE - 512);
  memset(bytes, 0, 512);
  contract_read(leased.volume, 0, again, SIZE);
  assert_memory_equal(again, bytes, SIZE);
  assert_int_equal(zero(&leased, 0, SIZE, 0), 0);
  contract_read(leased.volume, 0, again, SIZE);
  memset(bytes, 0, SIZE);
  assert_memory_equal(again, bytes, SIZE);
  contract_close(leased.volume);
}

/* Data may be read into, or written from, pieces of memory that lie anywhere.
 */
static void
test_pieces(void **state)
{
  enum { SIZE = 3 << 20, PIECE = 4096 };
  static const uint64_t counts[] = {512, PIECE, 10 * PIECE + 512, SIZE - 512};
  static char bytes[SIZE], again[SIZE], there[SIZE];
  static void *pieces[SIZE / PIECE];
  struct leased leased;

  (void)state;
  assert_int_equal(store_create(contract_store, "pieces", SIZE, NULL), 0);
  leased.volume = contract_open(contract_store, "pieces");
  leased.epoch = contract_epoch(leased.volume);
  assert_int_equal(contract_acquire(leased.volume, &contract_a, 60), 0);
  for (size_t i = 0; i < SIZE; i++)
    bytes[i] = (char)(i * 2654435761u >> 24);
  write_ok(&leased, 0, bytes, SIZE);
  for (size_t i = 0; i < SIZE / PIECE; i++) /* the first one last */
    pieces[i] = again + SIZE - (i + 1) * PIECE;
  for (size_t i = 0; i < COUNT(counts); i++) {
    struct store_io io = {.kind = STORE_READ,
                          .offset = 512,
                          .count = counts[i],
                          .pieces = pieces,
                          .piece_size = PIECE};

    memset(again, 0, sizeof again);
    assert_int_equal(contract_io(leased.volume, &io), 0);
    for (uint64_t at = 0; at < counts[i]; at += PIECE)
      assert_memory_equal(pieces[at / PIECE], bytes + 512 + at,
                          counts[i] - at < PIECE ? counts[i] - at : PIECE);
  }
  for (size_t i = 0; i < COUNT(counts); i++) {
    struct store_io io = {.kind = STORE_WRITE,
                          .guard = {contract_a, leased.epoch},
                          .offset = 512,
                          .count =
                              counts[i] < SIZE - 1024 ? counts[i] : SIZE - 1024,
                          .pieces = pieces,
                          .piece_size = PIECE,
                          .piece_begin = 512};

    for (size_t at = 0; at < SIZE; at++)
      again[at] = (char)((at + i) * 2654435761u >> 16);
    write_ok(&leased, 0, bytes, SIZE);
    assert_int_equal(contract_io(leased.volume, &io), 0);
    contract_read(leased.volume, 0, there, SIZE);
    for (uint64_t at = 0; at < SIZE; at++) {
      /* It begins at 512 of both. */
      bool written = at >= 512 && at < 512 + io.count;
      char expected =
          written ? ((char *)pieces[at / PIECE])[at % PIECE] : bytes[at];

      if (there[at] != expected)
        fail_msg("byte %u", (unsigned)at);
    }
  }
  contract_close(leased.volume);
}

/* Writers whose ranges touch each other inside one sector, all at once: every
 * byte ends as what its own writer wrote.
 */
#define STRIPE_WRITERS 8
#define STRIPES 200

struct stripe_writer {
  pthread_t thread;
  const struct leased *leased;
  unsigned number, unit;
  int status; /* the first that is not 0 */
};

static uint64_t
stripe_offset(const struct stripe_writer *writer, unsigned i)
{
  return ((uint64_t)i * STRIPE_WRITERS + writer->number) * writer->unit;
}

static void *
write_stripes(void *data)
{
  struct stripe_writer *writer = data;
  char bytes[512];

  memset(bytes, 'a' + (int)writer->number, sizeof bytes);
  for (unsigned i = 0; i < STRIPES && writer->status == 0; i++)
    writer->status = contract_write(
        writer->leased->volume, &contract_a, writer->leased->epoch,
        stripe_offset(writer, i), bytes, writer->unit);
  return NULL;
}

static void
test_any_alignment(void **state)
{
  struct leased leased = leased_volume();
  struct stripe_writer writers[STRIPE_WRITERS];
  unsigned unit = leased.volume->alignment == 1 ? 77 : STORE_SECTOR;

  (void)state;
  for (unsigned i = 0; i < STRIPE_WRITERS; i++) {
    writers[i] =
        (struct stripe_writer){.leased = &leased, .number = i, .unit = unit};
    assert_int_equal(
        pthread_create(&writers[i].thread, NULL, write_stripes, &writers[i]),
        0);
  }
  for (unsigned i = 0; i < STRIPE_WRITERS; i++)
    pthread_join(writers[i].thread, NULL);
  for (unsigned i = 0; i < STRIPE_WRITERS; i++) {
    assert_int_equal(writers[i].status, 0);
    for (unsigned j = 0; j < STRIPES; j++)
      expect(&leased, stripe_offset(&writers[i], j), unit, 'a' + (int)i);
  }
  contract_close(leased.volume);
}

const struct CMUnitTest contract_data_tests[] = {
    CONTRACT_TEST(test_write_read),
    CONTRACT_TEST(test_zero),
    CONTRACT_TEST(test_extents),
    CONTRACT_TEST(test_large),
    CONTRACT_TEST(test_pieces),
    CONTRACT_TEST(test_any_alignment),
    {0},
};
