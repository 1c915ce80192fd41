/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file-test.c: what the tests of the file store share. */
#include "file-test.h"

#include <errno.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const struct lease_id id_a = {"aaaaaaaa-0000-5000-8000-00000000000a"};
const struct lease_id id_b = {"bbbbbbbb-0000-5000-8000-00000000000b"};

char file_test_directory[64];
uint64_t file_test_passed_ms;
void (*file_test_clock_hook)(void);
char file_test_log[8192];

static uint64_t
boottime_ns(const struct clock *clock)
{
  (void)clock;
  if (file_test_clock_hook != NULL)
    file_test_clock_hook();
  return clock_now(&system_clock) +
         file_test_passed_ms * NANOSECONDS_PER_MILLISECOND;
}

static int64_t
wall_ms(const struct clock *clock)
{
  (void)clock;
  return system_clock.wall_ms(&system_clock);
}

const struct clock file_test_clock = {boottime_ns, wall_ms};

static void
write_log(const struct log *log, enum log_level level, const char *line)
{
  size_t length = strlen(file_test_log);

  (void)log;
  (void)level;
  snprintf(file_test_log + length, sizeof file_test_log - length, "%s\n", line);
}

static const struct log log_of_test = {write_log};

int
file_test_setup(void **state)
{
  (void)state;
  strcpy(file_test_directory, "/tmp/leasehold-file.XXXXXX");
  file_test_passed_ms = 0;
  file_test_clock_hook = NULL;
  file_test_log[0] = '\0';
  return mkdtemp(file_test_directory) == NULL;
}

static int
delete_one(const char *path, const struct stat *info, int type,
           struct FTW *level)
{
  (void)info;
  (void)type;
  (void)level;
  return remove(path);
}

int
file_test_teardown(void **state)
{
  (void)state;
  return nftw(file_test_directory, delete_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
file_test_path(const char *part)
{
  static char paths[4][256];
  static unsigned next;
  char *path = paths[next++ % COUNT(paths)];

  snprintf(path, sizeof paths[0], "%s/%s", file_test_directory, part);
  return path;
}

struct store *
file_test_open(unsigned workers)
{
  char url[128];
  struct store_config config = {.url = url,
                                .clock = &file_test_clock,
                                .log = &log_of_test,
                                .workers = workers,
                                .count = true};
  struct error err = ERROR_INIT;
  struct store *store = NULL;

  snprintf(url, sizeof url, "file:%s", file_test_directory);
  if (store_open(&config, &store, &err) != 0) {
    fprintf(stderr, "%s\n", err.text);
    abort();
  }
  return store;
}

struct store_volume *
file_test_volume(struct store *store, const char *name)
{
  struct store_volume *volume = NULL;
  struct error err = ERROR_INIT;

  if (store_volume_open(store, name, &volume, &err) != 0) {
    fprintf(stderr, "%s\n", err.text);
    abort();
  }
  return volume;
}

struct store_volume *
file_test_disk(struct store *store)
{
  struct error err = ERROR_INIT;

  if (store_create(store, "disk", 1 << 20, &err) != 0)
    fail_msg("%s", err.text);
  return file_test_volume(store, "disk");
}

static int
run(struct store_volume *volume, const struct lease_command *command,
    struct volume_info *info, struct error *err)
{
  struct store_command request = {.command = *command};
  int r = store_run_command(volume, &request);

  if (info != NULL)
    *info = request.reply.info;
  if (err != NULL)
    *err = request.error;
  return r;
}

int
file_test_acquire(struct store_volume *volume, const struct lease_id *id,
                  uint32_t duration_s)
{
  struct lease_command command = {.verb = LEASE_ACQUIRE,
                                  .lease_id = *id,
                                  .duration_s = duration_s,
                                  .node = "node"};

  return run(volume, &command, NULL, NULL);
}

int
file_test_change(struct store_volume *volume, const struct lease_id *id,
                 const struct lease_id *proposed)
{
  struct lease_command command = {.verb = LEASE_CHANGE,
                                  .lease_id = *id,
                                  .proposed_id = *proposed,
                                  .node = "node"};

  return run(volume, &command, NULL, NULL);
}

int
file_test_renew(struct store_volume *volume, const struct lease_id *id)
{
  struct lease_command command = {.verb = LEASE_RENEW, .lease_id = *id};

  return run(volume, &command, NULL, NULL);
}

int
file_test_claim(struct store_volume *volume, const struct lease_id *id,
                uint64_t epoch)
{
  struct lease_command command = {
      .verb = LEASE_CLAIM, .lease_id = *id, .expected_epoch = epoch};

  return run(volume, &command, NULL, NULL);
}

int
file_test_describe(struct store_volume *volume, struct volume_info *info,
                   struct error *err)
{
  struct lease_command command = {.verb = LEASE_DESCRIBE};

  return run(volume, &command, info, err);
}

int
file_test_write(struct store_volume *volume, const struct lease_id *id,
                uint64_t epoch, uint64_t offset, const void *bytes,
                uint64_t count)
{
  struct store_io io = {.kind = STORE_WRITE,
                        .offset = offset,
                        .count = count,
                        .buffer = (void *)bytes,
                        .guard = {.lease_id = *id, .epoch = epoch}};

  return store_run_io(volume, &io);
}

int
file_test_io(struct store_volume *volume, enum store_io_kind kind,
             uint64_t offset, void *buffer, uint64_t count)
{
  struct store_io io = {
      .kind = kind, .offset = offset, .count = count, .buffer = buffer};

  return store_run_io(volume, &io);
}

pid_t
file_test_fork(void (*child)(void *data), void *data)
{
  pid_t pid;

  fflush(NULL);
  pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    child(data);
    _exit(0);
  }
  return pid;
}

void
file_test_require(bool condition, const char *what)
{
  if (condition)
    return;
  fprintf(stderr, "in process %d: not so: %s\n", (int)getpid(), what);
  _exit(1);
}

int
file_test_wait(pid_t pid)
{
  int status = -1;

  assert_int_equal(waitpid(pid, &status, 0), pid);
  return status;
}

void
file_test_break_fsync(int fd)
{
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
               offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)fd, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = COUNT(filter), .filter = filter};

  file_test_require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no privs");
  file_test_require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
                    "seccomp");
}

void *
file_test_shared(size_t size)
{
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  assert_true(memory != MAP_FAILED);
  return memory;
}

void
file_test_await(const unsigned *flag)
{
  while (__atomic_load_n(flag, __ATOMIC_SEQ_CST) == 0)
    sched_yield();
}

void
file_test_set(unsigned *flag)
{
  __atomic_store_n(flag, 1, __ATOMIC_SEQ_CST);
}

uint64_t
file_test_real_ms(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
