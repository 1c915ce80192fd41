/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HTTP requests against a server that this test plays: lanes, places for those
 * who wait for one request, stopping.
 */
#include "http-played.h"

#include <poll.h>
#include <stdlib.h>

/* Answers nothing for as long as the client stays. */
static void
serve_silence(int fd, unsigned connection)
{
  (void)connection;
  while (read_request(fd))
    continue;
}

struct counted {
  struct http_request request; /* first */
  unsigned *done;
};

static void
count_done(struct http_request *request)
{
  __atomic_add_fetch(((struct counted *)request)->done, 1, __ATOMIC_SEQ_CST);
}

/* What is active, waiting for a connection, or for its time, ends. */
static void
test_stop(void **state)
{
  struct http *http = client();
  struct counted counted[6];
  unsigned done = 0;

  (void)state;
  start_server(serve_silence);
  for (unsigned i = 0; i < COUNT(counted); i++) {
    counted[i] =
        (struct counted){.request = request_of("PUT", "body"), .done = &done};
    counted[i].request.done = count_done;
    if (i == 5)
      counted[i].request.not_before_ns = TIME_NEVER - 1;
    assert_int_equal(http_submit(http, HTTP_DATA, &counted[i].request), 0);
  }
  http_stop(http);
  http_stop(http);
  assert_int_equal(count_of(&done), COUNT(counted));
  for (unsigned i = 0; i < COUNT(counted); i++)
    assert_int_not_equal(counted[i].request.result, HTTP_ANSWERED);
  assert_int_equal(counted[5].request.result, HTTP_NOT_SENT);
  assert_int_equal(http_submit(http, HTTP_DATA, &counted[0].request),
                   STATUS_STOPPING);
  http_free(http);
  stop_server();
}

/* As many data requests as there may be get no answer, and more wait: a lease
 * command is answered all the same. The server answers each connection in a
 * thread of its own, those that say PUT never.
 */
static unsigned hang_up; /* atomic */

/* False at the end, or when it is to hang up. */
static bool
next_bytes(int fd, char *text, size_t size, ssize_t *got)
{
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

  while (poll(&poll_fd, 1, 20) == 0)
    if (count_of(&hang_up) != 0)
      return false;
  *got = read(fd, text, size);
  return *got > 0;
}

static void *
serve_in_thread(void *data)
{
  int fd = *(int *)data;
  char text[4096];
  ssize_t got;

  free(data);
  while (next_bytes(fd, text, sizeof text, &got)) {
    if (memmem(text, (size_t)got, "PUT ", 4) != NULL)
      __atomic_add_fetch(&server.requests, 1, __ATOMIC_SEQ_CST);
    if (memmem(text, (size_t)got, "GET ", 4) != NULL)
      answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }
  close(fd);
  __atomic_sub_fetch(&server.apart, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static void
serve_apart(int fd, unsigned connection)
{
  int *own = malloc(sizeof *own);
  pthread_t thread;

  (void)connection;
  assert_non_null(own);
  *own = dup(fd);
  __atomic_add_fetch(&server.apart, 1, __ATOMIC_SEQ_CST);
  assert_int_equal(pthread_create(&thread, NULL, serve_in_thread, own), 0);
  pthread_detach(thread);
}

static void
test_lanes(void **state)
{
  struct http *http = client();
  struct counted data[6];
  struct http_request control;
  unsigned done = 0;

  (void)state;
  start_server(serve_apart);
  for (unsigned i = 0; i < COUNT(data); i++) {
    data[i] =
        (struct counted){.request = request_of("PUT", "body"), .done = &done};
    data[i].request.done = count_done;
    assert_int_equal(http_submit(http, HTTP_DATA, &data[i].request), 0);
  }
  control = request_of("GET", NULL);
  assert_int_equal(http_run(http, HTTP_CONTROL, &control), 0);
  assert_int_equal(control.code, 200);
  assert_int_equal(count_of(&done), 0);
  http_request_clear(&control);
  http_free(http);
  assert_int_equal(count_of(&done), COUNT(data));
  stop_server();
}

/* --- in this thread --------------------------------------------------- */

struct sitter {
  pthread_t thread;
  struct http *http;
  struct http_request request;
  bool done_here;
};

static void *
sit(void *opaque)
{
  struct sitter *sitter = opaque;

  sitter->done_here = http_run_here(sitter->http, &sitter->request);
  return NULL;
}

/* A silent server, and as many requests as there may be, in two threads. */
static void
begin_sitting(struct sitter sitters[2], struct http *http)
{
  for (int i = 0; i < 2; i++) {
    sitters[i] =
        (struct sitter){.http = http, .request = request_of("PUT", "body")};
    assert_int_equal(pthread_create(&sitters[i].thread, NULL, sit, &sitters[i]),
                     0);
  }
}

static void
end_sitting(struct sitter sitters[2])
{
  for (int i = 0; i < 2; i++) {
    pthread_join(sitters[i].thread, NULL);
    assert_true(sitters[i].done_here);
    assert_int_equal(sitters[i].request.result, HTTP_MAYBE_SENT);
  }
}

/* http_stop ends what is done in other threads, and waits for it. */
static void
test_stop_here(void **state)
{
  struct http *http = client();
  struct http_request request;
  struct sitter sitters[2];

  (void)state;
  start_server(serve_apart);
  begin_sitting(sitters, http);
  while (count_of(&server.requests) < 2)
    sched_yield();
  http_stop(http);
  end_sitting(sitters);
  request = request_of("GET", NULL);
  assert_false(http_run_here(http, &request));
  http_free(http);
  stop_server();
}

/* Who is done here takes one of the lane's places; who leaves it wakes the
 * lane's thread, which otherwise would sleep for a minute.
 */
static void
test_places_here(void **state)
{
  struct http *http = client();
  struct counted counted;
  unsigned done = 0;
  struct sitter sitters[2];
  uint64_t began_ns = clock_now(&system_clock);

  (void)state;
  start_server(serve_apart);
  begin_sitting(sitters, http);
  while (count_of(&server.requests) < 2)
    sched_yield();
  counted =
      (struct counted){.request = request_of("PUT", "body"), .done = &done};
  counted.request.done = count_done;
  assert_int_equal(http_submit(http, HTTP_DATA, &counted.request), 0);
  usleep(20000); /* it has gone to sleep, if it is not slow */
  assert_int_equal(count_of(&done), 0);
  __atomic_store_n(&hang_up, 1, __ATOMIC_SEQ_CST);
  end_sitting(sitters);
  while (count_of(&done) == 0)
    sched_yield();
  __atomic_store_n(&hang_up, 0, __ATOMIC_SEQ_CST);
  assert_true(clock_now(&system_clock) - began_ns <
              40 * NANOSECONDS_PER_SECOND);
  http_free(http);
  stop_server();
}

/* Nobody overtakes what has been submitted and waits for a place. */
static void
test_no_place_here(void **state)
{
  struct http *http = client();
  struct http_request request;
  struct counted data[3];
  unsigned done = 0;
  bool refused = false;

  (void)state;
  start_server(serve_apart);
  for (unsigned i = 0; i < COUNT(data); i++) {
    data[i] =
        (struct counted){.request = request_of("PUT", "body"), .done = &done};
    data[i].request.done = count_done;
    assert_int_equal(http_submit(http, HTTP_DATA, &data[i].request), 0);
  }
  /* Until the thread has begun the first two. */
  while (!refused) {
    request = request_of("GET", NULL);
    refused = !http_run_here(http, &request);
    http_request_clear(&request);
  }
  assert_int_equal(count_of(&done), 0);
  assert_false(http_run_here(http, &request));
  http_free(http);
  stop_server();
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stop),          cmocka_unit_test(test_lanes),
      cmocka_unit_test(test_stop_here),     cmocka_unit_test(test_places_here),
      cmocka_unit_test(test_no_place_here),
  };

  return cmocka_run_group_tests_name("http lanes", tests, NULL, NULL);
}
