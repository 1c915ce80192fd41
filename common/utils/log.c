/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log.c: formats one line of log; see log.h. */
#include "leasehold/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define LOG_LINE_MAX 1024

void
log_line(const struct log *log, enum log_level level, const char *format, ...)
{
  char line[LOG_LINE_MAX];
  va_list args;

  if (log == NULL)
    return;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  /* One event stays one line, whatever came in with a text from outside. */
  for (char *p = line; *p != '\0'; p++)
    if ((unsigned char)*p < ' ' || *p == 0x7f)
      *p = '?';
  log->write(log, level, line);
}
