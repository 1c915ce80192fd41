/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* contract.h: the suite that every store must pass.
 *
 * A store is put in as a factory. contract_run runs all of the suite's tests
 * on it; each begins with an empty store. Volumes are reached through the
 * store's vtable, not through the wrappers: the suite also says what a store
 * answers to what the wrappers do not let through, such as a write without a
 * lease ID.
 */
#ifndef LEASEHOLD_CONTRACT_H
#define LEASEHOLD_CONTRACT_H

#include "leasehold/store.h"
#include "unit.h"

struct contract_factory {
  const char *name;
  /* Opens a store without volumes, and the same store once more, as another
   * process would; it is called in children too, which start no threads.
   */
  struct store *(*open)(void);
  struct store *(*open_again)(void);
  /* Takes away what open has made. All handles are closed. */
  void (*finish)(void);
  /* Lets so much of the lease clock's time pass. */
  void (*advance_ms)(uint64_t ms);
  unsigned rounds; /* how often a race is run */
};

/* How a store differs from the others, set before contract_run. */
struct contract_oddities {
  /* For a service that is not quite what its documents say: the cells of the
   * lease table that it answers otherwise, a file of tests/data, or NULL.
   */
  const char *deviations;
  /* How many fenced instances with the longest names it keeps; 0: all. */
  unsigned fenced_longest;
  /* Lease commands leave the ETag alone. */
  bool etag_of_data_only;
  /* It starts threads, which children cannot under ThreadSanitizer. */
  bool no_children;
  /* A claim that is overtaken half done is refused, and has used an epoch. */
  bool epochs_skipped;
};
extern struct contract_oddities contract_oddities;

/* Runs everything; the number of failed tests. */
int contract_run(const struct contract_factory *factory);

/* For the tests: the store of the running test, and its factory. */
extern struct store *contract_store;
extern const struct contract_factory *contract_factory;

/* cmocka's set-up and tear-down of one test. */
int contract_setup(void **state);
int contract_teardown(void **state);

#define CONTRACT_TEST(function)                                                \
  cmocka_unit_test_setup_teardown(function, contract_setup, contract_teardown)

extern const struct lease_id contract_a, contract_b, contract_c;

#define CONTRACT_SIZE (1 << 20)

/* Makes and opens a volume of CONTRACT_SIZE bytes with a new name. The caller
 * closes it with contract_close.
 */
struct store_volume *contract_volume(void);
/* The name of the one made last. */
const char *contract_volume_name(void);
/* Opens it again, in any store. */
struct store_volume *contract_open(struct store *store, const char *name);
void contract_close(struct store_volume *volume);

/* Runs a command and returns its status; reply may be NULL. Fails the test if
 * there is a status without a text.
 */
int contract_command(struct store_volume *volume,
                     const struct lease_command *command,
                     struct lease_reply *reply);
int contract_acquire(struct store_volume *volume, const struct lease_id *id,
                     uint32_t duration_s);
int contract_renew(struct store_volume *volume, const struct lease_id *id);
int contract_change(struct store_volume *volume, const struct lease_id *id,
                    const struct lease_id *proposed);
int contract_release(struct store_volume *volume, const struct lease_id *id,
                     uint64_t epoch);
int contract_break(struct store_volume *volume, uint32_t period_s);
/* *epoch: the expected one, afterwards the volume's. */
int contract_claim(struct store_volume *volume, const struct lease_id *id,
                   uint64_t *epoch);
void contract_describe(struct store_volume *volume, struct volume_info *info);
uint64_t contract_epoch(struct store_volume *volume);

/* STATUS_LEASE_LOST, or what a service with deviations says instead. */
bool contract_is_lost(int status);

/* Runs a request and returns its status. */
int contract_io(struct store_volume *volume, struct store_io *io);
int contract_write(struct store_volume *volume, const struct lease_id *id,
                   uint64_t epoch, uint64_t offset, const void *bytes,
                   uint64_t count);
void contract_read(struct store_volume *volume, uint64_t offset, void *bytes,
                   uint64_t count);

/* Begins, ends in failure unless the child has exited with 0. */
void contract_fork(int count, void (*child)(int number, void *data),
                   void *data);
void contract_wait(void);
/* In a child: ends it unless condition holds. */
void contract_require(bool condition, const char *what);

/* The suite's parts, each NULL-ended by a test without a name. */
extern const struct CMUnitTest contract_table_tests[];
extern const struct CMUnitTest contract_admin_tests[];
extern const struct CMUnitTest contract_lease_tests[];
extern const struct CMUnitTest contract_data_tests[];
extern const struct CMUnitTest contract_race_tests[];
extern const struct CMUnitTest contract_side_tests[];

#endif
