/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event-verbs.c: events: what a server has seen happen to a volume's lease. */
#include "cli.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/events.h"

struct event_watcher {
  struct cli_watcher watcher; /* first */
  struct cli *cli;
  /* The newest event that was printed. */
  char run[SESSION_NONCE_MAX + 1];
  json_int_t sequence;
};

/* A member that is text; "" when it is null, or missing. What is not printable
 * becomes "?": a terminal is not sent what a server says.
 */
static const char *
text_of(const json_t *event, const char *key, char *out, size_t size)
{
  const char *text = json_string_value(json_object_get(event, key));

  snprintf(out, size, "%s", text != NULL ? text : "");
  for (char *p = out; *p != '\0'; p++)
    if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
      *p = '?';
  return out;
}

static void
print_epoch(const json_t *event, const char *key)
{
  const json_t *epoch = json_object_get(event, key);

  if (json_is_integer(epoch))
    printf(" epoch %" JSON_INTEGER_FORMAT, json_integer_value(epoch));
}

/* "2026-01-31T12:00:00Z  claim     node-a epoch 7, node-b epoch 6: cause" */
static void
print_event(const json_t *event)
{
  char text[EVENT_CAUSE_MAX];

  printf("%s", text_of(event, "time", text, sizeof text));
  printf("  %-8s", text_of(event, "event", text, sizeof text));
  printf("  %s", text_of(event, "node", text, sizeof text));
  if (text_of(event, "instance", text, sizeof text)[0] != '\0')
    printf("/instance=%s", text);
  print_epoch(event, "epoch");
  if (text_of(event, "other_node", text, sizeof text)[0] != '\0') {
    printf(", %s", text);
    print_epoch(event, "other_epoch");
  }
  if (text_of(event, "cause", text, sizeof text)[0] != '\0')
    printf(": %s", text);
  putchar('\n');
}

static void
print_json_line(const json_t *event)
{
  char *text = json_dumps(event, JSON_COMPACT);

  if (text != NULL)
    printf("%s\n", text);
  free(text);
}

/* Prints the event unless it was printed before. */
static int
take_event(struct event_watcher *watcher, const json_t *event,
           struct error *err)
{
  const char *run = json_string_value(json_object_get(event, "run"));
  json_t *sequence = json_object_get(event, "sequence");

  if (run == NULL || strlen(run) >= sizeof watcher->run ||
      !json_is_integer(sequence))
    return error_set(err, STATUS_CORRUPT,
                     "%s: the server's events cannot be understood",
                     watcher->cli->operands[0]);
  if (strcmp(run, watcher->run) == 0 &&
      json_integer_value(sequence) <= watcher->sequence)
    return 0;
  memcpy(watcher->run, run, strlen(run) + 1);
  watcher->sequence = json_integer_value(sequence);
  if (watcher->cli->options[OPTION_JSON] != NULL)
    print_json_line(event);
  else
    print_event(event);
  return 0;
}

static int
look(struct cli_watcher *base, struct error *err)
{
  struct event_watcher *watcher = (struct event_watcher *)base;
  char *text = NULL;
  int r = cli_server_text(watcher->cli, "events", &text, err);

  for (char *line = text; r == 0 && *line != '\0';) {
    size_t length = strcspn(line, "\n");
    json_t *event = json_loadb(line, length, 0, NULL);

    r = take_event(watcher, event, err);
    json_decref(event);
    line += length + (line[length] == '\n');
  }
  free(text);
  return r;
}

enum cli_exit
run_server_events(struct cli *cli)
{
  struct event_watcher watcher = {.watcher.look = look, .cli = cli};
  enum cli_exit code = cli_interval(cli, &watcher.watcher.interval_s);

  if (code == CLI_DONE)
    code = cli_check_volume(cli);
  if (code == CLI_DONE)
    code = cli_check_server(cli);
  return code != CLI_DONE ? code : cli_watch(cli, &watcher.watcher);
}

enum cli_exit
run_events(struct cli *cli)
{
  return cli_fail(cli, CLI_USAGE,
                  "events are what a server has seen: name it with --server");
}
