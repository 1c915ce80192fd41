/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HTTP requests against a server that this test plays: what is known of a
 * request that got no answer (S4), caps, deadlines, lanes, stopping.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
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

static void *
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

static unsigned
count_of(const unsigned *counter)
{
  return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static void
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

static void
stop_server(void)
{
  shutdown(server.fd, SHUT_RDWR);
  pthread_join(server.thread, NULL);
  close(server.fd);
  while (count_of(&server.apart) > 0)
    sched_yield();
}

/* Reads a request's head and the body that it announces; false at the end. */
static bool
read_request(int fd)
{
  char text[8192];
  size_t length = 0, body = 0;
  char *end = NULL;

  while (end == NULL && length < sizeof text - 1) {
    ssize_t got = read(fd, text + length, sizeof text - 1 - length);

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
  while (body > 0) {
    ssize_t got = read(fd, text, body < sizeof text ? body : sizeof text);

    if (got <= 0)
      return false;
    body -= (size_t)got;
  }
  return true;
}

static void
answer(int fd, const char *text)
{
  assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* --- the client ------------------------------------------------------- */

static struct http *
client(void)
{
  struct http_config config = {.connections = 2, .clock = &system_clock};
  struct http *http = http_new(&config);

  assert_non_null(http);
  return http;
}

static struct http_headers no_headers;

static struct http_request
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

/* Whether run() does requests in this thread: nothing else may differ. */
static bool here;

static int
in_this_thread(void **state)
{
  (void)state;
  here = true;
  return 0;
}

static int
in_its_own(void **state)
{
  (void)state;
  here = false;
  return 0;
}

static void
run(struct http *http, struct http_request *request)
{
  if (here && http_run_here(http, request))
    return;
  assert_int_equal(http_run(http, HTTP_DATA, request), 0);
}

/* --- answers ---------------------------------------------------------- */

static void
serve_well(int fd, unsigned connection)
{
  (void)connection;
  while (read_request(fd))
    answer(fd, "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n"
               "X-Test: one\r\n\r\nhello");
}

static void
test_answer(void **state)
{
  struct http *http = client();
  struct http_request put, get;
  char buffer[5];

  (void)state;
  start_server(serve_well);
  put = request_of("PUT", "body");
  run(http, &put);
  assert_int_equal(put.result, HTTP_ANSWERED);
  assert_int_equal(put.code, 201);
  assert_string_equal(http_headers_get(&put.answer, "x-test"), "one");
  assert_string_equal(put.text.text, "hello");
  get = request_of("GET", NULL);
  get.buffer = buffer;
  get.buffer_length = sizeof buffer;
  run(http, &get);
  assert_int_equal(get.received, 5);
  assert_memory_equal(buffer, "hello", 5);
  /* One connection did for both. */
  assert_int_equal(count_of(&server.connections), 1);
  assert_int_equal(count_of(&server.requests), 2);
  http_request_clear(&put);
  http_request_clear(&get);
  http_free(http);
  stop_server();
}

static void
test_too_long(void **state)
{
  struct http *http = client();
  struct http_request request;
  char buffer[4];

  (void)state;
  start_server(serve_well);
  request = request_of("GET", NULL);
  request.buffer = buffer;
  request.buffer_length = sizeof buffer;
  run(http, &request);
  assert_int_equal(request.result, HTTP_MAYBE_SENT);
  assert_non_null(strstr(request.reason, "longer"));
  http_request_clear(&request);
  request = request_of("GET", NULL);
  request.text.limit = 4;
  run(http, &request);
  assert_int_equal(request.result, HTTP_MAYBE_SENT);
  http_request_clear(&request);
  http_free(http);
  stop_server();
}

/* --- no answer -------------------------------------------------------- */

static void
test_nobody_there(void **state)
{
  struct http *http = client();
  struct http_request request;

  (void)state;
  start_server(serve_well);
  stop_server();
  request = request_of("PUT", "body");
  run(http, &request);
  assert_int_equal(request.result, HTTP_NOT_SENT);
  assert_true(request.reason[0] != '\0');
  http_free(http);
}

/* Swallows the first answer of a new connection. */
static void
serve_once_without_answer(int fd, unsigned connection)
{
  (void)connection;
  read_request(fd);
}

static void
test_lost_answer(void **state)
{
  struct http *http = client();
  struct http_request request;

  (void)state;
  start_server(serve_once_without_answer);
  request = request_of("PUT", "body");
  run(http, &request);
  assert_int_equal(request.result, HTTP_MAYBE_SENT);
  assert_int_equal(count_of(&server.requests), 1);
  http_free(http);
  stop_server();
}

/* The first connection answers once, then swallows; later ones answer. */
static void
serve_then_die(int fd, unsigned connection)
{
  if (connection > 1) {
    serve_well(fd, connection);
    return;
  }
  if (read_request(fd))
    answer(fd, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  read_request(fd);
}

/* S4: libcurl sends again by itself what a reused connection did not answer;
 * never what changes data, with a body or without.
 */
static void
expect_sent(const char *method, const char *body, bool repeatable,
            enum http_result result, unsigned requests)
{
  struct http *http = client();
  struct http_request first, second;

  start_server(serve_then_die);
  first = request_of("PUT", "warm up");
  run(http, &first);
  assert_int_equal(first.code, 201);
  second = request_of(method, body);
  second.repeatable = repeatable;
  run(http, &second);
  assert_int_equal(second.result, result);
  assert_int_equal(count_of(&server.requests), requests);
  http_request_clear(&first);
  http_request_clear(&second);
  http_free(http);
  stop_server();
}

static void
test_reused_connection(void **state)
{
  (void)state;
  expect_sent("PUT", "body", false, HTTP_MAYBE_SENT, 2);
  expect_sent("PUT", NULL, false, HTTP_MAYBE_SENT, 2);
  expect_sent("DELETE", NULL, false, HTTP_MAYBE_SENT, 2);
  expect_sent("GET", NULL, true, HTTP_ANSWERED, 3);
  expect_sent("PUT", "body", true, HTTP_ANSWERED, 3);
}

/* --- time ------------------------------------------------------------- */

/* Answers nothing for as long as the client stays. */
static void
serve_silence(int fd, unsigned connection)
{
  (void)connection;
  while (read_request(fd))
    continue;
}

static void
test_deadline(void **state)
{
  struct http *http = client();
  struct http_request request;

  (void)state;
  start_server(serve_silence);
  request = request_of("PUT", "body");
  request.timeout_ms = 50;
  run(http, &request);
  assert_int_equal(request.result, HTTP_MAYBE_SENT);
  http_free(http);
  stop_server();
}

static void
test_not_before(void **state)
{
  struct http *http = client();
  struct http_request request;
  uint64_t now_ns = clock_now(&system_clock);

  (void)state;
  start_server(serve_well);
  request = request_of("GET", NULL);
  request.not_before_ns = now_ns + 100 * NANOSECONDS_PER_MILLISECOND;
  run(http, &request);
  assert_int_equal(request.result, HTTP_ANSWERED);
  assert_true(clock_now(&system_clock) >= request.not_before_ns);
  http_request_clear(&request);
  http_free(http);
  stop_server();
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

/* The same in both ways. */
#define EITHER_WAY(function)                                                   \
  cmocka_unit_test_setup(function, in_its_own),                                \
  {                                                                            \
#function " here", function, in_this_thread, NULL, NULL                    \
  }

int
main(void)
{
  const struct CMUnitTest tests[] = {
      EITHER_WAY(test_answer),
      EITHER_WAY(test_too_long),
      EITHER_WAY(test_nobody_there),
      EITHER_WAY(test_lost_answer),
      EITHER_WAY(test_reused_connection),
      EITHER_WAY(test_deadline),
      EITHER_WAY(test_not_before),
      cmocka_unit_test(test_stop),
      cmocka_unit_test(test_lanes),
      cmocka_unit_test(test_stop_here),
      cmocka_unit_test(test_places_here),
      cmocka_unit_test(test_no_place_here),
  };

  return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
