/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file-side.c: side objects of the file store: what is damaged is named,
 * what another volume or a crash has left behind is not there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file-test.h"

static struct side_object object;

static int
side_write(struct store_volume *volume, const char *text, struct error *err)
{
  object.length = strlen(text);
  memcpy(object.bytes, text, object.length);
  return store_side_write(volume, SIDE_REGISTRATIONS, &object, err);
}

static int
side_read(struct store_volume *volume, struct error *err)
{
  return store_side_read(volume, SIDE_REGISTRATIONS, &object, err);
}

static void
overwrite(const char *name, off_t at, const char *text)
{
  int fd = open(file_test_path(name), O_RDWR | O_CLOEXEC);
  char old;

  assert_true(fd >= 0);
  assert_int_equal(pread(fd, &old, 1, at), 1);
  if (strcmp(text, "0") == 0 && old == '0') /* a digit by chance */
    text = "1";
  assert_int_equal(pwrite(fd, text, strlen(text), at), (ssize_t)strlen(text));
  close(fd);
}

/* Each of these turns "text" into something that must not be believed. */
static void
test_damaged(void **state)
{
  static const struct {
    off_t at;
    const char *text, *what;
  } rows[] = {
      {0, "X", "first line"},  {512, "T", "checksum"},
      {40, "x", "first line"}, {17, "0", "checksum"},
      {52, "3", "checksum"},   {60, "x", "checksum"},
      {511, "x", "checksum"},  {52, "99999999999999999999 ", "first line"},
      {50, "0", "first line"},
  };
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct error err;

  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    unlink(file_test_path("disk/@registrations"));
    object.etag[0] = '\0';
    assert_int_equal(side_write(volume, "text", NULL), 0);
    overwrite("disk/@registrations", rows[i].at, rows[i].text);
    err = (struct error)ERROR_INIT;
    if (side_read(volume, &err) != STATUS_CORRUPT ||
        strstr(err.text, "disk/@registrations is damaged") == NULL ||
        strstr(err.text, rows[i].what) == NULL)
      fail_msg("%zu: %s", i, err.text);
    assert_int_equal(side_write(volume, "more", NULL), STATUS_CORRUPT);
  }
  assert_int_equal(truncate(file_test_path("disk/@registrations"), 600), 0);
  assert_int_equal(side_read(volume, &err), STATUS_CORRUPT);
  assert_non_null(strstr(err.text, "right size"));
  store_volume_close(volume);
  store_close(store);
}

/* A spare that a killed process has left, written halfway or wholly, changes
 * nothing, and neither does what a volume of this name has left.
 */
static void
test_left_behind(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  char command[512];

  (void)state;
  object.etag[0] = '\0';
  assert_int_equal(side_write(volume, "one", NULL), 0);
  assert_int_equal(side_write(volume, "two", NULL), 0);
  overwrite("disk/@registrations.new", 0, "garbage");
  assert_int_equal(side_read(volume, NULL), 0);
  assert_memory_equal(object.bytes, "two", 3);
  assert_int_equal(side_write(volume, "three", NULL), 0);
  assert_int_equal(truncate(file_test_path("disk/@registrations.new"), 9), 0);
  assert_int_equal(side_write(volume, "four", NULL), 0);
  unlink(file_test_path("disk/@registrations.new"));
  assert_int_equal(side_write(volume, "five", NULL), 0);
  assert_int_equal(side_read(volume, NULL), 0);
  assert_memory_equal(object.bytes, "five", 4);
  store_volume_close(volume);

  snprintf(command, sizeof command, "cp '%s' '%s'",
           file_test_path("disk/@registrations"), file_test_path("kept"));
  assert_int_equal(system(command), 0);
  assert_int_equal(store_remove(store, "disk", NULL, NULL), 0);
  assert_int_not_equal(access(file_test_path("disk"), F_OK), 0);
  volume = file_test_disk(store);
  snprintf(command, sizeof command, "cp '%s' '%s'", file_test_path("kept"),
           file_test_path("disk/@registrations"));
  assert_int_equal(system(command), 0);
  assert_int_equal(side_read(volume, NULL), 0);
  assert_string_equal(object.etag, "");
  assert_int_equal(side_write(volume, "new", NULL), 0);
  assert_int_equal(side_read(volume, NULL), 0);
  assert_memory_equal(object.bytes, "new", 3);
  store_volume_close(volume);
  store_close(store);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      FILE_TEST(test_damaged),
      FILE_TEST(test_left_behind),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
