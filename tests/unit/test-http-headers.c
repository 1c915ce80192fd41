/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of headers: lines as servers send them, a hard cap, replacing. */
#include "unit.h"

#include <string.h>

#include "http/headers.h"

static void
test_lines(void **state)
{
  static const struct {
    const char *line, *name, *value;
  } table[] = {
      {"ETag: \"0x1\"\r\n", "etag", "\"0x1\""},
      {"A:b", "A", "b"},
      {"A: \t b c \t\r\n", "a", "b c"},
      {"A:\r\n", "A", ""},
      {"A: b:c\n", "A", "b:c"},
  };
  static const char *const none[] = {
      "", "\r\n", "HTTP/1.1 200 OK\r\n", ": x", " A: b", "A : b", "no colon"};

  (void)state;
  for (size_t i = 0; i < COUNT(table); i++) {
    CLEANUP_HEADERS struct http_headers list = {0};

    assert_int_equal(
        http_headers_add_line(&list, table[i].line, strlen(table[i].line)), 0);
    assert_string_equal(http_headers_get(&list, table[i].name), table[i].value);
  }
  for (size_t i = 0; i < COUNT(none); i++) {
    CLEANUP_HEADERS struct http_headers list = {0};

    assert_int_equal(http_headers_add_line(&list, none[i], strlen(none[i])), 0);
    assert_int_equal(list.count, 0);
  }
}

static void
test_nul(void **state)
{
  CLEANUP_HEADERS struct http_headers list = {0};

  (void)state;
  assert_int_equal(http_headers_add_line(&list, "A: b\0c", 6), 0);
  assert_int_equal(list.count, 0);
}

/* A server that does not stop is stopped. */
static void
test_cap(void **state)
{
  CLEANUP_HEADERS struct http_headers list = {0};
  unsigned count = 0;

  (void)state;
  while (count < HTTP_HEADERS_MAX &&
         http_headers_add(&list, "name", "0123456789") == 0)
    count++;
  assert_int_equal(list.status, STATUS_INVALID);
  assert_int_equal(list.count, count);
  assert_true(count > 1000 && count < HTTP_HEADERS_MAX / 14);
  assert_int_equal(http_headers_add(&list, "a", "b"), STATUS_INVALID);
}

static void
test_set_and_sort(void **state)
{
  CLEANUP_HEADERS struct http_headers list = {0};

  (void)state;
  for (int i = 0; i < 20; i++)
    http_headers_printf(&list, i % 2 ? "b" : "c", "%d", i);
  http_headers_set(&list, "a", "first");
  http_headers_set(&list, "a", "second, and longer");
  http_headers_set(&list, "a", "third");
  assert_int_equal(list.status, 0);
  assert_int_equal(list.count, 21);
  http_headers_sort(&list);
  assert_string_equal(list.items[0].value, "third");
  assert_string_equal(list.items[1].name, "b");
  assert_string_equal(list.items[20].name, "c");
  assert_null(http_headers_get(&list, "d"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines),
      cmocka_unit_test(test_nul),
      cmocka_unit_test(test_cap),
      cmocka_unit_test(test_set_and_sort),
  };

  return cmocka_run_group_tests_name("http-headers", tests, NULL, NULL);
}
