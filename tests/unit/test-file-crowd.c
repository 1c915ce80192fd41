/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file-crowd.c: many processes on one store, killed at any moment: nobody
 * is blocked by what they leave, and no record is torn.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file-test.h"

#define CROWD 64
/* Under valgrind, which has no pidfd_open, all is so slow that a smaller crowd
 * is as dense.
 */
#define CROWD_UNDER_VALGRIND 6
#define CROWD_ROUNDS 3
#define VICTIMS 4
#define KILLS 150

/* Answers that are no failure when others do the same at the same time. */
static void
require_sane(int status, const char *what)
{
  file_test_require(status == 0 || status_is_refusal(status), what);
}

/* All commands, data, and the volume's own coming and going. */
static void
do_everything(struct store *store, struct store_volume *volume,
              const struct lease_id *id)
{
  struct volume_info info;
  static char bytes[20000];
  int r;

  file_test_require(file_test_describe(volume, &info, NULL) == 0, "describe");
  require_sane(file_test_acquire(volume, id, 15), "acquire");
  require_sane(file_test_claim(volume, id, info.epoch), "claim");
  require_sane(
      file_test_write(volume, id, info.epoch + 1, 100, bytes, sizeof bytes),
      "write");
  file_test_require(file_test_io(volume, STORE_READ, 0, bytes, 512) == 0,
                    "read");
  require_sane(file_test_renew(volume, id), "renew");
  if (!lease_id_is_none(&info.lease.id))
    require_sane(file_test_change(volume, &info.lease.id, id), "change");
  r = store_create(store, "coming/and/going", 4096, NULL);
  file_test_require(r == 0 || r == STATUS_EXISTS, "create");
  r = store_resize(store, "coming/and/going", 8192, NULL, NULL);
  file_test_require(r == 0 || r == STATUS_NOT_FOUND, "resize");
  r = store_remove(store, "coming/and/going", NULL, NULL);
  file_test_require(r == 0 || r == STATUS_NOT_FOUND, "remove");
}

struct member {
  unsigned number;
  bool for_ever;
};

static void
be_member(void *data)
{
  const struct member *member = data;
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_volume(store, "disk");
  struct lease_id id = id_a;

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  id.text[0] = "abcdef01"[member->number % 8];
  for (int i = 0; member->for_ever || i < CROWD_ROUNDS; i++)
    do_everything(store, volume, &id);
  store_volume_close(volume);
  store_close(store);
}

static void
test_crowd(void **state)
{
  struct store *store = file_test_open(0);
  struct volume_list list;
  pid_t pids[CROWD];
  int self = pidfd_open(getpid(), 0);
  unsigned crowd = self < 0 ? CROWD_UNDER_VALGRIND : CROWD;

  (void)state;
  if (self >= 0)
    close(self);
  assert_int_equal(store_create(store, "disk", 1 << 20, NULL), 0);
  for (unsigned i = 0; i < crowd; i++) {
    struct member member = {.number = i};

    pids[i] = file_test_fork(be_member, &member);
  }
  for (unsigned i = 0; i < crowd; i++)
    assert_int_equal(file_test_wait(pids[i]), 0);
  assert_int_equal(store_list(store, &list, NULL), 0);
  for (size_t i = 0; i < list.count; i++)
    assert_int_equal(list.items[i].status, 0);
  volume_list_free(&list);
  assert_string_equal(file_test_log, "");
  store_close(store);
}

static void
expect_whole(struct store *store, struct store_volume *volume)
{
  struct volume_list list;
  struct volume_info info;
  struct error err = ERROR_INIT;
  uint64_t began = file_test_real_ms();

  if (file_test_describe(volume, &info, &err) != 0)
    fail_msg("%s", err.text);
  assert_int_equal(store_list(store, &list, NULL), 0);
  for (size_t i = 0; i < list.count; i++)
    if (list.items[i].status != 0)
      fail_msg("%s", list.items[i].error.text);
  volume_list_free(&list);
  file_test_acquire(volume, &id_b, 15);
  /* A generous bound: what was killed has left nothing that is waited for. */
  assert_true(file_test_real_ms() - began < 5000);
}

static void
test_kill(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  pid_t pids[VICTIMS];
  struct member member = {.for_ever = true};

  (void)state;
  srand(1);
  for (unsigned i = 0; i < VICTIMS; i++) {
    member.number = i;
    pids[i] = file_test_fork(be_member, &member);
  }
  for (unsigned i = 0; i < KILLS; i++) {
    pid_t *victim = &pids[i % VICTIMS];

    usleep((useconds_t)(rand() % 20000));
    assert_int_equal(kill(*victim, SIGKILL), 0);
    assert_true(WIFSIGNALED(file_test_wait(*victim)));
    expect_whole(store, volume);
    member.number = i % VICTIMS;
    *victim = file_test_fork(be_member, &member);
  }
  for (unsigned i = 0; i < VICTIMS; i++) {
    assert_int_equal(kill(pids[i], SIGKILL), 0);
    assert_true(WIFSIGNALED(file_test_wait(pids[i])));
  }
  expect_whole(store, volume);
  /* What an interrupted create or remove has left can be made anew. */
  store_remove(store, "coming/and/going", NULL, NULL);
  assert_int_equal(store_create(store, "coming/and/going", 4096, NULL), 0);
  assert_string_equal(file_test_log, "");
  store_volume_close(volume);
  store_close(store);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      FILE_TEST(test_crowd),
      FILE_TEST(test_kill),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
