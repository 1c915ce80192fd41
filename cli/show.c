/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show.c: list and status, for people and as JSON. */
#include "cli.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leasehold/control.h"
#include "leasehold/export-name.h"
#include "leasehold/handover.h"
#include "leasehold/volume-json.h"
#include "utils/size.h"
#include "utils/time-format.h"

/* --- list --------------------------------------------------------------- */

#define LIST_COLUMNS 5
#define LIST_CELL_MAX (VOLUME_NAME_MAX + 1)

static const char *const list_heading[LIST_COLUMNS] = {
    "VOLUME", "SIZE", "LEASE", "HOLDER", "SINCE",
};

struct list_row {
  char cells[LIST_COLUMNS][LIST_CELL_MAX];
};

static void
fill_row(const struct volume_entry *entry, struct list_row *row)
{
  struct lease_holder holder;
  char size[SIZE_TEXT_MAX], since[TIME_TEXT_MAX];
  const char *cells[LIST_COLUMNS] = {entry->name, "-",
                                     status_text(entry->status), "-", "-"};

  if (entry->status == 0) {
    lease_holder_of(&entry->info, &holder);
    cells[1] = size_format(entry->info.size, size);
    cells[2] = lease_state_text(entry->info.lease.state);
    if (holder.held)
      cells[3] = holder.node[0] != '\0' ? holder.node : "unknown";
    if (holder.since_ms != 0)
      cells[4] = time_format_iso(holder.since_ms, since);
  }
  for (int i = 0; i < LIST_COLUMNS; i++)
    snprintf(row->cells[i], LIST_CELL_MAX, "%s", cells[i]);
}

static void
print_rows(const struct list_row *rows, size_t count)
{
  size_t widths[LIST_COLUMNS] = {0};

  for (size_t r = 0; r < count; r++) {
    for (int i = 0; i < LIST_COLUMNS; i++) {
      size_t width = strlen(rows[r].cells[i]);

      if (width > widths[i])
        widths[i] = width;
    }
  }
  for (size_t r = 0; r < count; r++) {
    for (int i = 0; i < LIST_COLUMNS - 1; i++)
      printf("%-*s  ", (int)widths[i], rows[r].cells[i]);
    printf("%s\n", rows[r].cells[LIST_COLUMNS - 1]);
  }
}

/* A heading, and a line for each volume; nothing for an empty store. */
static enum cli_exit
list_for_people(struct cli *cli, const struct volume_list *list)
{
  struct list_row *rows;

  if (list->count == 0)
    return CLI_DONE;
  rows = calloc(list->count + 1, sizeof *rows);
  if (rows == NULL)
    return cli_fail(cli, CLI_FAILED, "out of memory");
  for (int i = 0; i < LIST_COLUMNS; i++)
    snprintf(rows[0].cells[i], LIST_CELL_MAX, "%s", list_heading[i]);
  for (size_t i = 0; i < list->count; i++)
    fill_row(&list->items[i], &rows[i + 1]);
  print_rows(rows, list->count + 1);
  free(rows);
  return CLI_DONE;
}

static json_t *
entry_json(const struct volume_entry *entry)
{
  json_t *text;

  if (entry->status == 0)
    return volume_json(entry->name, &entry->info, NULL);
  text = json_string(entry->error.text);
  if (text == NULL) /* it names a path that is not UTF-8 */
    text = json_string(status_text(entry->status));
  return json_pack("{s:s, s:o}", "volume", entry->name, "error", text);
}

/* Prints json and gives it back. */
static enum cli_exit
print_json(const struct cli *cli, json_t *json)
{
  char *text = json_dumps(json, JSON_INDENT(2));

  json_decref(json);
  if (text == NULL)
    return cli_fail(cli, CLI_FAILED, "out of memory");
  printf("%s\n", text);
  free(text);
  return CLI_DONE;
}

static enum cli_exit
list_as_json(const struct cli *cli, const struct volume_list *list)
{
  json_t *array = json_array();

  for (size_t i = 0; i < list->count; i++) {
    if (json_array_append_new(array, entry_json(&list->items[i])) != 0) {
      json_decref(array);
      return cli_fail(cli, CLI_FAILED, "out of memory");
    }
  }
  return print_json(cli, array);
}

enum cli_exit
run_list(struct cli *cli)
{
  struct volume_list list = {.items = NULL};
  struct error err = ERROR_INIT;
  enum cli_exit code = cli_open_store(cli, false);

  if (code != CLI_DONE)
    return code;
  if (store_list(cli->store, &list, &err) != 0)
    return cli_fail_with(cli, &err);
  if (cli->options[OPTION_JSON] != NULL)
    code = list_as_json(cli, &list);
  else
    code = list_for_people(cli, &list);
  for (size_t i = 0; i < list.count; i++) {
    if (list.items[i].status != 0)
      code = cli_fail(cli, CLI_FAILED, "%s", list.items[i].error.text);
  }
  volume_list_free(&list);
  return code;
}

/* --- status ------------------------------------------------------------- */

static void
print_lease(const struct volume_info *info)
{
  const struct lease_info *lease = &info->lease;
  struct lease_holder holder;
  char text[TIME_TEXT_MAX];

  lease_holder_of(info, &holder);
  printf("lease         %s", lease_state_text(lease->state));
  if (holder.held)
    printf(" %s %s", lease->state == LEASE_LEASED ? "by" : "away from",
           holder.node[0] != '\0' ? holder.node : "an unknown node");
  if (holder.since_ms != 0)
    printf(" since %s", time_format_iso(holder.since_ms, text));
  if (!holder.held)
    printf(": nobody holds it");
  putchar('\n');
  if (!holder.held)
    return;
  if (lease->duration_s == LEASE_DURATION_INFINITE)
    printf("duration      infinite\n");
  else if (lease->expires_in_ms >= 0)
    printf("duration      %u s, ends in %s unless renewed\n", lease->duration_s,
           time_format_span(lease->expires_in_ms, text));
  if (lease->id_known)
    printf("lease ID      %s\n", lease->id.text);
}

static void
print_instance(const char *node, const char *instance, uint64_t epoch)
{
  printf("%s%s%s (epoch %llu)", node, instance[0] != '\0' ? ", instance " : "",
         instance, (unsigned long long)epoch);
}

static void
print_record(const struct volume_info *info)
{
  const struct holder *holder = &info->record.holder;
  char since[TIME_TEXT_MAX];

  if (holder->node[0] != '\0') {
    printf("last claim    ");
    print_instance(holder->node, holder->instance, holder->epoch);
    if (holder->since_ms != 0)
      printf(" since %s", time_format_iso(holder->since_ms, since));
    if (holder->epoch != info->epoch)
      printf("; not the last one: the epoch has moved on");
    else if (holder->clean)
      printf("; detached cleanly");
    putchar('\n');
  }
  for (unsigned i = 0; i < info->record.fenced_count; i++) {
    const struct fenced_instance *fenced = &info->record.fenced[i];

    printf("fenced        ");
    print_instance(fenced->node, fenced->instance, fenced->epoch);
    putchar('\n');
  }
}

static void
print_handover(const struct handover_request *handover)
{
  char asked[TIME_TEXT_MAX];

  if (handover->from[0] != '\0')
    printf("hand-over     from %s to %s, asked for at %s, pending\n",
           handover->from, handover->to,
           time_format_iso(handover->asked_ms, asked));
}

/* As one word of a shell command. */
static void
print_quoted(const char *word)
{
  static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789@%+=:,./_-";

  if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
    printf("%s", word);
    return;
  }
  putchar('\'');
  for (; *word != '\0'; word++) {
    if (*word == '\'')
      printf("'\\''");
    else
      putchar(*word);
  }
  putchar('\'');
}

static void
print_option(enum cli_option option, const char *value)
{
  printf(" --%s ", cli_options[option].name);
  print_quoted(value);
}

/* --node, or this host's name if a node can be called so; else NULL. */
static const char *
status_node(const struct cli *cli, char host[NODE_NAME_MAX + 1])
{
  if (cli->options[OPTION_NODE] != NULL)
    return cli->options[OPTION_NODE];
  if (gethostname(host, NODE_NAME_MAX + 1) != 0 ||
      memchr(host, '\0', NODE_NAME_MAX + 1) == NULL ||
      node_name_check(host, NULL) != 0)
    return NULL;
  return host;
}

/* The command that gives the volume to a node. It can be pasted as it stands:
 * with --victim it does nothing but what this status lets one expect.
 */
static void
print_take_over(const struct cli *cli, const struct volume_info *info)
{
  char host[NODE_NAME_MAX + 1];
  const char *node = status_node(cli, host);
  struct lease_holder holder;

  lease_holder_of(info, &holder);
  if (info->lease.state == LEASE_BREAKING) {
    printf("\nIt is free for any node when its lease is broken.\n");
    return;
  }
  if (node != NULL && strcmp(node, holder.node) == 0)
    node = NULL; /* it has it */
  printf("\nTo %s for %s%s:\n  leasehold",
         holder.held ? "take it over" : "reserve it",
         node != NULL ? node : "another node",
         node == host ? " (this host; --node names another node)" : "");
  print_option(OPTION_STORE, cli_store_url(cli));
  if (cli->options[OPTION_LEASE_KEY] != NULL)
    print_option(OPTION_LEASE_KEY, cli->options[OPTION_LEASE_KEY]);
  printf(" %s %s", holder.held ? "preempt" : "reserve", cli->operands[0]);
  if (holder.node[0] != '\0')
    print_option(OPTION_VICTIM, holder.node);
  print_option(OPTION_NODE, node != NULL ? node : "<NODE>");
  putchar('\n');
}

static void
status_for_people(const struct cli *cli, const struct volume_info *info,
                  const struct handover_request *handover)
{
  char size[SIZE_TEXT_MAX];

  printf("volume        %s\n", cli->operands[0]);
  printf("size          %s\n", size_format(info->size, size));
  printf("epoch         %llu\n", (unsigned long long)info->epoch);
  print_lease(info);
  print_record(info);
  print_handover(handover);
  print_take_over(cli, info);
}

/* With --watch each state begins with the time, behind an empty line. */
static void
print_time(const struct cli_status *watcher, bool first)
{
  char text[TIME_TEXT_MAX];

  if (watcher->cli->options[OPTION_WATCH] == NULL)
    return;
  printf("%stime          %s\n", first ? "" : "\n",
         time_format_iso(system_clock.wall_ms(&system_clock), text));
}

static int
look_at_store(struct cli_watcher *base, struct error *err)
{
  struct cli_status *watcher = (struct cli_status *)base;
  struct cli *cli = watcher->cli;
  const struct control control = {
      .name = cli->operands[0], .key = cli->key, .volume = cli->volume};
  bool first = watcher->shown == NULL;
  struct handover_request handover;
  struct volume_info info;
  json_t *state;
  int r = reservation_look(cli->volume, &info, err);

  if (r != 0)
    return r;
  control_name_holder(&control, &info);
  handover_pending(cli->volume, cli->operands[0], &info, &handover);
  state = volume_json(cli->operands[0], &info, &handover);
  if (state == NULL)
    return error_set(err, STATUS_NO_MEMORY, "out of memory");
  if (!cli_status_is_news(watcher, state)) {
    json_decref(state);
    return 0;
  }
  if (cli->options[OPTION_JSON] != NULL) {
    cli_status_print(cli, state);
  } else {
    print_time(watcher, first);
    status_for_people(cli, &info, &handover);
  }
  json_decref(state);
  return 0;
}

enum cli_exit
run_status(struct cli *cli)
{
  struct cli_status watcher = {.watcher.look = look_at_store, .cli = cli};
  enum cli_exit code = cli_interval(cli, &watcher.watcher.interval_s);

  if (code == CLI_DONE)
    code = cli_check_node(cli, OPTION_NODE);
  if (code == CLI_DONE)
    code = cli_open_volume(cli);
  if (code == CLI_DONE)
    code = cli_watch(cli, &watcher.watcher);
  json_decref(watcher.shown);
  return code;
}
