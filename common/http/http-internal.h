/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http-internal.h: what http.c and here.c share; http.c explains. */
#ifndef LEASEHOLD_HTTP_INTERNAL_H
#define LEASEHOLD_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "http/http.h"
#include "http/transfer.h"

struct seat;

struct lane {
  struct http *http;
  unsigned limit;
  CURLM *multi;
  pthread_mutex_t lock; /* protects from here ... */
  struct http_request *arrived, **last;
  bool started, stopping;
  unsigned taken;     /* of the limit, by requests under way */
  bool crowded;       /* the thread wants a place, and there was none */
  struct seat *seats; /* all there are; here.c */
  struct seat *free_seats;
  unsigned here;           /* requests under way in other threads */
  pthread_cond_t all_left; /* here is 0 */
  /* ... to here */
  pthread_t thread;
  /* The thread's own. */
  struct http_request *waiting, **last_waiting;
  struct http_request *active;
  struct http_transfer *idle;
};

struct http {
  const struct clock *clock;
  char *cainfo;
  struct lane lanes[HTTP_LANES];
};

/* here.c */

/* stopping is set: ends what is under way in other threads, and waits for it.
 */
void http_here_stop(struct lane *lane);
/* Nothing is under way. */
void http_here_free(struct lane *lane);

#endif
