/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A proxy that the environment names is used, and what is for one host goes
 * past it where it must; a proxy that refuses has not sent the request (S4).
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http-server.h"
#include "http/http.h"

static char seen[256]; /* the first line of the last request */

static void
play_proxy(struct http_server *server, const char *head, struct strbuf *out)
{
  (void)server;
  snprintf(seen, sizeof seen, "%.*s", (int)strcspn(head, "\r"), head);
  if (strncmp(head, "CONNECT ", 8) == 0)
    strbuf_printf(out, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  else
    strbuf_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static struct http_server proxy = {.answer = play_proxy};
static struct http *http;

static int
set_up(void **state)
{
  struct http_config config = {.connections = 2, .clock = &system_clock};

  (void)state;
  http_server_start(&proxy);
  setenv("http_proxy", proxy.origin, 1);
  setenv("https_proxy", proxy.origin, 1);
  unsetenv("no_proxy");
  http = http_new(&config);
  return http == NULL;
}

static int
tear_down(void **state)
{
  (void)state;
  http_free(http);
  http_server_stop(&proxy);
  return 0;
}

static void
get(const char *url, bool direct, enum http_result result, const char *line)
{
  static const struct http_headers none;
  struct http_request request = {.method = "GET",
                                 .url = url,
                                 .headers = &none,
                                 .timeout_ms = 20000,
                                 .direct = direct,
                                 .text = STRBUF_INIT(1000)};

  seen[0] = '\0';
  assert_int_equal(http_run(http, HTTP_DATA, &request), 0);
  assert_string_equal(seen, line);
  assert_int_equal(request.result, result);
  if (result == HTTP_ANSWERED)
    assert_string_equal(request.text.text, "ok");
  http_request_clear(&request);
}

static void
test_plain(void **state)
{
  (void)state;
  get("http://store.invalid/blob?comp=lease", false, HTTP_ANSWERED,
      "GET http://store.invalid/blob?comp=lease HTTP/1.1");
}

static void
test_tunnel_is_refused(void **state)
{
  (void)state;
  get("https://store.invalid/blob", false, HTTP_NOT_SENT,
      "CONNECT store.invalid:443 HTTP/1.1");
}

/* The address that gives a virtual machine its tokens is never reached by a
 * proxy; nor is what no_proxy names.
 */
static void
test_past_the_proxy(void **state)
{
  char url[128];

  (void)state;
  snprintf(url, sizeof url, "%s/token", proxy.origin);
  get(url, true, HTTP_ANSWERED, "GET /token HTTP/1.1");
  setenv("no_proxy", "127.0.0.1", 1);
  get(url, false, HTTP_ANSWERED, "GET /token HTTP/1.1");
  unsetenv("no_proxy");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_plain, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_tunnel_is_refused, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(test_past_the_proxy, set_up, tear_down),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
