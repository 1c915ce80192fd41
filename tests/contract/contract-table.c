/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* contract-table.c: the lease table, on a real store: all its lease cells, and
 * those of its uses that the contract has.
 */
#include "contract.h"

#include <stdio.h>
#include <string.h>

#include "tsv.h"

struct cell {
  const char *state, *operation;
  const struct lease_id *with;
  struct store_volume *volume;
};

/* How many cells were run, and how many the contract cannot say: Set Metadata,
 * Put Blob, Snapshot Blob, and reads with a lease ID.
 */
struct cells {
  unsigned lease, use, undecided, without, deviating, wrong;
};

static void
enter_state(const struct cell *cell)
{
  struct store_volume *volume = cell->volume;

  if (strcmp(cell->state, "Available") == 0)
    return;
  assert_int_equal(contract_acquire(volume, &contract_a, 60), 0);
  if (strcmp(cell->state, "Breaking(A)") == 0)
    assert_int_equal(contract_break(volume, 60), 0);
  else if (strcmp(cell->state, "Broken(A)") == 0)
    assert_int_equal(contract_break(volume, 0), 0);
  else if (strcmp(cell->state, "Expired(A)") == 0) {
    assert_int_equal(contract_acquire(volume, &contract_a, 15), 0);
    contract_factory->advance_ms(16000);
  } else
    assert_string_equal(cell->state, "Leased(A)");
}

static int
run_lease(const struct cell *cell)
{
  static const struct {
    const char *name;
    const struct lease_id *from, *to;
  } changes[] = {{"Change (A) to (B)", &contract_a, &contract_b},
                 {"Change (B) to (A)", &contract_b, &contract_a},
                 {"Change (B) to (C)", &contract_b, &contract_c}};
  const struct lease_id *with = cell->with;
  const char *operation = cell->operation;

  for (size_t i = 0; i < COUNT(changes); i++)
    if (strcmp(operation, changes[i].name) == 0)
      return contract_change(cell->volume, changes[i].from, changes[i].to);
  if (strncmp(operation, "Acquire", 7) == 0)
    return contract_acquire(cell->volume, with ? with : &contract_c, 30);
  if (strncmp(operation, "Renew", 5) == 0)
    return contract_renew(cell->volume, with);
  if (strncmp(operation, "Release", 7) == 0)
    return contract_release(cell->volume, with, contract_epoch(cell->volume));
  if (strcmp(operation, "Break period=0") == 0)
    return contract_break(cell->volume, 0);
  if (strcmp(operation, "Break period=30") == 0)
    return contract_break(cell->volume, 30);
  assert_string_equal(operation, "Break no period header");
  return contract_break(cell->volume, LEASE_BREAK_DEFAULT);
}

static int
run_io(const struct cell *cell, enum store_io_kind kind)
{
  char bytes[STORE_SECTOR] = "x";
  struct store_io io = {.kind = kind,
                        .count = sizeof bytes,
                        .buffer = bytes,
                        .guard.epoch = contract_epoch(cell->volume)};
  int r;

  if (cell->with != NULL)
    io.guard.lease_id = *cell->with;
  r = contract_io(cell->volume, &io);
  extents_free(&io.extents);
  return r;
}

/* False: the contract does not have it. */
static bool
run_use(const struct cell *cell, int *status)
{
  struct store *store = contract_store;
  const char *operation = cell->operation, *name = contract_volume_name();
  struct volume_info info;

  if (strcmp(operation, "Put Page") == 0)
    *status = run_io(cell, STORE_WRITE);
  else if (strcmp(operation, "Clear Page") == 0)
    *status = run_io(cell, STORE_ZERO);
  else if (strcmp(operation, "Delete") == 0)
    *status = store->ops->remove(store, name, cell->with, NULL);
  else if (strcmp(operation, "Resize (Set Properties)") == 0)
    *status =
        store->ops->resize(store, name, 2 * CONTRACT_SIZE, cell->with, NULL);
  else if (cell->with != NULL)
    return false;
  else if (strcmp(operation, "Get Blob range") == 0)
    *status = run_io(cell, STORE_READ);
  else if (strcmp(operation, "Get Page Ranges") == 0)
    *status = run_io(cell, STORE_EXTENTS);
  else if (strcmp(operation, "Get Blob Properties") == 0) {
    contract_describe(cell->volume, &info);
    *status = 0;
  } else
    return false;
  return true;
}

static bool
status_fits(const char *code, int status)
{
  static const struct {
    const char *part;
    int status;
  } codes[] = {
      {"LeaseAlreadyPresent", STATUS_LEASE_HELD},
      {"LeaseIdMismatch", STATUS_LEASE_MISMATCH},
      {"LeaseNotPresent", STATUS_LEASE_ABSENT},
      {"LeaseLost", STATUS_LEASE_LOST},
      {"LeaseIdMissing", STATUS_LEASE_REQUIRED},
      {"LeaseIsBreaking", STATUS_LEASE_BREAKING},
      {"LeaseIsBroken", STATUS_LEASE_BROKEN},
  };

  if (code[0] == '\0')
    return status == 0;
  if (strcmp(code, "?") == 0)
    return status_is_refusal(status);
  for (size_t i = 0; i < COUNT(codes); i++)
    if (strncmp(code, codes[i].part, strlen(codes[i].part)) == 0)
      return status == codes[i].status;
  fail_msg("unknown code %s", code);
  return false;
}

/* A cell that the service is known to answer otherwise. */
struct deviation {
  char *const *cell;
  const char *code; /* NULL: there is none */
  char text[64];
};

static void
match_deviation(char *const *fields, unsigned line, void *data)
{
  struct deviation *deviation = data;

  (void)line;
  for (unsigned i = 0; i < 4; i++)
    if (strcmp(fields[i], deviation->cell[i]) != 0)
      return;
  snprintf(deviation->text, sizeof deviation->text, "%s", fields[4]);
  deviation->code = deviation->text;
}

/* The code that is expected of this store. */
static const char *
expected_code(char *const *fields, struct deviation *deviation)
{
  *deviation = (struct deviation){.cell = fields};
  if (contract_oddities.deviations != NULL)
    tsv_each(contract_oddities.deviations, 6, match_deviation, deviation);
  return deviation->code != NULL ? deviation->code : fields[5];
}

static void
check_cell(char *const *fields, unsigned line, void *data)
{
  struct cells *cells = data;
  struct cell cell = {.state = fields[1], .operation = fields[2]};
  struct volume_info before, after;
  struct deviation deviation;
  const char *code = expected_code(fields, &deviation);
  int status = 0;

  if (strcmp(fields[3], "A") == 0)
    cell.with = &contract_a;
  else if (strcmp(fields[3], "B") == 0)
    cell.with = &contract_b;
  cell.volume = contract_volume();
  enter_state(&cell);
  contract_describe(cell.volume, &before);
  if (strcmp(fields[0], "lease") == 0) {
    cells->lease++;
    status = run_lease(&cell);
  } else if (run_use(&cell, &status))
    cells->use++;
  else {
    cells->without++;
    contract_close(cell.volume);
    return;
  }
  if (strcmp(fields[5], "?") == 0)
    cells->undecided++;
  if (deviation.code != NULL)
    cells->deviating++;
  if (!status_fits(code, status)) {
    cells->wrong++;
    print_error("line %u: %s (%s) in %s: %s, not '%s'\n", line, fields[2],
                fields[3], fields[1], status_text(status), code);
  }
  if (status != 0) { /* a refusal changes nothing */
    contract_describe(cell.volume, &after);
    assert_string_equal(before.etag, after.etag);
    assert_int_equal(before.size, after.size);
  }
  contract_close(cell.volume);
}

static void
test_lease_table(void **state)
{
  struct cells cells = {0};

  (void)state;
  tsv_each("lease-table.tsv", 6, check_cell, &cells);
  print_message("%s: %u lease cells, %u use cells, of them %u with any "
                "refusal, %u with a known deviation; %u are not in the "
                "contract\n",
                contract_factory->name, cells.lease, cells.use, cells.undecided,
                cells.deviating, cells.without);
  assert_int_equal(cells.wrong, 0);
  assert_int_equal(cells.lease, 65);
  assert_int_equal(cells.use, 75);
  assert_int_equal(cells.undecided, 2);
  assert_int_equal(cells.without, 75);
}

const struct CMUnitTest contract_table_tests[] = {
    CONTRACT_TEST(test_lease_table),
    {0},
};
