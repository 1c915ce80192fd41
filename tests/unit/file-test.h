/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-test.h: what the tests of the file store share: a directory of its own
 * for each test, a clock that can be moved and that calls the test, a log that
 * is kept.
 */
#ifndef LEASEHOLD_FILE_TEST_H
#define LEASEHOLD_FILE_TEST_H

#include <sys/types.h>

#include "leasehold/store.h"
#include "unit.h"

extern const struct lease_id id_a, id_b;

/* The directory of the running test; made and taken away by these. */
extern char file_test_directory[64];
int file_test_setup(void **state);
int file_test_teardown(void **state);

#define FILE_TEST(function)                                                    \
  cmocka_unit_test_setup_teardown(function, file_test_setup, file_test_teardown)

/* DIRECTORY/part, in one of a few static buffers. */
const char *file_test_path(const char *part);

/* CLOCK_BOOTTIME plus what a test has let pass. */
extern const struct clock file_test_clock;
extern uint64_t file_test_passed_ms;
/* Called, if set, whenever the lease clock is read. The store does that inside
 * its critical sections: after a lock was taken, before what it protects.
 */
extern void (*file_test_clock_hook)(void);

/* All that was logged by this process since the test began. */
extern char file_test_log[8192];

/* Opens the store in the test's directory; fails the test if it cannot. */
struct store *file_test_open(unsigned workers);
struct store_volume *file_test_volume(struct store *store, const char *name);
/* Makes volume disk of 1 MiB and opens it. */
struct store_volume *file_test_disk(struct store *store);

int file_test_acquire(struct store_volume *volume, const struct lease_id *id,
                      uint32_t duration_s);
int file_test_change(struct store_volume *volume, const struct lease_id *id,
                     const struct lease_id *proposed);
int file_test_renew(struct store_volume *volume, const struct lease_id *id);
int file_test_claim(struct store_volume *volume, const struct lease_id *id,
                    uint64_t epoch);
/* Describes; the status. info may be NULL. err too. */
int file_test_describe(struct store_volume *volume, struct volume_info *info,
                       struct error *err);
int file_test_write(struct store_volume *volume, const struct lease_id *id,
                    uint64_t epoch, uint64_t offset, const void *bytes,
                    uint64_t count);
/* Without a guard. */
int file_test_io(struct store_volume *volume, enum store_io_kind kind,
                 uint64_t offset, void *buffer, uint64_t count);

/* Runs child in a new process. In it nothing of cmocka may be used: it ends
 * with 1 and a message when a file_test_require does not hold, else with 0.
 */
pid_t file_test_fork(void (*child)(void *data), void *data);
void file_test_require(bool condition, const char *what);
/* Waits for its end; the status as waitpid gives it. */
int file_test_wait(pid_t pid);

/* From now on fsync(fd) fails with EIO in this process, a child. */
void file_test_break_fsync(int fd);

/* Memory that children share; stays. */
void *file_test_shared(size_t size);
/* Yields until *flag is not 0 (it is set by another process). */
void file_test_await(const unsigned *flag);
void file_test_set(unsigned *flag);

/* Milliseconds of the real clock, for generous upper bounds. */
uint64_t file_test_real_ms(void);

#endif
