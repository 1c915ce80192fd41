/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config.c: the parameters: one table for parsing, --help and messages. */
#include "config.h"

#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "utils/duration.h"
#include "utils/strbuf.h"

/* A key file is read into memory; a longer one is surely the wrong file. */
#define KEY_LENGTH_MAX 4096
#define CREDENTIALS_LENGTH_MAX 16384

#define CONNECTIONS_MAX 256

#define CACHE_SIZE_MIN (INT64_C(1) << 20)
#define CACHE_SIZE_MAX (INT64_C(1) << 40)
#define CACHE_SIZE_DEFAULT (INT64_C(128) << 20)

struct settings settings = {
    .on_conflict = ON_CONFLICT_GATE,
    .io_timeout_s = 30,
    .duration_s = 30,
    .cache_size = -1,
};

static int
set_store(const char *key, const char *value)
{
  if (value[0] == '\0') {
    nbdkit_error("%s= needs the URL of a store, such as file:/srv/volumes",
                 key);
    return -1;
  }
  settings.store_url = value;
  return 0;
}

static int
set_on_conflict(const char *key, const char *value)
{
  struct error error = ERROR_INIT;

  if (conflict_mode_parse(value, &settings.on_conflict, &settings.wait_s,
                          &error) < 0) {
    nbdkit_error("%s=%s: %s", key, value, error.text);
    return -1;
  }
  return 0;
}

static int
set_seconds(const char *key, const char *value, uint32_t *seconds)
{
  struct error error = ERROR_INIT;

  if (duration_parse(value, seconds, &error) < 0) {
    nbdkit_error("%s: %s", key, error.text);
    return -1;
  }
  return 0;
}

static int
set_gate_wait(const char *key, const char *value)
{
  return set_seconds(key, value, &settings.gate_wait_s);
}

static int
set_io_timeout(const char *key, const char *value)
{
  if (set_seconds(key, value, &settings.io_timeout_s) == -1)
    return -1;
  if (settings.io_timeout_s == 0 ||
      settings.io_timeout_s == DURATION_INFINITE) {
    nbdkit_error("%s=%s: must be a number of seconds, at least 1", key, value);
    return -1;
  }
  return 0;
}

static int
set_lease_duration(const char *key, const char *value)
{
  uint32_t *seconds = &settings.duration_s;

  if (set_seconds(key, value, seconds) == -1)
    return -1;
  if (*seconds != LEASE_DURATION_INFINITE &&
      (*seconds < LEASE_DURATION_MIN || *seconds > LEASE_DURATION_MAX)) {
    nbdkit_error("%s=%s: must be %d to %d seconds, or infinite", key, value,
                 LEASE_DURATION_MIN, LEASE_DURATION_MAX);
    return -1;
  }
  return 0;
}

/* +FILE, -FD (a line from a file descriptor) or - (asks at the terminal). */
static int
set_secret(const char *key, const char *value, size_t max, struct secret *out)
{
  struct error error = ERROR_INIT;

  if (value[0] == '+') {
    if (secret_read(value + 1, max, out, &error) < 0) {
      nbdkit_error("%s: %s", key, error.text);
      return -1;
    }
  } else if (value[0] == '-') {
    if (nbdkit_read_password(value, &out->bytes) == -1)
      return -1;
    out->length = strlen(out->bytes);
  } else {
    nbdkit_error("%s= takes no secret on the command line, where everybody "
                 "can see it: use %s=+FILE",
                 key, key);
    return -1;
  }
  if (out->length == 0) {
    nbdkit_error("%s: it is empty", key);
    return -1;
  }
  return 0;
}

static int
set_lease_key(const char *key, const char *value)
{
  return set_secret(key, value, KEY_LENGTH_MAX, &settings.key);
}

static int
set_account_key(const char *key, const char *value)
{
  return set_secret(key, value, CREDENTIALS_LENGTH_MAX, &settings.account_key);
}

static int
set_sas(const char *key, const char *value)
{
  return set_secret(key, value, CREDENTIALS_LENGTH_MAX, &settings.sas);
}

static int
set_token(const char *key, const char *value)
{
  return set_secret(key, value, CREDENTIALS_LENGTH_MAX, &settings.token);
}

static int
set_cainfo(const char *key, const char *value)
{
  if (access(value, R_OK) == -1) {
    nbdkit_error("%s=%s: %m", key, value);
    return -1;
  }
  /* In the background nbdkit changes to another folder. */
  settings.cainfo = nbdkit_realpath(value);
  return settings.cainfo != NULL ? 0 : -1;
}

static int
set_insecure(const char *key, const char *value)
{
  int yes = nbdkit_parse_bool(value);

  (void)key;
  if (yes == -1)
    return -1;
  settings.insecure = yes;
  return 0;
}

static int
set_connections(const char *key, const char *value)
{
  if (nbdkit_parse_unsigned(key, value, &settings.connections) == -1)
    return -1;
  if (settings.connections < 1 || settings.connections > CONNECTIONS_MAX) {
    nbdkit_error("%s=%s: must be 1 to %d", key, value, CONNECTIONS_MAX);
    return -1;
  }
  return 0;
}

static int
set_metrics(const char *key, const char *value)
{
  if (value[0] == '\0') {
    nbdkit_error("%s= needs the name of a file", key);
    return -1;
  }
  settings.metrics = nbdkit_absolute_path(value);
  return settings.metrics != NULL ? 0 : -1;
}

static int
set_cache_size(const char *key, const char *value)
{
  settings.cache_size = nbdkit_parse_size(value);
  if (settings.cache_size == -1)
    return -1;
  if (settings.cache_size != 0 && (settings.cache_size < CACHE_SIZE_MIN ||
                                   settings.cache_size > CACHE_SIZE_MAX)) {
    nbdkit_error("%s=%s: must be 0, or 1M to 1T", key, value);
    return -1;
  }
  return 0;
}

static int
set_writeback(const char *key, const char *value)
{
  int yes = nbdkit_parse_bool(value);

  (void)key;
  if (yes == -1)
    return -1;
  settings.write_back = yes;
  return 0;
}

static const struct parameter {
  const char *key;
  const char *value;
  const char *help; /* lines are indented by config_load */
  int (*set)(const char *key, const char *value);
} parameters[] = {
    {"store", "URL",
     "The store that holds the volumes, such as\n"
     "file:DIRECTORY or https://ACCOUNT.blob.core.\n"
     "windows.net/CONTAINER. Required.",
     set_store},
    {"on-conflict", "MODE",
     "What a client meets whose volume another node\n"
     "holds: gate (default), readonly, refuse, wait,\n"
     "wait=SECONDS.",
     set_on_conflict},
    {"gate-wait", "SECONDS",
     "How long a write waits for another node to give up\n"
     "its lease before it fails (default 0).",
     set_gate_wait},
    {"lease-duration", "SECONDS",
     "15 to 60, or infinite (default 30): how long after\n"
     "a crash another node has to wait.",
     set_lease_duration},
    {"io-timeout", "SECONDS",
     "How long a request waits for the store before it\n"
     "fails (default 30).",
     set_io_timeout},
    {"lease-key", "+FILE",
     "Makes lease IDs that cannot be guessed, from the\n"
     "secret in FILE.",
     set_lease_key},
    {"account-key", "+FILE", "An Azure storage account's key.",
     set_account_key},
    {"sas", "+FILE", "A shared access signature for Azure storage.", set_sas},
    {"token", "+FILE", "An OAuth token for Azure storage.", set_token},
    {"cainfo", "FILE",
     "Certificates to trust with https: instead of the\n"
     "system's.",
     set_cainfo},
    {"insecure", "BOOL", "Allow plain http: to another host (default no).",
     set_insecure},
    {"connections", "COUNT",
     "Most data requests at a time to a store with https:\n"
     "(default 16).",
     set_connections},
    {"metrics", "FILE",
     "Write numbers for Prometheus to FILE every 5\n"
     "seconds.",
     set_metrics},
    {"cache-size", "SIZE",
     "Memory for what was read and written, of all\n"
     "volumes; 0: no cache (default 128M, and 0 with\n"
     "file:).",
     set_cache_size},
    {"writeback", "BOOL",
     "Answer writes before they are in the store, until a\n"
     "flush (default no).",
     set_writeback},
};

#define PARAMETERS_COUNT (sizeof parameters / sizeof parameters[0])

static bool given[PARAMETERS_COUNT];

/* Room for the table above. */
#define HELP_MAX 8192
#define HELP_COLUMN 24

/* nbdkit looks here for its --help. */
char config_help[HELP_MAX];

/* "key=VALUE   help", and the help's further lines below it. */
static void
add_help(struct strbuf *out, const struct parameter *parameter)
{
  size_t column = out->length;

  strbuf_printf(out, "%s=%s ", parameter->key, parameter->value);
  column = out->length - column;
  for (const char *line = parameter->help; line != NULL;) {
    const char *end = strchrnul(line, '\n');
    int indent = column < HELP_COLUMN ? (int)(HELP_COLUMN - column) : 0;

    strbuf_printf(out, "%*s%.*s\n", indent, "", (int)(end - line), line);
    line = *end != '\0' ? end + 1 : NULL;
    column = 0;
  }
}

void
config_load(void)
{
  CLEANUP_STRBUF struct strbuf help = STRBUF_INIT(HELP_MAX - 1);

  for (size_t i = 0; i < PARAMETERS_COUNT; i++)
    add_help(&help, &parameters[i]);
  if (help.text != NULL)
    memcpy(config_help, help.text, help.length + 1);
}

static void
refuse_unknown(const char *key)
{
  CLEANUP_STRBUF struct strbuf known = STRBUF_INIT(HELP_MAX);

  for (size_t i = 0; i < PARAMETERS_COUNT; i++)
    strbuf_printf(&known, "%s%s", i == 0 ? "" : ", ", parameters[i].key);
  nbdkit_error("unknown parameter '%s'; there are: %s", key,
               known.text != NULL ? known.text : "");
}

int
config_set(const char *key, const char *value)
{
  for (size_t i = 0; i < PARAMETERS_COUNT; i++) {
    if (strcmp(key, parameters[i].key) != 0)
      continue;
    if (given[i]) {
      nbdkit_error("%s= is given twice", key);
      return -1;
    }
    given[i] = true;
    return parameters[i].set(key, value);
  }
  refuse_unknown(key);
  return -1;
}

int
config_complete(void)
{
  if (settings.store_url == NULL) {
    nbdkit_error("store=URL is missing, such as store=file:/srv/volumes");
    return -1;
  }
  /* A directory is cached by the kernel. */
  if (settings.cache_size == -1)
    settings.cache_size =
        strncmp(settings.store_url, "file:", 5) == 0 ? 0 : CACHE_SIZE_DEFAULT;
  if (settings.write_back && settings.cache_size == 0) {
    nbdkit_error("writeback=yes needs a cache: give cache-size=SIZE, too");
    return -1;
  }
  return 0;
}

void
config_unload(void)
{
  secret_free(&settings.key);
  secret_free(&settings.account_key);
  secret_free(&settings.sas);
  secret_free(&settings.token);
  free(settings.cainfo);
  settings.cainfo = NULL;
  free(settings.metrics);
  settings.metrics = NULL;
}
