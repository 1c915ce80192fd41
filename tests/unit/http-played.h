/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http-played.h: a server that a test plays connection by connection, and
 * requests for it.
 */
#ifndef LEASEHOLD_HTTP_PLAYED_H
#define LEASEHOLD_HTTP_PLAYED_H

#include "unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http.h"

/* A connection is served by this; it may read requests and answer. */
typedef void serve_function(int fd, unsigned connection);

static char url[64]; /* the server's */

static struct {
  int fd;
  pthread_t thread;
  serve_function *serve;
  unsigned connections, requests; /* atomic */
  unsigned apart;                 /* atomic: threads of serve_apart */
} server;

static inline void *
run_server(void *opaque)
{
  int fd;

  (void)opaque;
  while ((fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
    server.serve(fd,
                 __atomic_add_fetch(&server.connections, 1, __ATOMIC_SEQ_CST));
    close(fd);
  }
  return NULL;
}

static inline unsigned
count_of(const unsigned *counter)
{
  return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static inline void
start_server(serve_function *serve)
{
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;

  server.serve = serve;
  server.connections = server.requests = 0;
  server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(server.fd >= 0);
  assert_int_equal(bind(server.fd, (struct sockaddr *)&address, length), 0);
  assert_int_equal(listen(server.fd, 16), 0);
  assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &length),
                   0);
  snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(address.sin_port));
  assert_int_equal(pthread_create(&server.thread, NULL, run_server, NULL), 0);
}

static inline void
stop_server(void)
{
  shutdown(server.fd, SHUT_RDWR);
  pthread_join(server.thread, NULL);
  close(server.fd);
  while (count_of(&server.apart) > 0)
    sched_yield();
}

/* The head of the last request of one connection after the other. */
static _Thread_local char request_text[8192];

/* Reads a request's head and the body that it announces; false at the end. */
static inline bool
read_request(int fd)
{
  char *const text = request_text, rest[8192];
  size_t length = 0, body = 0;
  char *end = NULL;

  while (end == NULL && length < sizeof request_text - 1) {
    ssize_t got = read(fd, text + length, sizeof request_text - 1 - length);

    if (got <= 0)
      return false;
    length += (size_t)got;
    text[length] = '\0';
    end = strstr(text, "\r\n\r\n");
  }
  __atomic_add_fetch(&server.requests, 1, __ATOMIC_SEQ_CST);
  if (strcasestr(text, "content-length: ") != NULL)
    sscanf(strcasestr(text, "content-length: "), "%*s %zu", &body);
  body -= length - (size_t)(end + 4 - text);
  end[4] = '\0';
  while (body > 0) {
    ssize_t got = read(fd, rest, body < sizeof rest ? body : sizeof rest);

    if (got <= 0)
      return false;
    body -= (size_t)got;
  }
  return true;
}

static inline void
answer(int fd, const char *text)
{
  assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* --- the client ------------------------------------------------------- */

static inline struct http *
client(void)
{
  struct http_config config = {.connections = 2, .clock = &system_clock};
  struct http *http = http_new(&config);

  assert_non_null(http);
  return http;
}

static struct http_headers no_headers;

static inline struct http_request
request_of(const char *method, const char *body)
{
  return (struct http_request){.method = method,
                               .url = url,
                               .headers = &no_headers,
                               .body = body,
                               .body_length = body != NULL ? strlen(body) : 0,
                               .timeout_ms = 20000,
                               .direct = true,
                               .text = STRBUF_INIT(1000)};
}

#endif
