/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file-open.c: stores that cannot be, layout on disk, leftovers of a
 * crash.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "file-test.h"
#include "store/file-internal.h"

static int
try_open(const char *path, bool create, struct error *err)
{
  char url[300];
  struct store_config config = {
      .url = url, .clock = &system_clock, .create = create};
  struct store *store;
  int r;

  *err = (struct error)ERROR_INIT;
  snprintf(url, sizeof url, "file:%s", path);
  r = store_open(&config, &store, err);
  if (r == 0)
    store_close(store);
  else
    assert_true(err->text[0] != '\0');
  return r;
}

static void
make_file(const char *part, const char *text)
{
  int fd = open(file_test_path(part), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

static void
test_bad_directories(void **state)
{
  struct error err;

  (void)state;
  make_file("plain", "x");
  assert_int_equal(try_open(file_test_path("plain"), false, &err),
                   STATUS_INVALID);
  assert_non_null(strstr(err.text, "not a directory"));
  assert_int_equal(try_open(file_test_path("plain"), true, &err),
                   STATUS_INVALID);
  assert_int_equal(try_open(file_test_path("none"), false, &err),
                   STATUS_NOT_FOUND);
  assert_non_null(strstr(err.text, file_test_path("none")));
  assert_int_equal(try_open(file_test_path("none/deeper"), true, &err),
                   STATUS_NOT_FOUND);
  assert_int_equal(try_open("", true, &err), STATUS_INVALID);
  assert_int_equal(try_open(file_test_path("none"), true, &err), 0);
  assert_int_equal(try_open(file_test_path("none"), true, &err), 0);
}

static void
open_unreadable(void *data)
{
  struct error err;

  (void)data;
  file_test_require(getuid() != 0 || setuid(65534) == 0, "another user");
  file_test_require(try_open(file_test_directory, false, &err) == STATUS_DENIED,
                    "denied");
  file_test_require(strstr(err.text, file_test_directory) != NULL, "named");
}

static void
test_unreadable(void **state)
{
  int status;

  (void)state;
  assert_int_equal(chmod(file_test_directory, 0), 0);
  status = file_test_wait(file_test_fork(open_unreadable, NULL));
  assert_int_equal(chmod(file_test_directory, 0700), 0);
  assert_int_equal(status, 0);
}

static void
test_file_systems(void **state)
{
  static const struct {
    uint64_t magic;
    const char *name;
  } rows[] = {
      {0x6969, "NFS"},        {0xff534d42, "CIFS"}, {0xfe534d42, "SMB2"},
      {0x00c36400, "Ceph"},   {0x01161970, "GFS2"}, {0x7461636f, "OCFS2"},
      {0x0bd00bd0, "Lustre"}, {0x01021997, "9P"},   {0x65735546, "FUSE"},
      {0x5346414f, "AFS"},    {0xef53, NULL},       {0x58465342, NULL},
      {0x9123683e, NULL},     {0x01021994, NULL},
  };

  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    const char *name = file_system_refused(rows[i].magic);

    if (rows[i].name == NULL)
      assert_null(name);
    else
      assert_string_equal(name, rows[i].name);
  }
}

/* What the file store is told when it asks about the directory with this
 * inode; 0: nothing but the truth.
 */
static ino_t foreign_inode;

int
fstatfs(int fd, struct statfs *out)
{
  struct stat info;

  if (syscall(SYS_fstatfs, fd, out) != 0 || fstat(fd, &info) != 0)
    return -1;
  if (foreign_inode != 0 && info.st_ino == foreign_inode)
    out->f_type = 0x6969;
  return 0;
}

/* Something of another host, mounted below the store. */
static void
test_foreign_mount(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume;
  struct volume_list list;
  struct error err = ERROR_INIT;
  struct stat info;

  (void)state;
  assert_int_equal(store_create(store, "far/disk", 512, NULL), 0);
  assert_int_equal(stat(file_test_path("far/disk"), &info), 0);
  foreign_inode = info.st_ino;
  assert_int_equal(store_volume_open(store, "far/disk", &volume, &err),
                   STATUS_UNSUPPORTED);
  assert_non_null(strstr(err.text, "far/disk is on NFS"));
  assert_int_equal(store_resize(store, "far/disk", 1024, NULL, NULL),
                   STATUS_UNSUPPORTED);
  assert_int_equal(store_remove(store, "far/disk", NULL, NULL),
                   STATUS_UNSUPPORTED);
  assert_int_equal(store_list(store, &list, NULL), 0);
  assert_int_equal(list.count, 1);
  assert_int_equal(list.items[0].status, STATUS_UNSUPPORTED);
  volume_list_free(&list);
  /* Nothing is made there. */
  assert_int_equal(stat(file_test_path("far"), &info), 0);
  foreign_inode = info.st_ino;
  assert_int_equal(store_create(store, "far/new", 512, NULL),
                   STATUS_UNSUPPORTED);
  foreign_inode = 0;
  assert_int_equal(access(file_test_path("far/new"), F_OK), -1);
  assert_int_equal(store_remove(store, "far/disk", NULL, NULL), 0);
  store_close(store);
}

/* A directory that is there may have been made by somebody who was killed
 * before it was durable.
 */
static void
create_in_doubt(void *data)
{
  struct store *store = file_test_open(0);
  struct file_store *own = (struct file_store *)store;

  (void)data;
  file_test_require(mkdir(file_test_path("disk"), 0700) == 0, "mkdir");
  file_test_break_fsync(own->directory);
  file_test_require(store_create(store, "disk", 512, NULL) == STATUS_IO,
                    "a parent is made durable");
  store_close(store);
}

static void
test_directory_in_doubt(void **state)
{
  (void)state;
  assert_int_equal(file_test_wait(file_test_fork(create_in_doubt, NULL)), 0);
}

static void
chmod_store(mode_t directory, mode_t file)
{
  assert_int_equal(chmod(file_test_path("disk/@data"), file), 0);
  assert_int_equal(chmod(file_test_path("disk/@record"), file), 0);
  assert_int_equal(chmod(file_test_path("disk/@record.new"), file), 0);
  assert_int_equal(chmod(file_test_path("disk"), directory), 0);
  assert_int_equal(chmod(file_test_directory, directory), 0);
}

/* Who may only read reads, and is told what he may not. */
static void
only_read(void *data)
{
  struct store *store;
  struct store_volume *volume;
  struct volume_info info;
  struct store_io io = {
      .kind = STORE_WRITE, .count = 512, .guard.lease_id = id_a};
  char bytes[512] = "";

  file_test_require(getuid() != 0 || setuid(65534) == 0, "another user");
  store = file_test_open(0);
  volume = file_test_volume(store, "disk");
  file_test_require(file_test_describe(volume, &info, NULL) == 0, "describe");
  file_test_require(file_test_io(volume, STORE_READ, 0, bytes, 512) == 0 &&
                        strcmp(bytes, data) == 0,
                    "reading");
  file_test_require(file_test_io(volume, STORE_FLUSH, 0, NULL, 0) == 0,
                    "flush");
  io.buffer = bytes;
  file_test_require(store_run_io(volume, &io) == STATUS_DENIED &&
                        strstr(io.error.text, "not written") != NULL,
                    "writing");
  io.kind = STORE_ZERO;
  file_test_require(store_run_io(volume, &io) == STATUS_DENIED, "zeroing");
  file_test_require(file_test_renew(volume, &id_a) == STATUS_DENIED, "a lease");
  file_test_require(
      store_resize(store, "disk", 512, NULL, NULL) == STATUS_DENIED &&
          store_remove(store, "disk", NULL, NULL) == STATUS_DENIED &&
          store_create(store, "new", 512, NULL) == STATUS_DENIED,
      "volumes");
  store_volume_close(volume);
  store_close(store);
}

static void
test_read_only(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  char bytes[512] = "what is there";
  int status;

  (void)state;
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  assert_int_equal(file_test_write(volume, &id_a, 0, 0, bytes, 512), 0);
  chmod_store(0555, 0444);
  status = file_test_wait(file_test_fork(only_read, bytes));
  chmod_store(0700, 0600);
  assert_int_equal(status, 0);
  assert_int_equal(file_test_renew(volume, &id_a), 0);
  store_volume_close(volume);
  store_close(store);
}

static mode_t
mode_of(const char *part)
{
  struct stat info;

  assert_int_equal(stat(file_test_path(part), &info), 0);
  return info.st_mode & 0777;
}

static void
test_layout(void **state)
{
  struct store *store = file_test_open(0);
  struct stat info;

  (void)state;
  assert_int_equal(store_create(store, "a/b", 1 << 30, NULL), 0);
  assert_int_equal(store_create(store, "a", 512, NULL), 0);
  assert_int_equal(mode_of("a"), 0700);
  assert_int_equal(mode_of("a/b"), 0700);
  assert_int_equal(mode_of("a/b/@data"), 0600);
  assert_int_equal(mode_of("a/b/@record"), 0600);
  assert_int_equal(mode_of("a/b/@record.new"), 0600);
  assert_int_equal(stat(file_test_path("a/b/@data"), &info), 0);
  assert_int_equal(info.st_size, 1 << 30);
  assert_true(info.st_blocks < 100); /* sparse */
  assert_int_equal(stat(file_test_path("a/b/@record"), &info), 0);
  assert_int_equal(info.st_size, RECORD_SIZE);
  assert_int_equal(store_remove(store, "a/b", NULL, NULL), 0);
  assert_int_equal(access(file_test_path("a/b"), F_OK), -1);
  assert_int_equal(store_remove(store, "a", NULL, NULL), 0);
  assert_int_equal(access(file_test_path("a"), F_OK), -1);
  store_close(store);
}

/* No name and no link leads out of the store. */
static void
test_links(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume;
  struct volume_list list;

  (void)state;
  assert_int_equal(store_create(store, "real", 512, NULL), 0);
  assert_int_equal(symlink("real", file_test_path("link")), 0);
  assert_int_equal(store_volume_open(store, "link", &volume, NULL),
                   STATUS_INVALID);
  assert_int_equal(store_create(store, "link/x", 512, NULL), STATUS_INVALID);
  make_file("plain", "x");
  assert_int_equal(store_create(store, "plain", 512, NULL), STATUS_INVALID);
  assert_int_equal(store_list(store, &list, NULL), 0);
  assert_int_equal(list.count, 1);
  volume_list_free(&list);
  store_close(store);
}

/* What a create or a remove that was cut short can leave is no volume, and is
 * finished by the next create, without old bytes in it.
 */
static void
test_leftovers(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume;
  struct volume_list list;
  char bytes[512];

  (void)state;
  assert_int_equal(mkdir(file_test_path("disk"), 0700), 0);
  make_file("disk/@data", "old bytes");
  make_file("disk/@record.new", "half a record");
  assert_int_equal(store_list(store, &list, NULL), 0);
  assert_int_equal(list.count, 0);
  volume_list_free(&list);
  assert_int_equal(store_volume_open(store, "disk", &volume, NULL),
                   STATUS_NOT_FOUND);
  assert_int_equal(store_remove(store, "disk", NULL, NULL), STATUS_NOT_FOUND);
  volume = file_test_disk(store);
  assert_int_equal(file_test_io(volume, STORE_READ, 0, bytes, 512), 0);
  assert_int_equal(bytes[0], 0);
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  /* A spare that is gone or garbage does not matter. */
  assert_int_equal(unlink(file_test_path("disk/@record.new")), 0);
  assert_int_equal(file_test_renew(volume, &id_a), 0);
  assert_int_equal(truncate(file_test_path("disk/@record.new"), 5), 0);
  assert_int_equal(file_test_renew(volume, &id_a), 0);
  assert_int_equal(truncate(file_test_path("disk/@record.new"), 99999), 0);
  assert_int_equal(file_test_renew(volume, &id_a), 0);
  store_volume_close(volume);
  store_close(store);
}

/* A crash while a volume was made shorter: the record is, its data is not. */
static void
test_half_shrunk(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  int fd = open(file_test_path("disk/@data"), O_RDWR | O_CLOEXEC);
  char bytes[512];

  (void)state;
  assert_int_equal(store_resize(store, "disk", 512, NULL, NULL), 0);
  assert_int_equal(pwrite(fd, "old", 3, 1024), 3);
  close(fd);
  assert_int_equal(store_resize(store, "disk", 4096, NULL, NULL), 0);
  assert_int_equal(file_test_io(volume, STORE_READ, 1024, bytes, 512), 0);
  assert_int_equal(bytes[0], 0);
  store_volume_close(volume);
  store_close(store);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      FILE_TEST(test_bad_directories),
      FILE_TEST(test_unreadable),
      cmocka_unit_test(test_file_systems),
      FILE_TEST(test_foreign_mount),
      FILE_TEST(test_directory_in_doubt),
      FILE_TEST(test_read_only),
      FILE_TEST(test_layout),
      FILE_TEST(test_links),
      FILE_TEST(test_leftovers),
      FILE_TEST(test_half_shrunk),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
