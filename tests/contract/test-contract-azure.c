/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-contract-azure.c: the Azure store keeps the contract, on the container
 * that LEASEHOLD_AZURITE_URL names, with the credentials of the environment
 * (and LEASEHOLD_AZURITE_CAINFO, for https): with commands done inline, and
 * with workers; or only the one whose name has the argument in it. Everything
 * in the container is deleted.
 *
 * With LEASEHOLD_AZURITE_CLOCK, a file that the emulator's clock goes by
 * (azurite-clock.js), time is moved; without, it is waited for.
 */
#include "contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *url;

/* What a test has let pass; children keep that. */
static uint64_t passed_ms;

static uint64_t
boottime_ns(const struct clock *clock)
{
  (void)clock;
  return clock_now(&system_clock);
}

static int64_t
wall_ms(const struct clock *clock)
{
  (void)clock;
  return system_clock.wall_ms(&system_clock) + (int64_t)passed_ms;
}

static const struct clock clock_of_test = {boottime_ns, wall_ms};

/* At once for the emulator: a file is replaced, never seen half written. */
static void
advance_ms(uint64_t ms)
{
  const char *path = getenv("LEASEHOLD_AZURITE_CLOCK");
  char scratch[4096];
  FILE *file;

  if (path == NULL) {
    usleep((useconds_t)(ms * 1000));
    return;
  }
  passed_ms += ms;
  snprintf(scratch, sizeof scratch, "%s.new", path);
  file = fopen(scratch, "we");
  assert_non_null(file);
  fprintf(file, "%llu\n", (unsigned long long)passed_ms);
  assert_int_equal(fclose(file), 0);
  assert_int_equal(rename(scratch, path), 0);
}

/* The clock goes on from where the last run has left it. */
static void
read_clock(void)
{
  const char *path = getenv("LEASEHOLD_AZURITE_CLOCK");
  FILE *file = path != NULL ? fopen(path, "re") : NULL;
  unsigned long long ms;

  if (file == NULL)
    return;
  if (fscanf(file, "%llu", &ms) == 1)
    passed_ms = ms;
  fclose(file);
}

static struct store *
open_with(unsigned workers)
{
  struct store_config config = {.url = url,
                                .clock = &clock_of_test,
                                .workers = workers,
                                .create = true,
                                .cainfo = getenv("LEASEHOLD_AZURITE_CAINFO")};
  struct error err = ERROR_INIT;
  struct store *store = NULL;

  if (store_open(&config, &store, &err) != 0)
    fail_msg("%s", err.text);
  return store;
}

static void
delete_volume(struct store *store, const char *name)
{
  struct store_volume *volume = contract_open(store, name);
  struct error err = ERROR_INIT;

  contract_break(volume, 0);
  contract_close(volume);
  if (store_remove(store, name, NULL, &err) != 0)
    fail_msg("%s", err.text);
}

/* An empty container; the first volume makes it. */
static struct store *
open_empty(unsigned workers)
{
  struct store *store = open_with(workers);
  struct volume_list list;
  struct error err = ERROR_INIT;
  int r = store_list(store, &list, &err);

  if (r == STATUS_NOT_FOUND) {
    r = store_create(store, "first", 512, &err);
    if (r == 0)
      r = store_list(store, &list, &err);
  }
  if (r != 0)
    fail_msg("%s", err.text);
  for (size_t i = 0; i < list.count; i++)
    delete_volume(store, list.items[i].name);
  volume_list_free(&list);
  return store;
}

static struct store *
open_inline(void)
{
  return open_empty(0);
}

static struct store *
open_inline_again(void)
{
  return open_with(0);
}

static struct store *
open_workers(void)
{
  return open_empty(2);
}

static struct store *
open_workers_again(void)
{
  return open_with(2);
}

static void
finish(void)
{
}

static const struct contract_factory factories[] = {
    {"azure, inline", open_inline, open_inline_again, finish, advance_ms, 2},
    {"azure, workers", open_workers, open_workers_again, finish, advance_ms, 2},
};

int
main(int argc, char **argv)
{
  int failed = 0;

  url = getenv("LEASEHOLD_AZURITE_URL");
  if (url == NULL) {
    printf("LEASEHOLD_AZURITE_URL is not set: there is no Azurite here\n");
    return 77;
  }
  read_clock();
  contract_oddities.deviations = "azurite-deviations.tsv";
  contract_oddities.fenced_longest = 21; /* 8 KiB of metadata */
  contract_oddities.etag_of_data_only = true;
  contract_oddities.epochs_skipped = true;
#ifdef __SANITIZE_THREAD__
  contract_oddities.no_children = true;
#endif
  for (size_t i = 0; i < COUNT(factories); i++)
    if (argc < 2 || strstr(factories[i].name, argv[1]) != NULL)
      failed += contract_run(&factories[i]);
  return failed != 0;
}
