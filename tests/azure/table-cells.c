/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table-cells.c: runs the lease table's cells on a store and prints what it
 * answers, for a test that compares.
 *
 * Usage: table-cells STORE-URL
 *
 * One line per cell, in the table's order: the text of its status, or "-"
 * where the contract has no such operation. Every cell has a volume of its own;
 * those that begin with an expired lease are prepared first, and then waited
 * for together.
 */
#include "config.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "leasehold/store.h"
#include "tsv.h"
#include "unit.h"
#include "utils/cleanup.h"

#define SIZE (1 << 20)
#define PATIENCE_S 60

static const struct lease_id id_a = {"aaaaaaaa-0000-5000-8000-00000000000a"};
static const struct lease_id id_b = {"bbbbbbbb-0000-5000-8000-00000000000b"};
static const struct lease_id id_c = {"cccccccc-0000-5000-8000-00000000000c"};

static struct store *store;

static int
run(struct store_volume *volume, const struct lease_command *command,
    struct volume_info *info)
{
  struct store_command request = {.command = *command};
  int status = store_run_command(volume, &request);

  if (info != NULL)
    *info = request.reply.info;
  return status;
}

static void
describe(struct store_volume *volume, struct volume_info *info)
{
  const struct lease_command command = {.verb = LEASE_DESCRIBE};

  assert_int_equal(run(volume, &command, info), 0);
}

static int
acquire(struct store_volume *volume, const struct lease_id *id,
        uint32_t duration_s)
{
  const struct lease_command command = {
      .verb = LEASE_ACQUIRE, .lease_id = *id, .duration_s = duration_s};

  return run(volume, &command, NULL);
}

static int
break_lease(struct store_volume *volume, uint32_t period_s)
{
  const struct lease_command command = {.verb = LEASE_BREAK,
                                        .break_period_s = period_s};

  return run(volume, &command, NULL);
}

static struct store_volume *
open_volume(unsigned line, char name[static 32])
{
  struct store_volume *volume = NULL;
  struct error err = ERROR_INIT;

  snprintf(name, 32, "cell-%u", line);
  if (store_volume_open(store, name, &volume, &err) != 0)
    fail_msg("%s: %s", name, err.text);
  return volume;
}

/* All but the waiting. */
static void
prepare(const char *state, unsigned line)
{
  struct error err = ERROR_INIT;
  struct store_volume *volume;
  char name[32];

  snprintf(name, sizeof name, "cell-%u", line);
  if (store_create(store, name, SIZE, &err) != 0)
    fail_msg("%s: %s", name, err.text);
  volume = open_volume(line, name);
  if (strcmp(state, "Expired(A)") == 0)
    assert_int_equal(acquire(volume, &id_a, 15), 0);
  else if (strcmp(state, "Available") != 0)
    assert_int_equal(acquire(volume, &id_a, 60), 0);
  if (strcmp(state, "Breaking(A)") == 0)
    assert_int_equal(break_lease(volume, 60), 0);
  else if (strcmp(state, "Broken(A)") == 0)
    assert_int_equal(break_lease(volume, 0), 0);
  store_volume_close(volume);
}

static int
run_lease(struct store_volume *volume, const char *operation,
          const struct lease_id *with)
{
  static const struct {
    const char *name;
    const struct lease_id *from, *to;
  } changes[] = {{"Change (A) to (B)", &id_a, &id_b},
                 {"Change (B) to (A)", &id_b, &id_a},
                 {"Change (B) to (C)", &id_b, &id_c}};
  struct lease_command command = {.verb = LEASE_CHANGE};
  struct volume_info info;

  for (size_t i = 0; i < COUNT(changes); i++)
    if (strcmp(operation, changes[i].name) == 0) {
      command.lease_id = *changes[i].from;
      command.proposed_id = *changes[i].to;
      return run(volume, &command, NULL);
    }
  if (strncmp(operation, "Acquire", 7) == 0)
    return acquire(volume, with ? with : &id_c, 30);
  if (strcmp(operation, "Break period=0") == 0)
    return break_lease(volume, 0);
  if (strcmp(operation, "Break period=30") == 0)
    return break_lease(volume, 30);
  if (strcmp(operation, "Break no period header") == 0)
    return break_lease(volume, LEASE_BREAK_DEFAULT);
  assert_non_null(with);
  command.lease_id = *with;
  if (strncmp(operation, "Renew", 5) == 0) {
    command.verb = LEASE_RENEW;
    return run(volume, &command, NULL);
  }
  assert_int_equal(strncmp(operation, "Release", 7), 0);
  describe(volume, &info);
  command.verb = LEASE_RELEASE;
  command.expected_epoch = info.epoch;
  return run(volume, &command, NULL);
}

static pthread_mutex_t io_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t io_done = PTHREAD_COND_INITIALIZER;
static bool io_finished; /* under io_mutex */

static void
finish_io(struct store_io *io)
{
  LOCK_FOR_SCOPE(&io_mutex);
  (void)io;
  io_finished = true;
  pthread_cond_signal(&io_done);
}

static int
run_io(struct store_volume *volume, enum store_io_kind kind,
       const struct lease_id *with)
{
  char bytes[STORE_SECTOR] = "x";
  struct volume_info info;
  struct store_io io = {
      .kind = kind, .count = sizeof bytes, .buffer = bytes, .done = finish_io};
  int status;

  if (kind == STORE_ZERO || kind == STORE_EXTENTS)
    io.buffer = NULL;
  describe(volume, &info);
  io.guard.epoch = info.epoch;
  if (with != NULL)
    io.guard.lease_id = *with;
  /* Through the vtable: the wrappers let no write without a lease ID pass. */
  io_finished = false;
  status = volume->ops->submit_io(volume, &io);
  if (status == STORE_PENDING) {
    LOCK_FOR_SCOPE(&io_mutex);
    while (!io_finished)
      pthread_cond_wait(&io_done, &io_mutex);
    status = io.status;
  }
  extents_free(&io.extents);
  return status;
}

/* 1: the contract does not have it. */
static int
run_use(struct store_volume *volume, const char *name, const char *operation,
        const struct lease_id *with)
{
  struct volume_info info;

  if (strcmp(operation, "Put Page") == 0)
    return run_io(volume, STORE_WRITE, with);
  if (strcmp(operation, "Clear Page") == 0)
    return run_io(volume, STORE_ZERO, with);
  if (strcmp(operation, "Delete") == 0)
    return store->ops->remove(store, name, with, NULL);
  if (strcmp(operation, "Resize (Set Properties)") == 0)
    return store->ops->resize(store, name, 2 * SIZE, with, NULL);
  if (with != NULL)
    return 1;
  if (strcmp(operation, "Get Blob range") == 0)
    return run_io(volume, STORE_READ, NULL);
  if (strcmp(operation, "Get Page Ranges") == 0)
    return run_io(volume, STORE_EXTENTS, NULL);
  if (strcmp(operation, "Get Blob Properties") != 0)
    return 1;
  describe(volume, &info);
  return 0;
}

static void
prepare_expired(char *const *fields, unsigned line, void *data)
{
  unsigned *last = data;

  if (strcmp(fields[1], "Expired(A)") != 0)
    return;
  prepare(fields[1], line);
  *last = line;
}

static void
run_cell(char *const *fields, unsigned line, void *data)
{
  const struct lease_id *with = NULL;
  struct store_volume *volume;
  char name[32];
  int status;

  (void)data;
  if (strcmp(fields[3], "A") == 0)
    with = &id_a;
  else if (strcmp(fields[3], "B") == 0)
    with = &id_b;
  if (strcmp(fields[1], "Expired(A)") != 0)
    prepare(fields[1], line);
  volume = open_volume(line, name);
  if (strcmp(fields[0], "lease") == 0)
    status = run_lease(volume, fields[2], with);
  else
    status = run_use(volume, name, fields[2], with);
  puts(status == 1 ? "-" : status_text(status));
  store_volume_close(volume);
}

static void
await_expiry(unsigned line)
{
  const struct timespec pause = {.tv_nsec = 200000000};
  const uint64_t deadline =
      clock_now(&system_clock) + PATIENCE_S * NANOSECONDS_PER_SECOND;
  char name[32];
  struct store_volume *volume = open_volume(line, name);
  struct volume_info info;

  do {
    assert_true(clock_now(&system_clock) < deadline);
    nanosleep(&pause, NULL);
    describe(volume, &info);
  } while (info.lease.state != LEASE_EXPIRED);
  store_volume_close(volume);
}

int
main(int argc, char **argv)
{
  struct store_config config = {.clock = &system_clock, .create = true};
  struct error err = ERROR_INIT;
  unsigned last = 0;

  if (argc != 2) {
    fprintf(stderr, "Usage: table-cells STORE-URL\n");
    return 2;
  }
  config.url = argv[1];
  if (store_open(&config, &store, &err) != 0) {
    fprintf(stderr, "%s\n", err.text);
    return 1;
  }
  tsv_each("lease-table.tsv", 6, prepare_expired, &last);
  await_expiry(last);
  tsv_each("lease-table.tsv", 6, run_cell, NULL);
  store_close(store);
  return 0;
}
