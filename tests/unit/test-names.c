/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-names.c: names of volumes, nodes and instances (DESIGN section 2). */
#include <stdio.h>
#include <string.h>

#include "leasehold/export-name.h"
#include "unit.h"

typedef int check_function(const char *, struct error *);

struct bad_name {
  const char *name, *text;
};

static void
check_good(check_function *check, const char *const *names)
{
  for (; *names != NULL; names++) {
    struct error err = ERROR_INIT;

    if (check(*names, &err) != 0)
      fail_msg("%s", err.text);
    assert_int_equal(err.status, STATUS_OK);
  }
}

static void
check_bad(check_function *check, const struct bad_name *names)
{
  for (; names->name != NULL; names++) {
    struct error err = ERROR_INIT;

    assert_int_equal(check(names->name, &err), STATUS_INVALID);
    assert_string_equal(err.text, names->text);
    assert_int_equal(check(names->name, NULL), STATUS_INVALID);
  }
}

static void
volume_names(void **unused)
{
  static const char *const good[] = {"disk0", "0",    "A",     "a.b",
                                     "a-b_c", "a..b", "a/b/c", "vg0/lv.1",
                                     "a-",    NULL};
  static const struct bad_name bad[] = {
      {"", "the volume name is empty"},
      {"disk 0", "volume name \"disk 0\": \" \" at byte 5 is not allowed"},
      {"a:b", "volume name \"a:b\": \":\" at byte 2 is not allowed"},
      {"a@b", "volume name \"a@b\": \"@\" at byte 2 is not allowed"},
      {"../x", "volume name \"../x\": \".\" at byte 1, where a letter or digit "
               "must be"},
      {".", "volume name \".\": \".\" at byte 1, where a letter or digit must "
            "be"},
      {"a/../b", "volume name \"a/../b\": \".\" at byte 3, where a letter or "
                 "digit must be"},
      {"a/.b", "volume name \"a/.b\": \".\" at byte 3, where a letter or digit "
               "must be"},
      {"-rf", "volume name \"-rf\": \"-\" at byte 1, where a letter or digit "
              "must be"},
      {"/a", "volume name \"/a\": a part between \"/\" is empty"},
      {"a//b", "volume name \"a//b\": a part between \"/\" is empty"},
      {"a/", "volume name \"a/\" ends in \"/\""},
      {"a\n", "volume name \"a\\x0a\": \"\\x0a\" at byte 2 is not allowed"},
      {"\xc3\xa9", "volume name \"\\xc3\\xa9\": \"\\xc3\" at byte 1, where a "
                   "letter or digit must be"},
      {NULL, NULL}};

  (void)unused;
  check_good(volume_name_check, good);
  check_bad(volume_name_check, bad);
}

static void
node_names(void **unused)
{
  static const char *const good[] = {
      "node-a", "db1.example.com", "iqn.2024-01.com.example:host7",
      "1",      "10.0.0.1",        "a_b",
      NULL};
  static const struct bad_name bad[] = {
      {"", "the node name is empty"},
      {"node a", "node name \"node a\": \" \" at byte 5 is not allowed"},
      {"a/b", "node name \"a/b\": \"/\" at byte 2 is not allowed"},
      {"/", "node name \"/\": \"/\" at byte 1, where a letter or digit must "
            "be"},
      {":a", "node name \":a\": \":\" at byte 1, where a letter or digit must "
             "be"},
      {NULL, NULL}};

  (void)unused;
  check_good(node_name_check, good);
  check_bad(node_name_check, bad);
}

static void
instances(void **unused)
{
  static const char *const good[] = {"one", "5f2c", "1:2.3_4-5", NULL};
  static const struct bad_name bad[] = {
      {"", "the instance is empty"},
      {"a=b", "instance \"a=b\": \"=\" at byte 2 is not allowed"},
      {NULL, NULL}};

  (void)unused;
  check_good(instance_check, good);
  check_bad(instance_check, bad);
}

static void
lengths(void **unused)
{
  static const struct {
    check_function *check;
    size_t max;
  } rows[] = {
      {volume_name_check, 255}, {node_name_check, 223}, {instance_check, 64}};

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    static char name[10241];
    struct error err = ERROR_INIT;

    memset(name, '\0', sizeof name);
    memset(name, 'n', rows[i].max);
    assert_int_equal(rows[i].check(name, &err), 0);
    name[rows[i].max] = 'n';
    assert_int_equal(rows[i].check(name, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "is too long"));
    memset(name, 'n', sizeof name - 1);
    assert_int_equal(rows[i].check(name, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "10240 bytes"));
  }
}

/* Every byte, at the beginning and later on, against the grammar's classes. */
static void
every_byte(void **unused)
{
  static const struct {
    check_function *check;
    const char *others;
  } rows[] = {{volume_name_check, "._-"},
              {node_name_check, "._:-"},
              {instance_check, "._:-"}};
  static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++)
    for (int byte = 1; byte < 256; byte++) {
      const char first[] = {(char)byte, '\0'};
      const char later[] = {'a', (char)byte, 'b', '\0'};
      bool letter = strchr(letters, first[0]) != NULL;
      bool other = strchr(rows[i].others, first[0]) != NULL;
      bool slash = i == 0 && byte == '/';

      assert_int_equal(rows[i].check(first, NULL) == 0, letter);
      assert_int_equal(rows[i].check(later, NULL) == 0,
                       letter || other || slash);
    }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(volume_names), cmocka_unit_test(node_names),
      cmocka_unit_test(instances),    cmocka_unit_test(lengths),
      cmocka_unit_test(every_byte),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
