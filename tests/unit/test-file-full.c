/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file-full.c: a file system that is full: data is refused with "no
 * space", and every lease command still works.
 *
 * The file system is a tmpfs of 2 MiB in a mount namespace of this test's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "file-test.h"

static void
put(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);

  if (fd >= 0) {
    if (write(fd, text, strlen(text)) < 0)
      perror(path);
    close(fd);
  }
}

/* Root of a user namespace of our own, if we are not root anyway. */
static bool
enter_namespace(void)
{
  char map[64];
  uid_t user = getuid();
  gid_t group = getgid();

  if (unshare(CLONE_NEWNS) == 0)
    return true;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
    return false;
  put("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "0 %u 1", (unsigned)user);
  put("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "0 %u 1", (unsigned)group);
  put("/proc/self/gid_map", map);
  return true;
}

static int
mount_setup(void **state)
{
  if (file_test_setup(state) != 0)
    return -1;
  return mount("none", file_test_directory, "tmpfs", 0, "size=2m,mode=700");
}

static int
mount_teardown(void **state)
{
  umount2(file_test_directory, MNT_DETACH);
  return file_test_teardown(state);
}

/* Until not one byte more fits. */
static void
fill(void)
{
  int fd = open(file_test_path("filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  static const char bytes[4096];

  assert_true(fd >= 0);
  while (write(fd, bytes, sizeof bytes) > 0)
    ;
  assert_int_equal(errno, ENOSPC);
  close(fd);
}

/* A claim with the longest record there is, so that it has to grow. */
static int
claim_largest(struct store_volume *volume, uint64_t epoch)
{
  struct store_command command = {
      .command = {.verb = LEASE_CLAIM,
                  .lease_id = id_b,
                  .expected_epoch = epoch,
                  .record.fenced_count = FENCED_INSTANCES_MAX}};
  struct holder_record *record = &command.command.record;

  for (unsigned i = 0; i < FENCED_INSTANCES_MAX; i++) {
    memset(record->fenced[i].node, 'n', NODE_NAME_MAX);
    memset(record->fenced[i].instance, 'i', INSTANCE_MAX);
  }
  return store_run_command(volume, &command);
}

static void
test_full(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store);
  struct volume_list list;
  struct error err = ERROR_INIT;
  static struct side_object side;
  char bytes[4096];

  (void)state;
  memset(bytes, 'x', sizeof bytes);
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  assert_int_equal(file_test_claim(volume, &id_a, 0), 0);
  assert_int_equal(file_test_write(volume, &id_a, 1, 0, bytes, 4096), 0);
  side.length = 1;
  assert_int_equal(store_side_write(volume, SIDE_REGISTRATIONS, &side, NULL),
                   0);
  fill();
  side.length = SIDE_OBJECT_MAX;
  for (int i = 0; i < 3; i++)
    assert_int_equal(store_side_write(volume, SIDE_REGISTRATIONS, &side, NULL),
                     0);
  assert_int_equal(file_test_write(volume, &id_a, 1, 8192, bytes, 4096),
                   STATUS_NO_SPACE);
  /* What has space is written. */
  memset(bytes, 'y', sizeof bytes);
  assert_int_equal(file_test_write(volume, &id_a, 1, 0, bytes, 4096), 0);
  assert_int_equal(file_test_io(volume, STORE_FLUSH, 0, NULL, 0), 0);
  for (uint64_t epoch = 1; epoch < 5; epoch++) {
    assert_int_equal(file_test_renew(volume, &id_a), 0);
    assert_int_equal(file_test_claim(volume, &id_a, epoch), 0);
  }
  assert_int_equal(file_test_change(volume, &id_a, &id_b), 0);
  assert_int_equal(claim_largest(volume, 5), 0);
  assert_int_equal(claim_largest(volume, 6), 0);
  assert_int_equal(file_test_write(volume, &id_b, 7, 0, bytes, 4096), 0);
  /* A volume that does not fit is refused and leaves nothing. */
  assert_int_equal(store_create(store, "new/disk", 4096, &err),
                   STATUS_NO_SPACE);
  assert_true(err.text[0] != '\0');
  assert_int_equal(access(file_test_path("new"), F_OK), -1);
  assert_int_equal(store_list(store, &list, NULL), 0);
  assert_int_equal(list.count, 1);
  volume_list_free(&list);
  assert_int_equal(unlink(file_test_path("filler")), 0);
  assert_int_equal(store_create(store, "new/disk", 4096, &err), 0);
  store_volume_close(volume);
  store_close(store);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_full, mount_setup, mount_teardown),
  };

  if (!enter_namespace() ||
      mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0) {
    printf("skipped: no mount namespace of our own: %s\n", strerror(errno));
    return 77;
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
