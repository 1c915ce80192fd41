/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-token.c: OAuth tokens that are fetched, and again before they expire.
 *
 * There are two places to ask: the machine's own identity service (IMDS, one
 * address on every virtual machine of the cloud), and the directory, with a
 * client's ID and secret from the environment. The first that gives a token is
 * asked from then on.
 *
 * One request at most is on its way, begun by whoever needs a token: when none
 * is there, or when less than a fifth of its life is left (the old one is used
 * until the new one comes). A failure is kept, with the time before which
 * nobody asks again.
 *
 * lock protects everything but what is set once. request belongs to http from
 * the moment that asking is set until it is reset, under the lock, in done.
 */
#include "store/azure-token.h"

#include <inttypes.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utils/cleanup.h"
#include "utils/decimal.h"

#define IMDS_ORIGIN "http://169.254.169.254"
#define DIRECTORY_ORIGIN "https://login.microsoftonline.com"
#define RESOURCE "https%3A%2F%2Fstorage.azure.com%2F"

#define ANSWER_MAX (64 * 1024)
#define URL_MAX 2048
#define IMDS_CONNECT_MS 2000
#define TIMEOUT_MS 10000
#define ASK_AGAIN_NS (5 * NANOSECONDS_PER_SECOND)
/* What a token may be good for, whatever is said. */
#define LIFE_MAX_S (7 * 24 * 3600)

enum place { IMDS, DIRECTORY, PLACES };

struct azure_token {
  const struct clock *clock;
  const struct log *log;
  struct http *http;
  char url[PLACES][URL_MAX];
  char *form; /* for the directory; a secret; NULL: there is no such place */

  pthread_mutex_t lock;
  pthread_cond_t changed;
  enum place place;
  bool certain; /* place has given a token before */
  bool asking;
  char *text; /* the token, or NULL */
  uint64_t renew_ns, expires_ns, ask_again_ns;
  struct error failure;
  struct http_headers headers;
  struct http_request request;
};

static const char *const sources[PLACES] = {
    [IMDS] = "the managed identity of this machine",
    [DIRECTORY] = "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
};

static void
free_text(char *text)
{
  if (text != NULL)
    OPENSSL_cleanse(text, strlen(text));
  free(text);
}

/* --- making ----------------------------------------------------------- */

static const char *
environment(const char *name)
{
  const char *value = secure_getenv(name);

  return value != NULL && value[0] != '\0' ? value : NULL;
}

static void
add_form_value(struct strbuf *out, const char *name, const char *value)
{
  strbuf_printf(out, "%s%s=", out->length > 0 ? "&" : "", name);
  for (; *value != '\0'; value++) {
    unsigned char c = (unsigned char)*value;

    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
        (c >= 'A' && c <= 'Z') || strchr("-._~", c) != NULL)
      strbuf_add(out, value, 1);
    else
      strbuf_printf(out, "%%%02X", c);
  }
}

/* A place of the environment's: with https, or on this host. */
static bool
origin_ok(const char *origin)
{
  return strlen(origin) < 512 && strpbrk(origin, " ?#@") == NULL &&
         (strncmp(origin, "https://", 8) == 0 ||
          strncmp(origin, "http://127.0.0.1", 16) == 0 ||
          strncmp(origin, "http://localhost", 16) == 0 ||
          strncmp(origin, IMDS_ORIGIN, strlen(IMDS_ORIGIN)) == 0);
}

static int
find_origin(const char *variable, const char *otherwise, char *out, size_t size,
            struct error *err)
{
  const char *origin = environment(variable);
  size_t length;

  if (origin == NULL)
    origin = otherwise;
  if (!origin_ok(origin))
    return error_set(err, STATUS_INVALID, "%s is no https URL", variable);
  length = strlen(origin);
  while (length > 0 && origin[length - 1] == '/')
    length--;
  snprintf(out, size, "%.*s", (int)length, origin);
  return 0;
}

static bool
is_id(const char *text)
{
  return strlen(text) < 128 &&
         text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ-.")] == '\0';
}

static int
prepare_imds(struct azure_token *token, struct error *err)
{
  const char *client = environment("AZURE_CLIENT_ID");
  char origin[512];
  int r = find_origin("AZURE_POD_IDENTITY_AUTHORITY_HOST", IMDS_ORIGIN, origin,
                      sizeof origin, err);

  if (r != 0)
    return r;
  if (client != NULL && !is_id(client))
    return error_set(err, STATUS_INVALID, "AZURE_CLIENT_ID is no ID");
  /* With a secret it is the other place's. */
  if (environment("AZURE_CLIENT_SECRET") != NULL)
    client = NULL;
  snprintf(token->url[IMDS], URL_MAX,
           "%s/metadata/identity/oauth2/token?api-version=2018-02-01&"
           "resource=%s%s%s",
           origin, RESOURCE, client != NULL ? "&client_id=" : "",
           client != NULL ? client : "");
  return 0;
}

static int
prepare_directory(struct azure_token *token, struct error *err)
{
  const char *client = environment("AZURE_CLIENT_ID");
  const char *tenant = environment("AZURE_TENANT_ID");
  const char *secret = environment("AZURE_CLIENT_SECRET");
  struct strbuf form = STRBUF_INIT(ANSWER_MAX);
  char origin[512];
  int r;

  if (client == NULL || tenant == NULL || secret == NULL)
    return 0;
  r = find_origin("AZURE_AUTHORITY_HOST", DIRECTORY_ORIGIN, origin,
                  sizeof origin, err);
  if (r != 0)
    return r;
  if (!is_id(tenant))
    return error_set(err, STATUS_INVALID, "AZURE_TENANT_ID is no ID");
  snprintf(token->url[DIRECTORY], URL_MAX, "%s/%s/oauth2/v2.0/token", origin,
           tenant);
  add_form_value(&form, "grant_type", "client_credentials");
  add_form_value(&form, "scope", "https://storage.azure.com/.default");
  add_form_value(&form, "client_id", client);
  add_form_value(&form, "client_secret", secret);
  if (form.status != 0) {
    strbuf_free(&form);
    return error_set(err, STATUS_NO_MEMORY, "no memory for credentials");
  }
  token->form = form.text;
  return 0;
}

int
azure_token_new(const struct store_config *config, struct http *http,
                struct azure_token **out, struct error *err)
{
  struct azure_token *token = calloc(1, sizeof *token);
  pthread_condattr_t attributes;
  int r;

  if (token == NULL)
    return error_set(err, STATUS_NO_MEMORY, "no memory for credentials");
  token->clock = config->clock;
  token->log = config->log;
  token->http = http;
  pthread_mutex_init(&token->lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&token->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  r = prepare_imds(token, err);
  if (r == 0)
    r = prepare_directory(token, err);
  if (r != 0)
    azure_token_free(token);
  else
    *out = token;
  return r;
}

void
azure_token_free(struct azure_token *token)
{
  if (token == NULL)
    return;
  http_request_clear(&token->request);
  http_headers_free(&token->headers);
  free_text(token->text);
  free_text(token->form);
  pthread_cond_destroy(&token->changed);
  pthread_mutex_destroy(&token->lock);
  free(token);
}

const char *
azure_token_source(const struct azure_token *token)
{
  return sources[__atomic_load_n(&token->place, __ATOMIC_RELAXED)];
}

/* --- asking ----------------------------------------------------------- */

int
azure_token_parse(const char *body, size_t length, char **token,
                  uint64_t *seconds)
{
  json_t *root = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
  const json_t *life = json_object_get(root, "expires_in");
  const char *text = json_string_value(json_object_get(root, "access_token"));
  const char *digits = json_string_value(life);
  int r = STATUS_IO;

  *token = NULL;
  *seconds = 0;
  if (json_is_integer(life) && json_integer_value(life) > 0)
    *seconds = (uint64_t)json_integer_value(life);
  else if (digits != NULL)
    decimal_read(&digits, LIFE_MAX_S, seconds);
  if (*seconds > LIFE_MAX_S)
    *seconds = LIFE_MAX_S;
  if (text != NULL && *seconds > 0 && text[0] != '\0' &&
      text[strcspn(text, " \t\r\n")] == '\0') {
    *token = strdup(text);
    r = *token != NULL ? 0 : STATUS_NO_MEMORY;
  }
  json_decref(root);
  return r;
}

static void ask_locked(struct azure_token *token);

static void
keep_locked(struct azure_token *token, char *text, uint64_t seconds)
{
  uint64_t now_ns = clock_now(token->clock);

  free_text(token->text);
  token->text = text;
  token->certain = true;
  token->renew_ns = now_ns + seconds * NANOSECONDS_PER_SECOND / 5 * 4;
  token->expires_ns = now_ns + seconds * NANOSECONDS_PER_SECOND;
  token->failure = (struct error)ERROR_INIT;
}

static void
fail_locked(struct azure_token *token)
{
  const struct http_request *request = &token->request;
  const char *source = sources[token->place];
  uint64_t wait_ns = ASK_AGAIN_NS;

  if (!token->certain && token->place == IMDS && token->form != NULL) {
    token->place = DIRECTORY;
    wait_ns = 0;
  }
  if (request->result != HTTP_ANSWERED)
    error_set(&token->failure, STATUS_TRANSIENT, "no token from %s: %s%s",
              source, request->reason,
              !token->certain && token->place == IMDS
                  ? " (no other credentials were given)"
                  : "");
  else if (request->code >= 400 && request->code < 500 &&
           request->code != 404 && request->code != 408 &&
           request->code != 410 && request->code != 429)
    error_set(&token->failure, STATUS_DENIED,
              "no token from %s: it was refused (HTTP %u)", source,
              request->code);
  else
    error_set(&token->failure, STATUS_TRANSIENT, "no token from %s: HTTP %u%s",
              source, request->code,
              request->code == 200 ? " with a malformed answer" : "");
  token->ask_again_ns = clock_now(token->clock) + wait_ns;
}

static void
answered(struct http_request *request)
{
  struct azure_token *token =
      (struct azure_token *)((char *)request -
                             offsetof(struct azure_token, request));
  char *text = NULL;
  uint64_t seconds;
  bool good;

  good = request->result == HTTP_ANSWERED && request->code == 200 &&
         request->text.text != NULL &&
         azure_token_parse(request->text.text, request->text.length, &text,
                           &seconds) == 0;
  if (request->text.text != NULL)
    OPENSSL_cleanse(request->text.text, request->text.length);

  LOCK_FOR_SCOPE(&token->lock);
  token->asking = false;
  if (good)
    keep_locked(token, text, seconds);
  else
    fail_locked(token);
  if (token->text == NULL)
    ask_locked(token); /* at the other place, if it is its turn */
  pthread_cond_broadcast(&token->changed);
}

/* Asks, unless that is on its way or was refused a moment ago. */
static void
ask_locked(struct azure_token *token)
{
  struct http_request *request = &token->request;
  bool imds = token->place == IMDS;

  if (token->asking || clock_now(token->clock) < token->ask_again_ns)
    return;
  http_request_clear(request);
  http_headers_free(&token->headers);
  if (imds)
    http_headers_add(&token->headers, "Metadata", "true");
  else
    http_headers_add(&token->headers, "Content-Type",
                     "application/x-www-form-urlencoded");
  *request = (struct http_request){
      .method = imds ? "GET" : "POST",
      .url = token->url[token->place],
      .headers = &token->headers,
      .body = imds ? NULL : token->form,
      .body_length = imds ? 0 : strlen(token->form),
      .repeatable = true,
      .direct = imds,
      .connect_timeout_ms = imds ? IMDS_CONNECT_MS : 0,
      .timeout_ms = TIMEOUT_MS,
      .text = STRBUF_INIT(ANSWER_MAX),
      .done = answered,
  };
  if (token->headers.status == 0 &&
      http_submit(token->http, HTTP_CONTROL, request) == 0)
    token->asking = true;
}

/* One that is good now. */
static bool
have_locked(const struct azure_token *token)
{
  return token->text != NULL && clock_now(token->clock) < token->expires_ns;
}

static int
explain_locked(const struct azure_token *token, struct error *err)
{
  if (token->failure.status != STATUS_OK)
    return error_set(err, token->failure.status, "%s", token->failure.text);
  return error_set(err, STATUS_TRANSIENT, "no token yet from %s",
                   sources[token->place]);
}

int
azure_token_get(struct azure_token *token, char **out, struct error *err)
{
  *out = NULL;
  LOCK_FOR_SCOPE(&token->lock);
  if (!have_locked(token) || clock_now(token->clock) >= token->renew_ns)
    ask_locked(token);
  if (!have_locked(token))
    return explain_locked(token, err);
  *out = strdup(token->text);
  return *out != NULL
             ? 0
             : error_set(err, STATUS_NO_MEMORY, "no memory for a token");
}

int
azure_token_wait(struct azure_token *token, uint64_t deadline_ns,
                 struct error *err)
{
  uint64_t now_ns = clock_now(token->clock), left_ns;
  struct timespec until;

  left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
  clock_gettime(CLOCK_MONOTONIC, &until);
  left_ns += (uint64_t)until.tv_nsec;
  until.tv_sec += (time_t)(left_ns / NANOSECONDS_PER_SECOND);
  until.tv_nsec = (long)(left_ns % NANOSECONDS_PER_SECOND);

  LOCK_FOR_SCOPE(&token->lock);
  if (!have_locked(token))
    ask_locked(token);
  while (!have_locked(token) && token->asking)
    if (pthread_cond_timedwait(&token->changed, &token->lock, &until) != 0)
      break;
  return have_locked(token) ? 0 : explain_locked(token, err);
}

void
azure_token_refused(struct azure_token *token)
{
  LOCK_FOR_SCOPE(&token->lock);
  ask_locked(token);
  if (token->asking)
    token->ask_again_ns = clock_now(token->clock) + ASK_AGAIN_NS;
}
