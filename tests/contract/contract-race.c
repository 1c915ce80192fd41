/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* contract-race.c: what must hold when many do it at once. */
#include "contract.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RACERS 8

struct racer {
  pthread_t thread;
  struct store_volume *volume;
  unsigned number;
  int status;
  uint64_t epoch;
};

static struct lease_id
racer_id(unsigned number)
{
  struct lease_id id = {"dddddddd-0000-5000-8000-000000000000"};

  snprintf(id.text + 34, 3, "%02x", number);
  return id;
}

static void
race(struct racer *racers, struct store_volume *volume, void *(*run)(void *))
{
  for (unsigned i = 0; i < RACERS; i++) {
    racers[i] = (struct racer){.volume = volume, .number = i};
    assert_int_equal(pthread_create(&racers[i].thread, NULL, run, &racers[i]),
                     0);
  }
  for (unsigned i = 0; i < RACERS; i++)
    pthread_join(racers[i].thread, NULL);
}

static void *
run_change(void *data)
{
  struct racer *racer = data;
  struct lease_id id = racer_id(racer->number);

  racer->status = contract_change(racer->volume, &contract_a, &id);
  return NULL;
}

/* Of several that take the same lease over, one succeeds. */
static void
test_change_has_one_winner(void **state)
{
  struct store_volume *volume = contract_volume();
  struct racer racers[RACERS];

  (void)state;
  for (unsigned round = 0; round < contract_factory->rounds; round++) {
    struct volume_info info;
    struct lease_id winner = contract_a;
    unsigned won = 0;

    assert_int_equal(
        contract_acquire(volume, &contract_a, LEASE_DURATION_INFINITE), 0);
    race(racers, volume, run_change);
    for (unsigned i = 0; i < RACERS; i++)
      if (racers[i].status == 0) {
        winner = racer_id(i);
        won++;
      } else
        assert_int_equal(racers[i].status, STATUS_LEASE_MISMATCH);
    assert_int_equal(won, 1);
    contract_describe(volume, &info);
    assert_int_equal(contract_release(volume, &winner, info.epoch), 0);
  }
  contract_close(volume);
}

/* The epoch that so many claims have led to. */
static void
check_last(uint64_t epoch, uint64_t expected)
{
  if (contract_oddities.epochs_skipped)
    assert_true(epoch >= expected);
  else
    assert_int_equal(epoch, expected);
}

static void *
run_claim(void *data)
{
  struct racer *racer = data;

  racer->epoch = contract_epoch(racer->volume);
  do
    racer->status = contract_claim(racer->volume, &contract_a, &racer->epoch);
  while (racer->status == STATUS_EPOCH_STALE);
  return NULL;
}

/* S2: no epoch is ever given to two. */
static void
test_claims_are_distinct(void **state)
{
  struct store_volume *volume = contract_volume();
  struct racer racers[RACERS];
  uint64_t before;

  (void)state;
  assert_int_equal(
      contract_acquire(volume, &contract_a, LEASE_DURATION_INFINITE), 0);
  for (unsigned round = 0; round < contract_factory->rounds; round++) {
    before = contract_epoch(volume);
    race(racers, volume, run_claim);
    for (unsigned i = 0; i < RACERS; i++) {
      assert_int_equal(racers[i].status, 0);
      assert_true(racers[i].epoch > before);
      for (unsigned j = 0; j < i; j++)
        assert_int_not_equal(racers[i].epoch, racers[j].epoch);
    }
    check_last(contract_epoch(volume), before + RACERS);
  }
  contract_close(volume);
}

/* Claims of processes: a counter in shared memory for each epoch. */
#define CLAIMERS 6
#define CLAIMS 10

struct given {
  uint64_t first; /* the epoch before any claim */
  unsigned count[CLAIMERS * CLAIMERS * CLAIMS];
};

static void
claim_in_child(int number, void *data)
{
  struct given *given = data;
  struct store *store = contract_factory->open_again();
  struct store_volume *volume = contract_open(store, contract_volume_name());
  uint64_t epoch = contract_epoch(volume);

  (void)number;
  for (int i = 0; i < CLAIMS;) {
    int r = contract_claim(volume, &contract_a, &epoch);

    contract_require(r == 0 || r == STATUS_EPOCH_STALE, "a claim");
    if (r != 0)
      continue;
    contract_require(epoch - given->first < COUNT(given->count),
                     "epoch in range");
    __atomic_add_fetch(&given->count[epoch - given->first], 1,
                       __ATOMIC_SEQ_CST);
    i++;
  }
  contract_close(volume);
  store_close(store);
}

static void *
shared_memory(size_t size)
{
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  assert_true(memory != MAP_FAILED);
  return memory;
}

static void
test_claims_of_processes(void **state)
{
  struct store_volume *volume = contract_volume();
  struct given *given = shared_memory(sizeof *given);
  uint64_t before = contract_epoch(volume);
  unsigned all = 0;

  (void)state;
  given->first = before;
  assert_int_equal(
      contract_acquire(volume, &contract_a, LEASE_DURATION_INFINITE), 0);
  contract_fork(CLAIMERS, claim_in_child, given);
  contract_wait();
  check_last(contract_epoch(volume), before + CLAIMERS * CLAIMS);
  for (size_t i = 1; i < COUNT(given->count); i++) {
    assert_true(given->count[i] <= 1);
    all += given->count[i];
  }
  assert_int_equal(all, CLAIMERS * CLAIMS);
  munmap(given, sizeof *given);
  contract_close(volume);
}

/* S3: when a CHANGE has been answered, no write of the old holder lands any
 * more. The old holders are processes that write as fast as they can whatever
 * is refused; each block they write says which epoch wrote it.
 */
#define WRITERS 2
#define BLOCK 4096

struct fence_race {
  uint64_t epoch; /* what the writers write with and write */
  unsigned stop;
  unsigned landed; /* writes that were answered with success */
  unsigned refused;
};

static void
write_in_child(int number, void *data)
{
  struct fence_race *shared = data;
  struct store *store = contract_factory->open_again();
  struct store_volume *volume = contract_open(store, contract_volume_name());
  uint64_t block[BLOCK / sizeof(uint64_t)];

  (void)number;
  while (!__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST)) {
    uint64_t epoch = __atomic_load_n(&shared->epoch, __ATOMIC_SEQ_CST);
    int r;

    for (size_t i = 0; i < COUNT(block); i++)
      block[i] = epoch;
    r = contract_write(volume, &contract_a, epoch, 0, block, sizeof block);
    contract_require(r == 0 || status_is_refusal(r), status_text(r));
    __atomic_add_fetch(r == 0 ? &shared->landed : &shared->refused, 1,
                       __ATOMIC_SEQ_CST);
  }
  contract_close(volume);
  store_close(store);
}

/* Waits until counter has moved on by count. */
static void
wait_for_more(const unsigned *counter, unsigned count)
{
  unsigned from = __atomic_load_n(counter, __ATOMIC_SEQ_CST);

  while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) - from < count)
    sched_yield();
}

static void
run_fence_round(struct store_volume *volume, struct fence_race *shared)
{
  uint64_t block[BLOCK / sizeof(uint64_t)], again[BLOCK / sizeof(uint64_t)];
  uint64_t epoch = contract_epoch(volume);

  assert_int_equal(
      contract_acquire(volume, &contract_a, LEASE_DURATION_INFINITE), 0);
  assert_int_equal(contract_claim(volume, &contract_a, &epoch), 0);
  __atomic_store_n(&shared->epoch, epoch, __ATOMIC_SEQ_CST);
  wait_for_more(&shared->landed, 5);
  assert_int_equal(contract_change(volume, &contract_a, &contract_b), 0);
  /* From here on only we write. */
  contract_read(volume, 0, block, sizeof block);
  assert_int_equal(block[0], epoch);
  memset(block, 0xbb, sizeof block);
  assert_int_equal(
      contract_write(volume, &contract_b, epoch, 0, block, sizeof block), 0);
  wait_for_more(&shared->refused, 5);
  contract_read(volume, 0, again, sizeof again);
  assert_memory_equal(block, again, sizeof block);
  assert_int_equal(contract_release(volume, &contract_b, epoch), 0);
}

static void
test_no_write_after_change(void **state)
{
  struct store_volume *volume = contract_volume();
  struct fence_race *shared = shared_memory(sizeof *shared);

  (void)state;
  contract_fork(WRITERS, write_in_child, shared);
  for (unsigned round = 0; round < 5 * contract_factory->rounds; round++)
    run_fence_round(volume, shared);
  __atomic_store_n(&shared->stop, 1, __ATOMIC_SEQ_CST);
  contract_wait();
  munmap(shared, sizeof *shared);
  contract_close(volume);
}

/* The same for a CLAIM by another session of the same node (S3). */
static void
test_no_write_after_claim(void **state)
{
  struct store_volume *volume = contract_volume();
  struct fence_race *shared = shared_memory(sizeof *shared);
  uint64_t epoch = contract_epoch(volume);
  uint64_t block[BLOCK / sizeof(uint64_t)], again[BLOCK / sizeof(uint64_t)];

  (void)state;
  assert_int_equal(
      contract_acquire(volume, &contract_a, LEASE_DURATION_INFINITE), 0);
  shared->epoch = epoch;
  contract_fork(WRITERS, write_in_child, shared);
  for (unsigned round = 0; round < 5 * contract_factory->rounds; round++) {
    wait_for_more(&shared->landed, 5);
    assert_int_equal(contract_claim(volume, &contract_a, &epoch), 0);
    memset(block, 0xcc, sizeof block);
    assert_int_equal(
        contract_write(volume, &contract_a, epoch, 0, block, sizeof block), 0);
    wait_for_more(&shared->refused, 5);
    contract_read(volume, 0, again, sizeof again);
    assert_memory_equal(block, again, sizeof block);
    __atomic_store_n(&shared->epoch, epoch, __ATOMIC_SEQ_CST);
  }
  __atomic_store_n(&shared->stop, 1, __ATOMIC_SEQ_CST);
  contract_wait();
  munmap(shared, sizeof *shared);
  contract_close(volume);
}

const struct CMUnitTest contract_race_tests[] = {
    CONTRACT_TEST(test_change_has_one_winner),
    CONTRACT_TEST(test_claims_are_distinct),
    CONTRACT_TEST(test_claims_of_processes),
    CONTRACT_TEST(test_no_write_after_change),
    CONTRACT_TEST(test_no_write_after_claim),
    {0},
};
