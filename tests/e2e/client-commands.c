/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client-commands.c URI: every NBD command, with every flag, does what the
 * protocol says, and the export says what it can do. The volume is 64 MiB and
 * empty.
 */
#include "client.h"

#include <errno.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define SIZE (64 * MIB)
#define LARGE (20 * MIB) /* above the maximum that the export names */

static unsigned char *data, *back;

static void
check_abilities(struct nbd_handle *client)
{
  if (must(nbd_get_size(client)) != (int64_t)SIZE)
    fail("the export has another size");
  if (must(nbd_is_read_only(client)) || must(nbd_is_rotational(client)))
    fail("read-only or rotational");
  if (!must(nbd_can_flush(client)) || !must(nbd_can_fua(client)) ||
      !must(nbd_can_zero(client)) || !must(nbd_can_fast_zero(client)) ||
      !must(nbd_can_trim(client)) || !must(nbd_can_cache(client)) ||
      !must(nbd_can_multi_conn(client)) || !must(nbd_can_df(client)))
    fail("an ability is missing");
  if (!must(nbd_can_meta_context(client, LIBNBD_CONTEXT_BASE_ALLOCATION)))
    fail("no base:allocation");
  if (must(nbd_get_block_size(client, LIBNBD_SIZE_MINIMUM)) != 512 ||
      must(nbd_get_block_size(client, LIBNBD_SIZE_PREFERRED)) != 4096 ||
      must(nbd_get_block_size(client, LIBNBD_SIZE_MAXIMUM)) != 4 * MIB)
    fail("other block sizes");
}

static void
expect(struct nbd_handle *client, const unsigned char *wanted, size_t count,
       uint64_t offset, const char *what)
{
  memset(back, 0xa5, count);
  must(nbd_pread(client, back, count, offset, 0));
  if (memcmp(back, wanted, count) != 0)
    fail("%s: other data at %llu", what, (unsigned long long)offset);
}

/* Ranges of all alignments and sizes are written and read back, and what is
 * around them stays.
 */
static void
check_alignments(struct nbd_handle *client)
{
  static const uint32_t offsets[] = {0, 1, 511, 512, 513, 4095, 4096, 70001};
  static const uint32_t counts[] = {1, 2, 511, 512, 513, 4096, 65535, 200001};

  for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
    for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++) {
      uint32_t offset = offsets[i], count = counts[j];
      uint32_t flags = j % 2 ? LIBNBD_CMD_FLAG_FUA : 0;

      fill_random(data, MIB, (uint32_t)(i * 100 + j));
      must(nbd_pwrite(client, data, MIB, 0, 0));
      fill_random(data + offset, count, (uint32_t)(i * 100 + j + 50));
      must(nbd_pwrite(client, data + offset, count, offset, flags));
      expect(client, data, MIB, 0, "write");
      memset(data + offset, 0, count);
      must(nbd_zero(client, count, offset,
                    flags | (i % 2 ? LIBNBD_CMD_FLAG_NO_HOLE : 0)));
      expect(client, data, MIB, 0, "zero");
    }
  }
}

static void
check_large(struct nbd_handle *client)
{
  fill_random(data, LARGE, 7);
  must(nbd_pwrite(client, data, LARGE, 3, LIBNBD_CMD_FLAG_FUA));
  expect(client, data, LARGE, 3, "large write");
  must(nbd_flush(client, 0));
}

/* A fast zero is done, or it is refused at once and nothing has changed. */
static void
check_fast_zero(struct nbd_handle *client)
{
  fill_random(data, MIB, 8);
  must(nbd_pwrite(client, data, MIB, 0, 0));
  if (nbd_zero(client, MIB, 0, LIBNBD_CMD_FLAG_FAST_ZERO) == 0)
    memset(data, 0, MIB);
  else if (nbd_get_errno() != EOPNOTSUPP)
    fail("fast zero: %s", nbd_get_error());
  expect(client, data, MIB, 0, "fast zero");
}

struct extent_sum {
  uint64_t data, hole, entries;
};

static int
add_extents(void *opaque, const char *context, uint64_t offset,
            uint32_t *entries, size_t count, int *error)
{
  struct extent_sum *sum = opaque;

  (void)context;
  (void)offset;
  (void)error;
  for (size_t i = 0; i < count; i += 2, sum->entries++) {
    if (entries[i + 1] == 0)
      sum->data += entries[i];
    else if (entries[i + 1] == (LIBNBD_STATE_HOLE | LIBNBD_STATE_ZERO))
      sum->hole += entries[i];
    else
      fail("an extent is of type %u", entries[i + 1]);
  }
  return 0;
}

static struct extent_sum
extents(struct nbd_handle *client, uint64_t count, uint64_t offset,
        uint32_t flags)
{
  struct extent_sum sum = {0};

  must(nbd_block_status(
      client, count, offset,
      (nbd_extent_callback){.callback = add_extents, .user_data = &sum},
      flags));
  return sum;
}

/* Trimmed and zeroed ranges become holes, written ones do not. */
static void
check_extents(struct nbd_handle *client)
{
  struct extent_sum sum;

  must(nbd_trim(client, SIZE, 0, LIBNBD_CMD_FLAG_FUA));
  memset(data, 0, MIB);
  expect(client, data, MIB, 5 * MIB, "trim");
  sum = extents(client, SIZE, 0, 0);
  if (sum.hole != SIZE || sum.data != 0)
    fail("a trimmed volume has %llu bytes of data",
         (unsigned long long)sum.data);

  fill_random(data, MIB, 9);
  for (uint64_t offset = 8 * MIB; offset < 16 * MIB; offset += 2 * MIB)
    must(nbd_pwrite(client, data, MIB, offset, 0));
  sum = extents(client, 8 * MIB, 8 * MIB, 0);
  if (sum.data != 4 * MIB || sum.hole < 3 * MIB || sum.entries < 7)
    fail("%llu extents with %llu bytes of data, %llu of holes",
         (unsigned long long)sum.entries, (unsigned long long)sum.data,
         (unsigned long long)sum.hole);

  sum = extents(client, 8 * MIB, 8 * MIB, LIBNBD_CMD_FLAG_REQ_ONE);
  if (sum.entries != 1 || sum.data != MIB || sum.hole != 0)
    fail("req-one: %llu extents", (unsigned long long)sum.entries);
}

static void
check_cache(struct nbd_handle *client)
{
  must(nbd_cache(client, MIB, 8 * MIB, 0));
  expect(client, data, MIB, 8 * MIB, "after cache");
}

static void
check_ends(struct nbd_handle *client)
{
  fill_random(data, 513, 10);
  must(nbd_pwrite(client, data, 513, SIZE - 513, 0));
  expect(client, data, 513, SIZE - 513, "the end");

  must(nbd_set_strict_mode(client, 0));
  if (nbd_pwrite(client, data, 512, SIZE - 256, 0) != -1 ||
      (nbd_get_errno() != EINVAL && nbd_get_errno() != ENOSPC))
    fail("a write past the end: %s", nbd_get_error());
  if (nbd_pread(client, back, 512, SIZE, 0) != -1 || nbd_get_errno() != EINVAL)
    fail("a read past the end: %s", nbd_get_error());
}

/* What is written on one connection is read on another, and a flush on one
 * covers both.
 */
static void
check_multi_conn(const char *uri)
{
  struct nbd_handle *a = client_connect(uri), *b = client_connect(uri);

  for (uint32_t i = 0; i < 50; i++) {
    fill_random(data, 10000, 100 + i);
    must(nbd_pwrite(a, data, 10000, i * 777, 0));
    must(nbd_flush(b, 0));
    expect(b, data, 10000, i * 777, "the other connection");
  }
  client_close(a);
  client_close(b);
}

int
main(int argc, char *argv[])
{
  struct nbd_handle *client;

  if (argc != 2)
    fail("usage: client-commands URI");
  data = must_allocate(LARGE);
  back = must_allocate(LARGE);
  client = client_connect(argv[1]);
  check_abilities(client);
  check_alignments(client);
  check_large(client);
  check_fast_zero(client);
  check_extents(client);
  check_cache(client);
  check_ends(client);
  client_close(client);
  check_multi_conn(argv[1]);
  free(back);
  free(data);
  return 0;
}
