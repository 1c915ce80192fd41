/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http.h: HTTP requests, many at a time, without waiting for them.
 *
 * What is sent and what comes back is never printed or logged by this layer,
 * and what it says about a failure has no URL, header or body in it.
 */
#ifndef LEASEHOLD_HTTP_H
#define LEASEHOLD_HTTP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/headers.h"
#include "leasehold/clock.h"
#include "leasehold/status.h"
#include "utils/strbuf.h"

/* Each lane has a thread and connections of its own: what is small and urgent
 * never waits behind data.
 */
enum http_lane { HTTP_CONTROL, HTTP_DATA, HTTP_LANES };

struct http;

struct http_config {
  unsigned connections;      /* most requests at a time in HTTP_DATA */
  const char *cainfo;        /* a file of CA certificates, or NULL; copied */
  const struct clock *clock; /* outlives it */
};

/* What is known about a request that has ended. */
enum http_result {
  HTTP_ANSWERED,   /* code, answer and body are the server's */
  HTTP_NOT_SENT,   /* the server cannot have acted on it, and never will */
  HTTP_UNTRUSTED,  /* not sent, for the server's certificate is not to be
                      trusted: to try again would be no use */
  HTTP_MAYBE_SENT, /* it may have, or still may */
};

#define HTTP_REASON_MAX 256

struct http_request {
  /* The caller's; all this stays until done is called. */
  const char *method;
  const char *url;
  const struct http_headers *headers;
  const void *body;
  size_t body_length;
  void *const *body_pieces; /* or, instead of body, body_piece_size bytes of
                               each, of the first from body_begin on */
  size_t body_piece_size, body_begin;
  bool repeatable; /* may be sent again, unasked, over a new connection when
                      an old one turns out to be dead */
  bool direct;     /* past any proxy */
  bool brief;      /* the headers of a 2xx answer are of no interest */
  uint64_t not_before_ns;      /* boottime; 0: at once */
  uint32_t connect_timeout_ms; /* 0: as timeout_ms */
  uint32_t timeout_ms;         /* from when it is sent to the answer's end */
  /* Where the body of a 2xx answer goes, if not NULL; else, and for other
   * answers, into text, up to its limit.
   */
  void *buffer;
  size_t buffer_length;
  void *const *pieces; /* or, instead of buffer, into these, piece_size bytes
                          each, buffer_length in all */
  size_t piece_size;
  struct strbuf text;
  void (*done)(struct http_request *); /* in the lane's thread, or in that of
                                          http_stop; may submit it again */

  /* The answer. */
  enum http_result result;
  unsigned code;
  struct http_headers answer;
  size_t received;              /* bytes in buffer */
  char reason[HTTP_REASON_MAX]; /* why there is no answer */

  /* Private. */
  struct http_request *next;
  struct http_transfer *transfer;
  struct http_waiter *waiter;
};

/* Starts no thread, so that it may be made before the process forks. NULL: no
 * memory, or libcurl does not work.
 */
struct http *http_new(const struct http_config *config);

/* Queues a request; requests of a lane begin in the order in which they came,
 * but for not_before_ns. done will be called exactly once. 0, or, and then done
 * is not called: STATUS_TRANSIENT when no thread can be started,
 * STATUS_STOPPING after http_stop. Any thread, also inside done.
 */
int http_submit(struct http *http, enum http_lane lane,
                struct http_request *request);

/* Submits and waits; the request's done is not used. The same results. Not in
 * a thread of http's own.
 */
int http_run(struct http *http, enum http_lane lane,
             struct http_request *request);

/* Does a data request in the calling thread, which has nothing better to do:
 * no other thread is woken, and done is not called. False: nothing was done, it
 * is to be submitted; it is not due, as many as may be are under way, there is
 * no memory, or http was stopped.
 */
bool http_run_here(struct http *http, struct http_request *request);

/* The two halves of http_run, for one who has more to do in between; after a
 * result of 0, http_wait must be called.
 */
struct http_waiter {
  pthread_mutex_t lock; /* protects finished */
  pthread_cond_t changed;
  bool finished;
};
int http_begin(struct http *http, enum http_lane lane,
               struct http_request *request, struct http_waiter *waiter);
void http_wait(struct http_waiter *waiter);

/* Frees answer and text, and forgets the result. */
void http_request_clear(struct http_request *request);

/* Ends all requests, and the threads. Idempotent. */
void http_stop(struct http *http);
/* http_stop, then frees. NULL is fine. */
void http_free(struct http *http);

/* "Fri, 26 Jun 2015 23:39:12 GMT"; any time from 1970 to 9999. */
#define HTTP_DATE_MAX 32
void http_date_format(int64_t unix_ms, char text[HTTP_DATE_MAX]);
/* Milliseconds since 1970, or -1. */
int64_t http_date_parse(const char *text);

#endif
