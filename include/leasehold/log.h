/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log.h: where shared code says what an operator should know (DESIGN S11).
 *
 * One event is one line without a newline. The glue (plugin, CLI, test) owns
 * the sink. A line names volume, node, epoch and cause where there are such.
 */
#ifndef LEASEHOLD_LOG_H
#define LEASEHOLD_LOG_H

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_ERROR };

struct log {
  /* Any thread, with any of our locks held: must not call back. */
  void (*write)(const struct log *, enum log_level, const char *line);
};

/* Formats at most 1 KiB and writes it. log may be NULL: silence. */
void log_line(const struct log *log, enum log_level level, const char *format,
              ...) __attribute__((format(printf, 3, 4)));

#endif
