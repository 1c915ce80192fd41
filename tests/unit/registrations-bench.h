/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registrations-bench.h: a volume's registrations under test, and commands to
 * it in one line.
 */
#ifndef LEASEHOLD_REGISTRATIONS_BENCH_H
#define LEASEHOLD_REGISTRATIONS_BENCH_H

#include "leasehold/registrations.h"
#include "unit.h"

#define KEY_A 0xaaaa
#define KEY_B 0xbbbb
#define KEY_C 0xcccc

extern const uint8_t all_types[6];
extern const struct scsi_result good, conflict, bad_cdb, bad_list, bad_release,
    no_room;

/* The volume, and what its last command meant for the lease. */
extern struct registrations now;
extern struct lease_effect effect;
extern struct pr_nodes nodes;
extern unsigned types;

/* A test's setup: nothing is registered, all types are offered. */
int begin(void **state);
#define SCENARIO(name) cmocka_unit_test_setup(name, begin)

/* Runs a command, and checks that one that is refused changes nothing. */
struct scsi_result run(const char *node, const struct pr_command *command);
struct scsi_result out(const char *node, enum pr_action action, uint64_t key,
                       uint64_t service_key, unsigned type);

void check_result(struct scsi_result got, struct scsi_result want,
                  const char *file, int line);
#define assert_result(got, want) check_result(got, want, __FILE__, __LINE__)
#define GOOD(...) assert_result(out(__VA_ARGS__), good)
#define CONFLICT(...) assert_result(out(__VA_ARGS__), conflict)

/* Nodes a and b. */
void register_all(void);
/* A fresh volume, a and b registered, a has reserved it. */
void reserved(unsigned type);

#endif
