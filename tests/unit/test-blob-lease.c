/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-blob-lease.c: every cell of the lease table, and what it does not say:
 * clocks, periods, and what a refusal leaves behind.
 */
#include "store/blob-lease.h"

#include <string.h>

#include "leasehold/clock.h"
#include "leasehold/status.h"
#include "tsv.h"
#include "unit.h"

#define SECONDS(n) ((n)*NANOSECONDS_PER_SECOND)
#define NOW SECONDS(1000)

static const struct lease_id id_none = {""};
static const struct lease_id id_a = {"aaaaaaaa-0000-5000-8000-00000000000a"};
static const struct lease_id id_b = {"bbbbbbbb-0000-5000-8000-00000000000b"};
static const struct lease_id id_c = {"cccccccc-0000-5000-8000-00000000000c"};

static const struct blob_lease available = {.state = LEASE_AVAILABLE};

/* A lease of A that was taken at NOW for so many seconds. */
static struct blob_lease
leased(uint32_t duration_s)
{
  struct blob_lease lease = available;

  assert_int_equal(blob_lease_acquire(&lease, &id_a, duration_s, NOW), 0);
  return lease;
}

/* The table's states as they stand at NOW + 1 s. */
#define THEN (NOW + SECONDS(1))

static struct blob_lease
in_state(const char *text)
{
  struct blob_lease lease = leased(30);

  if (strcmp(text, "Available") == 0)
    return available;
  if (strcmp(text, "Breaking(A)") == 0)
    assert_int_equal(blob_lease_break(&lease, 20, NOW), 0);
  else if (strcmp(text, "Broken(A)") == 0)
    assert_int_equal(blob_lease_break(&lease, 0, NOW), 0);
  else if (strcmp(text, "Expired(A)") == 0)
    lease.end_ns = NOW;
  else
    assert_string_equal(text, "Leased(A)");
  return lease;
}

static const struct lease_id *
id_of(const char *text)
{
  if (strcmp(text, "none") == 0)
    return &id_none;
  return strcmp(text, "A") == 0 ? &id_a : &id_b;
}

/* The table's operations. An acquire without an ID is one with an ID that the
 * service has just made up.
 */
struct operation {
  const char *name;
  int (*run)(struct blob_lease *lease, const struct lease_id *with);
};

#define OPERATION(function, expression)                                        \
  static int function(struct blob_lease *lease, const struct lease_id *with)   \
  {                                                                            \
    (void)with;                                                                \
    return expression;                                                         \
  }

OPERATION(acquire_any, blob_lease_acquire(lease, &id_c, 15, THEN))
OPERATION(acquire_with, blob_lease_acquire(lease, with, 15, THEN))
OPERATION(break_0, blob_lease_break(lease, 0, THEN))
OPERATION(break_30, blob_lease_break(lease, 30, THEN))
OPERATION(break_default, blob_lease_break(lease, LEASE_BREAK_DEFAULT, THEN))
OPERATION(change_a_b, blob_lease_change(lease, &id_a, &id_b, THEN))
OPERATION(change_b_a, blob_lease_change(lease, &id_b, &id_a, THEN))
OPERATION(change_b_c, blob_lease_change(lease, &id_b, &id_c, THEN))
OPERATION(renew_with, blob_lease_renew(lease, with, THEN))
OPERATION(release_with, blob_lease_release(lease, with))
OPERATION(write_with, blob_lease_use(lease, BLOB_WRITE, with, THEN))
OPERATION(read_with, blob_lease_use(lease, BLOB_READ, with, THEN))

static const struct operation operations[] = {
    {"Acquire (no proposed id)", acquire_any},
    {"Acquire (A)", acquire_with},
    {"Acquire (B)", acquire_with},
    {"Break period=0", break_0},
    {"Break period=30", break_30},
    {"Break no period header", break_default},
    {"Change (A) to (B)", change_a_b},
    {"Change (B) to (A)", change_b_a},
    {"Change (B) to (C)", change_b_c},
    {"Renew (A)", renew_with},
    {"Renew (B)", renew_with},
    {"Release (A)", release_with},
    {"Release (B)", release_with},
    {"Put Page", write_with},
    {"Clear Page", write_with},
    {"Set Metadata", write_with},
    {"Resize (Set Properties)", write_with},
    {"Put Blob (overwrite)", write_with},
    {"Delete", write_with},
    {"Get Blob range", read_with},
    {"Get Blob Properties", read_with},
    {"Get Page Ranges", read_with},
};

static const struct {
  const char *code;
  int status;
} codes[] = {
    {"", STATUS_OK},
    {"LeaseAlreadyPresent", STATUS_LEASE_HELD},
    {"LeaseIdMismatchWithLeaseOperation", STATUS_LEASE_MISMATCH},
    {"LeaseIdMismatchWithBlobOperation", STATUS_LEASE_MISMATCH},
    {"LeaseNotPresentWithLeaseOperation", STATUS_LEASE_ABSENT},
    {"LeaseNotPresentWithBlobOperation", STATUS_LEASE_ABSENT},
    {"LeaseLost", STATUS_LEASE_LOST},
    {"LeaseIdMissing", STATUS_LEASE_REQUIRED},
    {"LeaseIsBreakingAndCannotBeAcquired", STATUS_LEASE_BREAKING},
    {"LeaseIsBreakingAndCannotBeChanged", STATUS_LEASE_BREAKING},
    {"LeaseIsBrokenAndCannotBeRenewed", STATUS_LEASE_BROKEN},
};

struct cells {
  unsigned exact;     /* the error code is documented: checked against it */
  unsigned undecided; /* code "?": any refusal of a lease will do */
  unsigned absent;    /* an operation that the service does not have */
};

static const struct operation *
find_operation(const char *name, unsigned line)
{
  for (size_t i = 0; i < COUNT(operations); i++)
    if (strcmp(operations[i].name, name) == 0)
      return &operations[i];
  fail_msg("line %u: unknown operation %s", line, name);
  return NULL;
}

static int
find_code(const char *code, unsigned line)
{
  for (size_t i = 0; i < COUNT(codes); i++)
    if (strcmp(codes[i].code, code) == 0)
      return codes[i].status;
  fail_msg("line %u: unknown error code %s", line, code);
  return 0;
}

static void
check_cell(char *const *fields, unsigned line, void *data)
{
  struct cells *cells = data;
  struct blob_lease before = in_state(fields[1]), lease = before;
  const struct operation *operation;
  int status;

  if (strncmp(fields[4], "n/a", 3) == 0) {
    assert_string_equal(fields[2], "Snapshot Blob");
    cells->absent++;
    return;
  }
  operation = find_operation(fields[2], line);
  status = operation->run(&lease, id_of(fields[3]));
  if (strcmp(fields[5], "?") == 0) {
    cells->undecided++;
    if (!status_is_refusal(status))
      fail_msg("line %u: %s", line, status_text(status));
  } else {
    cells->exact++;
    if (status != find_code(fields[5], line))
      fail_msg("line %u: %s in %s: %s, not %s", line, fields[2], fields[1],
               status_text(status), fields[5]);
  }
  if ((fields[4][0] == '2') != (status == 0))
    fail_msg("line %u: %s, but %s", line, fields[4], status_text(status));
  if (status != 0 && memcmp(&lease, &before, sizeof lease) != 0)
    fail_msg("line %u: refused, but the lease has changed", line);
}

static void
test_table(void **state)
{
  struct cells cells = {0};

  (void)state;
  tsv_each("lease-table.tsv", 6, check_cell, &cells);
  print_message("lease table: %u cells checked against their code, %u against "
                "any refusal, %u without an operation\n",
                cells.exact, cells.undecided, cells.absent);
  assert_int_equal(cells.exact, 198);
  assert_int_equal(cells.undecided, 2);
  assert_int_equal(cells.absent, 15);
}

/* What the successful cells leave behind: the service's table of outcomes. */
static void
test_outcomes(void **state)
{
  static const struct {
    const char *from;
    int (*run)(struct blob_lease *, const struct lease_id *);
    const struct lease_id *with;
    enum lease_state to;
    const struct lease_id *id;
  } rows[] = {
      {"Available", acquire_with, &id_a, LEASE_LEASED, &id_a},
      {"Broken(A)", acquire_with, &id_b, LEASE_LEASED, &id_b},
      {"Expired(A)", acquire_with, &id_b, LEASE_LEASED, &id_b},
      {"Leased(A)", break_0, NULL, LEASE_BROKEN, &id_a},
      {"Breaking(A)", break_0, NULL, LEASE_BROKEN, &id_a},
      {"Expired(A)", break_0, NULL, LEASE_BROKEN, &id_a},
      {"Leased(A)", break_30, NULL, LEASE_BREAKING, &id_a},
      {"Breaking(A)", break_30, NULL, LEASE_BREAKING, &id_a},
      {"Broken(A)", break_30, NULL, LEASE_BROKEN, &id_a},
      {"Expired(A)", break_30, NULL, LEASE_BROKEN, &id_a},
      {"Leased(A)", break_default, NULL, LEASE_BREAKING, &id_a},
      {"Expired(A)", break_default, NULL, LEASE_BROKEN, &id_a},
      {"Leased(A)", change_a_b, NULL, LEASE_LEASED, &id_b},
      {"Leased(A)", change_b_a, NULL, LEASE_LEASED, &id_a},
      {"Leased(A)", renew_with, &id_a, LEASE_LEASED, &id_a},
      {"Expired(A)", renew_with, &id_a, LEASE_LEASED, &id_a},
      {"Leased(A)", release_with, &id_a, LEASE_AVAILABLE, &id_none},
      {"Breaking(A)", release_with, &id_a, LEASE_AVAILABLE, &id_none},
      {"Broken(A)", release_with, &id_a, LEASE_AVAILABLE, &id_none},
      {"Expired(A)", release_with, &id_a, LEASE_AVAILABLE, &id_none},
      {"Leased(A)", write_with, &id_a, LEASE_LEASED, &id_a},
      {"Breaking(A)", write_with, &id_a, LEASE_BREAKING, &id_a},
      {"Broken(A)", write_with, &id_none, LEASE_AVAILABLE, &id_none},
      {"Expired(A)", write_with, &id_none, LEASE_AVAILABLE, &id_none},
      {"Broken(A)", read_with, &id_none, LEASE_BROKEN, &id_a},
      {"Expired(A)", read_with, &id_none, LEASE_EXPIRED, &id_a},
  };

  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct blob_lease lease = in_state(rows[i].from);

    assert_int_equal(rows[i].run(&lease, rows[i].with), 0);
    if (blob_lease_state(&lease, THEN) != rows[i].to ||
        !lease_id_equal(&lease.id, rows[i].id))
      fail_msg("row %zu, from %s: %s of %s", i, rows[i].from,
               lease_state_text(blob_lease_state(&lease, THEN)), lease.id.text);
  }
}

static void
test_clock(void **state)
{
  struct blob_lease lease = leased(30);

  (void)state;
  assert_int_equal(blob_lease_state(&lease, NOW + SECONDS(30) - 1),
                   LEASE_LEASED);
  assert_int_equal(blob_lease_state(&lease, NOW + SECONDS(30)), LEASE_EXPIRED);
  assert_int_equal(blob_lease_expires_in_ms(&lease, NOW), 30000);
  assert_int_equal(blob_lease_expires_in_ms(&lease, NOW + SECONDS(30) - 1), 1);
  assert_int_equal(blob_lease_expires_in_ms(&lease, NOW + SECONDS(30)), -1);
  /* A renewal starts the clock again, with the same duration. */
  assert_int_equal(blob_lease_renew(&lease, &id_a, NOW + SECONDS(10)), 0);
  assert_int_equal(lease.end_ns, NOW + SECONDS(40));
  /* So does an acquire of the own ID, which may change the duration. */
  assert_int_equal(blob_lease_acquire(&lease, &id_a, 60, NOW + SECONDS(20)), 0);
  assert_int_equal(lease.end_ns, NOW + SECONDS(80));
  assert_int_equal(
      blob_lease_acquire(&lease, &id_a, LEASE_DURATION_INFINITE, NOW), 0);
  assert_int_equal(blob_lease_state(&lease, UINT64_MAX - 1), LEASE_LEASED);
  assert_int_equal(blob_lease_expires_in_ms(&lease, NOW), -1);
  /* A change does not. */
  lease = leased(30);
  assert_int_equal(blob_lease_change(&lease, &id_a, &id_b, NOW + SECONDS(10)),
                   0);
  assert_int_equal(lease.end_ns, NOW + SECONDS(30));
  assert_int_equal(lease.duration_s, 30);
  assert_int_equal(blob_lease_change(&lease, &id_a, &id_b, NOW + SECONDS(10)),
                   0);
  assert_int_equal(lease.end_ns, NOW + SECONDS(30));
}

/* Seconds from NOW until a lease breaks that was taken then. */
static uint64_t
breaks_in(uint32_t duration_s, uint32_t period_s)
{
  struct blob_lease lease = leased(duration_s);

  assert_int_equal(blob_lease_break(&lease, period_s, NOW), 0);
  if (blob_lease_state(&lease, NOW) == LEASE_BROKEN)
    return 0;
  assert_int_equal(blob_lease_state(&lease, NOW), LEASE_BREAKING);
  assert_int_equal(blob_lease_state(&lease, lease.end_ns - 1), LEASE_BREAKING);
  assert_int_equal(blob_lease_state(&lease, lease.end_ns), LEASE_BROKEN);
  assert_int_equal(blob_lease_expires_in_ms(&lease, NOW),
                   (int64_t)((lease.end_ns - NOW) / 1000000));
  return (lease.end_ns - NOW) / NANOSECONDS_PER_SECOND;
}

static void
test_break(void **state)
{
  struct blob_lease lease;

  (void)state;
  assert_int_equal(breaks_in(60, 0), 0);
  assert_int_equal(breaks_in(60, 30), 30);
  assert_int_equal(breaks_in(15, 30), 15); /* no later than it expires */
  assert_int_equal(breaks_in(60, LEASE_BREAK_DEFAULT), 60);
  assert_int_equal(breaks_in(LEASE_DURATION_INFINITE, 0), 0);
  assert_int_equal(breaks_in(LEASE_DURATION_INFINITE, 60), 60);
  assert_int_equal(breaks_in(LEASE_DURATION_INFINITE, LEASE_BREAK_DEFAULT), 0);

  /* Shorter, never longer. */
  lease = leased(LEASE_DURATION_INFINITE);
  assert_int_equal(blob_lease_break(&lease, 30, NOW), 0);
  assert_int_equal(blob_lease_break(&lease, 60, NOW), 0);
  assert_int_equal(lease.end_ns, NOW + SECONDS(30));
  assert_int_equal(blob_lease_break(&lease, LEASE_BREAK_DEFAULT, NOW), 0);
  assert_int_equal(lease.end_ns, NOW + SECONDS(30));
  assert_int_equal(blob_lease_break(&lease, 10, NOW), 0);
  assert_int_equal(lease.end_ns, NOW + SECONDS(10));
  assert_int_equal(blob_lease_state(&lease, NOW + SECONDS(10)), LEASE_BROKEN);
}

static void
test_renew_after_expiry(void **state)
{
  uint64_t late = NOW + SECONDS(31);
  struct blob_lease lease = leased(30);

  (void)state;
  assert_int_equal(blob_lease_renew(&lease, &id_a, late), 0);
  assert_int_equal(blob_lease_state(&lease, late), LEASE_LEASED);
  /* Not when something was written without a lease in between, */
  lease = leased(30);
  assert_int_equal(blob_lease_use(&lease, BLOB_WRITE, NULL, late), 0);
  assert_int_equal(blob_lease_renew(&lease, &id_a, late),
                   STATUS_LEASE_MISMATCH);
  /* nor when somebody else has had it. */
  lease = leased(30);
  assert_int_equal(blob_lease_acquire(&lease, &id_b, 15, late), 0);
  assert_int_equal(blob_lease_release(&lease, &id_b), 0);
  assert_int_equal(blob_lease_renew(&lease, &id_a, late),
                   STATUS_LEASE_MISMATCH);
  /* A read in between does not matter. */
  lease = leased(30);
  assert_int_equal(blob_lease_use(&lease, BLOB_READ, NULL, late), 0);
  assert_int_equal(blob_lease_renew(&lease, &id_a, late), 0);
}

static void
test_reboot(void **state)
{
  struct blob_lease lease = leased(30);

  (void)state;
  blob_lease_rebooted(&lease);
  assert_int_equal(blob_lease_state(&lease, 0), LEASE_EXPIRED);
  assert_true(lease_id_equal(&lease.id, &id_a));
  lease = leased(60);
  assert_int_equal(blob_lease_break(&lease, 60, NOW), 0);
  blob_lease_rebooted(&lease);
  assert_int_equal(blob_lease_state(&lease, 0), LEASE_BROKEN);
  lease = leased(LEASE_DURATION_INFINITE);
  blob_lease_rebooted(&lease);
  assert_int_equal(blob_lease_state(&lease, 0), LEASE_LEASED);
  assert_int_equal(blob_lease_state(&lease, UINT64_MAX - 1), LEASE_LEASED);
  lease = available;
  blob_lease_rebooted(&lease);
  assert_int_equal(blob_lease_state(&lease, 0), LEASE_AVAILABLE);
}

static void
test_invalid(void **state)
{
  static const char *const bad[] = {
      "",
      "a",
      "aaaaaaaa-0000-5000-8000-00000000000",
      "AAAAAAAA-0000-5000-8000-00000000000A",
      "aaaaaaaa-0000-5000-8000-00000000000g",
      "aaaaaaaa_0000-5000-8000-00000000000a",
      "aaaaaaaaa0000-5000-8000-00000000000a",
  };
  static const uint32_t durations[] = {0, 1, 14, 61, UINT32_MAX - 1};
  struct blob_lease lease = available;
  struct lease_id id;

  (void)state;
  for (size_t i = 0; i < COUNT(bad); i++) {
    memset(&id, 0, sizeof id);
    strcpy(id.text, bad[i]);
    assert_false(blob_lease_id_valid(&id));
    assert_int_equal(blob_lease_acquire(&lease, &id, 30, NOW), STATUS_INVALID);
    assert_int_equal(blob_lease_renew(&lease, &id, NOW), STATUS_INVALID);
    assert_int_equal(blob_lease_change(&lease, &id, &id_b, NOW),
                     STATUS_INVALID);
    assert_int_equal(blob_lease_change(&lease, &id_a, &id, NOW),
                     STATUS_INVALID);
    assert_int_equal(blob_lease_release(&lease, &id), STATUS_INVALID);
  }
  /* Not ended where it should. */
  memset(&id, 'a', sizeof id);
  id.text[8] = id.text[13] = id.text[18] = id.text[23] = '-';
  assert_false(blob_lease_id_valid(&id));
  for (size_t i = 0; i < COUNT(durations); i++)
    assert_int_equal(blob_lease_acquire(&lease, &id_a, durations[i], NOW),
                     STATUS_INVALID);
  assert_memory_equal(&lease, &available, sizeof lease);
  lease = leased(30);
  assert_int_equal(blob_lease_break(&lease, 61, NOW), STATUS_INVALID);
  assert_int_equal(blob_lease_state(&lease, NOW), LEASE_LEASED);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_outcomes),
      cmocka_unit_test(test_clock),
      cmocka_unit_test(test_break),
      cmocka_unit_test(test_renew_after_expiry),
      cmocka_unit_test(test_reboot),
      cmocka_unit_test(test_invalid),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
