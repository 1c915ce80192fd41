/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* duration.c: durations in parameters. */
#include "utils/duration.h"

#include <string.h>

#include "utils/decimal.h"
#include "utils/printable.h"

int
duration_parse(const char *text, uint32_t *seconds, struct error *err)
{
  struct printable shown;
  const char *p = text;
  uint64_t value;

  if (strcmp(text, "infinite") == 0) {
    *seconds = DURATION_INFINITE;
    return 0;
  }
  if (!decimal_read(&p, DURATION_INFINITE - 1, &value) ||
      (*p != '\0' && strcmp(p, "s") != 0))
    return error_set(err, STATUS_INVALID,
                     "%s is not a duration: give seconds, such as 30 or 30s, "
                     "or \"infinite\"",
                     printable(&shown, text, strlen(text)));
  *seconds = (uint32_t)value;
  return 0;
}
