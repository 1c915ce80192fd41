/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* here.c: a request that is done in the thread that waits for it.
 *
 * To hand a small request over to the lane's thread, and its answer back, costs
 * two wake-ups and more CPU time than the request itself. A thread that would
 * only wait can do it instead: it takes a seat, which is a transfer with a
 * multi handle and so with a connection of its own, and works on that until it
 * is done. What becomes of the request is found out by http_transfer_end as
 * ever.
 *
 * Seats are made when they are needed, and kept; the one that was used last is
 * taken first, so that few connections stay open. A seat comes with one of the
 * lane's places, so that there never are more requests at a time than the
 * limit; when the lane's thread has been waiting for a place nobody takes one
 * here, but who leaves wakes that thread. Control requests are not done here.
 *
 * http_stop sets stopping and wakes every seat's multi handle: each thread
 * finds stopping set, ends its request as the lane's thread does, and the last
 * one to leave says so. A seat belongs to its thread while it is not in the
 * list of free ones, but for curl_multi_wakeup. All else is under the lane's
 * lock.
 */
#include <stdlib.h>

#include "http/http-internal.h"
#include "utils/cleanup.h"

struct seat {
  struct seat *next, *next_free;
  CURLM *multi;
  struct http_transfer *transfer;
};

static void
seat_free(struct seat *seat)
{
  http_transfer_free(seat->transfer);
  if (seat->multi != NULL)
    curl_multi_cleanup(seat->multi);
  free(seat);
}

static struct seat *
seat_new_locked(struct lane *lane)
{
  struct seat *seat = calloc(1, sizeof *seat);

  if (seat == NULL)
    return NULL;
  seat->multi = curl_multi_init();
  seat->transfer = http_transfer_new(lane->http->cainfo);
  if (seat->multi == NULL || seat->transfer == NULL) {
    seat_free(seat);
    return NULL;
  }
  curl_multi_setopt(seat->multi, CURLMOPT_MAXCONNECTS, 1L);
  seat->next = lane->seats;
  lane->seats = seat;
  return seat;
}

/* NULL: it has to go the other way. */
static struct seat *
sit_down(struct lane *lane)
{
  struct seat *seat;

  LOCK_FOR_SCOPE(&lane->lock);
  if (lane->stopping || lane->crowded || lane->taken == lane->limit)
    return NULL;
  seat = lane->free_seats;
  if (seat != NULL)
    lane->free_seats = seat->next_free;
  else
    seat = seat_new_locked(lane);
  if (seat == NULL)
    return NULL;
  lane->taken++;
  lane->here++;
  return seat;
}

static void
stand_up(struct lane *lane, struct seat *seat)
{
  LOCK_FOR_SCOPE(&lane->lock);
  seat->next_free = lane->free_seats;
  lane->free_seats = seat;
  lane->taken--;
  if (--lane->here == 0)
    pthread_cond_signal(&lane->all_left);
  if (!lane->crowded)
    return;
  lane->crowded = false;
  curl_multi_wakeup(lane->multi);
}

static bool
is_stopping(struct lane *lane)
{
  LOCK_FOR_SCOPE(&lane->lock);
  return lane->stopping;
}

/* How it ended. */
static CURLcode
work(struct lane *lane, struct seat *seat)
{
  for (;;) {
    struct CURLMsg *message;
    int running, left;

    curl_multi_perform(seat->multi, &running);
    message = curl_multi_info_read(seat->multi, &left);
    if (message != NULL)
      return message->data.result;
    if (is_stopping(lane))
      return CURLE_ABORTED_BY_CALLBACK;
    curl_multi_poll(seat->multi, NULL, 0, 60000, NULL);
  }
}

bool
http_run_here(struct http *http, struct http_request *request)
{
  struct lane *lane = &http->lanes[HTTP_DATA];
  struct seat *seat;
  CURLcode code = CURLE_OUT_OF_MEMORY;

  if (request->not_before_ns > clock_now(http->clock))
    return false;
  seat = sit_down(lane);
  if (seat == NULL)
    return false;
  if (http_transfer_begin(seat->transfer, request) != 0) {
    stand_up(lane, seat);
    return false;
  }
  if (curl_multi_add_handle(seat->multi, seat->transfer->easy) == CURLM_OK) {
    code = work(lane, seat);
    curl_multi_remove_handle(seat->multi, seat->transfer->easy);
  }
  http_transfer_end(seat->transfer, code);
  stand_up(lane, seat);
  return true;
}

void
http_here_stop(struct lane *lane)
{
  LOCK_FOR_SCOPE(&lane->lock);
  for (struct seat *seat = lane->seats; seat != NULL; seat = seat->next)
    curl_multi_wakeup(seat->multi);
  while (lane->here > 0)
    pthread_cond_wait(&lane->all_left, &lane->lock);
}

void
http_here_free(struct lane *lane)
{
  struct seat *seat;

  while ((seat = lane->seats) != NULL) {
    lane->seats = seat->next;
    seat_free(seat);
  }
}
