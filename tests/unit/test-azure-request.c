/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests to the Blob service: store URLs, their URLs, what is signed. */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>

#include <string.h>

#include "http/http.h"
#include "store/azure-request.h"
#include "utils/cleanup.h"

/* The emulators' key. */
static const unsigned char key[] = {
    0x11, 0xbc, 0xbc, 0xbd, 0xd3, 0x34, 0xdb, 0x13, 0x4e, 0x72, 0xa1,
    0x65, 0xa9, 0x4c, 0x09, 0x3c, 0xb9, 0x66, 0x12, 0xd9, 0x42, 0x0d,
    0x72, 0x75, 0x39, 0x4c, 0xc5, 0x4f, 0x9d, 0x2e, 0x49, 0x16, 0x7a,
    0x20, 0x5b, 0x2e, 0x16, 0xad, 0x94, 0x54, 0x4a, 0xc2, 0xcf, 0x82,
    0x3a, 0xb6, 0xaf, 0xca, 0xd5, 0x26, 0x45, 0x3d, 0x33, 0xad, 0xaf,
    0xf2, 0x81, 0x1c, 0x17, 0xa4, 0xb2, 0x81, 0x8c, 0x1b};

static void
test_places(void **state)
{
  static const struct {
    const char *url, *origin, *path, *account;
    bool certain;
  } good[] = {
      {"https://acct.blob.core.windows.net/cont",
       "https://acct.blob.core.windows.net", "/cont", "acct", true},
      {"https://acct.blob.core.chinacloudapi.cn/c-1/",
       "https://acct.blob.core.chinacloudapi.cn", "/c-1", "acct", true},
      {"HTTPS://disks.example.com:8443/cont", "https://disks.example.com:8443",
       "/cont", "disks", false},
      {"http://127.0.0.1:10000/devstoreaccount1/cont", "http://127.0.0.1:10000",
       "/devstoreaccount1/cont", "devstoreaccount1", true},
      {"http://[::1]:10000/acc/cont", "http://[::1]:10000", "/acc/cont", "acc",
       true},
      {"http://localhost/acc/cont", "http://localhost", "/acc/cont", "acc",
       true},
      {"https://emulator:10000/acc/cont", "https://emulator:10000", "/acc/cont",
       "acc", true},
  };
  static const char *const bad[] = {
      "https://",
      "https:///cont",
      "https://acct.blob.core.windows.net",
      "https://acct.blob.core.windows.net/",
      "https://acct.blob.core.windows.net//",
      "https://acct.blob.core.windows.net/co",
      "https://acct.blob.core.windows.net/Cont",
      "https://acct.blob.core.windows.net/co--nt",
      "https://acct.blob.core.windows.net/-cont",
      "https://acct.blob.core.windows.net/$root",
      "https://acct.blob.core.windows.net/acct/cont/more",
      "https://acct.blob.core.windows.net/acct/cont//",
      "https://acct.blob.core.windows.net/cont?sv=1&sig=hunter2",
      "https://acct.blob.core.windows.net/cont#hunter2",
      "https://user:hunter2@host/acct/cont",
      "https://ho st/acct/cont",
      "https://host:/acct/cont",
      "https://host:port/acct/cont",
      "https://host:123456/acct/cont",
      "https://[::1/acct/cont",
      "https://-host/acct/cont",
      "https://127.0.0.1/cont",
      "http://acct.blob.core.windows.net/cont",
      "http://127.0.0.1.example.com/acct/cont",
      "http://10.0.0.1:10000/acct/cont",
      "ftp://host/acct/cont",
  };
  struct azure_place place;
  struct error err = ERROR_INIT;

  (void)state;
  for (size_t i = 0; i < COUNT(good); i++) {
    if (azure_place_parse(good[i].url, false, &place, &err) != 0)
      fail_msg("%s: %s", good[i].url, err.text);
    assert_string_equal(place.origin, good[i].origin);
    assert_string_equal(place.path, good[i].path);
    assert_string_equal(place.account, good[i].account);
    assert_int_equal(place.account_certain, good[i].certain);
  }
  for (size_t i = 0; i < COUNT(bad); i++) {
    if (azure_place_parse(bad[i], false, &place, &err) != STATUS_INVALID)
      fail_msg("%s", bad[i]);
    assert_null(strstr(err.text, "hunter2"));
  }
  assert_int_equal(
      azure_place_parse("http://10.0.0.1:10000/acct/cont", true, &place, &err),
      0);
}

static void
expect_signed(struct azure_request *request, const char *url, const char *text)
{
  CLEANUP_STRBUF struct strbuf signing = STRBUF_INIT(4096);
  struct azure_place place;

  assert_int_equal(azure_place_parse(url, false, &place, NULL), 0);
  assert_int_equal(azure_string_to_sign(request, &place, &signing), 0);
  assert_string_equal(signing.text, text);
}

/* The example of Microsoft's "Authorize with Shared Key". */
static void
test_documented_example(void **state)
{
  static const char text[] =
      "GET\n\n\n\n\n\n\n\n\n\n\n\n"
      "x-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
      "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20";
  static const char url[] =
      "https://myaccount.blob.core.windows.net/mycontainer";
  struct azure_request request;
  struct azure_place place;
  struct azure_signer *signer;
  char signature[AZURE_SIGNATURE_MAX];
  const char *header;

  (void)state;
  azure_request_init(&request, "GET", NULL);
  http_headers_add(&request.query, "timeout", "20");
  http_headers_add(&request.query, "restype", "container");
  http_headers_add(&request.query, "comp", "metadata");
  http_headers_add(&request.headers, "x-ms-version", "2015-02-21");
  http_headers_add(&request.headers, "x-ms-date",
                   "Fri, 26 Jun 2015 23:39:12 GMT");
  expect_signed(&request, url, text);
  signer = azure_signer_new(key, sizeof key);
  assert_non_null(signer);
  assert_int_equal(azure_sign(signer, text, strlen(text), signature), 0);
  assert_string_equal(signature,
                      "1u9lui2jDxj0+fpbHjQ5m5NnastJRSYM+PSmfi8TXx4=");
  assert_int_equal(azure_place_parse(url, false, &place, NULL), 0);
  assert_int_equal(azure_request_sign(&request, &place, signer), 0);
  header = http_headers_get(&request.headers, "Authorization");
  assert_string_equal(header, "SharedKey myaccount:"
                              "1u9lui2jDxj0+fpbHjQ5m5NnastJRSYM+PSmfi8TXx4=");
  /* Signed again, nothing stands there twice. */
  assert_int_equal(azure_request_sign(&request, &place, signer), 0);
  assert_int_equal(request.headers.count, 3);
  azure_request_free(&request);
  azure_signer_free(signer);
}

/* RFC 4231, test case 2. */
static void
test_hmac(void **state)
{
  static const char text[] = "what do ya want for nothing?";
  struct azure_signer *signer =
      azure_signer_new((const unsigned char *)"Jefe", 4);
  char signature[AZURE_SIGNATURE_MAX];

  (void)state;
  assert_non_null(signer);
  /* Nothing of what was signed before is left. */
  for (int i = 0; i < 3; i++) {
    assert_int_equal(azure_sign(signer, text, strlen(text), signature), 0);
    assert_string_equal(signature,
                        "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    assert_int_equal(azure_sign(signer, "", 0, signature), 0);
  }
  azure_signer_free(signer);
}

#define SIGNERS 4

static void *
sign_many(void *opaque)
{
  char signature[AZURE_SIGNATURE_MAX], first[AZURE_SIGNATURE_MAX] = "";
  char text[64];

  for (int i = 0; i < 1000; i++) {
    snprintf(text, sizeof text, "thread %d", i % 2);
    if (azure_sign(opaque, text, strlen(text), signature) != 0)
      return opaque;
    if (i == 0)
      memcpy(first, signature, sizeof first);
    if ((strcmp(first, signature) == 0) != (i % 2 == 0))
      return opaque;
  }
  return NULL;
}

static void
test_signing_threads(void **state)
{
  struct azure_signer *signer =
      azure_signer_new((const unsigned char *)"Jefe", 4);
  pthread_t threads[SIGNERS];
  void *failed;

  (void)state;
  for (int i = 0; i < SIGNERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, sign_many, signer), 0);
  for (int i = 0; i < SIGNERS; i++) {
    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
  azure_signer_free(signer);
}

/* S1: what is signed of a write: length, condition, every x-ms header. */
static void
test_put_page(void **state)
{
  CLEANUP_STRBUF struct strbuf to = STRBUF_INIT(4096);
  struct azure_request request;
  struct azure_place place;

  (void)state;
  azure_request_init(&request, "PUT", "vm/root");
  request.body = "";
  request.body_length = 512;
  http_headers_add(&request.query, "comp", "page");
  http_headers_add(&request.headers, "x-ms-page-write", "update");
  http_headers_add(&request.headers, "x-ms-if-sequence-number-eq", "7");
  http_headers_add(&request.headers, "If-Match", "\"0x8D\"");
  azure_request_range(&request, 1024, 512);
  azure_request_stamp(&request, INT64_C(1435361952000));
  expect_signed(&request, "http://127.0.0.1:10000/devstoreaccount1/cont",
                "PUT\n\n\n512\n\n\n\n\n\"0x8D\"\n\n\n\n"
                "x-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n"
                "x-ms-if-sequence-number-eq:7\nx-ms-page-write:update\n"
                "x-ms-range:bytes=1024-1535\nx-ms-version:2021-12-02\n"
                "/devstoreaccount1/devstoreaccount1/cont/vm/root\ncomp:page");
  assert_int_equal(azure_place_parse("https://acct.blob.core.windows.net/cont",
                                     false, &place, NULL),
                   0);
  http_headers_add(&request.query, "marker", "a b/&=+");
  assert_int_equal(azure_request_url(&request, &place, "sv=1&sig=%2B", &to), 0);
  assert_string_equal(to.text,
                      "https://acct.blob.core.windows.net/cont/vm/root?"
                      "comp=page&marker=a%20b%2F%26%3D%2B&sv=1&sig=%2B");
  azure_request_free(&request);
}

static void
test_dates(void **state)
{
  char text[HTTP_DATE_MAX];

  (void)state;
  http_date_format(0, text);
  assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
  http_date_format(INT64_C(1709210096999), text);
  assert_string_equal(text, "Thu, 29 Feb 2024 12:34:56 GMT");
  assert_int_equal(http_date_parse(text), INT64_C(1709210096000));
  http_date_format(INT64_MIN, text);
  http_date_format(INT64_MAX, text);
  assert_int_equal(http_date_parse("nonsense"), -1);
  assert_int_equal(http_date_parse(""), -1);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_places),
      cmocka_unit_test(test_documented_example),
      cmocka_unit_test(test_hmac),
      cmocka_unit_test(test_signing_threads),
      cmocka_unit_test(test_put_page),
      cmocka_unit_test(test_dates),
  };

  return cmocka_run_group_tests_name("azure-request", tests, NULL, NULL);
}
