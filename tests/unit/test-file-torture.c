/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file-torture.c: the nth call to the system or to malloc fails, for every
 * n until nothing fails any more. Whatever fails, the volume is as it was
 * before the step that reported it, or as it is after that step; no descriptor
 * is lost; and everything works again.
 *
 * The linker sends the store's calls through the __wrap functions below.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file-test.h"
#include "store/file-internal.h"

/* Counts down to the call that fails; 0: none does. */
static unsigned fail_in;
static bool has_failed;

static bool
fails(void)
{
  if (fail_in == 0 || --fail_in > 0)
    return false;
  has_failed = true;
  return true;
}

/* What a failing call answers. */
#define FAIL(value, error)                                                     \
  do {                                                                         \
    if (fails()) {                                                             \
      errno = (error);                                                         \
      return (value);                                                          \
    }                                                                          \
  } while (0)

#define WRAP(type, name, parameters, arguments, failure, error)                \
  type __real_##name parameters;                                               \
  type __wrap_##name parameters;                                               \
  type __wrap_##name parameters                                                \
  {                                                                            \
    FAIL(failure, error);                                                      \
    return __real_##name arguments;                                            \
  }

WRAP(void *, malloc, (size_t a), (a), NULL, ENOMEM)
WRAP(void *, calloc, (size_t a, size_t b), (a, b), NULL, ENOMEM)
WRAP(void *, reallocarray, (void *a, size_t b, size_t c), (a, b, c), NULL,
     ENOMEM)
WRAP(char *, strdup, (const char *a), (a), NULL, ENOMEM)
WRAP(int, fstat, (int a, struct stat *b), (a, b), -1, EIO)
WRAP(int, fstatat, (int a, const char *b, struct stat *c, int d), (a, b, c, d),
     -1, EIO)
WRAP(ssize_t, pwrite, (int a, const void *b, size_t c, off_t d), (a, b, c, d),
     -1, ENOSPC)
WRAP(int, fsync, (int a), (a), -1, EIO)
WRAP(int, fdatasync, (int a), (a), -1, EIO)
WRAP(int, ftruncate, (int a, off_t b), (a, b), -1, EIO)
WRAP(int, fallocate, (int a, int b, off_t c, off_t d), (a, b, c, d), -1, ENOSPC)
WRAP(int, futimens, (int a, const struct timespec *b), (a, b), -1, EIO)
WRAP(int, renameat, (int a, const char *b, int c, const char *d), (a, b, c, d),
     -1, EIO)
WRAP(int, renameat2, (int a, const char *b, int c, const char *d, unsigned e),
     (a, b, c, d, e), -1, EIO)
WRAP(int, unlinkat, (int a, const char *b, int c), (a, b, c), -1, EIO)
WRAP(int, mkdirat, (int a, const char *b, mode_t c), (a, b, c), -1, EIO)

/* Called once, if set, in place of the next pread's beginning. */
static void (*before_pread)(void);

ssize_t __real_pread(int fd, void *to, size_t count, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t count, off_t offset);
ssize_t
__wrap_pread(int fd, void *to, size_t count, off_t offset)
{
  void (*hook)(void) = before_pread;

  FAIL(-1, EIO);
  before_pread = NULL;
  if (hook != NULL)
    hook();
  return __real_pread(fd, to, count, offset);
}

int __real_openat(int directory, const char *path, int flags, ...);
int __wrap_openat(int directory, const char *path, int flags, ...);
int
__wrap_openat(int directory, const char *path, int flags, ...)
{
  va_list arguments;
  mode_t mode;

  FAIL(-1, EMFILE);
  va_start(arguments, flags);
  mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return __real_openat(directory, path, flags, mode);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int
__wrap_fcntl(int fd, int command, ...)
{
  va_list arguments;
  struct flock *lock;

  va_start(arguments, command);
  lock = va_arg(arguments, struct flock *);
  va_end(arguments);
  if (lock->l_type != F_UNLCK) /* that cannot fail */
    FAIL(-1, ENOLCK);
  return __real_fcntl(fd, command, lock);
}

/* The scenario: steps, and what the volume is after each. */
struct scene {
  struct store *store;
  struct store_volume *volume;
  uint64_t epoch;
};

static char block[4096];

static int
open_store(struct scene *scene)
{
  char url[128];
  struct store_config config = {.url = url, .clock = &file_test_clock};

  snprintf(url, sizeof url, "file:%s", file_test_directory);
  return store_open(&config, &scene->store, NULL);
}

static int
make(struct scene *scene)
{
  return store_create(scene->store, "a/disk", 1 << 20, NULL);
}

static int
open_volume(struct scene *scene)
{
  return store_volume_open(scene->store, "a/disk", &scene->volume, NULL);
}

static int
acquire(struct scene *scene)
{
  return file_test_acquire(scene->volume, &id_a, 60);
}

static int
claim_with(struct scene *scene, const struct lease_id *id)
{
  int r = file_test_claim(scene->volume, id, scene->epoch);

  if (r == 0)
    scene->epoch++;
  return r;
}

static int
claim_a(struct scene *scene)
{
  return claim_with(scene, &id_a);
}

static int
claim_b(struct scene *scene)
{
  return claim_with(scene, &id_b);
}

static int
write_with(struct scene *scene, const struct lease_id *id,
           enum store_io_kind kind)
{
  struct store_io io = {.kind = kind,
                        .flags = STORE_IO_FUA,
                        .offset = 100,
                        .count = sizeof block,
                        .buffer = block,
                        .guard = {*id, scene->epoch}};

  return store_run_io(scene->volume, &io);
}

static int
write_a(struct scene *scene)
{
  return write_with(scene, &id_a, STORE_WRITE);
}

static int
zero_b(struct scene *scene)
{
  return write_with(scene, &id_b, STORE_ZERO);
}

static int
change(struct scene *scene)
{
  return file_test_change(scene->volume, &id_a, &id_b);
}

static int
map(struct scene *scene)
{
  struct store_io io = {.kind = STORE_EXTENTS, .count = 1 << 20};
  int r = store_run_io(scene->volume, &io);

  extents_free(&io.extents);
  return r;
}

static int
list(struct scene *scene)
{
  struct volume_list volumes;
  int r = store_list(scene->store, &volumes, NULL);

  if (r == 0)
    r = volumes.count == 1 ? volumes.items[0].status : STATUS_NOT_FOUND;
  volume_list_free(&volumes);
  return r;
}

static int
grow(struct scene *scene)
{
  return store_resize(scene->store, "a/disk", 2 << 20, &id_b, NULL);
}

static int
shrink(struct scene *scene)
{
  return store_resize(scene->store, "a/disk", 1 << 19, &id_b, NULL);
}

static int
release(struct scene *scene)
{
  struct store_command command = {.command = {.verb = LEASE_RELEASE,
                                              .lease_id = id_b,
                                              .expected_epoch = scene->epoch}};

  return store_run_command(scene->volume, &command);
}

/* Side objects: made, then replaced. */
static int
write_side(struct scene *scene, const char *text)
{
  static struct side_object object;
  int r = store_side_read(scene->volume, SIDE_REGISTRATIONS, &object, NULL);

  if (r != 0)
    return r;
  object.length = strlen(text);
  memcpy(object.bytes, text, object.length);
  return store_side_write(scene->volume, SIDE_REGISTRATIONS, &object, NULL);
}

static int
keep(struct scene *scene)
{
  return write_side(scene, "one");
}

static int
keep_more(struct scene *scene)
{
  return write_side(scene, "twice");
}

static int delete (struct scene *scene)
{
  return store_remove(scene->store, "a/disk", NULL, NULL);
}

static int (*const steps[])(struct scene *) = {
    open_store, make,    open_volume, acquire,   claim_a, write_a,
    change,     claim_b, zero_b,      map,       list,    grow,
    shrink,     keep,    keep_more,   keep_more, release, delete,
};

#define STEPS COUNT(steps)

/* What can be seen of the volume. */
struct view {
  bool exists;
  enum lease_state state;
  char id[LEASE_ID_LENGTH + 1];
  uint64_t epoch, size;
  char side[8];
};

static struct view
look(void)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume;
  static struct side_object side;
  struct volume_info info;
  struct view view;
  struct error err = ERROR_INIT;
  int r = store_volume_open(store, "a/disk", &volume, &err);

  memset(&view, 0, sizeof view);
  if (r == 0) {
    assert_int_equal(file_test_describe(volume, &info, NULL), 0);
    view.exists = true;
    view.state = info.lease.state;
    strcpy(view.id, info.lease.id.text);
    view.epoch = info.epoch;
    view.size = info.size;
    assert_int_equal(store_side_read(volume, SIDE_REGISTRATIONS, &side, NULL),
                     0);
    memcpy(view.side, side.bytes, side.length);
    store_volume_close(volume);
  } else if (r != STATUS_NOT_FOUND)
    fail_msg("%s", err.text);
  store_close(store);
  return view;
}

static bool
same_view(const struct view *a, const struct view *b)
{
  return memcmp(a, b, sizeof *a) == 0;
}

/* Runs steps until one fails; how many succeeded, and the failure's status. */
static unsigned
run_steps(struct view after[STEPS], int *status)
{
  struct scene scene = {0};
  unsigned done = 0;

  *status = 0;
  while (done < STEPS && (*status = steps[done](&scene)) == 0) {
    if (after != NULL)
      after[done] = look();
    done++;
  }
  store_volume_close(scene.volume);
  store_close(scene.store);
  return done;
}

static unsigned
count_descriptors(void)
{
  DIR *directory = opendir("/proc/self/fd");
  unsigned count = 0;

  assert_non_null(directory);
  while (readdir(directory) != NULL)
    count++;
  closedir(directory);
  return count;
}

static void
expect_all_works(void)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume;
  struct volume_info info;
  struct store_command clear = {.command.verb = LEASE_BREAK};
  int r = store_create(store, "a/disk", 1 << 20, NULL);

  assert_true(r == 0 || r == STATUS_EXISTS);
  volume = file_test_volume(store, "a/disk");
  store_run_command(volume, &clear);
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  assert_int_equal(file_test_describe(volume, &info, NULL), 0);
  assert_int_equal(file_test_claim(volume, &id_a, info.epoch), 0);
  assert_int_equal(
      file_test_write(volume, &id_a, info.epoch + 1, 0, block, sizeof block),
      0);
  assert_int_equal(store_remove(store, "a/disk", &id_a, NULL), 0);
  store_volume_close(volume);
  store_close(store);
}

static void
test_torture(void **state)
{
  static const struct view none;
  struct view after[STEPS], now;
  unsigned n = 0, done, descriptors;
  int status;

  (void)state;
  assert_int_equal(run_steps(after, &status), STEPS);
  descriptors = count_descriptors();
  do {
    const struct view *before;

    has_failed = false;
    fail_in = ++n;
    done = run_steps(NULL, &status);
    fail_in = 0;
    if (done == STEPS) {
      assert_true(same_view(&none, &after[STEPS - 1]));
      continue;
    }
    now = look();
    before = done == 0 ? &none : &after[done - 1];
    /* UNKNOWN and IO may have been done; other answers mean it was not. */
    if (!same_view(&now, before) &&
        !(same_view(&now, &after[done]) &&
          (status == STATUS_UNKNOWN || status == STATUS_IO)))
      fail_msg("call %u failed, step %u answered %s", n, done,
               status_text(status));
    assert_int_equal(count_descriptors(), descriptors);
    expect_all_works();
  } while (has_failed);
  print_message("%u calls failed, one at a time\n", n - 1);
  assert_true(n > 100);
  assert_string_equal(file_test_log, "");
}

/* S5: what could not be made durable once is reported ever after, to FLUSH and
 * to FUA, and only on the open volume that wrote it.
 */
static void
test_failed_sync_stays(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *volume = file_test_disk(store), *other;
  struct scene scene = {.volume = volume};

  (void)state;
  other = file_test_volume(store, "disk");
  assert_int_equal(file_test_acquire(volume, &id_a, 60), 0);
  assert_int_equal(file_test_io(volume, STORE_FLUSH, 0, NULL, 0), 0);
  fail_in = 1;
  assert_int_equal(file_test_io(volume, STORE_FLUSH, 0, NULL, 0), STATUS_IO);
  assert_int_equal(fail_in, 0);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(file_test_io(volume, STORE_FLUSH, 0, NULL, 0), STATUS_IO);
    assert_int_equal(write_a(&scene), STATUS_IO);
  }
  assert_int_equal(file_test_io(other, STORE_FLUSH, 0, NULL, 0), 0);
  store_volume_close(other);
  store_volume_close(volume);
  store_close(store);
}

/* What a reader without a lock has opened becomes the spare, and is written
 * over by a record that never comes into force: its writer is killed just then.
 */
static struct store_volume *written;

static void
leave_record_unfinished(void)
{
  struct file_volume *own = (struct file_volume *)written;
  struct volume_record record;
  struct file_stamp stamp;
  char text[RECORD_SIZE];
  int fd;

  assert_int_equal(file_test_claim(written, &id_a, 0), 0);
  assert_int_equal(file_record_read_locked(&own->place, &record, &stamp, NULL),
                   0);
  record.epoch = 99;
  assert_int_equal(record_encode(&record, text, NULL), 0);
  fd = open(file_test_path("disk/@record.new"), O_WRONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(pwrite(fd, text, sizeof text, 0), (ssize_t)sizeof text);
  close(fd);
}

static void
test_reader_sees_only_what_is_in_force(void **state)
{
  struct store *store = file_test_open(0);
  struct store_volume *reader = file_test_disk(store);
  struct volume_info info;

  (void)state;
  written = file_test_volume(store, "disk");
  assert_int_equal(file_test_acquire(written, &id_a, 60), 0);
  before_pread = leave_record_unfinished;
  assert_int_equal(file_test_describe(reader, &info, NULL), 0);
  assert_null(before_pread);
  assert_int_equal(info.epoch, 1);
  store_volume_close(written);
  store_volume_close(reader);
  store_close(store);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      FILE_TEST(test_reader_sees_only_what_is_in_force),
      FILE_TEST(test_torture),
      FILE_TEST(test_failed_sync_stays),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
