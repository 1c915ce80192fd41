/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http-server.c: a server that a test plays; see http-server.h. */
#include "http-server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

/* Reads a head into text, and the body that it announces, which is dropped. */
static bool
read_request(int fd, char *text, size_t size)
{
  size_t length = 0, body = 0;
  char *end = NULL, *announced, rest[4096];

  while (end == NULL && length < size - 1) {
    ssize_t got = read(fd, text + length, size - 1 - length);

    if (got <= 0)
      return false;
    length += (size_t)got;
    text[length] = '\0';
    end = strstr(text, "\r\n\r\n");
  }
  if (end == NULL)
    return false;
  announced = strcasestr(text, "content-length: ");
  if (announced != NULL && announced < end)
    sscanf(announced, "%*s %zu", &body);
  body -= length - (size_t)(end + 4 - text);
  end[2] = '\0';
  while (body > 0) {
    ssize_t got = read(fd, rest, body < sizeof rest ? body : sizeof rest);

    if (got <= 0)
      return false;
    body -= (size_t)got;
  }
  return true;
}

static void
serve(struct http_server *server, int fd)
{
  char head[32768];

  while (read_request(fd, head, sizeof head)) {
    CLEANUP_STRBUF struct strbuf out = STRBUF_INIT(65536);

    server->answer(server, head, &out);
    if (out.length == 0 ||
        send(fd, out.text, out.length, MSG_NOSIGNAL) != (ssize_t)out.length)
      return;
  }
}

static void *
run_connection(void *opaque)
{
  struct http_connection *connection = opaque;

  serve(connection->server, connection->fd);
  shutdown(connection->fd, SHUT_RDWR);
  return NULL;
}

static void
begin(struct http_server *server, int fd)
{
  struct http_connection *connection = &server->connections[server->count++];

  *connection = (struct http_connection){.server = server, .fd = fd};
  if (server->count == HTTP_CONNECTIONS_MAX ||
      pthread_create(&connection->thread, NULL, run_connection, connection) !=
          0)
    abort();
}

static void *
run(void *opaque)
{
  struct http_server *server = opaque;
  int fd;

  while ((fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
    if (server->parallel) {
      begin(server, fd);
    } else {
      serve(server, fd);
      close(fd);
    }
  }
  return NULL;
}

void
http_server_start(struct http_server *server)
{
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;

  server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(server->fd >= 0);
  assert_int_equal(bind(server->fd, (struct sockaddr *)&address, length), 0);
  assert_int_equal(listen(server->fd, 16), 0);
  assert_int_equal(
      getsockname(server->fd, (struct sockaddr *)&address, &length), 0);
  snprintf(server->origin, sizeof server->origin, "http://127.0.0.1:%u",
           ntohs(address.sin_port));
  assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
}

void
http_server_stop(struct http_server *server)
{
  shutdown(server->fd, SHUT_RDWR);
  pthread_join(server->thread, NULL);
  close(server->fd);
  for (; server->count > 0; server->count--) {
    struct http_connection *connection =
        &server->connections[server->count - 1];

    shutdown(connection->fd, SHUT_RDWR);
    pthread_join(connection->thread, NULL);
    close(connection->fd);
  }
}
