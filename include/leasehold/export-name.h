/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* export-name.h: VOLUME [ "@" [NODE] ( "/" OPTION )* ]   (DESIGN section 2) */
#ifndef LEASEHOLD_EXPORT_NAME_H
#define LEASEHOLD_EXPORT_NAME_H

#include "leasehold/lease.h"
#include "leasehold/status.h"

/* What an attach does when another node holds the lease (DESIGN section 9). */
enum conflict_mode {
  ON_CONFLICT_DEFAULT, /* not said: the server's on-conflict= */
  ON_CONFLICT_GATE,
  ON_CONFLICT_READONLY,
  ON_CONFLICT_REFUSE,
  ON_CONFLICT_WAIT
};

enum export_kind {
  EXPORT_VOLUME,
  EXPORT_RESERVATION,
  EXPORT_STATUS,
  EXPORT_EVENTS
};

#define WAIT_FOREVER UINT32_MAX

struct export_name {
  char volume[VOLUME_NAME_MAX + 1];
  char node[NODE_NAME_MAX + 1];    /* "": an observer */
  char instance[INSTANCE_MAX + 1]; /* "" when not given */
  bool observe;                    /* no node, or the option ro */
  enum conflict_mode on_conflict;
  uint32_t wait_s; /* ON_CONFLICT_WAIT: seconds, or WAIT_FOREVER */
  enum export_kind kind;
};

/* Parses untrusted bytes. STATUS_INVALID with a text that names the offending
 * part, printable whatever the bytes were. An option given twice, options that
 * contradict each other, and instance=, reservation or a conflict mode without
 * a node are refused. Pure.
 */
int export_name_parse(const char *text, struct export_name *out,
                      struct error *err);

/* The checks by themselves: STATUS_INVALID with a text, or 0. Pure. */
int volume_name_check(const char *name, struct error *err);
int node_name_check(const char *name, struct error *err);
int instance_check(const char *token, struct error *err);

/* "gate", "readonly", "refuse", "wait", "wait=SECONDS" as in export names and
 * in on-conflict=. 0 or STATUS_INVALID.
 */
int conflict_mode_parse(const char *text, enum conflict_mode *mode,
                        uint32_t *wait_s, struct error *err);

#endif
