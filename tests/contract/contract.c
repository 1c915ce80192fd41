/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* contract.c: what the parts of the contract suite share. */
#include "contract.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "utils/cleanup.h"

#define TESTS_MAX 64
#define CHILDREN_MAX 128

struct store *contract_store;
const struct contract_factory *contract_factory;
struct contract_oddities contract_oddities;

const struct lease_id contract_a = {"aaaaaaaa-0000-5000-8000-00000000000a"};
const struct lease_id contract_b = {"bbbbbbbb-0000-5000-8000-00000000000b"};
const struct lease_id contract_c = {"cccccccc-0000-5000-8000-00000000000c"};

static char volume_name[32];
static unsigned volume_number;
static pid_t children[CHILDREN_MAX];
static int child_count;

int
contract_setup(void **state)
{
  (void)state;
  contract_store = contract_factory->open();
  assert_non_null(contract_store);
  return 0;
}

int
contract_teardown(void **state)
{
  (void)state;
  store_close(contract_store);
  contract_factory->finish();
  return 0;
}

int
contract_run(const struct contract_factory *factory)
{
  static const struct CMUnitTest *const parts[] = {
      contract_table_tests, contract_admin_tests, contract_lease_tests,
      contract_data_tests,  contract_race_tests,  contract_side_tests};
  struct CMUnitTest tests[TESTS_MAX];
  size_t count = 0;

  for (size_t i = 0; i < COUNT(parts); i++)
    for (const struct CMUnitTest *test = parts[i]; test->name != NULL; test++) {
      assert_true(count < TESTS_MAX);
      tests[count++] = *test;
    }
  contract_factory = factory;
  return _cmocka_run_group_tests(factory->name, tests, count, NULL, NULL);
}

struct store_volume *
contract_open(struct store *store, const char *name)
{
  struct store_volume *volume = NULL;
  struct error err = ERROR_INIT;

  if (store_volume_open(store, name, &volume, &err) != 0)
    fail_msg("%s: %s", name, err.text);
  return volume;
}

struct store_volume *
contract_volume(void)
{
  struct error err = ERROR_INIT;

  snprintf(volume_name, sizeof volume_name, "volume-%u", ++volume_number);
  if (store_create(contract_store, volume_name, CONTRACT_SIZE, &err) != 0)
    fail_msg("%s", err.text);
  return contract_open(contract_store, volume_name);
}

const char *
contract_volume_name(void)
{
  return volume_name;
}

void
contract_close(struct store_volume *volume)
{
  store_volume_close(volume);
}

/* Waiting for requests that are submitted through the vtable. */
static pthread_mutex_t finish_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t finish_one = PTHREAD_COND_INITIALIZER;

struct test_command {
  struct store_command command; /* first */
  bool finished;                /* under finish_mutex */
};

struct test_io {
  struct store_io io; /* first */
  bool finished;
};

static void
finish(bool *finished)
{
  LOCK_FOR_SCOPE(&finish_mutex);
  assert_false(*finished);
  *finished = true;
  pthread_cond_broadcast(&finish_one);
}

static void
wait_for(const bool *finished)
{
  LOCK_FOR_SCOPE(&finish_mutex);
  while (!*finished)
    pthread_cond_wait(&finish_one, &finish_mutex);
}

static void
command_done(struct store_command *command)
{
  finish(&((struct test_command *)command)->finished);
}

int
contract_command(struct store_volume *volume,
                 const struct lease_command *command, struct lease_reply *reply)
{
  struct test_command test = {
      .command = {.command = *command, .done = command_done}};
  int r = volume->ops->submit_command(volume, &test.command);

  if (r == STORE_PENDING)
    wait_for(&test.finished);
  else
    assert_false(test.finished);
  r = test.command.reply.status;
  assert_true(r <= 0);
  if (r != 0 && test.command.error.text[0] == '\0')
    fail_msg("%s: %s without a text", lease_verb_text(command->verb),
             status_text(r));
  if (reply != NULL)
    *reply = test.command.reply;
  return r;
}

int
contract_acquire(struct store_volume *volume, const struct lease_id *id,
                 uint32_t duration_s)
{
  struct lease_command command = {.verb = LEASE_ACQUIRE,
                                  .lease_id = *id,
                                  .duration_s = duration_s,
                                  .node = "node"};

  command.node[4] = id->text[0];
  return contract_command(volume, &command, NULL);
}

int
contract_renew(struct store_volume *volume, const struct lease_id *id)
{
  struct lease_command command = {.verb = LEASE_RENEW, .lease_id = *id};

  return contract_command(volume, &command, NULL);
}

int
contract_change(struct store_volume *volume, const struct lease_id *id,
                const struct lease_id *proposed)
{
  struct lease_command command = {.verb = LEASE_CHANGE,
                                  .lease_id = *id,
                                  .proposed_id = *proposed,
                                  .node = "node"};

  command.node[4] = proposed->text[0];
  return contract_command(volume, &command, NULL);
}

int
contract_release(struct store_volume *volume, const struct lease_id *id,
                 uint64_t epoch)
{
  struct lease_command command = {
      .verb = LEASE_RELEASE, .lease_id = *id, .expected_epoch = epoch};

  return contract_command(volume, &command, NULL);
}

int
contract_break(struct store_volume *volume, uint32_t period_s)
{
  struct lease_command command = {.verb = LEASE_BREAK,
                                  .break_period_s = period_s};

  return contract_command(volume, &command, NULL);
}

int
contract_claim(struct store_volume *volume, const struct lease_id *id,
               uint64_t *epoch)
{
  struct lease_command command = {
      .verb = LEASE_CLAIM,
      .lease_id = *id,
      .expected_epoch = *epoch,
      .record = {.holder = {.node = "node", .session = "5e55"}}};
  struct lease_reply reply;
  int r = contract_command(volume, &command, &reply);

  *epoch = reply.info.epoch;
  return r;
}

void
contract_describe(struct store_volume *volume, struct volume_info *info)
{
  struct lease_command command = {.verb = LEASE_DESCRIBE};
  struct lease_reply reply;

  assert_int_equal(contract_command(volume, &command, &reply), 0);
  *info = reply.info;
}

uint64_t
contract_epoch(struct store_volume *volume)
{
  struct volume_info info;

  contract_describe(volume, &info);
  return info.epoch;
}

bool
contract_is_lost(int status)
{
  return status == STATUS_LEASE_LOST || (contract_oddities.deviations != NULL &&
                                         status == STATUS_LEASE_ABSENT);
}

static void
io_done(struct store_io *io)
{
  finish(&((struct test_io *)io)->finished);
}

int
contract_io(struct store_volume *volume, struct store_io *io)
{
  static atomic_uint count;
  struct test_io test = {.io = *io};
  int r;

  /* Each second one may be done inside submit, which must not matter. */
  if (atomic_fetch_add(&count, 1) % 2 != 0)
    test.io.flags |= STORE_IO_MAY_BLOCK;
  test.io.done = io_done;
  r = volume->ops->submit_io(volume, &test.io);
  if (r == STORE_PENDING)
    wait_for(&test.finished);
  else {
    assert_false(test.finished);
    assert_int_equal(r, test.io.status);
  }
  test.io.flags = io->flags;
  *io = test.io;
  assert_true(io->status <= 0);
  if (io->status != 0 && io->error.text[0] == '\0')
    fail_msg("%s without a text", status_text(io->status));
  return io->status;
}

int
contract_write(struct store_volume *volume, const struct lease_id *id,
               uint64_t epoch, uint64_t offset, const void *bytes,
               uint64_t count)
{
  struct store_io io = {.kind = STORE_WRITE,
                        .offset = offset,
                        .count = count,
                        .buffer = (void *)bytes,
                        .guard = {.lease_id = *id, .epoch = epoch}};

  return contract_io(volume, &io);
}

void
contract_read(struct store_volume *volume, uint64_t offset, void *bytes,
              uint64_t count)
{
  struct store_io io = {
      .kind = STORE_READ, .offset = offset, .count = count, .buffer = bytes};

  assert_int_equal(contract_io(volume, &io), 0);
}

void
contract_fork(int count, void (*child)(int number, void *data), void *data)
{
  if (contract_oddities.no_children) {
    print_message("left out: a child of this store would start threads\n");
    skip();
  }
  assert_true(child_count + count <= CHILDREN_MAX);
  fflush(NULL);
  for (int i = 0; i < count; i++) {
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
      child(i, data);
      _exit(0);
    }
    children[child_count++] = pid;
  }
}

void
contract_wait(void)
{
  int bad = 0;

  for (int i = 0; i < child_count; i++) {
    int status;

    if (waitpid(children[i], &status, 0) != children[i] || status != 0)
      bad++;
  }
  child_count = 0;
  assert_int_equal(bad, 0);
}

void
contract_require(bool condition, const char *what)
{
  if (condition)
    return;
  fprintf(stderr, "in a child: not so: %s\n", what);
  _exit(1);
}
