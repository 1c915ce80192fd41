/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-exchange.c: one request to the Blob service, its tries, its answer.
 *
 * A try ends in one of three ways. Answered: the table of azure-answer.c says
 * what it means. Not sent: nothing was done, STATUS_TRANSIENT. Maybe sent, or
 * answered by something that does not know: STATUS_UNKNOWN, which for a request
 * that changes nothing is STATUS_TRANSIENT too.
 *
 * Tried again, until deadline_ns, is what is transient, and what is unknown if
 * doing it twice is the same as once. The pause begins at about 100 ms and
 * doubles up to 4 s, each drawn from its upper half so that many do not come
 * at once; Retry-After makes it longer. When the service asks for less (503,
 * 429) the pause holds for all data requests of the store: they are begun
 * after it, not before.
 */
#include "store/azure-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utils/cleanup.h"

#define PAUSE_MIN_NS (100 * NANOSECONDS_PER_MILLISECOND)
#define PAUSE_MAX_NS (4 * NANOSECONDS_PER_SECOND)
#define PAUSE_DOUBLINGS 6

/* One try: lease commands are small, and data must leave time for another. */
#define CONTROL_TIMEOUT_MS 5000
#define DATA_TIMEOUT_MAX_MS 60000
#define CONNECT_TIMEOUT_MS 5000

#define TEXT_MAX (16 * 1024)
#define URL_MAX (32 * 1024)

/* The clock's difference that is worth a word; the service takes 15 min. */
#define CLOCK_OFF_MS (60 * 1000)

void
azure_exchange_init(struct azure_exchange *exchange, struct azure_store *store,
                    const char *method, const char *blob, const char *what)
{
  uint64_t third_ms = store->io_timeout_ns / NANOSECONDS_PER_MILLISECOND / 3;

  *exchange = (struct azure_exchange){
      .store = store,
      .what = what,
      .name = blob != NULL ? blob : store->text,
      .url = STRBUF_INIT(URL_MAX),
      .deadline_ns = clock_now(store->clock) + store->io_timeout_ns,
  };
  exchange->http.text = (struct strbuf)STRBUF_INIT(TEXT_MAX);
  exchange->http.connect_timeout_ms = CONNECT_TIMEOUT_MS;
  exchange->http.timeout_ms =
      third_ms > DATA_TIMEOUT_MAX_MS ? DATA_TIMEOUT_MAX_MS : (uint32_t)third_ms;
  if (exchange->http.timeout_ms < 1000)
    exchange->http.timeout_ms = 1000;
  azure_request_init(&exchange->request, method, blob);
}

static void
clear_url(struct azure_exchange *exchange)
{
  if (exchange->url.text != NULL)
    explicit_bzero(exchange->url.text, exchange->url.length);
  strbuf_free(&exchange->url);
}

void
azure_exchange_free(struct azure_exchange *exchange)
{
  http_request_clear(&exchange->http);
  azure_request_free(&exchange->request);
  clear_url(exchange);
}

static void
wait_while_busy(struct azure_exchange *exchange)
{
  LOCK_FOR_SCOPE(&exchange->store->lock);
  if (exchange->http.not_before_ns < exchange->store->busy_until_ns)
    exchange->http.not_before_ns = exchange->store->busy_until_ns;
}

int
azure_exchange_prepare(struct azure_exchange *exchange)
{
  struct http_request *http = &exchange->http;
  int r;

  http_request_clear(http);
  clear_url(exchange);
  exchange->error = (struct error)ERROR_INIT;
  r = azure_credentials_apply(exchange->store->credentials,
                              &exchange->store->place, &exchange->request,
                              &exchange->url, &exchange->error);
  if (r != 0)
    return exchange->status = r;
  http->method = exchange->request.method;
  http->url = exchange->url.text;
  http->headers = &exchange->request.headers;
  http->body = exchange->request.body;
  http->body_length = exchange->request.body_length;
  http->repeatable = !exchange->changes || exchange->repeatable;
  exchange->tries++;
  return 0;
}

/* --- judging ---------------------------------------------------------- */

/* An ID that support asks for, if it looks like one. */
static const char *
request_id(const struct http_headers *answer)
{
  const char *id = http_headers_get(answer, "x-ms-request-id");

  if (id == NULL || strlen(id) > 64 ||
      id[strspn(id, "0123456789abcdefABCDEF-")] != '\0')
    return NULL;
  return id;
}

/* Refused: names the credentials, and our clock if that may be why. */
static void
explain_denied(struct azure_exchange *exchange)
{
  const struct clock *clock = exchange->store->clock;
  const char *date = http_headers_get(&exchange->http.answer, "Date");
  int64_t theirs = date != NULL ? http_date_parse(date) : -1;
  int64_t off = theirs >= 0 ? clock->wall_ms(clock) - theirs : 0;
  char hint[128] = "";

  if (off > CLOCK_OFF_MS || off < -CLOCK_OFF_MS)
    snprintf(hint, sizeof hint,
             "; this host's clock is %lld s %s the store's, which may be why",
             (long long)(off < 0 ? -off : off) / 1000,
             off > 0 ? "ahead of" : "behind");
  error_set(&exchange->error, STATUS_DENIED,
            "%s: %s refused: HTTP %u%s%s with the credentials from %s%s",
            exchange->name, exchange->what, exchange->http.code,
            exchange->code[0] != '\0' ? " " : "", exchange->code,
            azure_credentials_source(exchange->store->credentials), hint);
}

static void
explain_answer(struct azure_exchange *exchange)
{
  const struct http_request *http = &exchange->http;
  const char *id = request_id(&http->answer);

  if (exchange->status == STATUS_DENIED) {
    explain_denied(exchange);
    azure_credentials_refused(exchange->store->credentials);
  } else if (exchange->status == STATUS_NOT_FOUND &&
             strcmp(exchange->code, "ContainerNotFound") == 0) {
    error_set(&exchange->error, STATUS_NOT_FOUND,
              "%s: there is no container %s", exchange->name,
              exchange->store->text);
  } else if (exchange->status == STATUS_NOT_FOUND) {
    error_set(&exchange->error, STATUS_NOT_FOUND, "there is no volume %s in %s",
              exchange->name, exchange->store->text);
  } else {
    error_set(&exchange->error, (enum status)exchange->status,
              "%s: %s refused: %s (HTTP %u%s%s%s%s)", exchange->name,
              exchange->what, status_text(exchange->status), http->code,
              exchange->code[0] != '\0' ? " " : "", exchange->code,
              id != NULL ? ", request " : "", id != NULL ? id : "");
  }
}

void
azure_exchange_judge(struct azure_exchange *exchange)
{
  struct http_request *http = &exchange->http;

  exchange->code[0] = '\0';
  if (http->result == HTTP_ANSWERED) {
    if (http->code < 200 || http->code > 299)
      azure_error_code(&http->answer, http->text.text, http->text.length,
                       exchange->code);
    exchange->status = azure_result(http->code, exchange->code);
  } else {
    exchange->status = http->result == HTTP_UNTRUSTED  ? STATUS_DENIED
                       : http->result == HTTP_NOT_SENT ? STATUS_TRANSIENT
                                                       : STATUS_UNKNOWN;
  }
  if (exchange->status == STATUS_UNKNOWN && !exchange->changes)
    exchange->status = STATUS_TRANSIENT;
  if (exchange->status == 0)
    return;
  if (http->result == HTTP_ANSWERED)
    explain_answer(exchange);
  else
    error_set(&exchange->error, (enum status)exchange->status, "%s: %s: %s",
              exchange->name, exchange->what, http->reason);
}

int
azure_exchange_fail(const struct azure_exchange *exchange, struct error *err)
{
  if (exchange->status != 0 && err != NULL)
    *err = exchange->error;
  return exchange->status;
}

/* --- again ------------------------------------------------------------ */

/* A part of the upper half, different for each: no secret. */
static uint64_t
jitter(uint64_t pause_ns, const struct azure_exchange *exchange)
{
  uint64_t x = clock_now(exchange->store->clock) ^ (uintptr_t)exchange;

  x *= UINT64_C(0x9e3779b97f4a7c15);
  return pause_ns / 2 + (x >> 33) % (pause_ns / 2);
}

bool
azure_exchange_again(struct azure_exchange *exchange)
{
  const struct http_request *http = &exchange->http;
  unsigned doublings = exchange->tries - 1;
  uint64_t pause_ns, now_ns = clock_now(exchange->store->clock);
  bool busy =
      http->result == HTTP_ANSWERED && (http->code == 503 || http->code == 429);

  if (exchange->status != STATUS_TRANSIENT &&
      !(exchange->status == STATUS_UNKNOWN && exchange->repeatable))
    return false;
  if (doublings > PAUSE_DOUBLINGS)
    doublings = PAUSE_DOUBLINGS;
  pause_ns = PAUSE_MIN_NS << doublings;
  if (pause_ns > PAUSE_MAX_NS)
    pause_ns = PAUSE_MAX_NS;
  pause_ns = jitter(pause_ns, exchange);
  if (http->result == HTTP_ANSWERED) {
    uint64_t asked_ns =
        azure_retry_after_s(&http->answer) * NANOSECONDS_PER_SECOND;

    if (asked_ns > 0)
      pause_ns = asked_ns + pause_ns / 4;
  }
  if (busy) {
    LOCK_FOR_SCOPE(&exchange->store->lock);
    if (exchange->store->busy_until_ns < now_ns + pause_ns)
      exchange->store->busy_until_ns = now_ns + pause_ns;
  }
  exchange->http.not_before_ns = now_ns + pause_ns;
  return now_ns + pause_ns < exchange->deadline_ns;
}

/* Begins a try, or sets status. */
static void
begin_try(struct azure_exchange *exchange, enum http_lane lane)
{
  struct azure_store *store = exchange->store;
  int r;

  exchange->status = azure_credentials_wait(
      store->credentials, exchange->deadline_ns, &exchange->error);
  if (exchange->status != 0 || azure_exchange_prepare(exchange) != 0)
    return;
  if (lane == HTTP_DATA)
    wait_while_busy(exchange);
  r = http_begin(store->http, lane, &exchange->http, &exchange->waiter);
  exchange->under_way = r == 0;
  if (r != 0)
    exchange->status = error_set(&exchange->error, (enum status)r, "%s: %s",
                                 exchange->name, status_text(r));
}

void
azure_exchange_begin(struct azure_exchange *exchange, enum http_lane lane)
{
  if (lane == HTTP_CONTROL && exchange->http.timeout_ms > CONTROL_TIMEOUT_MS)
    exchange->http.timeout_ms = CONTROL_TIMEOUT_MS;
  begin_try(exchange, lane);
}

int
azure_exchange_end(struct azure_exchange *exchange, enum http_lane lane)
{
  while (exchange->under_way) {
    http_wait(&exchange->waiter);
    exchange->under_way = false;
    azure_exchange_judge(exchange);
    if (azure_exchange_again(exchange))
      begin_try(exchange, lane);
  }
  return exchange->status;
}

int
azure_exchange_run(struct azure_exchange *exchange, enum http_lane lane)
{
  azure_exchange_begin(exchange, lane);
  return azure_exchange_end(exchange, lane);
}

void
azure_head_begin(struct azure_exchange *exchange, struct azure_store *store,
                 const char *name, uint64_t deadline_ns)
{
  azure_exchange_init(exchange, store, "HEAD", name, "Get Blob Properties");
  exchange->deadline_ns = deadline_ns;
  azure_exchange_begin(exchange, HTTP_CONTROL);
}

int
azure_head_end(struct azure_exchange *exchange, struct azure_properties *out,
               struct http_headers *headers, struct error *err)
{
  int r = azure_exchange_end(exchange, HTTP_CONTROL);

  if (r != 0)
    azure_exchange_fail(exchange, err);
  else
    r = azure_properties_parse(&exchange->http.answer, exchange->name, out,
                               err);
  if (r == 0 && !out->page_blob)
    r = error_set(err, STATUS_UNSUPPORTED,
                  "%s is a blob in %s, but no page blob, and only a page blob "
                  "can be a volume: make a volume of another name and copy it "
                  "there",
                  exchange->name, exchange->store->text);
  if (r == 0 && headers != NULL) {
    *headers = exchange->http.answer;
    exchange->http.answer = (struct http_headers){0};
  }
  azure_exchange_free(exchange);
  return r;
}

int
azure_head(struct azure_store *store, const char *name, uint64_t deadline_ns,
           struct azure_properties *out, struct http_headers *headers,
           struct error *err)
{
  struct azure_exchange exchange;

  azure_head_begin(&exchange, store, name, deadline_ns);
  return azure_head_end(&exchange, out, headers, err);
}
