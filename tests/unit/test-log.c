/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-log.c: one event is one line (S11). */
#include "leasehold/log.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

struct test_log {
  struct log log;
  int count;
  enum log_level level;
  char line[4096];
};

static void
keep(const struct log *log, enum log_level level, const char *line)
{
  struct test_log *test = (struct test_log *)log;

  test->count++;
  test->level = level;
  snprintf(test->line, sizeof test->line, "%s", line);
}

static void
a_line_is_formatted(void **unused)
{
  struct test_log test = {.log.write = keep};

  (void)unused;
  log_line(&test.log, LOG_LEVEL_INFO, "%s: epoch %d", "disk0", 5);
  assert_int_equal(test.count, 1);
  assert_int_equal(test.level, LOG_LEVEL_INFO);
  assert_string_equal(test.line, "disk0: epoch 5");
}

/* Names from outside cannot begin a second line, or drive a terminal. */
static void
control_bytes_are_replaced(void **unused)
{
  struct test_log test = {.log.write = keep};

  (void)unused;
  log_line(&test.log, LOG_LEVEL_ERROR, "%s", "a\nb\r\x1b[2J\x7f\tc\xc3\xa9");
  assert_string_equal(test.line, "a?b??[2J??c\xc3\xa9");
}

static void
long_lines_are_cut(void **unused)
{
  struct test_log test = {.log.write = keep};
  char text[3000];

  (void)unused;
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  log_line(&test.log, LOG_LEVEL_DEBUG, "%s", text);
  assert_int_equal(strlen(test.line), 1023);
}

static void
no_log_is_silence(void **unused)
{
  (void)unused;
  log_line(NULL, LOG_LEVEL_ERROR, "%s", "nobody hears this");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_is_formatted),
      cmocka_unit_test(control_bytes_are_replaced),
      cmocka_unit_test(long_lines_are_cut),
      cmocka_unit_test(no_log_is_silence),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
