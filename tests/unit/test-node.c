/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-node.c: a node's name becomes its lease ID (DESIGN section 3). */
#include <string.h>

#include "leasehold/lease.h"
#include "leasehold/status.h"
#include "tsv.h"
#include "unit.h"

static void
check_row(char *const *fields, unsigned line, void *data)
{
  static const struct lease_key no_key = {NULL, 0};
  unsigned *rows = data;
  struct lease_id id;

  assert_int_equal(lease_id_from_node(fields[0], NULL, &id), 0);
  if (strcmp(id.text, fields[1]) != 0)
    fail_msg("line %u: %s", line, id.text);
  assert_int_equal(lease_id_from_node(fields[0], &no_key, &id), 0);
  assert_string_equal(id.text, fields[1]);
  (*rows)++;
}

/* An administrator gets the same from uuidgen. */
static void
without_key_as_uuidgen_says(void **unused)
{
  unsigned rows = 0;

  (void)unused;
  tsv_each("lease-ids.tsv", 2, check_row, &rows);
  assert_true(rows >= 10);
}

/* The MACs of RFC 4231's test cases 1, 2 and 6, cut and marked as RFC 9562
 * section 5.8 says: version 8, variant 10.
 */
static void
with_key_as_the_rfcs_say(void **unused)
{
  static const struct {
    const char *data, *key;
    int repeat;
    const char *id;
  } rows[] = {
      {"Hi There", "\x0b", 20, "b0344c61-d8db-8853-9ca8-afceaf0bf12b"},
      {"what do ya want for nothing?", "Jefe", 1,
       "5bdcc146-bf60-854e-aa04-2426089575c7"},
      {"Test Using Larger Than Block-Size Key - Hash Key First", "\xaa", 131,
       "60e43159-1ee0-867f-8d8a-26aacbf5b77f"},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    size_t length = strlen(rows[i].key);
    unsigned char bytes[131];
    struct lease_key key = {bytes, 0};
    struct lease_id id;

    for (int n = 0; n < rows[i].repeat; n++, key.length += length)
      memcpy(bytes + key.length, rows[i].key, length);
    assert_int_equal(lease_id_from_node(rows[i].data, &key, &id), 0);
    assert_string_equal(id.text, rows[i].id);
  }
}

/* Whatever the hash says, version and variant are right. */
static void
version_and_variant_are_fixed(void **unused)
{
  const struct lease_key key = {(const unsigned char *)"secret", 6};
  char node[] = "node-a";

  (void)unused;
  for (char c = 'a'; c <= 'z'; c++) {
    struct lease_id id;

    node[5] = c;
    assert_int_equal(lease_id_from_node(node, &key, &id), 0);
    assert_int_equal(strlen(id.text), LEASE_ID_LENGTH);
    assert_int_equal(id.text[14], '8');
    assert_non_null(strchr("89ab", id.text[19]));
    assert_int_equal(lease_id_from_node(node, NULL, &id), 0);
    assert_int_equal(id.text[14], '5');
    assert_non_null(strchr("89ab", id.text[19]));
  }
}

static void
an_absurd_key_is_an_error(void **unused)
{
  const struct lease_key key = {(const unsigned char *)"", SIZE_MAX / 2 + 1};
  struct lease_id id;

  (void)unused;
  assert_int_equal(lease_id_from_node("node-a", &key, &id), STATUS_NO_MEMORY);
}

static void
ids_compare(void **unused)
{
  const struct lease_id none = {""}, other_none = {""};
  struct lease_id a, b;

  (void)unused;
  lease_id_from_node("node-a", NULL, &a);
  lease_id_from_node("node-a", NULL, &b);
  assert_true(lease_id_equal(&a, &b));
  lease_id_from_node("node-b", NULL, &b);
  assert_false(lease_id_equal(&a, &b));
  b = a;
  b.text[LEASE_ID_LENGTH - 1] ^= 1;
  assert_false(lease_id_equal(&a, &b));
  assert_false(lease_id_equal(&a, &none));
  assert_true(lease_id_equal(&none, &other_none));
  assert_true(lease_id_is_none(&none));
  assert_false(lease_id_is_none(&a));
}

static void
lease_words_have_texts(void **unused)
{
  (void)unused;
  assert_string_equal(lease_state_text(LEASE_AVAILABLE), "available");
  assert_string_equal(lease_state_text(LEASE_LEASED), "leased");
  assert_string_equal(lease_state_text(LEASE_BREAKING), "breaking");
  assert_string_equal(lease_state_text(LEASE_BROKEN), "broken");
  assert_string_equal(lease_state_text(LEASE_EXPIRED), "expired");
  assert_string_equal(lease_verb_text(LEASE_NONE), "none");
  assert_string_equal(lease_verb_text(LEASE_DESCRIBE), "describe");
  assert_string_equal(lease_verb_text(LEASE_ACQUIRE), "acquire");
  assert_string_equal(lease_verb_text(LEASE_RENEW), "renew");
  assert_string_equal(lease_verb_text(LEASE_CHANGE), "change");
  assert_string_equal(lease_verb_text(LEASE_RELEASE), "release");
  assert_string_equal(lease_verb_text(LEASE_BREAK), "break");
  assert_string_equal(lease_verb_text(LEASE_CLAIM), "claim");
  assert_string_equal(lease_verb_text(LEASE_GROUP), "group");
}

/* As of a node of the name VOLUME#NUMBER; computed with uuidgen and openssl. */
static void
groups_have_ids(void **unused)
{
  const struct lease_key key = {(const unsigned char *)"0123456789abcdef", 16};
  struct lease_id id;

  (void)unused;
  assert_int_equal(lease_id_from_group("disk0", 7, NULL, &id), 0);
  assert_string_equal(id.text, "56d8ba6f-8e16-5871-828b-19592be8a47e");
  assert_int_equal(lease_id_from_group("vms/db1", UINT64_MAX, NULL, &id), 0);
  assert_string_equal(id.text, "5b972de4-3ee3-5a3b-bcf1-31a3dedc98ee");
  assert_int_equal(lease_id_from_group("disk0", 7, &key, &id), 0);
  assert_string_equal(id.text, "af48a24a-b5cc-80e2-86e7-677dcdc64605");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_key_as_uuidgen_says),
      cmocka_unit_test(with_key_as_the_rfcs_say),
      cmocka_unit_test(version_and_variant_are_fixed),
      cmocka_unit_test(an_absurd_key_is_an_error),
      cmocka_unit_test(groups_have_ids),
      cmocka_unit_test(ids_compare),
      cmocka_unit_test(lease_words_have_texts),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
