/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* names.c: which names volumes, nodes and instances may have (DESIGN 2).
 *
 * They stand here, below the stores, because a store checks the names that it
 * is given as well.
 */
#include "utils/names.h"

#include <stdbool.h>
#include <string.h>

#include "leasehold/export-name.h"
#include "utils/printable.h"

struct name_rule {
  const char *what;   /* for messages */
  const char *others; /* allowed beside letters and digits, not at first */
  size_t max;         /* bytes */
  bool segments;      /* parts joined by "/", each by the rule */
};

static const struct name_rule volume_rule = {"volume name", "._-",
                                             VOLUME_NAME_MAX, true};
static const struct name_rule node_rule = {"node name", "._:-", NODE_NAME_MAX,
                                           false};
static const struct name_rule instance_rule = {"instance", "._:-", INSTANCE_MAX,
                                               false};

/* isalnum() without a locale. */
static bool
is_alphanumeric(char c)
{
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
         (c >= 'a' && c <= 'z');
}

static int
check(const struct name_rule *rule, const char *name, size_t length,
      struct error *err)
{
  struct printable shown, bad;
  bool first = true;

  if (length == 0)
    return error_set(err, STATUS_INVALID, "the %s is empty", rule->what);
  printable(&shown, name, length);
  if (length > rule->max)
    return error_set(err, STATUS_INVALID,
                     "%s %s is too long: %zu bytes, at most %zu are allowed",
                     rule->what, shown.text, length, rule->max);
  for (size_t i = 0; i < length; i++) {
    char c = name[i];

    if (rule->segments && c == '/' && !first) {
      first = true;
      continue;
    }
    if (is_alphanumeric(c)) {
      first = false;
      continue;
    }
    printable(&bad, &c, 1);
    if (first && rule->segments && c == '/')
      return error_set(err, STATUS_INVALID,
                       "%s %s: a part between \"/\" is "
                       "empty",
                       rule->what, shown.text);
    if (first)
      return error_set(err, STATUS_INVALID,
                       "%s %s: %s at byte %zu, where a letter or digit must "
                       "be",
                       rule->what, shown.text, bad.text, i + 1);
    if (c == '\0' || strchr(rule->others, c) == NULL)
      return error_set(err, STATUS_INVALID,
                       "%s %s: %s at byte %zu is not allowed", rule->what,
                       shown.text, bad.text, i + 1);
  }
  if (first)
    return error_set(err, STATUS_INVALID, "%s %s ends in \"/\"", rule->what,
                     shown.text);
  return 0;
}

int
volume_name_check_span(const char *name, size_t length, struct error *err)
{
  return check(&volume_rule, name, length, err);
}

int
node_name_check_span(const char *name, size_t length, struct error *err)
{
  return check(&node_rule, name, length, err);
}

int
instance_check_span(const char *token, size_t length, struct error *err)
{
  return check(&instance_rule, token, length, err);
}

int
volume_name_check(const char *name, struct error *err)
{
  return volume_name_check_span(name, strlen(name), err);
}

int
node_name_check(const char *name, struct error *err)
{
  return node_name_check_span(name, strlen(name), err);
}

int
instance_check(const char *token, struct error *err)
{
  return instance_check_span(token, strlen(token), err);
}
