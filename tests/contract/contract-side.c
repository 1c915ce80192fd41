/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* contract-side.c: side objects: read and replaced under the condition of an
 * ETag, gone with their volume.
 */
#include "contract.h"

#include <stdio.h>
#include <string.h>

static struct side_object object, other;

static int
side_read(struct store_volume *volume, struct side_object *out)
{
  struct error err = ERROR_INIT;
  int r = store_side_read(volume, SIDE_REGISTRATIONS, out, &err);

  if (r != 0 && err.text[0] == '\0')
    fail_msg("%s without a text", status_text(r));
  return r;
}

static int
side_write(struct store_volume *volume, struct side_object *in,
           const char *text)
{
  struct error err = ERROR_INIT;
  int r;

  in->length = strlen(text);
  memcpy(in->bytes, text, in->length);
  r = store_side_write(volume, SIDE_REGISTRATIONS, in, &err);
  if (r != 0 && err.text[0] == '\0')
    fail_msg("%s without a text", status_text(r));
  return r;
}

static void
expect(struct store_volume *volume, const char *text)
{
  assert_int_equal(side_read(volume, &other), 0);
  assert_int_equal(other.length, strlen(text));
  assert_memory_equal(other.bytes, text, strlen(text));
  assert_true(other.etag[0] != '\0');
}

static void
test_conditions(void **state)
{
  struct store_volume *volume = contract_volume();
  char first[ETAG_MAX + 1];

  (void)state;
  assert_int_equal(side_read(volume, &object), 0);
  assert_string_equal(object.etag, ""); /* not there */
  assert_int_equal(object.length, 0);
  strcpy(object.etag, "made-up");
  assert_int_equal(side_write(volume, &object, "x"), STATUS_ETAG_STALE);
  object.etag[0] = '\0';
  assert_int_equal(side_write(volume, &object, "one"), 0);
  expect(volume, "one");
  assert_string_equal(other.etag, object.etag);
  strcpy(first, object.etag);
  object.etag[0] = '\0'; /* only if it is not there */
  assert_int_equal(side_write(volume, &object, "x"), STATUS_ETAG_STALE);
  strcpy(object.etag, first);
  assert_int_equal(side_write(volume, &object, "two"), 0);
  assert_string_not_equal(object.etag, first);
  strcpy(object.etag, first);
  assert_int_equal(side_write(volume, &object, "x"), STATUS_ETAG_STALE);
  expect(volume, "two");
  assert_int_equal(side_write(volume, &other, ""), 0); /* empty, but there */
  expect(volume, "");
  contract_close(volume);
}

/* Neither needs a lease or minds one, and a volume's ETag and epoch stay. */
static void
test_beside_lease(void **state)
{
  struct store_volume *volume = contract_volume(), *again;
  struct store *store = contract_factory->open_again();
  struct volume_info before, after;

  (void)state;
  again = contract_open(store, contract_volume_name());
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  contract_describe(volume, &before);
  object.etag[0] = '\0';
  assert_int_equal(side_write(again, &object, "one"), 0);
  expect(volume, "one");
  assert_int_equal(side_write(volume, &other, "two"), 0);
  expect(again, "two");
  contract_describe(volume, &after);
  assert_string_equal(before.etag, after.etag);
  assert_int_equal(before.epoch, after.epoch);
  assert_int_equal(after.lease.state, LEASE_LEASED);
  contract_close(again);
  store_close(store);
  contract_close(volume);
}

static void
test_largest(void **state)
{
  struct store_volume *volume = contract_volume();

  (void)state;
  object.etag[0] = '\0';
  object.length = SIDE_OBJECT_MAX;
  for (size_t i = 0; i < SIDE_OBJECT_MAX; i++)
    object.bytes[i] = (char)(i * 7 + i / 251);
  assert_int_equal(store_side_write(volume, SIDE_REGISTRATIONS, &object, NULL),
                   0);
  assert_int_equal(side_read(volume, &other), 0);
  assert_int_equal(other.length, SIDE_OBJECT_MAX);
  assert_memory_equal(other.bytes, object.bytes, SIDE_OBJECT_MAX);
  assert_int_equal(side_write(volume, &other, "short"), 0);
  expect(volume, "short"); /* nothing of what was longer */
  contract_close(volume);
}

/* No volume, and gone with its volume: the next one of that name has none. */
static void
test_lives_with_volume(void **state)
{
  struct store_volume *volume = contract_volume(), *again;
  const char *name = contract_volume_name();
  struct volume_list list;
  char below[64];

  (void)state;
  object.etag[0] = '\0';
  assert_int_equal(side_write(volume, &object, "one"), 0);
  assert_int_equal(store_list(contract_store, &list, NULL), 0);
  assert_int_equal(list.count, 1);
  assert_string_equal(list.items[0].name, name);
  volume_list_free(&list);
  /* One below it, so that nothing is cleaned up with it by chance. */
  snprintf(below, sizeof below, "%s/below", name);
  assert_int_equal(store_create(contract_store, below, 512, NULL), 0);
  assert_int_equal(store_remove(contract_store, name, NULL, NULL), 0);
  assert_int_equal(side_read(volume, &other), STATUS_NOT_FOUND);
  assert_int_equal(side_write(volume, &object, "two"), STATUS_NOT_FOUND);
  contract_factory->advance_ms(1100); /* a service's clock of whole seconds */
  assert_int_equal(store_create(contract_store, name, CONTRACT_SIZE, NULL), 0);
  assert_int_equal(side_read(volume, &other), STATUS_NOT_FOUND);
  assert_int_equal(side_write(volume, &object, "two"), STATUS_NOT_FOUND);
  again = contract_open(contract_store, name);
  assert_int_equal(side_read(again, &other), 0);
  assert_string_equal(other.etag, "");
  assert_int_equal(side_write(again, &other, "three"), 0);
  expect(again, "three");
  contract_close(again);
  contract_close(volume);
}

/* A counter that several processes increase, each with its own handle: none is
 * lost, and no reader sees half of one.
 */
#define WRITERS 3

static void
increase(int number, void *data)
{
  struct store *store = contract_factory->open_again();
  struct store_volume *volume = NULL;
  unsigned rounds = *(unsigned *)data, value, tail;

  (void)number;
  contract_require(
      store_volume_open(store, contract_volume_name(), &volume, NULL) == 0,
      "it opens");
  for (unsigned i = 0; i < rounds;) {
    int r = store_side_read(volume, SIDE_REGISTRATIONS, &object, NULL);

    contract_require(r == 0, "it is read");
    object.bytes[object.length] = '\0';
    contract_require(sscanf(object.bytes, "%u %*x %u", &value, &tail) == 2 &&
                         value == tail,
                     "it is whole");
    object.length = (size_t)sprintf(object.bytes, "%u %060000x %u", value + 1,
                                    0, value + 1);
    r = store_side_write(volume, SIDE_REGISTRATIONS, &object, NULL);
    contract_require(r == 0 || r == STATUS_ETAG_STALE, "it is written");
    if (r == 0)
      i++;
  }
  store_volume_close(volume);
  store_close(store);
}

static void
test_race(void **state)
{
  struct store_volume *volume = contract_volume();
  unsigned rounds = 5 * contract_factory->rounds, value;

  (void)state;
  if (rounds > 100)
    rounds = 100;
  object.etag[0] = '\0';
  assert_int_equal(side_write(volume, &object, "0 0 0"), 0);
  contract_fork(WRITERS, increase, &rounds);
  contract_wait();
  assert_int_equal(side_read(volume, &other), 0);
  other.bytes[other.length] = '\0';
  assert_int_equal(sscanf(other.bytes, "%u", &value), 1);
  assert_int_equal(value, WRITERS * rounds);
  contract_close(volume);
}

const struct CMUnitTest contract_side_tests[] = {
    CONTRACT_TEST(test_conditions), CONTRACT_TEST(test_beside_lease),
    CONTRACT_TEST(test_largest),    CONTRACT_TEST(test_lives_with_volume),
    CONTRACT_TEST(test_race),       {0},
};
