/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tokens that are fetched: from the machine's identity service, from the
 * directory when there is none, again before they expire; what is refused.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http-server.h"
#include "store/azure-token.h"
#include "utils/cleanup.h"

#define LATER (clock_now(&clock_of_test) + 20 * NANOSECONDS_PER_SECOND)

static uint64_t passed_ns;

static uint64_t
boottime_ns(const struct clock *clock)
{
  (void)clock;
  return clock_now(&system_clock) +
         __atomic_load_n(&passed_ns, __ATOMIC_SEQ_CST);
}

static int64_t
wall_ms(const struct clock *clock)
{
  (void)clock;
  return 0;
}

static const struct clock clock_of_test = {boottime_ns, wall_ms};

/* Both services in one. */
static struct {
  struct http_server server;    /* first */
  const char *imds, *directory; /* status lines */
  unsigned asked_imds, asked_directory;
} services;

static void
answer(struct http_server *server, const char *head, struct strbuf *out)
{
  bool imds = strncmp(head, "GET /metadata/identity/oauth2/token?", 36) == 0;
  unsigned number = __atomic_add_fetch(imds ? &services.asked_imds
                                            : &services.asked_directory,
                                       1, __ATOMIC_SEQ_CST);
  char body[128];

  (void)server;
  if (imds && strcasestr(head, "\r\nMetadata: true\r\n") == NULL)
    return;
  if (!imds && strncmp(head, "POST /tenant/oauth2/v2.0/token ", 31) != 0)
    return;
  snprintf(body, sizeof body,
           "{\"access_token\":\"%s-%u\",\"expires_in\":\"1000\"}",
           imds ? "imds" : "directory", number);
  strbuf_printf(out, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
                imds ? services.imds : services.directory, strlen(body), body);
}

static struct http *http;
static struct azure_token *token;

static void
begin(const char *imds, const char *directory)
{
  struct http_config http_config = {.connections = 1, .clock = &clock_of_test};
  struct store_config config = {.clock = &clock_of_test};
  struct error err = ERROR_INIT;

  services.imds = imds;
  services.directory = directory;
  services.asked_imds = services.asked_directory = 0;
  services.server.answer = answer;
  http_server_start(&services.server);
  setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", services.server.origin, 1);
  setenv("AZURE_AUTHORITY_HOST", services.server.origin, 1);
  unsetenv("AZURE_CLIENT_SECRET");
  unsetenv("AZURE_CLIENT_ID");
  if (directory != NULL) {
    setenv("AZURE_CLIENT_ID", "client", 1);
    setenv("AZURE_TENANT_ID", "tenant", 1);
    setenv("AZURE_CLIENT_SECRET", "hunter2", 1);
  }
  http = http_new(&http_config);
  assert_non_null(http);
  if (azure_token_new(&config, http, &token, &err) != 0)
    fail_msg("%s", err.text);
}

static void
end(void)
{
  http_stop(http);
  azure_token_free(token);
  http_free(http);
  http_server_stop(&services.server);
}

static void
expect_token(const char *expected)
{
  CLEANUP_FREE char *text = NULL;
  struct error err = ERROR_INIT;

  if (azure_token_wait(token, LATER, &err) != 0 ||
      azure_token_get(token, &text, &err) != 0)
    fail_msg("%s", err.text);
  assert_string_equal(text, expected);
}

static void
expect_none(int status, const char *words)
{
  struct error err = ERROR_INIT;

  assert_int_equal(azure_token_wait(token, LATER, &err), status);
  if (strstr(err.text, words) == NULL)
    fail_msg("'%s' has no '%s'", err.text, words);
  assert_null(strstr(err.text, "hunter2"));
}

static void
test_managed_identity(void **state)
{
  (void)state;
  begin("200 OK", "200 OK");
  expect_token("imds-1");
  expect_token("imds-1");
  assert_non_null(strstr(azure_token_source(token), "managed identity"));
  end();
  assert_int_equal(services.asked_directory, 0);
}

static void
test_directory(void **state)
{
  (void)state;
  begin("404 Not Found", "200 OK");
  expect_token("directory-1");
  assert_non_null(strstr(azure_token_source(token), "AZURE_CLIENT_SECRET"));
  end();
}

static void
test_refused(void **state)
{
  (void)state;
  begin("400 Bad Request", NULL);
  expect_none(STATUS_DENIED, "managed identity");
  end();
  begin("404 Not Found", "401 Unauthorized");
  expect_none(STATUS_DENIED, "AZURE_CLIENT_SECRET");
  end();
  begin("503 Busy", NULL);
  expect_none(STATUS_TRANSIENT, "HTTP 503");
  end();
}

/* In the last fifth of its life a token is replaced, without waiting; after
 * it, none is used.
 */
static void
test_renewal(void **state)
{
  CLEANUP_FREE char *text = NULL;

  (void)state;
  begin("200 OK", NULL);
  expect_token("imds-1");
  __atomic_add_fetch(&passed_ns, 850 * NANOSECONDS_PER_SECOND,
                     __ATOMIC_SEQ_CST);
  assert_int_equal(azure_token_get(token, &text, NULL), 0);
  assert_string_equal(text, "imds-1");
  while (strcmp(text, "imds-2") != 0) {
    free(text);
    text = NULL;
    assert_int_equal(azure_token_get(token, &text, NULL), 0);
  }
  services.imds = "503 Busy";
  __atomic_add_fetch(&passed_ns, 1001 * NANOSECONDS_PER_SECOND,
                     __ATOMIC_SEQ_CST);
  expect_none(STATUS_TRANSIENT, "HTTP 503");
  services.imds = "200 OK";
  __atomic_add_fetch(&passed_ns, 10 * NANOSECONDS_PER_SECOND, __ATOMIC_SEQ_CST);
  expect_token("imds-4");
  end();
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_managed_identity),
      cmocka_unit_test(test_directory),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_renewal),
  };

  return cmocka_run_group_tests_name("azure-token", tests, NULL, NULL);
}
