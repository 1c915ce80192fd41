/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* endpoint.c: how the bench's servers listen and wait; see endpoint.h. */
#include "bench/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "bench/samples.h"
#include "leasehold/clock.h"

void
endpoint_die(const char *what)
{
  perror(what);
  exit(EXIT_FAILURE);
}

struct endpoint
endpoint_open(uint16_t port)
{
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct epoll_event event = {.events = EPOLLIN};
  socklen_t length = sizeof address;
  struct endpoint endpoint;
  int yes = 1;

  endpoint.listener =
      socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(endpoint.listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (endpoint.listener == -1 ||
      bind(endpoint.listener, (struct sockaddr *)&address, length) == -1 ||
      listen(endpoint.listener, SOMAXCONN) == -1 ||
      getsockname(endpoint.listener, (struct sockaddr *)&address, &length) ==
          -1)
    endpoint_die("listen");
  endpoint.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (endpoint.epoll == -1 ||
      epoll_ctl(endpoint.epoll, EPOLL_CTL_ADD, endpoint.listener, &event) == -1)
    endpoint_die("epoll");
  signal(SIGPIPE, SIG_IGN);
  printf("ready %u\n", ntohs(address.sin_port));
  fflush(stdout);
  return endpoint;
}

int
endpoint_accept(const struct endpoint *endpoint)
{
  return accept4(endpoint->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void
endpoint_watch(const struct endpoint *endpoint, int fd, void *pointer)
{
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                              .data.ptr = pointer};
  int yes = 1;

  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (epoll_ctl(endpoint->epoll, EPOLL_CTL_ADD, fd, &event) == -1)
    endpoint_die("epoll_ctl");
}

int
endpoint_wait(const struct endpoint *endpoint, struct epoll_event *events,
              int most, uint64_t due_ns)
{
  uint64_t now_ns = due_ns != UINT64_MAX ? samples_now() : 0;
  uint64_t left = due_ns > now_ns ? due_ns - now_ns : 0;
  struct timespec timeout = {.tv_sec = (time_t)(left / NANOSECONDS_PER_SECOND),
                             .tv_nsec = (long)(left % NANOSECONDS_PER_SECOND)};
  int count = epoll_pwait2(endpoint->epoll, events, most,
                           due_ns != UINT64_MAX ? &timeout : NULL, NULL);

  if (count == -1 && errno != EINTR)
    endpoint_die("epoll_pwait2");
  return count == -1 ? 0 : count;
}

double
endpoint_number(const char *text, void (*usage)(void))
{
  char *end;
  double value = strtod(text, &end);

  if (*text == '\0' || *end != '\0' || !(value >= 0 && value < 1e6))
    usage();
  return value;
}
