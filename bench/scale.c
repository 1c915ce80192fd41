/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scale.c: what many idle volumes cost a gateway.
 *
 *   bench/scale [STORE-URL [VOLUMES [SECONDS]]]
 *
 * Makes VOLUMES volumes (1000) in the store (by default a directory of its
 * own), lets one keeper hold all of them for one node, as a server does whose
 * clients have written and are idle now, and looks for SECONDS (20): memory,
 * threads and CPU time of this process, and how renewals spread out. What it
 * does not count is what nbdkit has for each connection: a thread and its
 * stack. The volumes are deleted at the end.
 *
 * Prints a table; exit code 1 when a volume costs more than 64 KiB.
 */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "leasehold/keeper.h"
#include "leasehold/metrics.h"
#include "leasehold/volume.h"

#define VOLUME_SIZE (1 << 20)
#define BYTES_MAX 65536
#define WORKERS 64 /* as the plugin has */
#define DURATION_S 30
#define PATIENCE_S 300
#define SAMPLE_MS 100

struct scale {
  unsigned volumes, seconds;
  struct store *store;
  struct keeper *keeper;
  struct tenure **tenures;
  char folder[64]; /* "" when the store was given */
};

static void __attribute__((noreturn))
die(const char *what, const struct error *err)
{
  fprintf(stderr, "scale: %s: %s\n", what,
          err != NULL ? err->text : strerror(errno));
  exit(2);
}

static const char *
volume_name(unsigned number, char name[32])
{
  snprintf(name, 32, "scale/disk%u", number);
  return name;
}

static void
sleep_ms(unsigned ms)
{
  struct timespec time = {.tv_sec = ms / 1000,
                          .tv_nsec = (long)(ms % 1000) * 1000000};

  nanosleep(&time, NULL);
}

/* "VmRSS:" in bytes, or "Threads:", of /proc/self/status. */
static uint64_t
process_value(const char *key)
{
  FILE *file = fopen("/proc/self/status", "re");
  char line[256];
  uint64_t value = 0;

  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, key, strlen(key)) == 0)
      value = strtoull(line + strlen(key), NULL, 10);
  if (file != NULL)
    fclose(file);
  return value;
}

static uint64_t
cpu_ns(void)
{
  struct timespec time;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * NANOSECONDS_PER_SECOND +
         (uint64_t)time.tv_nsec;
}

static struct store *collected;

static void
collect(struct metrics_source *source, struct metrics *metrics)
{
  (void)source;
  store_collect(collected, metrics);
}

/* How many renewals the store has answered well. */
static uint64_t
renewals(const struct scale *scale)
{
  static const char line[] = "{request=\"renew\",outcome=\"ok\"} ";
  struct metrics_source source = {.collect = collect};
  size_t length;
  char *text, *at;
  uint64_t count = 0;

  collected = scale->store;
  text = metrics_text(&source, &length);
  at = text != NULL ? strstr(text, line) : NULL;
  if (at != NULL)
    count = strtoull(at + strlen(line), NULL, 10);
  free(text);
  return count;
}

static void
open_all(struct scale *scale, const char *url)
{
  struct store_config config = {.url = url,
                                .clock = &system_clock,
                                .workers = WORKERS,
                                .create = true,
                                .count = true};
  struct keeper_config keeper_config = {.clock = &system_clock,
                                        .duration_s = DURATION_S,
                                        .extra_new = volume_extra_new};
  struct error err = ERROR_INIT;
  char own[80], name[32];

  if (url == NULL) {
    strcpy(scale->folder, "/tmp/leasehold-scale-XXXXXX");
    if (mkdtemp(scale->folder) == NULL)
      die(scale->folder, NULL);
    snprintf(own, sizeof own, "file:%s", scale->folder);
    config.url = own;
  }
  if (store_open(&config, &scale->store, &err) != 0)
    die("store", &err);
  for (unsigned i = 0; i < scale->volumes; i++)
    if (store_create(scale->store, volume_name(i, name), VOLUME_SIZE, &err) !=
        0)
      die(name, &err);
  scale->keeper = keeper_new(&keeper_config);
  scale->tenures = calloc(scale->volumes, sizeof *scale->tenures);
  if (scale->keeper == NULL || scale->tenures == NULL)
    die("memory", NULL);
  if (keeper_start(scale->keeper, &err) != 0)
    die("keeper", &err);
}

static bool
is_open(struct tenure *tenure)
{
  struct gate gate;

  tenure_gate(tenure, &gate);
  return gate.position == GATE_OPEN;
}

/* As many first writes as volumes, at once. */
static void
hold_all(struct scale *scale)
{
  const struct session_event want = {.kind = SESSION_WANT_WRITE};
  struct error err = ERROR_INIT;
  char name[32];

  for (unsigned i = 0; i < scale->volumes; i++) {
    if (keeper_attach(scale->keeper, scale->store, volume_name(i, name),
                      "node-a", "", &scale->tenures[i], &err) != 0)
      die(name, &err);
    tenure_post(scale->tenures[i], &want);
  }
  for (unsigned i = 0; i < scale->volumes; i++) {
    for (unsigned ms = 0; !is_open(scale->tenures[i]); ms += 10) {
      if (ms > PATIENCE_S * 1000) {
        errno = ETIMEDOUT;
        die(volume_name(i, name), NULL);
      }
      sleep_ms(10);
    }
  }
}

/* Looks at the renewals in steps of SAMPLE_MS, and prints the busiest step of
 * each interval between two renewals of a volume.
 */
static void
watch(const struct scale *scale)
{
  unsigned left = scale->seconds * 1000 / SAMPLE_MS, steps;
  uint64_t before = renewals(scale), cpu = cpu_ns();

  for (; left > 0; left -= steps) {
    uint64_t most = 0, all = 0;

    steps = DURATION_S * 1000 / 3 / SAMPLE_MS;
    if (steps > left)
      steps = left;

    for (unsigned i = 0; i < steps; i++) {
      uint64_t now;

      sleep_ms(SAMPLE_MS);
      now = renewals(scale);
      if (now - before > most)
        most = now - before;
      all += now - before;
      before = now;
    }
    printf("renewals in %-4.1f s            %" PRIu64 ", at most %" PRIu64
           " in %d ms, %.1f on average\n",
           steps * SAMPLE_MS / 1000.0, all, most, SAMPLE_MS,
           (double)all / steps);
    fflush(stdout);
  }
  cpu = cpu_ns() - cpu;
  printf("CPU time                      %.2f %% of one processor\n",
         100.0 * (double)cpu / 1e9 / (double)scale->seconds);
}

static void
close_all(struct scale *scale)
{
  struct error err = ERROR_INIT;
  char name[32];

  for (unsigned i = 0; i < scale->volumes; i++)
    keeper_detach(scale->tenures[i]);
  keeper_stop(scale->keeper, PATIENCE_S * NANOSECONDS_PER_SECOND);
  if (!keeper_free(scale->keeper))
    exit(2);
  for (unsigned i = 0; i < scale->volumes; i++)
    if (store_remove(scale->store, volume_name(i, name), NULL, &err) != 0)
      die(name, &err);
  store_close(scale->store);
  free(scale->tenures);
}

static int
remove_one(const char *path, const struct stat *status, int flag,
           struct FTW *walk)
{
  (void)status;
  (void)flag;
  (void)walk;
  return remove(path);
}

int
main(int argc, char *argv[])
{
  struct scale scale = {.volumes = 1000, .seconds = 20};
  struct rlimit limit;
  uint64_t before, bytes;

  if (argc > 2)
    scale.volumes = (unsigned)strtoul(argv[2], NULL, 10);
  if (argc > 3)
    scale.seconds = (unsigned)strtoul(argv[3], NULL, 10);
  if (argc > 4 || scale.volumes == 0) {
    fprintf(stderr, "usage: scale [STORE-URL|- [VOLUMES [SECONDS]]]\n");
    return 2;
  }
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  open_all(&scale, argc > 1 && strcmp(argv[1], "-") != 0 ? argv[1] : NULL);
  before = process_value("VmRSS:") * 1024;
  hold_all(&scale);
  malloc_trim(0); /* what was needed only at once */
  bytes = (process_value("VmRSS:") * 1024 - before) / scale.volumes;
  printf("volumes held                  %u\n", scale.volumes);
  printf("memory for each               %" PRIu64 " bytes\n", bytes);
  printf("threads                       %" PRIu64
         ", of these 1 keeper, the others the store's\n",
         process_value("Threads:"));
  fflush(stdout);
  watch(&scale);
  close_all(&scale);
  if (scale.folder[0] != '\0')
    nftw(scale.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  return bytes > BYTES_MAX;
}
