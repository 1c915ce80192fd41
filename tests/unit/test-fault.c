/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-fault.c: the fault store fails as it is told, and only so. */
#include "store/fault.h"

#include <stdatomic.h>
#include <string.h>

#include "file-test.h"

static struct store *
open_fault(uint32_t alignment)
{
  struct fault_config config = {.alignment = alignment};
  struct store *store = fault_store_new(&config, file_test_open(2));

  assert_non_null(store);
  return store;
}

static void
plan_one(struct store *store, struct fault_rule rule)
{
  fault_store_plan(store, &rule, 1);
}

static uint64_t
epoch_of(struct store_volume *volume)
{
  struct volume_info info;

  assert_int_equal(file_test_describe(volume, &info, NULL), 0);
  return info.epoch;
}

/* The nth call, before the effect and after it. */
static void
test_before_and_after(void **state)
{
  struct store *store = open_fault(0);
  struct store_volume *volume = file_test_disk(store);
  char bytes[512] = "x", seen[512];

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  plan_one(store, (struct fault_rule){.call = FAULT_CLAIM,
                                      .first = 2,
                                      .count = 1,
                                      .effect = FAULT_BEFORE,
                                      .status = STATUS_TRANSIENT});
  assert_int_equal(file_test_claim(volume, &id_a, 0), 0);
  assert_int_equal(file_test_claim(volume, &id_a, 1), STATUS_TRANSIENT);
  assert_int_equal(epoch_of(volume), 1);
  assert_int_equal(file_test_claim(volume, &id_a, 1), 0);
  plan_one(store, (struct fault_rule){.call = FAULT_CLAIM,
                                      .first = 1,
                                      .count = 1,
                                      .effect = FAULT_AFTER,
                                      .status = STATUS_UNKNOWN});
  assert_int_equal(file_test_claim(volume, &id_a, 2), STATUS_UNKNOWN);
  assert_int_equal(epoch_of(volume), 3);
  plan_one(store, (struct fault_rule){.call = FAULT_WRITE,
                                      .effect = FAULT_AFTER,
                                      .status = STATUS_UNKNOWN});
  assert_int_equal(file_test_write(volume, &id_a, 3, 0, bytes, 512),
                   STATUS_UNKNOWN);
  assert_int_equal(file_test_io(volume, STORE_READ, 0, seen, 512), 0);
  assert_memory_equal(bytes, seen, 512);
  /* What the inner store refuses stays refused. */
  assert_int_equal(file_test_write(volume, &id_a, 2, 0, bytes, 512),
                   STATUS_EPOCH_STALE);
  store_volume_close(volume);
  store_close(store);
}

static void
test_side_objects(void **state)
{
  struct store *store = open_fault(0);
  struct store_volume *volume = file_test_disk(store);
  static struct side_object object;

  (void)state;
  plan_one(store, (struct fault_rule){.call = FAULT_SIDE_WRITE,
                                      .first = 2,
                                      .effect = FAULT_AFTER,
                                      .status = STATUS_UNKNOWN});
  object.length = 1;
  assert_int_equal(store_side_write(volume, SIDE_REGISTRATIONS, &object, NULL),
                   0);
  object.length = 2;
  assert_int_equal(store_side_write(volume, SIDE_REGISTRATIONS, &object, NULL),
                   STATUS_UNKNOWN);
  assert_int_equal(store_side_read(volume, SIDE_REGISTRATIONS, &object, NULL),
                   0);
  assert_int_equal(object.length, 2);
  plan_one(store, (struct fault_rule){.call = FAULT_SIDE_READ,
                                      .effect = FAULT_BEFORE,
                                      .status = STATUS_TRANSIENT});
  assert_int_equal(store_side_read(volume, SIDE_REGISTRATIONS, &object, NULL),
                   STATUS_TRANSIENT);
  store_volume_close(volume);
  store_close(store);
}

static void
test_every(void **state)
{
  struct store *store = open_fault(0);
  struct store_volume *volume = file_test_disk(store);

  (void)state;
  plan_one(store, (struct fault_rule){.call = FAULT_ANY,
                                      .first = 2,
                                      .every = 3,
                                      .effect = FAULT_BEFORE,
                                      .status = STATUS_IO});
  for (unsigned i = 1; i <= 11; i++)
    assert_int_equal(file_test_describe(volume, NULL, NULL),
                     i % 3 == 2 ? STATUS_IO : 0);
  assert_int_equal(fault_store_calls(store, FAULT_DESCRIBE), 11);
  assert_int_equal(fault_store_calls(store, FAULT_WRITE), 0);
  assert_int_equal(fault_store_calls(store, FAULT_ANY), 11);
  store_volume_close(volume);
  store_close(store);
}

static void
test_blocking_calls(void **state)
{
  struct store *store = open_fault(0);
  struct fault_rule rules[] = {
      {.call = FAULT_CREATE, .first = 1, .count = 1, .status = STATUS_IO},
      {.call = FAULT_CREATE,
       .first = 2,
       .count = 1,
       .effect = FAULT_AFTER,
       .status = STATUS_UNKNOWN},
      {.call = FAULT_LIST,
       .first = 1,
       .count = 1,
       .effect = FAULT_AFTER,
       .status = STATUS_UNKNOWN},
      {.call = FAULT_OPEN,
       .first = 1,
       .count = 1,
       .effect = FAULT_AFTER,
       .status = STATUS_TRANSIENT},
      {.call = FAULT_RESIZE, .first = 1, .count = 1, .status = STATUS_IO},
      {.call = FAULT_REMOVE, .first = 1, .count = 1, .status = STATUS_IO},
  };
  struct volume_list list;
  struct store_volume *volume;

  (void)state;
  fault_store_plan(store, rules, COUNT(rules));
  assert_int_equal(store_create(store, "a", 512, NULL), STATUS_IO);
  assert_int_equal(store_create(store, "a", 512, NULL), STATUS_UNKNOWN);
  assert_int_equal(store_create(store, "a", 512, NULL), STATUS_EXISTS);
  assert_int_equal(store_list(store, &list, NULL), STATUS_UNKNOWN);
  assert_int_equal(list.count, 0);
  assert_int_equal(store_volume_open(store, "a", &volume, NULL),
                   STATUS_TRANSIENT);
  assert_int_equal(store_resize(store, "a", 1024, NULL, NULL), STATUS_IO);
  assert_int_equal(store_resize(store, "a", 1024, NULL, NULL), 0);
  assert_int_equal(store_remove(store, "a", NULL, NULL), STATUS_IO);
  assert_int_equal(store_remove(store, "a", NULL, NULL), 0);
  store_close(store);
}

/* Held requests. */
static atomic_uint done;

static void
io_done(struct store_io *io)
{
  assert_int_equal(io->status, 0);
  done++;
}

static void
command_done(struct store_command *command)
{
  assert_int_equal(command->reply.status, 0);
  done++;
}

static void
test_hold(void **state)
{
  struct store *store = open_fault(0);
  struct store_volume *volume = file_test_disk(store);
  char bytes[512] = "x", seen[512];
  struct store_io io = {.kind = STORE_WRITE,
                        .count = 512,
                        .buffer = bytes,
                        .guard.lease_id = id_a,
                        .done = io_done};
  struct store_command claim = {
      .command = {.verb = LEASE_CLAIM, .lease_id = id_a}, .done = command_done};
  struct fault_rule rules[] = {
      {.call = FAULT_WRITE, .effect = FAULT_HOLD_BEFORE},
      {.call = FAULT_CLAIM, .effect = FAULT_HOLD_AFTER},
  };

  (void)state;
  done = 0;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  fault_store_plan(store, rules, COUNT(rules));
  assert_int_equal(store_submit_io(volume, &io), STORE_PENDING);
  fault_store_wait_held(store, 1);
  assert_int_equal(file_test_io(volume, STORE_READ, 0, seen, 512), 0);
  assert_int_equal(seen[0], 0);
  assert_int_equal(done, 0);
  fault_store_release(store);
  assert_int_equal(done, 1);
  assert_int_equal(file_test_io(volume, STORE_READ, 0, seen, 512), 0);
  assert_int_equal(seen[0], 'x');
  assert_int_equal(store_submit_command(volume, &claim), STORE_PENDING);
  fault_store_wait_held(store, 1);
  assert_int_equal(epoch_of(volume), 1);
  assert_int_equal(done, 1);
  fault_store_release(store);
  assert_int_equal(done, 2);
  assert_int_equal(claim.reply.info.epoch, 1);
  fault_store_release(store);
  store_volume_close(volume);
  store_close(store);
}

static void
test_alignment(void **state)
{
  struct store *store = open_fault(512);
  struct store_volume *volume = file_test_disk(store);

  (void)state;
  assert_int_equal(volume->alignment, 512);
  store_volume_close(volume);
  store_close(store);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      FILE_TEST(test_before_and_after), FILE_TEST(test_every),
      FILE_TEST(test_blocking_calls),   FILE_TEST(test_hold),
      FILE_TEST(test_alignment),        FILE_TEST(test_side_objects),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
