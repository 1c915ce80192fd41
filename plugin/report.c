/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.c: what is said, and where: one line per event (DESIGN S11).
 *
 * Errors go where nbdkit's own go, debug lines too (nbdkit -v). nbdkit has
 * nothing between the two, but that a lease was taken or given back is worth a
 * line and is no error: such lines go to standard error, or to syslog once
 * nbdkit has gone into the background and has no standard error left.
 */
#include "plugin.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <unistd.h>

/* Set once, before the first client comes. */
static bool background;

void
report_after_fork(void)
{
  struct stat status;

  /* In the background nbdkit makes its standard error /dev/null. */
  background = fstat(STDERR_FILENO, &status) == -1 ||
               (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3));
}

static void
report_write(const struct log *log, enum log_level level, const char *line)
{
  (void)log;
  switch (level) {
  case LOG_LEVEL_DEBUG:
    nbdkit_debug("%s", line);
    break;
  case LOG_LEVEL_INFO:
    if (background)
      syslog(LOG_DAEMON | LOG_INFO, "nbdkit: leasehold: %s", line);
    else
      fprintf(stderr, "nbdkit: leasehold: %s\n", line);
    break;
  case LOG_LEVEL_ERROR:
    nbdkit_error("%s", line);
    break;
  }
}

const struct log report_log = {.write = report_write};
