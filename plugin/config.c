/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config.c: the parameters: one table for parsing, --help and messages. */
#include "config.h"

#include "plugin.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "utils/duration.h"
#include "utils/strbuf.h"

/* A key file is read into memory; a longer one is surely the wrong file. */
#define KEY_LENGTH_MAX 4096

struct settings settings = {
    .on_conflict = ON_CONFLICT_GATE,
    .io_timeout_s = 30,
    .duration_s = 30,
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

/* Reads all of a file into settings.key, less one newline at its end. */
static int
read_key_file(const char *key, const char *path)
{
  unsigned char bytes[KEY_LENGTH_MAX + 2];
  size_t length = 0;
  ssize_t count;
  int fd = open(path, O_RDONLY | O_CLOEXEC);

  if (fd == -1) {
    nbdkit_error("%s=+%s: %m", key, path);
    return -1;
  }
  while ((count = read(fd, bytes + length, sizeof bytes - length)) > 0)
    length += (size_t)count;
  if (count == -1)
    nbdkit_error("%s=+%s: %m", key, path);
  close(fd);

  if (count == 0) {
    if (length > 0 && bytes[length - 1] == '\n')
      length--;
    if (length <= KEY_LENGTH_MAX)
      settings.key = malloc(length + 1);
    else
      nbdkit_error("%s=+%s: longer than %d bytes", key, path, KEY_LENGTH_MAX);
  }
  if (settings.key != NULL) {
    memcpy(settings.key, bytes, length);
    settings.key_length = length;
  }
  explicit_bzero(bytes, sizeof bytes);
  return settings.key != NULL ? 0 : -1;
}

static int
set_lease_key(const char *key, const char *value)
{
  if (value[0] == '+') {
    if (read_key_file(key, value + 1) == -1)
      return -1;
  } else if (value[0] == '-') {
    /* - asks at the terminal, -FD reads a line from a file descriptor. */
    char *password = NULL;

    if (nbdkit_read_password(value, &password) == -1)
      return -1;
    settings.key = (unsigned char *)password;
    settings.key_length = strlen(password);
  } else {
    nbdkit_error("%s= takes no key on the command line, where everybody can "
                 "see it: use %s=+FILE",
                 key, key);
    return -1;
  }
  if (settings.key_length == 0) {
    nbdkit_error("%s: the key is empty", key);
    return -1;
  }
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
     "file:DIRECTORY. Required.",
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
};

#define PARAMETERS_COUNT (sizeof parameters / sizeof parameters[0])

static bool given[PARAMETERS_COUNT];

/* Room for the table above. */
#define HELP_MAX 4096
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
  return 0;
}

void
config_unload(void)
{
  if (settings.key != NULL)
    explicit_bzero(settings.key, settings.key_length);
  free(settings.key);
  settings.key = NULL;
}
