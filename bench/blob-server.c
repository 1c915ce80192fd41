/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blob-server.c: a fast store for benches: the Blob service, with latency.
 *
 * An emulator takes milliseconds for what the service's network takes, and a
 * processor besides. This one takes microseconds (blob-service.c says what it
 * can do), and adds the latency that it is told to: no second hop is needed.
 *
 * One thread, epoll, edges only. A connection goes round in
 *
 *   READING   bytes come in until head and body are complete; then the request
 *             is done and its answer made, and it is due:
 *             when its bytes and the answer's would be through a line of
 *             --bandwidth, and --latency later
 *   WAITING   in the list of what is due, the earliest first
 *   SENDING   until all of the answer has left
 *
 * So an answer is never early, and a request is done as soon as it is there:
 * of two requests the one that arrived first comes first. Without --bandwidth
 * the line is as fast as memory. Answers that have to wait cost nothing but
 * their memory.
 *
 * A connection is freed where it is closed; what came with the same
 * epoll_wait for it is its own and the last.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench/blob-service.h"
#include "bench/endpoint.h"
#include "bench/samples.h"

#define EVENTS 64
#define BUFFER_MIN (64 * 1024)
#define BODY_MAX (16 * 1024 * 1024)
#define MEBIBYTE 1048576.0

enum state { READING, WAITING, SENDING };

struct connection {
  int fd;
  enum state state;
  bool readable;
  char *bytes; /* what came in */
  size_t length, capacity;
  size_t head_length, body_length; /* 0 while the head is incomplete */
  struct blob_answer answer;
  size_t sent;
  uint64_t due_ns;
  struct connection *before, *after; /* in the list of what is due */
};

struct server {
  struct blob_service *service;
  struct endpoint endpoint;
  uint64_t latency_ns;
  double byte_ns;            /* of the line; 0: no time */
  uint64_t in_ns, out_ns;    /* until when the line is in use */
  struct connection waiting; /* a ring: its after is the earliest */
};

/* --- what is due ------------------------------------------------------ */

static void
wait_until_due(struct server *server, struct connection *connection)
{
  struct connection *before = server->waiting.before;

  while (before != &server->waiting && before->due_ns > connection->due_ns)
    before = before->before;
  connection->before = before;
  connection->after = before->after;
  before->after->before = connection;
  before->after = connection;
  connection->state = WAITING;
}

static void
unlink_waiting(struct connection *connection)
{
  connection->before->after = connection->after;
  connection->after->before = connection->before;
}

static uint64_t
latest(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* When a request that is here now would have been answered. */
static uint64_t
due(struct server *server, size_t in, size_t out)
{
  uint64_t now_ns =
      server->latency_ns > 0 || server->byte_ns > 0 ? samples_now() : 0;

  server->in_ns =
      latest(server->in_ns, now_ns) + (uint64_t)((double)in * server->byte_ns);
  server->out_ns = latest(server->out_ns, server->in_ns + server->latency_ns) +
                   (uint64_t)((double)out * server->byte_ns);
  return server->out_ns;
}

/* --- connections ------------------------------------------------------ */

static void
drop(struct connection *connection)
{
  if (connection->state == WAITING)
    unlink_waiting(connection);
  blob_answer_free(&connection->answer);
  close(connection->fd);
  free(connection->bytes);
  free(connection);
}

/* True: all has left. False: not yet, or the connection is gone. */
static bool
send_answer(struct connection *connection)
{
  struct blob_answer *answer = &connection->answer;
  struct iovec parts[] = {
      {answer->head.text, answer->head.length},
      {answer->text.text, answer->text.length},
      {(char *)answer->bytes, answer->length},
  };
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
  size_t skip = connection->sent, all = 0;
  ssize_t r;

  for (int i = 0; i < 3; i++) {
    size_t cut = skip < parts[i].iov_len ? skip : parts[i].iov_len;

    all += parts[i].iov_len;
    parts[i].iov_base = (char *)parts[i].iov_base + cut;
    parts[i].iov_len -= cut;
    skip -= cut;
  }
  do
    r = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
  while (r == -1 && errno == EINTR);
  if (r == -1 && errno != EAGAIN) {
    drop(connection);
    return false;
  }
  connection->sent += r > 0 ? (size_t)r : 0;
  if (connection->sent < all)
    return false;
  blob_answer_free(answer);
  connection->state = READING;
  return true;
}

/* The bytes behind a request that has been answered belong to the next one. */
static void
forget_request(struct connection *connection)
{
  size_t used = connection->head_length + connection->body_length;

  connection->length -= used;
  memmove(connection->bytes, connection->bytes + used, connection->length);
  connection->head_length = connection->body_length = 0;
}

/* False: not yet, or the connection is gone. */
static bool
is_answered(struct server *server, struct connection *connection)
{
  struct blob_request request;

  if (blob_request_parse(connection->bytes, connection->head_length,
                         &request)) {
    request.body = connection->bytes + connection->head_length;
    request.body_length = connection->body_length;
    blob_service_answer(server->service, &request, &connection->answer);
  } else {
    blob_answer_malformed(&connection->answer);
  }
  if (connection->answer.head.status != 0 ||
      connection->answer.text.status != 0) {
    drop(connection);
    return false;
  }
  connection->sent = 0;
  connection->due_ns =
      due(server, connection->head_length + connection->body_length,
          connection->answer.head.length + connection->answer.text.length +
              connection->answer.length);
  forget_request(connection);
  if (server->latency_ns > 0 || server->byte_ns > 0) {
    wait_until_due(server, connection);
    return false;
  }
  connection->state = SENDING;
  return send_answer(connection);
}

/* Is a whole request there? False with the connection gone, if it is too
 * long.
 */
static bool
is_complete(struct connection *connection, bool *gone)
{
  *gone = false;
  if (connection->head_length == 0) {
    connection->head_length =
        blob_head_length(connection->bytes, connection->length);
    if (connection->head_length > 0)
      connection->body_length =
          blob_body_length(connection->bytes, connection->head_length);
    if (connection->body_length > BODY_MAX ||
        (connection->head_length == 0 && connection->length > BLOB_HEAD_MAX)) {
      drop(connection);
      *gone = true;
      return false;
    }
  }
  return connection->head_length > 0 &&
         connection->length >=
             connection->head_length + connection->body_length;
}

/* False: there is no more for now, or the connection is gone. */
static bool
read_more(struct connection *connection)
{
  size_t wanted = connection->head_length + connection->body_length;
  ssize_t r;

  if (wanted < connection->length + BUFFER_MIN / 2 &&
      connection->head_length == 0)
    wanted = connection->length + BUFFER_MIN / 2;
  if (wanted > connection->capacity) {
    char *bytes = realloc(connection->bytes, wanted);

    if (bytes == NULL) {
      drop(connection);
      return false;
    }
    connection->bytes = bytes;
    connection->capacity = wanted;
  }
  do
    r = recv(connection->fd, connection->bytes + connection->length,
             connection->capacity - connection->length, 0);
  while (r == -1 && errno == EINTR);
  if (r == 0 || (r == -1 && errno != EAGAIN)) {
    drop(connection);
    return false;
  }
  if (r == -1) {
    connection->readable = false;
    return false;
  }
  connection->length += (size_t)r;
  return true;
}

/* Goes on until it has to wait for something. */
static void
serve(struct server *server, struct connection *connection)
{
  bool gone;

  if (connection->state == SENDING && !send_answer(connection))
    return;
  while (connection->state == READING) {
    if (is_complete(connection, &gone)) {
      if (!is_answered(server, connection))
        return;
    } else if (gone || !connection->readable || !read_more(connection)) {
      return;
    }
  }
}

static void
send_due(struct server *server)
{
  uint64_t now_ns = samples_now();
  struct connection *first;

  while ((first = server->waiting.after) != &server->waiting &&
         first->due_ns <= now_ns) {
    unlink_waiting(first);
    first->state = SENDING;
    serve(server, first);
  }
}

/* --- the server ------------------------------------------------------- */

static void
take_connections(struct server *server)
{
  int fd;

  while ((fd = endpoint_accept(&server->endpoint)) != -1) {
    struct connection *connection = calloc(1, sizeof *connection);

    if (connection == NULL)
      endpoint_die("connection");
    connection->fd = fd;
    endpoint_watch(&server->endpoint, fd, connection);
  }
}

static void
run(struct server *server)
{
  for (;;) {
    struct epoll_event events[EVENTS];
    const struct connection *first = server->waiting.after;
    int count =
        endpoint_wait(&server->endpoint, events, EVENTS,
                      first != &server->waiting ? first->due_ns : UINT64_MAX);

    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;

      if (connection == NULL) {
        take_connections(server);
        continue;
      }
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        connection->readable = true;
      serve(server, connection);
    }
    send_due(server);
  }
}

static void __attribute__((noreturn)) usage(void)
{
  fprintf(stderr, "Usage: blob-server [--port N] [--latency MILLISECONDS] "
                  "[--bandwidth MIB-PER-SECOND]\n");
  exit(2);
}

int
main(int argc, char **argv)
{
  static const struct option options[] = {
      {"port", required_argument, NULL, 'p'},
      {"latency", required_argument, NULL, 'l'},
      {"bandwidth", required_argument, NULL, 'b'},
      {NULL, 0, NULL, 0},
  };
  struct server server = {.service = blob_service_new()};
  unsigned short port = 0;
  int option;

  server.waiting.before = server.waiting.after = &server.waiting;
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (option == 'p')
      port = (unsigned short)endpoint_number(optarg, usage);
    else if (option == 'l')
      server.latency_ns = (uint64_t)(endpoint_number(optarg, usage) * 1e6);
    else if (option == 'b' && endpoint_number(optarg, usage) > 0)
      server.byte_ns = 1e9 / MEBIBYTE / endpoint_number(optarg, usage);
    else if (option != 'b')
      usage();
  }
  if (server.service == NULL || optind != argc)
    usage();
  server.endpoint = endpoint_open(port);
  run(&server);
}
