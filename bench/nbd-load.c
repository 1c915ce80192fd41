/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nbd-load.c: load on an NBD export, for what fio's nbd engine cannot express.
 *
 * --connections handles of libnbd, each with --depth slots; a slot has one
 * request at a time and goes round in
 *
 *   IO      a read or a write is on its way
 *   FLUSH   with --flush each: the flush behind a write is
 *
 * One thread polls all handles. libnbd's completion callbacks only note which
 * slot has finished, because the handle is locked in them; the loop takes that
 * list and goes on. With --flush end one flush comes when all has been
 * answered, and its time is part of the whole.
 *
 * Prints one line of JSON: requests (a write with its flush is one), bytes,
 * seconds, its own cpu_seconds, and milliseconds of requests and of the last
 * flush. Ends with 1 at the first error.
 */
#include <errno.h>
#include <getopt.h>
#include <libnbd.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/samples.h"

#define CONNECTIONS_MAX 256

enum flush { FLUSH_NEVER, FLUSH_EACH, FLUSH_END };

struct slot {
  struct load *load;
  struct nbd_handle *nbd;
  char *buffer;
  bool write, flushing;
  uint64_t begun_ns;
  struct slot *next; /* of the finished */
};

struct load {
  const char *uri;
  bool random;
  unsigned reads; /* of a hundred requests */
  enum flush flush;
  uint64_t block, size, bytes_max;
  unsigned connections, depth;
  double seconds;

  struct nbd_handle *handles[CONNECTIONS_MAX];
  struct slot *slots, *finished;
  unsigned running;
  uint64_t state, next, end_ns, begun_bytes, bytes;
  struct samples samples;
};

static void __attribute__((noreturn)) die(const char *what)
{
  fprintf(stderr, "nbd-load: %s\n", what);
  exit(EXIT_FAILURE);
}

/* For libnbd's calls, which answer -1 and keep a text. */
static int64_t
must(int64_t result)
{
  if (result == -1)
    die(nbd_get_error());
  return result;
}

/* --- one slot --------------------------------------------------------- */

static uint64_t
next_random(struct load *load)
{
  load->state ^= load->state << 13;
  load->state ^= load->state >> 7;
  load->state ^= load->state << 17;
  return load->state;
}

static uint64_t
next_offset(struct load *load)
{
  uint64_t number = load->random ? next_random(load) >> 16 : load->next++;

  return number % (load->size / load->block) * load->block;
}

static int
complete(void *opaque, int *error)
{
  struct slot *slot = opaque;

  if (*error != 0) {
    errno = *error;
    perror("nbd-load: request");
    exit(EXIT_FAILURE);
  }
  slot->next = slot->load->finished;
  slot->load->finished = slot;
  return 1;
}

static void
begin(struct slot *slot)
{
  struct load *load = slot->load;
  nbd_completion_callback done = {.callback = complete, .user_data = slot};
  uint64_t offset = next_offset(load);

  slot->write = load->reads == 0 ||
                (load->reads < 100 && next_random(load) % 100 >= load->reads);
  slot->flushing = false;
  slot->begun_ns = samples_now();
  load->begun_bytes += load->block;
  if (slot->write)
    must(nbd_aio_pwrite(slot->nbd, slot->buffer, load->block, offset, done, 0));
  else
    must(nbd_aio_pread(slot->nbd, slot->buffer, load->block, offset, done, 0));
}

/* A slot's request has been answered. */
static void
go_on(struct slot *slot)
{
  struct load *load = slot->load;
  nbd_completion_callback done = {.callback = complete, .user_data = slot};

  if (slot->write && !slot->flushing && load->flush == FLUSH_EACH) {
    slot->flushing = true;
    must(nbd_aio_flush(slot->nbd, done, 0));
    return;
  }
  samples_add(&load->samples, samples_now() - slot->begun_ns);
  load->bytes += load->block;
  if (samples_now() < load->end_ns && load->begun_bytes < load->bytes_max)
    begin(slot);
  else
    load->running--;
}

/* --- all of them ------------------------------------------------------ */

static void
wait_for_any(struct load *load)
{
  struct pollfd fds[CONNECTIONS_MAX];

  for (unsigned i = 0; i < load->connections; i++) {
    unsigned direction = nbd_aio_get_direction(load->handles[i]);

    fds[i].fd = (int)must(nbd_aio_get_fd(load->handles[i]));
    fds[i].events =
        (short)((direction & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
                (direction & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0));
  }
  if (poll(fds, load->connections, -1) == -1 && errno != EINTR)
    die("poll");
  for (unsigned i = 0; i < load->connections; i++) {
    if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
      must(nbd_aio_notify_read(load->handles[i]));
    else if (fds[i].revents & POLLOUT)
      must(nbd_aio_notify_write(load->handles[i]));
  }
}

static void
run(struct load *load)
{
  load->running = load->connections * load->depth;
  for (unsigned i = 0; i < load->connections * load->depth; i++)
    begin(&load->slots[i]);
  for (;;) {
    struct slot *slot;

    while ((slot = load->finished) != NULL) {
      load->finished = slot->next;
      go_on(slot);
    }
    if (load->running == 0)
      return;
    if (load->finished == NULL)
      wait_for_any(load);
  }
}

static void
connect_all(struct load *load)
{
  for (unsigned i = 0; i < load->connections; i++) {
    load->handles[i] = nbd_create();
    if (load->handles[i] == NULL)
      die(nbd_get_error());
    must(nbd_connect_uri(load->handles[i], load->uri));
  }
  if (load->size == 0)
    load->size = (uint64_t)must(nbd_get_size(load->handles[0]));
  if (load->size < load->block)
    die("the export is smaller than a block");
}

static void
make_slots(struct load *load)
{
  unsigned count = load->connections * load->depth;

  load->slots = calloc(count, sizeof *load->slots);
  if (load->slots == NULL)
    die("no memory");
  for (unsigned i = 0; i < count; i++) {
    struct slot *slot = &load->slots[i];

    slot->load = load;
    slot->nbd = load->handles[i % load->connections];
    slot->buffer = malloc(load->block);
    if (slot->buffer == NULL)
      die("no memory");
    for (uint64_t at = 0; at < load->block; at++)
      slot->buffer[at] = (char)(next_random(load) >> 24 | 1);
  }
}

static void
free_all(struct load *load)
{
  for (unsigned i = 0; i < load->connections * load->depth; i++)
    free(load->slots[i].buffer);
  free(load->slots);
  for (unsigned i = 0; i < load->connections; i++) {
    must(nbd_shutdown(load->handles[i], 0));
    nbd_close(load->handles[i]);
  }
}

/* --- the command line ------------------------------------------------- */

static void __attribute__((noreturn)) usage(void)
{
  fprintf(stderr,
          "Usage: nbd-load [--reads PERCENT] [--random] [--block BYTES]\n"
          "                [--depth N] [--connections N] [--size BYTES]\n"
          "                [--flush never|each|end] [--seconds S]\n"
          "                [--bytes BYTES] URI\n");
  exit(2);
}

static enum flush
flush_of(const char *text)
{
  static const char *const words[] = {"never", "each", "end"};

  for (int i = 0; i < 3; i++)
    if (strcmp(text, words[i]) == 0)
      return (enum flush)i;
  usage();
}

static uint64_t
number(const char *text)
{
  char *end;
  uint64_t value = strtoull(text, &end, 10);

  if (*text < '0' || *text > '9' || *end != '\0')
    usage();
  return value;
}

static void
take_option(struct load *load, int option, const char *value)
{
  switch (option) {
  case 'r':
    load->reads = (unsigned)number(value);
    break;
  case 'a':
    load->random = true;
    break;
  case 'b':
    load->block = number(value);
    break;
  case 'd':
    load->depth = (unsigned)number(value);
    break;
  case 'c':
    load->connections = (unsigned)number(value);
    break;
  case 'z':
    load->size = number(value);
    break;
  case 'f':
    load->flush = flush_of(value);
    break;
  case 's':
    load->seconds = strtod(value, NULL);
    break;
  case 'y':
    load->bytes_max = number(value);
    break;
  default:
    usage();
  }
}

static void
parse(struct load *load, int argc, char **argv)
{
  static const struct option options[] = {
      {"reads", required_argument, NULL, 'r'},
      {"random", no_argument, NULL, 'a'},
      {"block", required_argument, NULL, 'b'},
      {"depth", required_argument, NULL, 'd'},
      {"connections", required_argument, NULL, 'c'},
      {"size", required_argument, NULL, 'z'},
      {"flush", required_argument, NULL, 'f'},
      {"seconds", required_argument, NULL, 's'},
      {"bytes", required_argument, NULL, 'y'},
      {NULL, 0, NULL, 0},
  };
  int option;

  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
    take_option(load, option, optarg);
  if (optind + 1 != argc || load->block == 0 || load->depth == 0 ||
      load->connections == 0 || load->connections > CONNECTIONS_MAX ||
      load->reads > 100)
    usage();
  load->uri = argv[optind];
}

int
main(int argc, char **argv)
{
  struct load load = {.reads = 100,
                      .block = 4096,
                      .depth = 1,
                      .connections = 1,
                      .seconds = 3600,
                      .bytes_max = UINT64_MAX};
  uint64_t begun_ns, flush_ns;
  double before;

  parse(&load, argc, argv);
  connect_all(&load);
  load.state = samples_now() | 1;
  make_slots(&load);
  before = samples_cpu_seconds();
  begun_ns = samples_now();
  load.end_ns = begun_ns + (uint64_t)(load.seconds * 1e9);
  run(&load);
  flush_ns = samples_now();
  if (load.flush == FLUSH_END)
    for (unsigned i = 0; i < load.connections; i++)
      must(nbd_flush(load.handles[i], 0));
  samples_print(&load.samples, load.bytes, samples_now() - begun_ns,
                samples_cpu_seconds() - before,
                (double)(samples_now() - flush_ns) * 1e-6);
  free_all(&load);
  return EXIT_SUCCESS;
}
