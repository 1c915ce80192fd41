/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* azure-credentials.c: who we are to the Blob service; where that stands.
 *
 * Keys, signatures and tokens are copied, kept for the life of the store, and
 * cleared when they are freed. No error text has any of them in it. What has
 * to be fetched is azure-token.c's.
 */
#include "store/azure-credentials.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/azure-token.h"

#define SECRET_MAX 16384

/* The account and key that every emulator knows. */
#define EMULATOR_ACCOUNT "devstoreaccount1"
#define EMULATOR_KEY                                                           \
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"            \
  "K1SZFPTOtr/KBHBeksoGMGw=="

struct azure_credentials {
  const char *source;
  const struct clock *clock;
  struct azure_signer *signer; /* Shared Key */
  char *sas;                   /* or a shared access signature */
  char *token;                 /* or a token that was given */
  struct azure_token *fetch;   /* or tokens that are fetched */
};

static void
free_secret(void *secret, size_t length)
{
  if (secret != NULL)
    OPENSSL_cleanse(secret, length);
  free(secret);
}

static void
free_text(char *text)
{
  free_secret(text, text != NULL ? strlen(text) : 0);
}

void
azure_credentials_free(struct azure_credentials *credentials)
{
  if (credentials == NULL)
    return;
  azure_signer_free(credentials->signer);
  free_text(credentials->sas);
  free_text(credentials->token);
  azure_token_free(credentials->fetch);
  free(credentials);
}

const char *
azure_credentials_source(const struct azure_credentials *credentials)
{
  return credentials->fetch != NULL ? azure_token_source(credentials->fetch)
                                    : credentials->source;
}

/* --- what was given --------------------------------------------------- */

static int
no_memory(struct error *err)
{
  return error_set(err, STATUS_NO_MEMORY, "no memory for credentials");
}

/* No blank, no control character, nothing that could begin another header. */
static bool
is_plain(const char *text)
{
  size_t length = strlen(text);

  if (length == 0 || length > SECRET_MAX)
    return false;
  for (; *text != '\0'; text++)
    if (*text <= ' ' || *text > '~')
      return false;
  return true;
}

static int
set_key(struct azure_credentials *out, const char *key, struct error *err)
{
  size_t length = strlen(key), size = length / 4 * 3, filled = 0;
  unsigned char *bytes = NULL;
  int decoded = -1;

  if (is_plain(key) && length % 4 == 0) {
    bytes = malloc(size);
    if (bytes == NULL)
      return no_memory(err);
    decoded = EVP_DecodeBlock(bytes, (const unsigned char *)key, (int)length);
  }
  if (decoded <= 0) {
    free_secret(bytes, size);
    return error_set(err, STATUS_INVALID, "%s: the account key is not base64",
                     out->source);
  }
  /* What fills up the last four characters is no part of it. */
  while (filled < 2 && key[length - 1 - filled] == '=')
    filled++;
  out->signer = azure_signer_new(bytes, size - filled);
  free_secret(bytes, size);
  return out->signer != NULL ? 0 : no_memory(err);
}

static int
set_sas(struct azure_credentials *out, const char *sas, struct error *err)
{
  sas += sas[0] == '?';
  if (!is_plain(sas) || strstr(sas, "sig=") == NULL || strchr(sas, '#') != NULL)
    return error_set(err, STATUS_INVALID,
                     "%s: no shared access signature: one looks like "
                     "sv=...&sig=...",
                     out->source);
  out->sas = strdup(sas);
  return out->sas != NULL ? 0 : no_memory(err);
}

static int
set_token(struct azure_credentials *out, const char *token, struct error *err)
{
  if (!is_plain(token))
    return error_set(err, STATUS_INVALID, "%s: the token is malformed",
                     out->source);
  out->token = strdup(token);
  return out->token != NULL ? 0 : no_memory(err);
}

/* What names an account decides, unless the URL is certain of another one. */
static int
set_account(const char *source, const char *account, struct azure_place *place,
            struct error *err)
{
  size_t length = strlen(account);

  if (length < 3 || length > 24 ||
      strspn(account, "abcdefghijklmnopqrstuvwxyz0123456789") != length)
    return error_set(err, STATUS_INVALID, "%s: no storage account's name",
                     source);
  if (place->account_certain && strcmp(place->account, account) != 0)
    return error_set(err, STATUS_INVALID,
                     "%s is for the account %s, the store's URL is of %s",
                     source, account, place->account);
  memcpy(place->account, account, length + 1);
  return 0;
}

/* --- the environment -------------------------------------------------- */

static const char *
environment(const char *name)
{
  const char *value = secure_getenv(name);

  return value != NULL && value[0] != '\0' ? value : NULL;
}

/* The value of name in "name=value;name=value"; the caller frees it. NULL. */
static char *
connection_value(const char *text, const char *name)
{
  size_t length = strlen(name);

  while (text != NULL && *text != '\0') {
    const char *end = strchrnul(text, ';');

    if (strncasecmp(text, name, length) == 0 && text[length] == '=')
      return strndup(text + length + 1, (size_t)(end - text) - length - 1);
    text = *end != '\0' ? end + 1 : NULL;
  }
  return NULL;
}

static int
from_connection_string(struct azure_credentials *out, const char *text,
                       struct azure_place *place, struct error *err)
{
  char *account = connection_value(text, "AccountName");
  char *key = connection_value(text, "AccountKey");
  char *sas = connection_value(text, "SharedAccessSignature");
  char *emulator = connection_value(text, "UseDevelopmentStorage");
  int r = 0;

  out->source = "AZURE_STORAGE_CONNECTION_STRING";
  if (emulator != NULL && strcasecmp(emulator, "true") == 0) {
    r = set_account(out->source, EMULATOR_ACCOUNT, place, err);
    if (r == 0)
      r = set_key(out, EMULATOR_KEY, err);
  } else {
    if (account != NULL)
      r = set_account(out->source, account, place, err);
    if (r == 0 && key != NULL)
      r = set_key(out, key, err);
    else if (r == 0 && sas != NULL)
      r = set_sas(out, sas, err);
    else if (r == 0)
      r = error_set(err, STATUS_INVALID,
                    "%s has neither AccountKey nor SharedAccessSignature",
                    out->source);
  }
  free(account);
  free(emulator);
  free_text(key);
  free_text(sas);
  return r;
}

static int
from_storage_variables(struct azure_credentials *out, const char *key,
                       const char *sas, struct azure_place *place,
                       struct error *err)
{
  const char *account = environment("AZURE_STORAGE_ACCOUNT");
  int r = 0;

  if (account != NULL)
    r = set_account("AZURE_STORAGE_ACCOUNT", account, place, err);
  if (r != 0)
    return r;
  out->source = key != NULL ? "AZURE_STORAGE_KEY" : "AZURE_STORAGE_SAS_TOKEN";
  return key != NULL ? set_key(out, key, err) : set_sas(out, sas, err);
}

/* --- all of it -------------------------------------------------------- */

/* An account's name that the host does not have, such as at a domain of its
 * owner's.
 */
static int
account_from_environment(struct azure_place *place, struct error *err)
{
  const char *account = environment("AZURE_STORAGE_ACCOUNT");

  if (account == NULL || place->account_certain)
    return 0;
  return set_account("AZURE_STORAGE_ACCOUNT", account, place, err);
}

static int
from_config(struct azure_credentials *out, const struct store_config *config,
            struct azure_place *place, struct error *err)
{
  int count = (config->account_key != NULL) + (config->sas != NULL) +
              (config->token != NULL);

  if (count > 1)
    return error_set(err, STATUS_INVALID,
                     "only one of account-key, sas and token can be used");
  if (config->account_key != NULL) {
    int r = account_from_environment(place, err);

    out->source = "account-key";
    return r != 0 ? r : set_key(out, config->account_key, err);
  }
  out->source = config->sas != NULL ? "sas" : "token";
  return config->sas != NULL ? set_sas(out, config->sas, err)
                             : set_token(out, config->token, err);
}

static int
find(struct azure_credentials *out, const struct store_config *config,
     struct http *http, struct azure_place *place, struct error *err)
{
  const char *connection = environment("AZURE_STORAGE_CONNECTION_STRING");
  const char *key = environment("AZURE_STORAGE_KEY");
  const char *sas = environment("AZURE_STORAGE_SAS_TOKEN");

  if (config->account_key != NULL || config->sas != NULL ||
      config->token != NULL)
    return from_config(out, config, place, err);
  if (connection != NULL)
    return from_connection_string(out, connection, place, err);
  if (key != NULL || sas != NULL)
    return from_storage_variables(out, key, sas, place, err);
  return azure_token_new(config, http, &out->fetch, err);
}

int
azure_credentials_new(const struct store_config *config, struct http *http,
                      struct azure_place *place, struct azure_credentials **out,
                      struct error *err)
{
  struct azure_credentials *own = calloc(1, sizeof *own);
  int r;

  if (own == NULL)
    return no_memory(err);
  own->clock = config->clock;
  r = find(own, config, http, place, err);
  if (r != 0)
    azure_credentials_free(own);
  else
    *out = own;
  return r;
}

int
azure_credentials_wait(struct azure_credentials *credentials,
                       uint64_t deadline_ns, struct error *err)
{
  return credentials->fetch != NULL
             ? azure_token_wait(credentials->fetch, deadline_ns, err)
             : 0;
}

static int
set_bearer(struct azure_request *request, const char *token)
{
  CLEANUP_STRBUF struct strbuf value = STRBUF_INIT(SECRET_MAX + 16);

  strbuf_printf(&value, "Bearer %s", token);
  if (value.status == 0)
    http_headers_set(&request->headers, "Authorization", value.text);
  if (value.text != NULL)
    OPENSSL_cleanse(value.text, value.length);
  return value.status;
}

static int
apply_token(struct azure_credentials *credentials,
            struct azure_request *request, struct error *err)
{
  char *token = NULL;
  int r = azure_token_get(credentials->fetch, &token, err);

  if (r == 0)
    r = set_bearer(request, token);
  free_text(token);
  return r;
}

int
azure_credentials_apply(struct azure_credentials *credentials,
                        const struct azure_place *place,
                        struct azure_request *request, struct strbuf *url,
                        struct error *err)
{
  int r = 0;

  azure_request_stamp(request, credentials->clock->wall_ms(credentials->clock));
  if (credentials->signer != NULL)
    r = azure_request_sign(request, place, credentials->signer);
  else if (credentials->token != NULL)
    r = set_bearer(request, credentials->token);
  else if (credentials->fetch != NULL)
    r = apply_token(credentials, request, err);
  if (r == STATUS_TRANSIENT || r == STATUS_DENIED)
    return r; /* the text is there */
  if (r == 0)
    r = azure_request_url(request, place, credentials->sas, url);
  if (r == 0)
    r = azure_request_status(request);
  return r != 0 ? error_set(err, (enum status)r,
                            "a request is too long, or there is no memory")
                : 0;
}

void
azure_credentials_refused(struct azure_credentials *credentials)
{
  if (credentials->fetch != NULL)
    azure_token_refused(credentials->fetch);
}
