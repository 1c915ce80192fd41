/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client-race.c URI: requests that race, and are not aligned, are correct.
 *
 * Each thread has a connection and owns every THREADS-th cell of the volume.
 * Cells are so small that each sector of the store holds cells of several
 * threads: a read-modify-write that forgets its neighbours loses data. At the
 * end every byte is what its owner wrote there last. The volume is 8 MiB.
 */
#include "client.h"

#include <pthread.h>
#include <string.h>

#define THREADS 8
#define CELL 117 /* no multiple or divisor of 512 */
#define CELLS 4000
#define ROUNDS 4

static const char *uri;
static unsigned char *expected; /* each thread writes its own cells only */

static void
write_cell(struct nbd_handle *client, uint32_t cell, uint32_t *state)
{
  unsigned char *bytes = expected + (size_t)cell * CELL;
  uint64_t offset = (uint64_t)cell * CELL;

  switch (next_random(state) % 4) {
  case 0:
    memset(bytes, 0, CELL);
    must(nbd_zero(client, CELL, offset, 0));
    break;
  case 1:
    memset(bytes, 0, CELL);
    must(nbd_zero(client, CELL, offset, LIBNBD_CMD_FLAG_NO_HOLE));
    break;
  default:
    fill_random(bytes, CELL, next_random(state));
    must(nbd_pwrite(client, bytes, CELL, offset, 0));
    break;
  }
}

static void *
run(void *opaque)
{
  const uint32_t number = *(const uint32_t *)opaque;
  struct nbd_handle *client = client_connect(uri);
  uint32_t state = 1000 + number;
  unsigned char back[CELL];

  for (unsigned round = 0; round < ROUNDS; round++) {
    for (uint32_t cell = number; cell < CELLS; cell += THREADS) {
      write_cell(client, cell, &state);
      must(nbd_pread(client, back, CELL, (uint64_t)cell * CELL, 0));
      if (memcmp(back, expected + (size_t)cell * CELL, CELL) != 0)
        fail("cell %u: not what was just written", cell);
    }
  }
  must(nbd_flush(client, 0));
  client_close(client);
  return NULL;
}

int
main(int argc, char *argv[])
{
  const size_t size = (size_t)CELLS * CELL;
  pthread_t threads[THREADS];
  uint32_t numbers[THREADS];
  struct nbd_handle *client;
  unsigned char *back;

  if (argc != 2)
    fail("usage: client-race URI");
  uri = argv[1];
  expected = must_allocate(size);
  back = must_allocate(size);
  for (uint32_t i = 0; i < THREADS; i++) {
    numbers[i] = i;
    if (pthread_create(&threads[i], NULL, run, &numbers[i]) != 0)
      fail("cannot start a thread");
  }
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);

  client = client_connect(uri);
  must(nbd_pread(client, back, size, 0, 0));
  for (size_t i = 0; i < size; i++) {
    if (back[i] != expected[i])
      fail("byte %zu (cell %zu) is lost", i, i / CELL);
  }
  client_close(client);
  free(back);
  free(expected);
  return 0;
}
