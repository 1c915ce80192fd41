/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* export-name.c: what an NBD client asks for, in the name of an export.
 *
 *   VOLUME [ "@" [NODE] ( "/" OPTION )* ]
 *
 * The volume ends at the first "@", the node and each option at the next "/".
 * The options are a table: what one means, what it cannot stand beside, and
 * whether it needs a node. The bytes come from the network unauthenticated,
 * so every text shows them through printable().
 */
#include "leasehold/export-name.h"

#include <string.h>

#include "utils/decimal.h"
#include "utils/names.h"
#include "utils/printable.h"

enum option {
  OPTION_RO = 1,
  OPTION_INSTANCE = 2,
  OPTION_MODE = 4, /* gate, readonly, refuse, wait: how to meet a conflict */
  OPTION_RESERVATION = 8,
  OPTION_STATUS = 16,
  OPTION_EVENTS = 32
};

enum value { VALUE_NONE, VALUE_OPTIONAL, VALUE_REQUIRED };

struct option_row {
  const char *name;
  enum option option;
  enum value value;
  bool needs_node;
  unsigned excludes; /* options that contradict it; itself: given twice */
};

/* Not the volume, but something beside it. */
#define OTHER_KINDS (OPTION_RESERVATION | OPTION_STATUS | OPTION_EVENTS)

/* Those attach nothing, so there is no conflict to meet; nor is there for an
 * observer.
 */
#define MODE_EXCLUDES (OPTION_MODE | OPTION_RO | OTHER_KINDS)

static const struct option_row option_table[] = {
    {"ro", OPTION_RO, VALUE_NONE, false,
     OPTION_RO | OPTION_MODE | OPTION_RESERVATION},
    {"instance", OPTION_INSTANCE, VALUE_REQUIRED, true, OPTION_INSTANCE},
    {"gate", OPTION_MODE, VALUE_NONE, true, MODE_EXCLUDES},
    {"readonly", OPTION_MODE, VALUE_NONE, true, MODE_EXCLUDES},
    {"refuse", OPTION_MODE, VALUE_NONE, true, MODE_EXCLUDES},
    {"wait", OPTION_MODE, VALUE_OPTIONAL, true, MODE_EXCLUDES},
    {"reservation", OPTION_RESERVATION, VALUE_NONE, true,
     OTHER_KINDS | OPTION_RO | OPTION_MODE},
    {"status", OPTION_STATUS, VALUE_NONE, false, OTHER_KINDS | OPTION_MODE},
    {"events", OPTION_EVENTS, VALUE_NONE, false, OTHER_KINDS | OPTION_MODE},
};

#define OPTION_COUNT (sizeof option_table / sizeof option_table[0])

/* A part of the name being parsed; not NUL-terminated. */
struct span {
  const char *text;
  size_t length;
};

static const struct {
  const char *name;
  enum conflict_mode mode;
  uint32_t wait_s;
} mode_table[] = {
    {"gate", ON_CONFLICT_GATE, 0},
    {"readonly", ON_CONFLICT_READONLY, 0},
    {"refuse", ON_CONFLICT_REFUSE, 0},
    {"wait", ON_CONFLICT_WAIT, WAIT_FOREVER},
};

int
conflict_mode_parse(const char *text, enum conflict_mode *mode,
                    uint32_t *wait_s, struct error *err)
{
  static const char wait_for[] = "wait=";
  const char *digits = text + sizeof wait_for - 1;
  struct printable shown;
  uint64_t seconds;

  for (size_t i = 0; i < sizeof mode_table / sizeof mode_table[0]; i++)
    if (strcmp(text, mode_table[i].name) == 0) {
      *mode = mode_table[i].mode;
      *wait_s = mode_table[i].wait_s;
      return 0;
    }
  if (strncmp(text, wait_for, sizeof wait_for - 1) == 0 &&
      decimal_read(&digits, WAIT_FOREVER - 1, &seconds) && *digits == '\0') {
    *mode = ON_CONFLICT_WAIT;
    *wait_s = (uint32_t)seconds;
    return 0;
  }
  return error_set(err, STATUS_INVALID,
                   "%s is not one of gate, readonly, refuse, wait, "
                   "wait=SECONDS",
                   printable(&shown, text, strlen(text)));
}

/* The option's row, or NULL. The name ends at "=". */
static const struct option_row *
find_option(struct span text)
{
  const char *equals = memchr(text.text, '=', text.length);
  size_t length = equals ? (size_t)(equals - text.text) : text.length;

  for (size_t i = 0; i < OPTION_COUNT; i++)
    if (strlen(option_table[i].name) == length &&
        memcmp(option_table[i].name, text.text, length) == 0)
      return &option_table[i];
  return NULL;
}

/* Whether the option may stand here, after those in seen. */
static int
check_option(const struct option_row *row, struct span text, unsigned seen,
             const struct export_name *name, struct error *err)
{
  bool has_value = text.length > strlen(row->name);
  struct printable shown;

  printable(&shown, text.text, text.length);
  if (has_value && row->value == VALUE_NONE)
    return error_set(err, STATUS_INVALID, "option %s: \"%s\" takes no value",
                     shown.text, row->name);
  if (!has_value && row->value == VALUE_REQUIRED)
    return error_set(err, STATUS_INVALID, "option %s needs a value: %s=...",
                     shown.text, row->name);
  if (row->needs_node && name->node[0] == '\0')
    return error_set(err, STATUS_INVALID,
                     "option %s needs a node before it: %s@NODE/...",
                     shown.text, name->volume);
  if ((seen & row->option) != 0 && row->option != OPTION_MODE)
    return error_set(err, STATUS_INVALID, "option %s is given twice",
                     shown.text);
  if ((seen & row->excludes) != 0)
    return error_set(err, STATUS_INVALID,
                     "option %s contradicts an option before it", shown.text);
  return 0;
}

/* Does what the option says. */
static int
apply_option(const struct option_row *row, struct span text,
             struct export_name *name, struct error *err)
{
  struct span value = {text.text + strlen(row->name) + 1,
                       text.length - strlen(row->name) - 1};
  char mode[sizeof "wait=4294967295"];
  struct printable shown;
  int status;

  switch (row->option) {
  case OPTION_RO:
    name->observe = true;
    return 0;
  case OPTION_INSTANCE:
    status = instance_check_span(value.text, value.length, err);
    if (status == 0)
      memcpy(name->instance, value.text, value.length);
    return status;
  case OPTION_MODE:
    if (text.length >= sizeof mode)
      return error_set(err, STATUS_INVALID, "option %s: too many seconds",
                       printable(&shown, text.text, text.length));
    memcpy(mode, text.text, text.length);
    mode[text.length] = '\0';
    return conflict_mode_parse(mode, &name->on_conflict, &name->wait_s, err);
  case OPTION_RESERVATION:
    name->kind = EXPORT_RESERVATION;
    return 0;
  case OPTION_STATUS:
    name->kind = EXPORT_STATUS;
    return 0;
  case OPTION_EVENTS:
    name->kind = EXPORT_EVENTS;
    return 0;
  }
  return 0;
}

/* Everything behind the node: "" or "/OPTION/OPTION". */
static int
parse_options(const char *p, struct export_name *name, struct error *err)
{
  unsigned seen = 0;

  while (*p == '/') {
    struct span text = {p + 1, strcspn(p + 1, "/")};
    const struct option_row *row = find_option(text);
    struct printable shown;
    int status;

    if (text.length == 0)
      return error_set(err, STATUS_INVALID,
                       "an option is empty: \"/\" is "
                       "followed by nothing");
    if (row == NULL)
      return error_set(err, STATUS_INVALID, "unknown option %s",
                       printable(&shown, text.text, text.length));
    status = check_option(row, text, seen, name, err);
    if (status == 0)
      status = apply_option(row, text, name, err);
    if (status != 0)
      return status;
    seen |= row->option;
    p = text.text + text.length;
  }
  return 0;
}

int
export_name_parse(const char *text, struct export_name *out, struct error *err)
{
  struct span volume = {text, strcspn(text, "@")}, node;
  int status = volume_name_check_span(volume.text, volume.length, err);

  *out = (struct export_name){.observe = true};
  if (status != 0)
    return status;
  memcpy(out->volume, volume.text, volume.length);
  if (text[volume.length] == '\0')
    return 0;
  node.text = text + volume.length + 1;
  node.length = strcspn(node.text, "/");
  if (node.length > 0) {
    status = node_name_check_span(node.text, node.length, err);
    if (status != 0)
      return status;
    memcpy(out->node, node.text, node.length);
    out->observe = false;
  }
  return parse_options(node.text + node.length, out, err);
}
