/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http-server.h: a server that a test plays: one connection after the other, or
 * all at once, one request after the other.
 */
#ifndef LEASEHOLD_TEST_HTTP_SERVER_H
#define LEASEHOLD_TEST_HTTP_SERVER_H

#include <pthread.h>
#include <stdbool.h>

#include "utils/strbuf.h"

struct http_server;

struct http_connection {
  struct http_server *server;
  int fd;
  pthread_t thread;
};

#define HTTP_CONNECTIONS_MAX 128

struct http_server {
  char origin[64]; /* "http://127.0.0.1:PORT" */
  /* Given the head of a request, whose body has been read, appends an answer;
   * none: the connection is closed instead. In the server's thread, or, if it
   * is parallel, in the connection's.
   */
  void (*answer)(struct http_server *, const char *head, struct strbuf *out);
  bool parallel;
  /* Private. */
  int fd;
  pthread_t thread;
  struct http_connection connections[HTTP_CONNECTIONS_MAX];
  unsigned count;
};

void http_server_start(struct http_server *server);
/* Every client has gone. */
void http_server_stop(struct http_server *server);

#endif
