/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* contract-admin.c: volumes are made, listed, resized, deleted. */
#include "contract.h"

#include <stdio.h>
#include <string.h>

static int
create(const char *name, uint64_t size)
{
  struct error err = ERROR_INIT;
  int r = store_create(contract_store, name, size, &err);

  if (r != 0 && err.text[0] == '\0')
    fail_msg("%s without a text", status_text(r));
  return r;
}

static void
test_create(void **state)
{
  static const uint64_t sizes[] = {0, 511, 513, STORE_SIZE_MAX + 512};
  struct volume_info info;
  struct store_volume *volume;
  char bytes[4096];

  (void)state;
  assert_int_equal(create("disk", 4096), 0);
  assert_int_equal(create("disk", 4096), STATUS_EXISTS);
  assert_int_equal(create("../x", 4096), STATUS_INVALID);
  assert_int_equal(create("a/", 4096), STATUS_INVALID);
  for (size_t i = 0; i < COUNT(sizes); i++)
    assert_int_equal(create("bad", sizes[i]), STATUS_INVALID);
  volume = contract_open(contract_store, "disk");
  contract_describe(volume, &info);
  assert_int_equal(info.size, 4096);
  assert_int_equal(info.lease.state, LEASE_AVAILABLE);
  assert_int_equal(info.lease.expires_in_ms, -1);
  assert_string_equal(info.record.holder.node, "");
  assert_int_equal(info.record.fenced_count, 0);
  assert_true(info.etag[0] != '\0');
  contract_read(volume, 0, bytes, sizeof bytes);
  for (size_t i = 0; i < sizeof bytes; i++)
    assert_int_equal(bytes[i], 0);
  contract_close(volume);
}

static void
test_open_missing(void **state)
{
  struct store_volume *volume;
  struct error err = ERROR_INIT;

  (void)state;
  assert_int_equal(store_volume_open(contract_store, "none", &volume, &err),
                   STATUS_NOT_FOUND);
  assert_true(err.text[0] != '\0');
  assert_int_equal(create("a", 512), 0);
  assert_int_equal(store_volume_open(contract_store, "a/b", &volume, NULL),
                   STATUS_NOT_FOUND);
  assert_int_equal(store_remove(contract_store, "none", NULL, NULL),
                   STATUS_NOT_FOUND);
  assert_int_equal(store_resize(contract_store, "none", 512, NULL, NULL),
                   STATUS_NOT_FOUND);
}

static void
expect_list(size_t count, const char *const *names)
{
  struct volume_list list;
  struct error err = ERROR_INIT;

  if (store_list(contract_store, &list, &err) != 0)
    fail_msg("%s", err.text);
  assert_int_equal(list.count, count);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(list.items[i].name, names[i]);
    assert_int_equal(list.items[i].status, 0);
    assert_int_equal(list.items[i].info.size, 512);
  }
  volume_list_free(&list);
}

/* Volumes a and a/b are two; sorted bytewise. */
static void
test_list(void **state)
{
  static const char *const all[] = {"A",     "a", "a-b", "a/b",
                                    "a/b/c", "b", "x/y"};
  static const size_t order[] = {3, 6, 1, 5, 0, 4, 2};
  static const char *const rest[] = {"A", "a-b", "a/b", "a/b/c", "b"};

  (void)state;
  expect_list(0, NULL);
  for (size_t i = 0; i < COUNT(order); i++)
    assert_int_equal(create(all[order[i]], 512), 0);
  expect_list(COUNT(all), all);
  assert_int_equal(store_remove(contract_store, "a", NULL, NULL), 0);
  assert_int_equal(store_remove(contract_store, "x/y", NULL, NULL), 0);
  expect_list(COUNT(rest), rest);
}

static void
test_remove(void **state)
{
  struct store_volume *volume = contract_volume(), *again;
  const char *name = contract_volume_name();
  struct lease_command describe = {.verb = LEASE_DESCRIBE};
  char bytes[512] = "old";
  uint64_t epoch = contract_epoch(volume);

  (void)state;
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  assert_int_equal(contract_write(volume, &contract_a, epoch, 0, bytes, 512),
                   0);
  assert_int_equal(store_remove(contract_store, name, NULL, NULL),
                   STATUS_LEASE_REQUIRED);
  assert_int_equal(store_remove(contract_store, name, &contract_b, NULL),
                   STATUS_LEASE_MISMATCH);
  assert_int_equal(store_remove(contract_store, name, &contract_a, NULL), 0);
  assert_int_equal(store_remove(contract_store, name, NULL, NULL),
                   STATUS_NOT_FOUND);
  /* The one that is still open is not the next one of that name. */
  assert_int_equal(contract_write(volume, &contract_a, epoch, 0, bytes, 512),
                   STATUS_NOT_FOUND);
  assert_int_equal(contract_command(volume, &describe, NULL), STATUS_NOT_FOUND);
  assert_int_equal(create(name, CONTRACT_SIZE), 0);
  again = contract_open(contract_store, name);
  contract_read(again, 0, bytes, 512);
  assert_int_equal(bytes[0], 0);
  contract_close(again);
  contract_close(volume);
}

static void
test_resize(void **state)
{
  struct store_volume *volume = contract_volume();
  const char *name = contract_volume_name();
  uint64_t epoch = contract_epoch(volume);
  struct volume_info info;
  char bytes[1024];

  (void)state;
  memset(bytes, 'x', sizeof bytes);
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  assert_int_equal(contract_write(volume, &contract_a, epoch,
                                  CONTRACT_SIZE - sizeof bytes, bytes,
                                  sizeof bytes),
                   0);
  assert_int_equal(store_resize(contract_store, name, 512, NULL, NULL),
                   STATUS_LEASE_REQUIRED);
  assert_int_equal(store_resize(contract_store, name, 513, &contract_a, NULL),
                   STATUS_INVALID);
  assert_int_equal(store_resize(contract_store, name, CONTRACT_SIZE - 512,
                                &contract_a, NULL),
                   0);
  contract_describe(volume, &info);
  assert_int_equal(info.size, CONTRACT_SIZE - 512);
  /* Past the new end nothing is written. */
  assert_int_equal(contract_write(volume, &contract_a, epoch,
                                  CONTRACT_SIZE - 512, bytes, 512),
                   STATUS_INVALID);
  /* What was cut off is gone, what is added reads as zero. */
  assert_int_equal(
      store_resize(contract_store, name, 2 * CONTRACT_SIZE, &contract_a, NULL),
      0);
  contract_read(volume, CONTRACT_SIZE - sizeof bytes, bytes, sizeof bytes);
  for (size_t i = 0; i < sizeof bytes; i++)
    assert_int_equal(bytes[i], i < 512 ? 'x' : 0);
  contract_read(volume, 2 * CONTRACT_SIZE - 512, bytes, 512);
  assert_int_equal(bytes[511], 0);
  contract_close(volume);
}

const struct CMUnitTest contract_admin_tests[] = {
    CONTRACT_TEST(test_create), CONTRACT_TEST(test_open_missing),
    CONTRACT_TEST(test_list),   CONTRACT_TEST(test_remove),
    CONTRACT_TEST(test_resize), {0},
};
