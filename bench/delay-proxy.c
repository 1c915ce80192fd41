/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* delay-proxy.c: a line with latency, and perhaps a bandwidth, to a local port.
 *
 * Bytes are passed on as they come, half of --latency later in each direction,
 * so that a request and its answer take all of it. Each direction of all
 * connections together is one line of --bandwidth. Nothing is looked at.
 *
 * One thread, epoll. A pair of sockets has a flow each way; a flow is a queue
 * of chunks, each with the time at which it is due at the other end:
 *
 *   reading   while the queue has fewer than QUEUE_MAX bytes
 *   waiting   the first chunk is not due yet; one timer serves all flows
 *   writing   the first chunk is due, until the socket takes no more
 *
 * Times in a queue only rise. The end of a stream is a chunk without bytes: the
 * other side is shut down when it is due. A pair is closed when both flows have
 * ended or one socket has failed, and freed when the loop is through with its
 * events, for both of its sockets may have some.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/endpoint.h"
#include "bench/samples.h"

#define EVENTS 64
#define CHUNK (64 * 1024)
#define QUEUE_MAX (8 * 1024 * 1024)
#define MEBIBYTE 1048576.0

struct chunk {
  struct chunk *next;
  uint64_t due_ns;
  size_t length, sent;
  char bytes[];
};

struct end {
  struct pair *pair;
  int fd;
  bool readable, writable; /* for all that is known */
};

struct flow {
  struct chunk *first, **last;
  size_t queued;
  bool ended; /* nothing more comes in */
  bool done;  /* and all of it has left */
};

struct pair {
  struct pair *before, *after;
  struct end ends[2];   /* 0: the client's */
  struct flow flows[2]; /* flows[i] comes in at ends[i] */
  bool failed;
};

struct proxy {
  struct endpoint endpoint;
  struct sockaddr_in to;
  uint64_t delay_ns;
  double byte_ns;      /* 0: bytes take no time */
  uint64_t line_ns[2]; /* until when it is in use */
  struct pair *pairs;
};

/* --- flows ------------------------------------------------------------ */

/* When bytes that are there now are at the other end. */
static uint64_t
due(struct proxy *proxy, int way, size_t length)
{
  uint64_t now_ns = samples_now();

  if (proxy->line_ns[way] < now_ns)
    proxy->line_ns[way] = now_ns;
  proxy->line_ns[way] += (uint64_t)((double)length * proxy->byte_ns);
  return proxy->line_ns[way] + proxy->delay_ns;
}

/* Takes in what there is, as far as there is room. */
static void
fill(struct proxy *proxy, struct pair *pair, int way)
{
  struct flow *flow = &pair->flows[way];
  struct end *end = &pair->ends[way];

  while (end->readable && !flow->ended && !pair->failed &&
         flow->queued < QUEUE_MAX) {
    static char bytes[CHUNK];
    struct chunk *chunk;
    ssize_t r = recv(end->fd, bytes, sizeof bytes, 0);

    if (r == -1 && errno == EINTR)
      continue;
    if (r == -1) {
      end->readable = false;
      pair->failed = errno != EAGAIN;
      return;
    }
    chunk = malloc(sizeof *chunk + (size_t)r);
    if (chunk == NULL)
      endpoint_die("chunk");
    memcpy(chunk->bytes, bytes, (size_t)r);
    chunk->next = NULL;
    chunk->due_ns = due(proxy, way, (size_t)r);
    chunk->length = (size_t)r;
    chunk->sent = 0;
    *flow->last = chunk;
    flow->last = &chunk->next;
    flow->queued += (size_t)r;
    flow->ended = r == 0;
  }
}

static void
forget_first(struct flow *flow)
{
  struct chunk *chunk = flow->first;

  flow->queued -= chunk->length;
  flow->first = chunk->next;
  if (flow->first == NULL)
    flow->last = &flow->first;
  free(chunk);
}

/* Passes on what is due. */
static void
drain(struct pair *pair, int way, uint64_t now_ns)
{
  struct flow *flow = &pair->flows[way];
  struct end *end = &pair->ends[!way];

  while (end->writable && !pair->failed && flow->first != NULL &&
         flow->first->due_ns <= now_ns) {
    struct chunk *chunk = flow->first;
    ssize_t r = 0;

    if (chunk->length == 0) {
      shutdown(end->fd, SHUT_WR);
      flow->done = true;
    } else {
      r = send(end->fd, chunk->bytes + chunk->sent, chunk->length - chunk->sent,
               MSG_NOSIGNAL);
    }
    if (r == -1 && errno == EINTR)
      continue;
    if (r == -1) {
      end->writable = false;
      pair->failed = errno != EAGAIN;
      return;
    }
    chunk->sent += (size_t)r;
    if (chunk->sent == chunk->length)
      forget_first(flow);
  }
}

/* --- pairs ------------------------------------------------------------ */

static void
add_pair(struct proxy *proxy, int client)
{
  struct pair *pair = calloc(1, sizeof *pair);
  int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (pair == NULL || server == -1)
    endpoint_die("connection");
  if (connect(server, (struct sockaddr *)&proxy->to, sizeof proxy->to) == -1 &&
      errno != EINPROGRESS)
    pair->failed = true;
  pair->ends[0] = (struct end){.pair = pair, .fd = client};
  pair->ends[1] = (struct end){.pair = pair, .fd = server};
  for (int way = 0; way < 2; way++)
    pair->flows[way].last = &pair->flows[way].first;
  pair->after = proxy->pairs;
  if (proxy->pairs != NULL)
    proxy->pairs->before = pair;
  proxy->pairs = pair;
  for (int way = 0; way < 2; way++)
    endpoint_watch(&proxy->endpoint, pair->ends[way].fd, &pair->ends[way]);
}

static void
remove_pair(struct proxy *proxy, struct pair *pair)
{
  if (pair->before != NULL)
    pair->before->after = pair->after;
  else
    proxy->pairs = pair->after;
  if (pair->after != NULL)
    pair->after->before = pair->before;
  for (int way = 0; way < 2; way++) {
    while (pair->flows[way].first != NULL)
      forget_first(&pair->flows[way]);
    close(pair->ends[way].fd);
  }
  free(pair);
}

/* Moves what can be moved on all pairs; when the next chunk is due, or
 * UINT64_MAX. There are as many pairs as a client has connections.
 */
static uint64_t
move_all(struct proxy *proxy)
{
  uint64_t now_ns = samples_now(), next_ns = UINT64_MAX;
  struct pair *pair = proxy->pairs, *after;

  for (; pair != NULL; pair = after) {
    after = pair->after;
    for (int way = 0; way < 2; way++) {
      const struct flow *flow = &pair->flows[way];

      fill(proxy, pair, way);
      drain(pair, way, now_ns);
      if (flow->first != NULL && flow->first->due_ns > now_ns &&
          flow->first->due_ns < next_ns)
        next_ns = flow->first->due_ns;
    }
    if (pair->failed || (pair->flows[0].done && pair->flows[1].done))
      remove_pair(proxy, pair);
  }
  return next_ns;
}

static void
take_connections(struct proxy *proxy)
{
  int fd;

  while ((fd = endpoint_accept(&proxy->endpoint)) != -1)
    add_pair(proxy, fd);
}

static void
run(struct proxy *proxy)
{
  for (;;) {
    struct epoll_event events[EVENTS];
    int count =
        endpoint_wait(&proxy->endpoint, events, EVENTS, move_all(proxy));

    for (int i = 0; i < count; i++) {
      struct end *end = events[i].data.ptr;

      if (end == NULL) {
        take_connections(proxy);
        continue;
      }
      if (events[i].events & EPOLLERR)
        end->pair->failed = true;
      end->readable |= (events[i].events & (EPOLLIN | EPOLLHUP)) != 0;
      end->writable |= (events[i].events & EPOLLOUT) != 0;
    }
  }
}

static void __attribute__((noreturn)) usage(void)
{
  fprintf(stderr, "Usage: delay-proxy --to PORT [--latency MILLISECONDS] "
                  "[--bandwidth MIB-PER-SECOND]\n");
  exit(2);
}

int
main(int argc, char **argv)
{
  static const struct option options[] = {
      {"to", required_argument, NULL, 't'},
      {"latency", required_argument, NULL, 'l'},
      {"bandwidth", required_argument, NULL, 'b'},
      {NULL, 0, NULL, 0},
  };
  struct proxy proxy = {
      .to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
  int option;

  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (option == 't')
      proxy.to.sin_port = htons((uint16_t)endpoint_number(optarg, usage));
    else if (option == 'l')
      proxy.delay_ns = (uint64_t)(endpoint_number(optarg, usage) * 1e6 / 2);
    else if (option == 'b' && endpoint_number(optarg, usage) > 0)
      proxy.byte_ns = 1e9 / MEBIBYTE / endpoint_number(optarg, usage);
    else if (option != 'b')
      usage();
  }
  if (proxy.to.sin_port == 0 || optind != argc)
    usage();
  proxy.endpoint = endpoint_open(0);
  run(&proxy);
}
