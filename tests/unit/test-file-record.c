/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file-record.c: the record on disk: damaged, of another boot, replaced
 * with and without RENAME_EXCHANGE, seen by others.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file-test.h"
#include "store/file-internal.h"

static void
flip_bit(const char *path, off_t offset)
{
  int fd = open(path, O_RDWR | O_CLOEXEC);
  char byte;

  assert_true(fd >= 0);
  assert_int_equal(pread(fd, &byte, 1, offset), 1);
  byte ^= 4;
  assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
  close(fd);
}

static void
expect_corrupt(struct store *store, struct store_volume *volume)
{
  struct store_command command = {
      .command = {.verb = LEASE_RENEW, .lease_id = id_a}};
  struct error err = ERROR_INIT;
  struct volume_list list;
  struct store_volume *again;
  char bytes[512] = "";

  assert_int_equal(file_test_describe(volume, NULL, &err), STATUS_CORRUPT);
  assert_non_null(strstr(err.text, file_test_path("disk/@record")));
  assert_int_equal(store_run_command(volume, &command), STATUS_CORRUPT);
  assert_int_equal(file_test_write(volume, &id_a, 0, 0, bytes, 512),
                   STATUS_CORRUPT);
  assert_int_equal(store_volume_open(store, "disk", &again, NULL),
                   STATUS_CORRUPT);
  assert_int_equal(store_list(store, &list, NULL), 0);
  assert_int_equal(list.count, 2);
  assert_string_equal(list.items[0].name, "disk");
  assert_int_equal(list.items[0].status, STATUS_CORRUPT);
  assert_non_null(strstr(list.items[0].error.text, "@record"));
  assert_int_equal(list.items[1].status, 0);
  volume_list_free(&list);
}

/* An open volume whose guard was good a moment ago sees it, too. */
static void
test_damaged(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  const char *path = file_test_path("disk/@record");
  char bytes[512] = "";

  (void)state;
  assert_int_equal(store_create(store, "whole", 512, NULL), 0);
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  assert_int_equal(file_test_write(volume, &id_a, 0, 0, bytes, 512), 0);
  flip_bit(path, 200);
  expect_corrupt(store, volume);
  flip_bit(path, 200);
  assert_int_equal(file_test_write(volume, &id_a, 0, 0, bytes, 512), 0);
  assert_int_equal(file_test_renew(volume, &id_a), 0);
  assert_int_equal(truncate(path, RECORD_SIZE - 1), 0);
  expect_corrupt(store, volume);
  assert_int_equal(truncate(path, 0), 0);
  expect_corrupt(store, volume);
  store_volume_close(volume);
  store_close(store);
}

static void
test_damaged_data(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store), *again;
  struct error err = ERROR_INIT;
  char bytes[512];

  (void)state;
  assert_int_equal(truncate(file_test_path("disk/@data"), 4096), 0);
  /* Never zeroes in place of what is not there. */
  assert_int_equal(file_test_io(volume, STORE_READ, 4096, bytes, 512),
                   STATUS_IO);
  assert_int_equal(file_test_io(volume, STORE_READ, 1 << 20, bytes, 512),
                   STATUS_INVALID);
  assert_int_equal(store_volume_open(store, "disk", &again, &err),
                   STATUS_CORRUPT);
  assert_non_null(strstr(err.text, "@data"));
  assert_int_equal(unlink(file_test_path("disk/@data")), 0);
  assert_int_equal(store_volume_open(store, "disk", &again, &err),
                   STATUS_CORRUPT);
  store_volume_close(volume);
  store_close(store);
}

/* Replaces the record by one that says it is of another boot. */
static void
pretend_reboot(struct store_volume *volume)
{
  struct file_volume *own = (struct file_volume *)volume;
  struct volume_record record;
  struct file_stamp stamp;
  struct error err = ERROR_INIT;
  int fd;

  assert_int_equal(file_exclusive_begin(&own->place, 0, &fd, &err), 0);
  assert_int_equal(file_record_read_locked(&own->place, &record, &stamp, &err),
                   0);
  strcpy(record.boot_id, "00000000-1111-2222-3333-444444444444");
  assert_int_equal(file_record_replace(&own->place, &record, &err), 0);
  file_exclusive_end(fd);
}

static void
test_reboot(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct lease_command break_it = {.verb = LEASE_BREAK, .break_period_s = 60};
  struct store_command command = {.command = break_it};
  struct volume_info info;
  char bytes[512] = "";

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  assert_int_equal(file_test_write(volume, &id_a, 0, 0, bytes, 512), 0);
  pretend_reboot(volume);
  assert_int_equal(file_test_write(volume, &id_a, 0, 0, bytes, 512),
                   STATUS_LEASE_LOST);
  assert_int_equal(file_test_describe(volume, &info, NULL), 0);
  assert_int_equal(info.lease.state, LEASE_EXPIRED);
  assert_int_equal(file_test_acquire(volume, &id_b, LEASE_DURATION_INFINITE),
                   0);
  pretend_reboot(volume);
  assert_int_equal(file_test_describe(volume, &info, NULL), 0);
  assert_int_equal(info.lease.state, LEASE_LEASED);
  assert_int_equal(file_test_write(volume, &id_b, 0, 0, bytes, 512), 0);
  assert_int_equal(store_run_command(volume, &command), 0);
  assert_int_equal(command.reply.info.lease.state, LEASE_BREAKING);
  pretend_reboot(volume);
  assert_int_equal(file_test_describe(volume, &info, NULL), 0);
  assert_int_equal(info.lease.state, LEASE_BROKEN);
  store_volume_close(volume);
  store_close(store);
}

/* Whatever the wall clock does, two records in force one after the other have
 * different stamps.
 */
static int64_t
wild_wall_ms(const struct clock *clock)
{
  (void)clock;
  return INT64_MAX; /* far beyond what file systems can keep */
}

static void
test_stamps(void **state)
{
  struct clock clock = {file_test_clock.boottime_ns, wild_wall_ms};
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct file_volume *own = (struct file_volume *)volume;
  struct file_stamp stamps[12];

  (void)state;
  own->place.store->clock = &clock;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  for (size_t i = 0; i < COUNT(stamps); i++) {
    assert_int_equal(file_test_renew(volume, &id_a), 0);
    assert_int_equal(file_record_stamp(&own->place, &stamps[i], NULL), 0);
    for (size_t j = 0; j < i; j++)
      assert_false(file_stamp_equal(&stamps[i], &stamps[j]));
    assert_int_equal(stamps[i].changed.tv_sec, stamps[0].changed.tv_sec);
    assert_in_range(stamps[i].changed.tv_sec, 0, (1 << 28) - 1);
  }
  store_volume_close(volume);
  store_close(store);
}

/* A volume that comes after one of its name counts its revisions anew, perhaps
 * in the same inode: it has other times.
 */
static void
test_stamps_of_namesakes(void **state)
{
  struct store *store = file_test_open(0);
  struct stat old, new;

  (void)state;
  assert_int_equal(store_create(store, "disk", 512, NULL), 0);
  assert_int_equal(stat(file_test_path("disk/@record"), &old), 0);
  assert_int_equal(store_remove(store, "disk", NULL, NULL), 0);
  assert_int_equal(store_create(store, "disk", 512, NULL), 0);
  assert_int_equal(stat(file_test_path("disk/@record"), &new), 0);
  assert_int_equal(new.st_mtim.tv_nsec, old.st_mtim.tv_nsec);
  assert_int_not_equal(new.st_mtim.tv_sec, old.st_mtim.tv_sec);
  store_close(store);
}

/* As long as the directory cannot be made durable, the spare may be what the
 * disk has as the record: nothing writes it over.
 */
static void
replace_without_fsync(void *data)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_volume(store, "disk");

  (void)data;
  file_test_break_fsync(((struct file_volume *)volume)->place.directory);
  file_test_require(file_test_acquire(volume, &id_a, 60) == STATUS_IO,
                    "an I/O error");
  store_volume_close(volume);
  store_close(store);
}

static void
test_not_durable(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct volume_info info;
  struct stat before, after;

  (void)state;
  assert_int_equal(stat(file_test_path("disk/@record.new"), &before), 0);
  assert_int_equal(file_test_wait(file_test_fork(replace_without_fsync, NULL)),
                   0);
  assert_int_equal(stat(file_test_path("disk/@record.new"), &after), 0);
  assert_int_equal(after.st_ino, before.st_ino);
  assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  assert_int_equal(file_test_describe(volume, &info, NULL), 0);
  assert_int_equal(info.lease.state, LEASE_AVAILABLE);
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  assert_int_equal(stat(file_test_path("disk/@record.new"), &after), 0);
  assert_int_not_equal(after.st_ino, before.st_ino);
  store_volume_close(volume);
  store_close(store);
}

/* Readers without a lock, while the record is replaced as fast as can be, see
 * whole records that never go back.
 */
static atomic_bool stop;

static void *
describe_busily(void *data)
{
  struct store_volume *volume = data;
  struct volume_info info;
  uint64_t epoch = 0;

  while (!stop) {
    if (file_test_describe(volume, &info, NULL) != 0 || info.epoch < epoch)
      return data;
    epoch = info.epoch;
  }
  return NULL;
}

static void
test_readers(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  pthread_t threads[4];

  (void)state;
  stop = false;
  assert_int_equal(file_test_acquire(volume, &id_a, LEASE_DURATION_INFINITE),
                   0);
  for (size_t i = 0; i < COUNT(threads); i++)
    assert_int_equal(pthread_create(&threads[i], NULL, describe_busily, volume),
                     0);
  for (uint64_t i = 0; i < 150; i++)
    assert_int_equal(file_test_claim(volume, &id_a, i), 0);
  stop = true;
  for (size_t i = 0; i < COUNT(threads); i++) {
    void *failed;

    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
  store_volume_close(volume);
  store_close(store);
}

/* Makes renameat2 with flags fail with EINVAL, as some file systems do. */
static void
refuse_exchange(void)
{
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
               offsetof(struct seccomp_data, args[4])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RENAME_EXCHANGE, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = COUNT(filter), .filter = filter};

  file_test_require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no privs");
  file_test_require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
                    "seccomp");
}

static void
replace_without_exchange(void *data)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_volume(store, "disk");
  struct stat info;

  (void)data;
  refuse_exchange();
  file_test_require(renameat2(AT_FDCWD, "/", AT_FDCWD, "/", RENAME_EXCHANGE) !=
                            0 &&
                        errno == EINVAL,
                    "exchange is refused");
  file_test_require(file_test_acquire(volume, &id_a, 60) == 0, "acquire");
  for (uint64_t i = 0; i < 10; i++)
    file_test_require(file_test_claim(volume, &id_a, i) == 0, "claim");
  file_test_require(stat(file_test_path("disk/@record.new"), &info) == 0 &&
                        info.st_size == RECORD_SIZE && info.st_blocks > 0,
                    "there is an allocated spare");
  store_volume_close(volume);
  store_close(store);
}

static void
test_without_exchange(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct volume_info info;

  (void)state;
  assert_int_equal(
      file_test_wait(file_test_fork(replace_without_exchange, NULL)), 0);
  assert_int_equal(file_test_describe(volume, &info, NULL), 0);
  assert_int_equal(info.epoch, 10);
  store_volume_close(volume);
  store_close(store);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      FILE_TEST(test_damaged),
      FILE_TEST(test_damaged_data),
      FILE_TEST(test_reboot),
      FILE_TEST(test_stamps),
      FILE_TEST(test_stamps_of_namesakes),
      FILE_TEST(test_not_durable),
      FILE_TEST(test_readers),
      FILE_TEST(test_without_exchange),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
