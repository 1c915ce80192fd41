/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim-main.c: runs seeds, shrinks what fails, proves the simulator; see sim.h.
 *
 *   simulator [--seeds N] [--from N] [--jobs N]   N seeds; exit 1 on a
 * violation simulator --seed N [--trace]                  one seed, told at
 * length simulator --mutations [--seeds N]             each rule taken out: in
 * how many seeds is it found? simulator --mutation NAME ...                 any
 * of these, with a rule out
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

enum mutation mutation = MUTATION_NONE;

static const char *const mutation_names[MUTATIONS] = {
    [MUTATION_NONE] = "none",
    [S1_NO_LEASE_ID] = "S1-no-lease-id",
    [S2_NO_CLAIM] = "S2-no-claim",
    [S3_NO_EPOCH] = "S3-no-epoch",
    [S4_NO_RECLAIM] = "S4-no-reclaim",
    [S4_WRITE_BACK_RESENT] = "S4-write-back-resent",
    [S4_TWO_IN_FLIGHT] = "S4-two-in-flight",
    [S5_WRITE_BACK_FORGETS] = "S5-write-back-forgets",
    [S5_FLUSH_TOO_EARLY] = "S5-flush-too-early",
    [S8_READS_PAST_END] = "S8-reads-past-end",
    [S9_OBSERVERS_CACHE] = "S9-observers-cache",
    [S13_CLEAN_WITHOUT_DRAIN] = "S13-clean-without-drain",
    [S5_FLUSH_FORGETS] = "S5-flush-forgets",
    [S6_FENCED_GOES_ON] = "S6-fenced-goes-on",
    [S6_BLIND_RELEASE] = "S6-blind-release",
    [S7_ANY_EPOCH] = "S7-any-epoch",
    [S8_NO_END] = "S8-no-end",
    [S10_GIVES_UP] = "S10-gives-up",
    [S12_FORGETS_INSTANCES] = "S12-forgets-instances",
    [S13_FORGETS_UNCLEAN] = "S13-forgets-unclean",
    [FLYING_OVERWRITTEN] = "flying-overwritten",
    [AHEAD_KEPT_SPOILED] = "ahead-kept-spoiled",
    [AHEAD_OF_CHANGES] = "ahead-of-changes",
    [HOLES_WERE_CHANGED] = "holes-were-changed",
    [GROUP_KEEPS_ID] = "group-keeps-ID",
    [GROUP_EVICTED_ADOPTS] = "group-evicted-adopts",
    [GROUP_STALE_GOES_ON] = "group-stale-goes-on",
    [GROUP_JOINS_QUIETLY] = "group-joins-quietly",
    [GROUP_READS_CACHE] = "group-reads-cache",
    [HANDOVER_NO_DRAIN] = "handover-no-drain",
    [HANDOVER_STALE_REQUEST] = "handover-stale-request",
    [TAKE_OVER_WITHOUT_CLAIM] = "take-over-without-claim",
    [TAKE_OVER_TRUSTS_CHANGE] = "take-over-trusts-change",
    [TAKE_OVER_ANY_EPOCH] = "take-over-any-epoch",
};

struct options {
  uint64_t seeds, from;
  unsigned jobs;
  bool one, trace, table;
};

/* Shared by the processes that run seeds. */
struct shared {
  struct sim_counts counts;
  uint64_t failed_seed; /* the smallest, or UINT64_MAX */
};

static struct sim sim;
static struct schedule schedule;

static const char *const action_names[ACTION_KINDS] = {
    "connect",   "disconnect",  "write",        "zero",       "fua",   "read",
    "flush",     "preempt",     "clear",        "handover",   "pause", "crash",
    "brown-out", "flush-fails", "registration", "write-fails"};

static void
print_schedule(const struct schedule *list)
{
  printf("%u actions, messages %s, clocks %s:\n", list->count,
         list->bad_messages ? "bad" : "good",
         list->bad_clocks ? "bad" : "good");
  for (unsigned i = 0; i < list->count; i++) {
    const struct action *action = &list->actions[i];

    printf("  %10.3f  %-11s who %u, %u %u %u\n",
           (double)action->at_ns / (double)SECOND, action_names[action->kind],
           action->who, action->a, action->b, action->c);
  }
}

/* In the same way: the violation begins with the oracle's number. */
static bool
fails(const struct schedule *list, const char *violation)
{
  return !sim_run(&sim, list, false) &&
         strncmp(sim.violation, violation, 3) == 0;
}

/* Leaves actions out, in ever smaller pieces, as long as it still fails. */
static void
shrink(struct schedule *list, const char *violation)
{
  static struct schedule trial;

  for (unsigned piece = list->count / 2; piece > 0; piece /= 2) {
    for (unsigned at = 0; at < list->count;) {
      unsigned cut = piece < list->count - at ? piece : list->count - at;

      trial = *list;
      trial.count -= cut;
      memmove(&trial.actions[at], &trial.actions[at + cut],
              (trial.count - at) * sizeof trial.actions[0]);
      if (fails(&trial, violation))
        *list = trial;
      else
        at += cut;
    }
  }
  trial = *list;
  trial.bad_clocks = false;
  if (fails(&trial, violation))
    *list = trial;
  trial = *list;
  trial.bad_messages = false;
  if (fails(&trial, violation))
    *list = trial;
}

static void
tell_failure(uint64_t seed)
{
  char violation[sizeof sim.violation];

  sim_draw(&schedule, seed);
  sim_run(&sim, &schedule, false);
  printf("seed %" PRIu64 ": %s\n", seed, sim.violation);
  snprintf(violation, sizeof violation, "%s", sim.violation);
  shrink(&schedule, violation);
  printf("shrunk to ");
  print_schedule(&schedule);
  sim_run(&sim, &schedule, true);
  printf("again: simulator --seed %" PRIu64 " --trace\n", seed);
}

static void
add_counts(struct sim_counts *to, const struct sim_counts *from)
{
  __atomic_fetch_add(&to->writes, from->writes, __ATOMIC_RELAXED);
  __atomic_fetch_add(&to->refused, from->refused, __ATOMIC_RELAXED);
  __atomic_fetch_add(&to->unknown, from->unknown, __ATOMIC_RELAXED);
  __atomic_fetch_add(&to->reclaims, from->reclaims, __ATOMIC_RELAXED);
  __atomic_fetch_add(&to->fences, from->fences, __ATOMIC_RELAXED);
  __atomic_fetch_add(&to->takeovers, from->takeovers, __ATOMIC_RELAXED);
  __atomic_fetch_add(&to->late, from->late, __ATOMIC_RELAXED);
  __atomic_fetch_add(&to->crashes, from->crashes, __ATOMIC_RELAXED);
  __atomic_fetch_add(&to->flushes, from->flushes, __ATOMIC_RELAXED);
  __atomic_fetch_add(&to->handovers, from->handovers, __ATOMIC_RELAXED);
  __atomic_fetch_add(&to->taken, from->taken, __ATOMIC_RELAXED);
}

/* Every jobs-th seed, until one fails here or a smaller one failed elsewhere.
 */
static void
run_share(const struct options *options, unsigned share, struct shared *shared)
{
  for (uint64_t seed = options->from + share;
       seed < options->from + options->seeds; seed += options->jobs) {
    if (__atomic_load_n(&shared->failed_seed, __ATOMIC_RELAXED) < seed)
      return;
    sim_draw(&schedule, seed);
    if (!sim_run(&sim, &schedule, false)) {
      uint64_t smallest =
          __atomic_load_n(&shared->failed_seed, __ATOMIC_RELAXED);

      while (seed < smallest && !__atomic_compare_exchange_n(
                                    &shared->failed_seed, &smallest, seed,
                                    false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
      return;
    }
    add_counts(&shared->counts, &sim.counts);
  }
}

/* The smallest failing seed, or UINT64_MAX. */
static uint64_t
run_seeds(const struct options *options, struct shared *shared)
{
  pid_t children[64];
  bool broken = false;

  memset(shared, 0, sizeof *shared);
  shared->failed_seed = UINT64_MAX;
  for (unsigned i = 0; i < options->jobs; i++) {
    children[i] = fork();
    if (children[i] == 0) {
      run_share(options, i, shared);
      _exit(0);
    }
  }
  for (unsigned i = 0; i < options->jobs; i++) {
    int status = 1;

    if (children[i] < 0 || waitpid(children[i], &status, 0) < 0 || status != 0)
      broken = true;
  }
  if (broken) {
    fprintf(stderr, "simulator: a process did not end well\n");
    exit(2);
  }
  return shared->failed_seed;
}

static int
run_table(const struct options *options, struct shared *shared)
{
  int result = 0;

  printf("%-24s %-12s %s\n", "rule taken out", "found after", "as");
  for (unsigned i = MUTATION_NONE + 1; i < MUTATIONS; i++) {
    uint64_t seed;

    mutation = (enum mutation)i;
    seed = run_seeds(options, shared);
    if (seed == UINT64_MAX) {
      printf("%-24s not found in %" PRIu64 " seeds\n", mutation_names[i],
             options->seeds);
      result = 1;
      continue;
    }
    sim_draw(&schedule, seed);
    sim_run(&sim, &schedule, false);
    printf("%-24s %-12" PRIu64 " %s\n", mutation_names[i],
           seed - options->from + 1, sim.violation);
  }
  return result;
}

static int
run_all(const struct options *options, struct shared *shared)
{
  const struct sim_counts *counts = &shared->counts;
  uint64_t failed = run_seeds(options, shared);

  if (failed != UINT64_MAX) {
    tell_failure(failed);
    return 1;
  }
  printf("%" PRIu64 " seeds from %" PRIu64 ", 0 violations\n", options->seeds,
         options->from);
  printf("writes %" PRIu64 ", refused %" PRIu64 ", unknown outcomes %" PRIu64
         ", late deliveries %" PRIu64 ", reclaims %" PRIu64 ", fences %" PRIu64
         ", takeovers %" PRIu64 ", crashes %" PRIu64 ", flushes %" PRIu64
         ", hand-overs %" PRIu64 ", taken over by gateways %" PRIu64 "\n",
         counts->writes, counts->refused, counts->unknown, counts->late,
         counts->reclaims, counts->fences, counts->takeovers, counts->crashes,
         counts->flushes, counts->handovers, counts->taken);
  return 0;
}

static uint64_t
number(const char *text)
{
  char *end;
  uint64_t value;

  errno = 0;
  value = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0') {
    fprintf(stderr, "simulator: '%s' is no number\n", text);
    exit(2);
  }
  return value;
}

static enum mutation
named_mutation(const char *name)
{
  for (unsigned i = 0; i < MUTATIONS; i++) {
    if (strcmp(mutation_names[i], name) == 0)
      return (enum mutation)i;
  }
  fprintf(stderr, "simulator: no mutation '%s'\n", name);
  exit(2);
}

static struct options
parse(int argc, char **argv)
{
  static const struct option names[] = {
      {"seeds", required_argument, NULL, 'n'},
      {"from", required_argument, NULL, 'f'},
      {"jobs", required_argument, NULL, 'j'},
      {"seed", required_argument, NULL, 's'},
      {"trace", no_argument, NULL, 't'},
      {"mutations", no_argument, NULL, 'm'},
      {"mutation", required_argument, NULL, 'M'},
      {NULL, 0, NULL, 0},
  };
  struct options options = {.seeds = 2000, .from = 1, .jobs = 2};
  int c;

  while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
    switch (c) {
    case 'n':
      options.seeds = number(optarg);
      break;
    case 'f':
      options.from = number(optarg);
      break;
    case 'j':
      options.jobs = (unsigned)number(optarg);
      break;
    case 's':
      options.one = true;
      options.from = number(optarg);
      break;
    case 't':
      options.trace = true;
      break;
    case 'm':
      options.table = true;
      break;
    case 'M':
      mutation = named_mutation(optarg);
      break;
    default:
      exit(2);
    }
  }
  if (optind != argc || options.jobs < 1 || options.jobs > 64) {
    fprintf(stderr, "simulator: bad arguments\n");
    exit(2);
  }
  return options;
}

int
main(int argc, char **argv)
{
  struct options options = parse(argc, argv);
  struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  if (shared == MAP_FAILED) {
    perror("simulator: mmap");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (options.table)
    return run_table(&options, shared);
  if (!options.one)
    return run_all(&options, shared);
  sim_draw(&schedule, options.from);
  if (sim_run(&sim, &schedule, options.trace)) {
    printf("seed %" PRIu64 ": no violation\n", options.from);
    return 0;
  }
  printf("seed %" PRIu64 ": %s\n", options.from, sim.violation);
  return 1;
}
