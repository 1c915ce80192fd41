/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-contract-file.c: the file store keeps the contract: with commands done
 * inline, with workers, and seen through a fault store that has no plan.
 */
#include "contract.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/fault.h"

/* One directory on a disk, one in memory where there is /dev/shm: much faster,
 * and another file system.
 */
static char on_disk[] = "/tmp/leasehold-contract.XXXXXX";
static char in_memory[] = "/dev/shm/leasehold-contract.XXXXXX";
static const char *directory;

/* The system's clocks, and what a test has let pass; children keep that. */
static uint64_t passed_ms;

static uint64_t
boottime_ns(const struct clock *clock)
{
  (void)clock;
  return clock_now(&system_clock) + passed_ms * NANOSECONDS_PER_MILLISECOND;
}

static int64_t
wall_ms(const struct clock *clock)
{
  (void)clock;
  return system_clock.wall_ms(&system_clock) + (int64_t)passed_ms;
}

static const struct clock clock_of_test = {boottime_ns, wall_ms};

static void
advance_ms(uint64_t ms)
{
  passed_ms += ms;
}

static struct store *
open_with(unsigned workers)
{
  char url[64];
  struct store_config config = {
      .url = url, .clock = &clock_of_test, .workers = workers, .create = true};
  struct error err = ERROR_INIT;
  struct store *store = NULL;

  snprintf(url, sizeof url, "file:%s", directory);
  if (store_open(&config, &store, &err) != 0)
    fail_msg("%s", err.text);
  return store;
}

static struct store *
open_inline(void)
{
  return open_with(0);
}

static struct store *
open_workers(void)
{
  return open_with(3);
}

static struct store *
open_fault(void)
{
  struct fault_config config = {.alignment = 0};
  struct store *store = fault_store_new(&config, open_with(3));

  assert_non_null(store);
  return store;
}

static int
delete_one(const char *path, const struct stat *info, int type,
           struct FTW *level)
{
  (void)info;
  (void)type;
  return level->level == 0 ? 0 : remove(path);
}

static void
finish(void)
{
  assert_int_equal(nftw(directory, delete_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static const struct contract_factory factories[] = {
    {"file, inline", open_inline, open_inline, finish, advance_ms, 10},
    {"file, workers", open_workers, open_inline, finish, advance_ms, 10},
    {"file below fault", open_fault, open_inline, finish, advance_ms, 3},
};

int
main(void)
{
  int failed = 0;

  if (mkdtemp(on_disk) == NULL) {
    perror(on_disk);
    return 1;
  }
  directory = on_disk;
  for (size_t i = 0; i < COUNT(factories); i++) {
    failed += contract_run(&factories[i]);
    if (directory == on_disk && mkdtemp(in_memory) != NULL)
      directory = in_memory;
  }
  rmdir(on_disk);
  rmdir(in_memory);
  return failed != 0;
}
