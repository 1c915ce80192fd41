/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Credentials of the Azure store: which are used, what is malformed, and that
 * no message has a secret in it. Nothing is sent.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "store/azure-credentials.h"
#include "store/azure-token.h"
#include "utils/cleanup.h"

#define KEY "aHVudGVyMg==" /* hunter2 */
#define SAS "sv=2021&sig=hunter2"
#define TOKEN "eyJhunter2"

static struct http *http;

static int
set_up(void **state)
{
  static const char *const names[] = {"AZURE_STORAGE_CONNECTION_STRING",
                                      "AZURE_STORAGE_ACCOUNT",
                                      "AZURE_STORAGE_KEY",
                                      "AZURE_STORAGE_SAS_TOKEN",
                                      "AZURE_CLIENT_ID",
                                      "AZURE_TENANT_ID",
                                      "AZURE_CLIENT_SECRET",
                                      "AZURE_AUTHORITY_HOST",
                                      "AZURE_POD_IDENTITY_AUTHORITY_HOST"};
  struct http_config config = {.connections = 1, .clock = &system_clock};

  (void)state;
  for (size_t i = 0; i < COUNT(names); i++)
    unsetenv(names[i]);
  http = http_new(&config);
  return http == NULL;
}

static int
tear_down(void **state)
{
  (void)state;
  http_free(http);
  return 0;
}

static int
look(const char *url, struct store_config config, struct azure_place *place,
     struct azure_credentials **out, struct error *err)
{
  int r;

  config.clock = &system_clock;
  assert_int_equal(azure_place_parse(url, false, place, NULL), 0);
  *err = (struct error)ERROR_INIT;
  *out = NULL;
  r = azure_credentials_new(&config, http, place, out, err);
  assert_null(strstr(err->text, "hunter2"));
  assert_null(strstr(err->text, KEY));
  return r;
}

#define URL "https://acct.blob.core.windows.net/cont"
#define OWN_URL "https://disks.example.com/cont"

static void
expect_source(const char *url, struct store_config config, const char *source,
              const char *account)
{
  struct azure_credentials *credentials;
  struct azure_place place;
  struct error err;

  if (look(url, config, &place, &credentials, &err) != 0)
    fail_msg("%s: %s", source, err.text);
  assert_non_null(strstr(azure_credentials_source(credentials), source));
  assert_string_equal(place.account, account);
  azure_credentials_free(credentials);
}

static void
expect_refusal(const char *url, struct store_config config, const char *words)
{
  struct azure_credentials *credentials;
  struct azure_place place;
  struct error err;

  assert_int_equal(look(url, config, &place, &credentials, &err),
                   STATUS_INVALID);
  if (strstr(err.text, words) == NULL)
    fail_msg("'%s' has no '%s'", err.text, words);
}

static const struct store_config none;

/* What comes later in the order is set first, and loses. */
static void
test_order(void **state)
{
  (void)state;
  expect_source(URL, none, "managed identity", "acct");
  setenv("AZURE_STORAGE_SAS_TOKEN", "?" SAS, 1);
  expect_source(URL, none, "AZURE_STORAGE_SAS_TOKEN", "acct");
  setenv("AZURE_STORAGE_KEY", KEY, 1);
  expect_source(URL, none, "AZURE_STORAGE_KEY", "acct");
  setenv("AZURE_STORAGE_CONNECTION_STRING",
         "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=" KEY
         ";EndpointSuffix=core.windows.net",
         1);
  expect_source(URL, none, "AZURE_STORAGE_CONNECTION_STRING", "acct");
  expect_source(URL, (struct store_config){.token = TOKEN}, "token", "acct");
  expect_source(URL, (struct store_config){.sas = SAS}, "sas", "acct");
  expect_source(URL, (struct store_config){.account_key = KEY}, "account-key",
                "acct");
}

/* The account, where the host does not tell. */
static void
test_account(void **state)
{
  (void)state;
  setenv("AZURE_STORAGE_ACCOUNT", "named", 1);
  expect_source(OWN_URL, (struct store_config){.account_key = KEY},
                "account-key", "named");
  setenv("AZURE_STORAGE_KEY", KEY, 1);
  expect_source(OWN_URL, none, "AZURE_STORAGE_KEY", "named");
  expect_refusal(URL, none, "is for the account named");
  setenv("AZURE_STORAGE_ACCOUNT", "No/Name", 1);
  expect_refusal(OWN_URL, none, "no storage account's name");
  setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=other;AccountKey=" KEY,
         1);
  expect_source(OWN_URL, none, "AZURE_STORAGE_CONNECTION_STRING", "other");
  expect_refusal(URL, none, "is for the account other");
  setenv("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true", 1);
  expect_source("http://127.0.0.1:10000/devstoreaccount1/cont", none,
                "AZURE_STORAGE_CONNECTION_STRING", "devstoreaccount1");
}

static void
test_malformed(void **state)
{
  (void)state;
  expect_refusal(URL, (struct store_config){.account_key = "hunter2!"},
                 "account-key: the account key is not base64");
  expect_refusal(URL, (struct store_config){.account_key = "hunter2"},
                 "not base64");
  expect_refusal(URL, (struct store_config){.account_key = ""}, "not base64");
  expect_refusal(URL, (struct store_config){.sas = "sv=hunter2"}, "sas: no");
  expect_refusal(URL, (struct store_config){.sas = "sig=hunter2 x"}, "sas: no");
  expect_refusal(URL, (struct store_config){.sas = "sig=hunter2\r\nX: y"},
                 "sas: no");
  expect_refusal(URL, (struct store_config){.token = "hunter2\r\nX: y"},
                 "token: ");
  expect_refusal(URL, (struct store_config){.token = TOKEN, .sas = SAS},
                 "only one of");
  setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=acct;hunter2", 1);
  expect_refusal(URL, none, "neither AccountKey nor");
  unsetenv("AZURE_STORAGE_CONNECTION_STRING");
  setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://hunter2.example.com", 1);
  expect_refusal(URL, none, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
  unsetenv("AZURE_POD_IDENTITY_AUTHORITY_HOST");
  setenv("AZURE_CLIENT_ID", "id", 1);
  setenv("AZURE_TENANT_ID", "../hunter2", 1);
  setenv("AZURE_CLIENT_SECRET", "hunter2", 1);
  expect_refusal(URL, none, "AZURE_TENANT_ID");
}

static void
apply(struct store_config config, struct azure_request *request,
      struct strbuf *url)
{
  struct azure_credentials *credentials;
  struct azure_place place;
  struct error err;

  assert_int_equal(look(URL, config, &place, &credentials, &err), 0);
  azure_request_init(request, "GET", "disk0");
  http_headers_add(&request->query, "comp", "page");
  assert_int_equal(azure_credentials_wait(credentials, 0, &err), 0);
  assert_int_equal(
      azure_credentials_apply(credentials, &place, request, url, &err), 0);
  azure_credentials_free(credentials);
}

static void
test_apply(void **state)
{
  CLEANUP_STRBUF struct strbuf url = STRBUF_INIT(4096);
  struct azure_request request;

  (void)state;
  apply((struct store_config){.sas = "?" SAS}, &request, &url);
  assert_string_equal(url.text, URL "/disk0?comp=page&" SAS);
  assert_null(http_headers_get(&request.headers, "Authorization"));
  azure_request_free(&request);
  strbuf_free(&url);
  apply((struct store_config){.token = TOKEN}, &request, &url);
  assert_string_equal(http_headers_get(&request.headers, "Authorization"),
                      "Bearer " TOKEN);
  assert_null(strstr(url.text, TOKEN));
  azure_request_free(&request);
  strbuf_free(&url);
  apply((struct store_config){.account_key = KEY}, &request, &url);
  assert_non_null(strstr(http_headers_get(&request.headers, "Authorization"),
                         "SharedKey acct:"));
  assert_null(strstr(url.text, "sig="));
  azure_request_free(&request);
}

static void
test_token_answers(void **state)
{
  static const struct {
    const char *body, *token;
    uint64_t seconds;
  } table[] = {
      {"{\"access_token\":\"abc\",\"expires_in\":3599}", "abc", 3599},
      {"{\"access_token\":\"abc\",\"expires_in\":\"86399\"}", "abc", 86399},
      {"{\"access_token\":\"abc\",\"expires_in\":99999999999}", "abc", 604800},
      {"{\"access_token\":\"abc\"}", NULL, 0},
      {"{\"access_token\":\"\",\"expires_in\":3599}", NULL, 0},
      {"{\"access_token\":\"a\\r\\nb\",\"expires_in\":3599}", NULL, 0},
      {"{\"access_token\":\"abc\",\"expires_in\":-1}", NULL, 0},
      {"{\"access_token\":\"abc\",\"expires_in\":0}", NULL, 0},
      {"{\"access_token\":7,\"expires_in\":1}", NULL, 0},
      {"[]", NULL, 0},
      {"{", NULL, 0},
      {"", NULL, 0},
  };

  (void)state;
  for (size_t i = 0; i < COUNT(table); i++) {
    CLEANUP_FREE char *token = NULL;
    uint64_t seconds;
    int r = azure_token_parse(table[i].body, strlen(table[i].body), &token,
                              &seconds);

    assert_int_equal(r, table[i].token != NULL ? 0 : STATUS_IO);
    if (r == 0) {
      assert_string_equal(token, table[i].token);
      assert_int_equal(seconds, table[i].seconds);
    }
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_order), TEST(test_account),       TEST(test_malformed),
      TEST(test_apply), TEST(test_token_answers),
  };

  return cmocka_run_group_tests_name("azure-credentials", tests, NULL, NULL);
}
