/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets from files: all bytes, less one newline; nothing else is guessed. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "utils/secret.h"

static char path[] = "/tmp/leasehold-secret.XXXXXX";

static int
read_back(const void *bytes, size_t length, size_t max, struct secret *out,
          struct error *err)
{
  FILE *file = fopen(path, "we");

  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
  *err = (struct error)ERROR_INIT;
  return secret_read(path, max, out, err);
}

static void
test_bytes(void **state)
{
  static const struct {
    const char *bytes;
    size_t length, kept;
  } table[] = {{"a", 1, 1},     {"a\n", 2, 1},      {"a\n\n", 3, 2},
               {"\0b\n", 3, 2}, {"12345678", 8, 8}, {"12345678\n", 9, 8}};
  struct secret secret;
  struct error err;

  (void)state;
  for (size_t i = 0; i < COUNT(table); i++) {
    assert_int_equal(
        read_back(table[i].bytes, table[i].length, 8, &secret, &err), 0);
    assert_int_equal(secret.length, table[i].kept);
    assert_memory_equal(secret.bytes, table[i].bytes, table[i].kept);
    assert_int_equal(secret.bytes[secret.length], '\0');
    secret_free(&secret);
    assert_null(secret.bytes);
  }
}

static void
expect(int status, const char *words, const struct error *err)
{
  assert_int_equal(status, err->status);
  assert_non_null(strstr(err->text, words));
  assert_non_null(strstr(err->text, "/tmp"));
  assert_null(strstr(err->text, "1234"));
}

static void
test_refused(void **state)
{
  struct secret secret;
  struct error err;

  (void)state;
  expect(read_back("", 0, 8, &secret, &err), "it is empty", &err);
  expect(read_back("\n", 1, 8, &secret, &err), "it is empty", &err);
  expect(read_back("123456789", 9, 8, &secret, &err), "longer than 8", &err);
  expect(read_back("12345678\n\n", 10, 8, &secret, &err), "longer", &err);
  assert_null(secret.bytes);
  expect(secret_read("/tmp", 8, &secret, &err), "directory", &err);
  expect(secret_read("/tmp/none/none", 8, &secret, &err), "No such", &err);
  assert_null(secret.bytes);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bytes),
      cmocka_unit_test(test_refused),
  };
  int fd = mkstemp(path), failed;

  if (fd < 0) {
    perror(path);
    return 1;
  }
  close(fd);
  failed = cmocka_run_group_tests_name("secret", tests, NULL, NULL);
  unlink(path);
  return failed;
}
