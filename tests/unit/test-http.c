/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HTTP requests against a server that this test plays: what is known of a
 * request that got no answer (S4), caps, deadlines.
 */
#include "http-played.h"

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

/* --- one request after the other, of all kinds ------------------------ */

#define LARGE 100000

/* A body that does not leave at once. */
static const char *
large_body(void)
{
  static char body[LARGE + 1];

  memset(body, 'l', LARGE);
  return body;
}

/* Answers with the request's head. */
static void
serve_its_head(int fd, unsigned connection)
{
  (void)connection;
  while (read_request(fd)) {
    char text[sizeof request_text + 128];

    snprintf(text, sizeof text,
             "HTTP/1.1 200 OK\r\nX-Test: one\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(request_text), request_text);
    answer(fd, text);
  }
}

static void
expect_head(struct http *http, const char *method, const char *body,
            const char *line, const char *length)
{
  struct http_request request = request_of(method, body);
  char path[sizeof url + 16];

  snprintf(path, sizeof path, "%svolumes/a?b=%%2B", url);
  request.url = path;
  request.text.limit = 10000;
  run(http, &request);
  assert_int_equal(request.code, 200);
  assert_non_null(strstr(request.text.text, line));
  if (length != NULL)
    assert_non_null(strstr(request.text.text, length));
  else
    assert_null(strcasestr(request.text.text, "Content-Length"));
  assert_null(strcasestr(request.text.text, "Content-Type"));
  assert_null(strcasestr(request.text.text, "Expect"));
  http_request_clear(&request);
}

/* Nothing of a request is left in the handle for the next one. */
static void
test_all_kinds(void **state)
{
  struct http *http = client();

  (void)state;
  start_server(serve_its_head);
  for (int i = 0; i < 2; i++) {
    expect_head(http, "PUT", "small", "PUT /volumes/a?b=%2B HTTP/1.1\r\n",
                "Content-Length: 5\r\n");
    expect_head(http, "GET", NULL, "GET /volumes/a?b=%2B HTTP/1.1\r\n", NULL);
    expect_head(http, "PUT", large_body(), "PUT /volumes/a?b=%2B HTTP/1.1\r\n",
                "Content-Length: 100000\r\n");
    expect_head(http, "DELETE", NULL, "DELETE /volumes/a?b=%2B HTTP/1.1\r\n",
                NULL);
    expect_head(http, "PUT", NULL, "PUT /volumes/a?b=%2B HTTP/1.1\r\n",
                "Content-Length: 0\r\n");
    expect_head(http, "POST", "small", "POST /volumes/a?b=%2B HTTP/1.1\r\n",
                "Content-Length: 5\r\n");
  }
  assert_int_equal(count_of(&server.connections), 1);
  http_free(http);
  stop_server();
}

static void
serve_once_badly(int fd, unsigned connection)
{
  if (connection == 1 && read_request(fd))
    answer(fd, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nX-Test: one\r\n"
               "Connection: close\r\n\r\n");
  else
    serve_well(fd, connection);
}

static void
test_brief(void **state)
{
  struct http *http = client();
  struct http_request request;

  (void)state;
  start_server(serve_once_badly);
  request = request_of("GET", NULL);
  request.brief = true;
  run(http, &request);
  assert_int_equal(request.code, 503);
  assert_string_equal(http_headers_get(&request.answer, "x-test"), "one");
  http_request_clear(&request);
  run(http, &request);
  assert_int_equal(request.code, 201);
  assert_string_equal(request.text.text, "hello");
  assert_null(http_headers_get(&request.answer, "x-test"));
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
  expect_sent("PUT", large_body(), false, HTTP_MAYBE_SENT, 2);
  expect_sent("PUT", NULL, false, HTTP_MAYBE_SENT, 2);
  expect_sent("DELETE", NULL, false, HTTP_MAYBE_SENT, 2);
  expect_sent("GET", NULL, true, HTTP_ANSWERED, 3);
  expect_sent("PUT", "body", true, HTTP_ANSWERED, 3);
  expect_sent("PUT", large_body(), true, HTTP_ANSWERED, 3);
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
      EITHER_WAY(test_all_kinds),
      EITHER_WAY(test_brief),
      EITHER_WAY(test_nobody_there),
      EITHER_WAY(test_lost_answer),
      EITHER_WAY(test_reused_connection),
      EITHER_WAY(test_deadline),
      EITHER_WAY(test_not_before),
  };

  return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
