/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* endpoint.h: how the bench's servers listen and wait: one thread, epoll. */
#ifndef LEASEHOLD_ENDPOINT_H
#define LEASEHOLD_ENDPOINT_H

#include <stdint.h>
#include <sys/epoll.h>

struct endpoint {
  int listener; /* nothing blocks; its events have a NULL pointer */
  int epoll;
};

/* Ends the program, with errno's message. */
void endpoint_die(const char *what) __attribute__((noreturn));

/* Listens on 127.0.0.1, on a port that is free if it is 0, prints "ready PORT",
 * and ignores SIGPIPE. Ends the program if that cannot be.
 */
struct endpoint endpoint_open(uint16_t port);

/* The next connection, which does not block; -1: none. */
int endpoint_accept(const struct endpoint *endpoint);

/* Has what happens to fd, a connection, reported with pointer: edges only. What
 * is sent there is not delayed to be sent with more.
 */
void endpoint_watch(const struct endpoint *endpoint, int fd, void *pointer);

/* Waits for events until due_ns on samples_now's clock (UINT64_MAX: for as long
 * as it takes), and returns how many there are.
 */
int endpoint_wait(const struct endpoint *endpoint, struct epoll_event *events,
                  int most, uint64_t due_ns);

/* An option's value, at least 0; usage does not return. */
double endpoint_number(const char *text, void (*usage)(void));

#endif
