/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http.c: lanes of HTTP requests, each a thread with a multi handle.
 *
 * A request is in one of these places:
 *
 *   arrived   a list that http_submit appends to, under the lane's lock
 *   waiting   the thread's own list, in order of arrival: its not_before_ns
 *             has not come, or as many as may be are active
 *   active    it has a transfer in the multi handle
 *   done      its done() is called with no lock held, after which it is the
 *             caller's; it may be submitted again from there
 *
 * A request can also be done in the thread that waits for it (here.c). Those
 * and the active ones together are never more than the lane's limit.
 *
 * Transfers that have done their work are kept for the next requests, as many
 * as there were at a time.
 *
 * The thread turns round: takes what has arrived, lets libcurl work, ends what
 * is complete, begins what is due, then sleeps in curl_multi_poll until a
 * socket or a time of libcurl's, the next not_before_ns, or a wake-up by
 * http_submit, which is needed only for the first request to arrive since the
 * last turn. It is started by the first request. http_stop wakes it for the
 * last time: it takes back every transfer, ends all requests, and is joined.
 *
 * The lock protects what struct lane says; no I/O is waited for under it. The
 * multi handle is made by the thread and touched by others only for
 * curl_multi_wakeup, which is allowed. Connections and DNS results live in the
 * multi handle, so that lanes share nothing.
 */
#include "http/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http-internal.h"
#include "utils/cleanup.h"

/* Renewals and the like of many volumes at once. */
#define CONTROL_CONNECTIONS 16
#define SLEEP_MAX_MS 60000

/* Moves what has arrived to the end of waiting. False: time to stop. */
static bool
take_arrived(struct lane *lane)
{
  LOCK_FOR_SCOPE(&lane->lock);
  if (lane->arrived != NULL) {
    *lane->last_waiting = lane->arrived;
    lane->last_waiting = lane->last;
    lane->arrived = NULL;
    lane->last = &lane->arrived;
  }
  return !lane->stopping;
}

static void
end_unsent(struct http_request *request, const char *reason)
{
  request->result = HTTP_NOT_SENT;
  request->code = 0;
  snprintf(request->reason, sizeof request->reason, "%s", reason);
  request->done(request);
}

/* One of the limit. If there is none, who gives one up wakes the thread. */
static bool
take_place(struct lane *lane)
{
  LOCK_FOR_SCOPE(&lane->lock);
  lane->crowded = lane->taken == lane->limit;
  if (!lane->crowded)
    lane->taken++;
  return !lane->crowded;
}

static void
give_up_place(struct lane *lane)
{
  LOCK_FOR_SCOPE(&lane->lock);
  lane->taken--;
}

static void
keep(struct lane *lane, struct http_transfer *transfer)
{
  transfer->next = lane->idle;
  lane->idle = transfer;
}

static struct http_transfer *
take_idle(struct lane *lane)
{
  struct http_transfer *transfer = lane->idle;

  if (transfer == NULL)
    return http_transfer_new(lane->http->cainfo);
  lane->idle = transfer->next;
  return transfer;
}

/* It has a place. */
static void
begin(struct lane *lane, struct http_request *request)
{
  struct http_transfer *transfer = take_idle(lane);

  if (transfer == NULL || http_transfer_begin(transfer, request) != 0) {
    if (transfer != NULL)
      keep(lane, transfer);
    give_up_place(lane);
    end_unsent(request, "out of memory");
    return;
  }
  if (curl_multi_add_handle(lane->multi, transfer->easy) != CURLM_OK) {
    http_transfer_end(transfer, CURLE_OUT_OF_MEMORY);
    keep(lane, transfer);
    give_up_place(lane);
    request->done(request);
    return;
  }
  request->transfer = transfer;
  request->next = lane->active;
  lane->active = request;
}

/* Takes a transfer back from libcurl, and answers its request. */
static void
end(struct lane *lane, struct http_transfer *transfer, CURLcode code)
{
  struct http_request *request = transfer->request, **link = &lane->active;

  while (*link != request)
    link = &(*link)->next;
  *link = request->next;
  curl_multi_remove_handle(lane->multi, transfer->easy);
  request->transfer = NULL;
  http_transfer_end(transfer, code);
  keep(lane, transfer);
  give_up_place(lane);
  request->done(request);
}

/* Begins what is due. *begun: whether anything was; the milliseconds until
 * more is.
 */
static int
begin_due(struct lane *lane, bool *begun)
{
  uint64_t now_ns = clock_now(lane->http->clock), next_ns = TIME_NEVER;
  struct http_request **link = &lane->waiting, *request;
  uint64_t wait_ms;

  *begun = false;
  while ((request = *link) != NULL) {
    if (request->not_before_ns > now_ns) {
      if (request->not_before_ns < next_ns)
        next_ns = request->not_before_ns;
      link = &request->next;
      continue;
    }
    if (!take_place(lane))
      break;
    *link = request->next;
    if (*link == NULL)
      lane->last_waiting = link;
    begin(lane, request);
    *begun = true;
  }
  if (next_ns == TIME_NEVER)
    return SLEEP_MAX_MS;
  wait_ms = (next_ns - now_ns) / NANOSECONDS_PER_MILLISECOND + 1;
  return wait_ms < SLEEP_MAX_MS ? (int)wait_ms : SLEEP_MAX_MS;
}

/* True if there was something. */
static bool
end_complete(struct lane *lane)
{
  struct CURLMsg *message;
  int left;
  bool any = false;

  while ((message = curl_multi_info_read(lane->multi, &left)) != NULL) {
    struct http_transfer *transfer = NULL;
    CURLcode code = message->data.result;

    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                      (char **)&transfer);
    end(lane, transfer, code);
    any = true;
  }
  return any;
}

/* What is submitted again meanwhile is refused. */
static void
end_all(struct lane *lane)
{
  struct http_request *request;

  while ((request = lane->active) != NULL)
    end(lane, request->transfer, CURLE_ABORTED_BY_CALLBACK);
  lane->last_waiting = &lane->waiting;
  while ((request = lane->waiting) != NULL) {
    lane->waiting = request->next;
    end_unsent(request, "the program is being stopped");
  }
}

static void *
run(void *opaque)
{
  struct lane *lane = opaque;

  while (take_arrived(lane)) {
    int running, timeout_ms;
    bool ended, begun;

    curl_multi_perform(lane->multi, &running);
    ended = end_complete(lane);
    timeout_ms = begin_due(lane, &begun);
    if (!ended && !begun)
      curl_multi_poll(lane->multi, NULL, 0, timeout_ms, NULL);
  }
  end_all(lane);
  return NULL;
}

static int
start_locked(struct lane *lane)
{
  sigset_t all, before;
  int failure;

  if (lane->multi == NULL)
    lane->multi = curl_multi_init();
  if (lane->multi == NULL)
    return STATUS_TRANSIENT;
  curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, (long)lane->limit);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  failure = pthread_create(&lane->thread, NULL, run, lane);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  lane->started = failure == 0;
  return failure == 0 ? 0 : STATUS_TRANSIENT;
}

int
http_submit(struct http *http, enum http_lane which,
            struct http_request *request)
{
  struct lane *lane = &http->lanes[which];

  LOCK_FOR_SCOPE(&lane->lock);
  if (lane->stopping)
    return STATUS_STOPPING;
  if (!lane->started && start_locked(lane) != 0)
    return STATUS_TRANSIENT;
  /* Else the thread was woken and has not come to it yet. */
  if (lane->arrived == NULL)
    curl_multi_wakeup(lane->multi);
  request->next = NULL;
  *lane->last = request;
  lane->last = &request->next;
  return 0;
}

/* --- waiting ---------------------------------------------------------- */

static void
wake(struct http_request *request)
{
  struct http_waiter *waiter = request->waiter;

  LOCK_FOR_SCOPE(&waiter->lock);
  waiter->finished = true;
  pthread_cond_signal(&waiter->changed);
}

int
http_begin(struct http *http, enum http_lane lane, struct http_request *request,
           struct http_waiter *waiter)
{
  *waiter = (struct http_waiter){.lock = PTHREAD_MUTEX_INITIALIZER,
                                 .changed = PTHREAD_COND_INITIALIZER};
  request->done = wake;
  request->waiter = waiter;
  return http_submit(http, lane, request);
}

void
http_wait(struct http_waiter *waiter)
{
  LOCK_FOR_SCOPE(&waiter->lock);
  while (!waiter->finished)
    pthread_cond_wait(&waiter->changed, &waiter->lock);
}

int
http_run(struct http *http, enum http_lane lane, struct http_request *request)
{
  struct http_waiter waiter;
  int r = http_begin(http, lane, request, &waiter);

  if (r == 0)
    http_wait(&waiter);
  return r;
}

void
http_request_clear(struct http_request *request)
{
  http_headers_free(&request->answer);
  strbuf_free(&request->text);
  request->received = 0;
  request->code = 0;
  request->reason[0] = '\0';
}

/* --- life ------------------------------------------------------------- */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static bool curl_works;

static void
init_curl(void)
{
  curl_works = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

struct http *
http_new(const struct http_config *config)
{
  struct http *http;

  pthread_once(&curl_once, init_curl);
  http = curl_works ? calloc(1, sizeof *http) : NULL;
  if (http == NULL)
    return NULL;
  http->clock = config->clock;
  for (int i = 0; i < HTTP_LANES; i++) {
    struct lane *lane = &http->lanes[i];

    lane->http = http;
    lane->limit = i == HTTP_DATA ? config->connections : CONTROL_CONNECTIONS;
    lane->last = &lane->arrived;
    lane->last_waiting = &lane->waiting;
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->all_left, NULL);
  }
  if (config->cainfo != NULL) {
    http->cainfo = strdup(config->cainfo);
    if (http->cainfo == NULL) {
      http_free(http);
      return NULL;
    }
  }
  return http;
}

static void
stop_lane(struct lane *lane)
{
  bool started;

  {
    LOCK_FOR_SCOPE(&lane->lock);
    if (lane->stopping)
      return;
    lane->stopping = true;
    started = lane->started;
  }
  http_here_stop(lane);
  if (!started)
    return;
  curl_multi_wakeup(lane->multi);
  pthread_join(lane->thread, NULL);
}

void
http_stop(struct http *http)
{
  for (int i = 0; i < HTTP_LANES; i++)
    stop_lane(&http->lanes[i]);
}

static void
free_idle(struct lane *lane)
{
  struct http_transfer *transfer;

  while ((transfer = lane->idle) != NULL) {
    lane->idle = transfer->next;
    http_transfer_free(transfer);
  }
}

void
http_free(struct http *http)
{
  if (http == NULL)
    return;
  http_stop(http);
  for (int i = 0; i < HTTP_LANES; i++) {
    struct lane *lane = &http->lanes[i];

    free_idle(lane);
    http_here_free(lane);
    if (lane->multi != NULL)
      curl_multi_cleanup(lane->multi);
    pthread_cond_destroy(&lane->all_left);
    pthread_mutex_destroy(&lane->lock);
  }
  free(http->cainfo);
  free(http);
}
