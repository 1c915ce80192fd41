/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-status.c: texts, client errnos (DESIGN section 9) and error texts. */
#include "leasehold/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static const struct {
  int status, client_errno;
  bool refusal;
} rows[] = {
    {STATUS_OK, 0, false},
    {STATUS_LEASE_HELD, EPERM, true},
    {STATUS_LEASE_MISMATCH, EPERM, true},
    {STATUS_LEASE_ABSENT, EPERM, true},
    {STATUS_LEASE_LOST, EPERM, true},
    {STATUS_LEASE_REQUIRED, EPERM, true},
    {STATUS_LEASE_BREAKING, EPERM, true},
    {STATUS_LEASE_BROKEN, EPERM, true},
    {STATUS_EPOCH_STALE, ESHUTDOWN, true},
    {STATUS_ETAG_STALE, EIO, false},
    {STATUS_CONFLICT, EPERM, false},
    {STATUS_FENCED, ESHUTDOWN, false},
    {STATUS_READ_ONLY, EPERM, false},
    {STATUS_INVALID, EINVAL, false},
    {STATUS_NOT_FOUND, EIO, false},
    {STATUS_EXISTS, EINVAL, false},
    {STATUS_NO_SPACE, ENOSPC, false},
    {STATUS_NO_MEMORY, ENOMEM, false},
    {STATUS_DENIED, EIO, false},
    {STATUS_CORRUPT, EIO, false},
    {STATUS_UNSUPPORTED, EOPNOTSUPP, false},
    {STATUS_TRANSIENT, EIO, false},
    {STATUS_UNKNOWN, EIO, false},
    {STATUS_IO, EIO, false},
    {STATUS_TIMEOUT, EIO, false},
    {STATUS_STOPPING, ESHUTDOWN, false},
};

static void
every_status_has_text_and_errno(void **unused)
{
  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    int status = rows[i].status;

    assert_int_equal(status_errno(status), rows[i].client_errno);
    assert_int_equal(status_is_refusal(status), rows[i].refusal);
    assert_string_not_equal(status_text(status), "unknown status");
    for (size_t j = 0; j < i; j++)
      assert_string_not_equal(status_text(status), status_text(rows[j].status));
  }
}

/* Numbers without a meaning are errors with a text, never success. */
static void
other_numbers_are_errors(void **unused)
{
  static const int others[] = {1, 2, -10, -19, -23, -39, -65, -1000000};

  (void)unused;
  for (size_t i = 0; i < COUNT(others); i++) {
    assert_string_equal(status_text(others[i]), "unknown status");
    assert_int_equal(status_errno(others[i]), EIO);
    assert_false(status_is_refusal(others[i]));
  }
}

static void
system_errnos_choose_the_status(void **unused)
{
  static const struct {
    int system_errno, status;
  } errnos[] = {
      {ENOENT, STATUS_NOT_FOUND},
      {EEXIST, STATUS_EXISTS},
      {ENOSPC, STATUS_NO_SPACE},
      {EDQUOT, STATUS_NO_SPACE},
      {EFBIG, STATUS_NO_SPACE},
      {ENOMEM, STATUS_NO_MEMORY},
      {EACCES, STATUS_DENIED},
      {EPERM, STATUS_DENIED},
      {EROFS, STATUS_DENIED},
      {EINVAL, STATUS_INVALID},
      {EOPNOTSUPP, STATUS_UNSUPPORTED},
      {ENOSYS, STATUS_UNSUPPORTED},
      {EAGAIN, STATUS_TRANSIENT},
      {EINTR, STATUS_TRANSIENT},
      {EMFILE, STATUS_TRANSIENT},
      {ENFILE, STATUS_TRANSIENT},
      {EIO, STATUS_IO},
      {ENOTDIR, STATUS_IO},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(errnos); i++) {
    struct error err = ERROR_INIT;
    char wanted[256];

    snprintf(wanted, sizeof wanted, "file 7: %s",
             strerror(errnos[i].system_errno));
    assert_int_equal(status_from_errno(errnos[i].system_errno),
                     errnos[i].status);
    assert_int_equal(
        error_set_errno(&err, errnos[i].system_errno, "file %d", 7),
        errnos[i].status);
    assert_int_equal(err.status, errnos[i].status);
    assert_string_equal(err.text, wanted);
    assert_int_equal(error_set_errno(NULL, errnos[i].system_errno, "x"),
                     errnos[i].status);
  }
}

static void
long_texts_are_cut(void **unused)
{
  struct error err = ERROR_INIT;
  char text[2 * ERROR_TEXT_MAX];

  (void)unused;
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  assert_int_equal(error_set(&err, STATUS_INVALID, "%s", text), STATUS_INVALID);
  assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
  assert_int_equal(error_set_errno(&err, EIO, "%s", text), STATUS_IO);
  assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
  assert_int_equal(error_set(NULL, STATUS_IO, "%s", text), STATUS_IO);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_status_has_text_and_errno),
      cmocka_unit_test(other_numbers_are_errors),
      cmocka_unit_test(system_errnos_choose_the_status),
      cmocka_unit_test(long_texts_are_cut),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
