/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events.c: events as lines of a log; see events.h. Pure but for event_log. */
#include "leasehold/events.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Everything below has its place in it, however long. */
_Static_assert(EVENT_LINE_MAX >= VOLUME_NAME_MAX + 2 * NODE_NAME_MAX +
                                     INSTANCE_MAX + EVENT_CAUSE_MAX + 160,
               "");

static const struct {
  const char *text;
  enum log_level level;
} kinds[EVENT_KINDS] = {
    [EVENT_ATTACH] = {"attach", LOG_LEVEL_INFO},
    [EVENT_CLAIM] = {"claim", LOG_LEVEL_INFO},
    [EVENT_CONFLICT] = {"conflict", LOG_LEVEL_INFO},
    [EVENT_DOUBT] = {"doubt", LOG_LEVEL_ERROR},
    [EVENT_RESUME] = {"resume", LOG_LEVEL_INFO},
    [EVENT_RECLAIM] = {"reclaim", LOG_LEVEL_INFO},
    [EVENT_FENCE] = {"fence", LOG_LEVEL_ERROR},
    [EVENT_RELEASE] = {"release", LOG_LEVEL_INFO},
    [EVENT_DETACH] = {"detach", LOG_LEVEL_INFO},
    [EVENT_REGISTER] = {"register", LOG_LEVEL_INFO},
    [EVENT_RESERVE] = {"reserve", LOG_LEVEL_INFO},
    [EVENT_PREEMPT] = {"preempt", LOG_LEVEL_INFO},
    [EVENT_CLEAR] = {"clear", LOG_LEVEL_INFO},
    [EVENT_HANDOVER] = {"handover", LOG_LEVEL_INFO},
};

const char *
event_kind_text(enum event_kind kind)
{
  return kinds[kind].text;
}

void
event_init(struct lease_event *event, enum event_kind kind, const char *volume,
           const char *node)
{
  memset(event, 0, sizeof *event);
  event->kind = kind;
  event->epoch = event->other_epoch = EVENT_NO_EPOCH;
  snprintf(event->volume, sizeof event->volume, "%s", volume);
  snprintf(event->node, sizeof event->node, "%s", node);
}

struct line {
  char *text;
  size_t length;
};

static void __attribute__((format(printf, 2, 3)))
put(struct line *line, const char *format, ...)
{
  va_list args;

  va_start(args, format);
  line->length += (size_t)vsnprintf(
      line->text + line->length, EVENT_LINE_MAX - line->length, format, args);
  va_end(args);
}

static void
put_epoch(struct line *line, const char *key, uint64_t epoch)
{
  if (epoch != EVENT_NO_EPOCH)
    put(line, " %s=%" PRIu64, key, epoch);
}

/* The cause comes last, in quotes: it may come from outside. */
static void
put_cause(struct line *line, const char *cause)
{
  size_t begin;

  if (cause[0] == '\0')
    return;
  put(line, " cause=\"");
  begin = line->length;
  put(line, "%s", cause);
  for (char *p = line->text + begin; *p != '\0'; p++)
    if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f || *p == '"')
      *p = '?';
  put(line, "\"");
}

const char *
event_line(const struct lease_event *event, char text[EVENT_LINE_MAX])
{
  struct line line = {.text = text};

  put(&line, "%s@%s", event->volume, event->node);
  if (event->instance[0] != '\0')
    put(&line, "/instance=%s", event->instance);
  put(&line, ": %s", kinds[event->kind].text);
  put_epoch(&line, "epoch", event->epoch);
  if (event->other_node[0] != '\0')
    put(&line, " other=%s", event->other_node);
  put_epoch(&line, "other-epoch", event->other_epoch);
  put_cause(&line, event->cause);
  return text;
}

void
event_log(const struct log *log, const struct lease_event *event)
{
  char text[EVENT_LINE_MAX];

  if (log != NULL)
    log->write(log, kinds[event->kind].level, event_line(event, text));
}
