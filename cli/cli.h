/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cli.h: what the files of the leasehold command share.
 *
 * The command is a program and a module that is loaded for what needs a store
 * (main.c). Some files are in both of them: see local.mk.
 */
#ifndef LEASEHOLD_CLI_H
#define LEASEHOLD_CLI_H

#include <stdbool.h>

#include <jansson.h>

#include "leasehold/registrations.h"
#include "leasehold/reserve.h"
#include "leasehold/scsi-pr.h"
#include "leasehold/store.h"
#include "utils/secret.h"

enum cli_exit {
  CLI_DONE = 0,
  CLI_FAILED = 1,
  CLI_USAGE = 2,
  CLI_CONFLICT = 3, /* another node holds the volume */

  /* pr-out and pr-in: how a command ended that was run, with the numbers of
   * sg3_utils(8) where they are not taken.
   */
  CLI_ILLEGAL_REQUEST = 5,
  CLI_DATA_PROTECT = 7,
  CLI_ABORTED_COMMAND = 11,
  CLI_RESERVATION_CONFLICT = 24
};

enum cli_option {
  OPTION_STORE,
  OPTION_LEASE_KEY,
  OPTION_ACCOUNT_KEY,
  OPTION_SAS,
  OPTION_TOKEN,
  OPTION_CAINFO,
  OPTION_INSECURE,
  OPTION_SERVER,
  OPTION_HELP,
  OPTION_VERSION,
  OPTION_NODE,
  OPTION_VICTIM,
  OPTION_KEY,
  OPTION_FROM,
  OPTION_TO,
  OPTION_TIMEOUT,
  OPTION_DURATION,
  OPTION_SHRINK,
  OPTION_FORCE,
  OPTION_JSON,
  OPTION_WATCH,
  OPTION_INTERVAL,
  OPTION_REGISTER,
  OPTION_REGISTER_IGNORE,
  OPTION_REGISTER_MOVE,
  OPTION_RESERVE,
  OPTION_RELEASE,
  OPTION_CLEAR,
  OPTION_PREEMPT,
  OPTION_PREEMPT_ABORT,
  OPTION_PARAM_RK,
  OPTION_PARAM_SARK,
  OPTION_PROUT_TYPE,
  OPTION_PARAM_APTPL,
  OPTION_PARAM_ALLTGPT,
  OPTION_PARAM_UNREG,
  OPTION_RELATIVE_TARGET_PORT,
  OPTION_TRANSPORT_ID,
  OPTION_READ_KEYS,
  OPTION_READ_RESERVATION,
  OPTION_REPORT_CAPABILITIES,
  OPTION_READ_FULL_STATUS,
  OPTION_ALLOC_LENGTH,
  OPTION_HEX,
  OPTION_RAW,
  OPTION_COUNT
};

typedef uint64_t cli_options_mask;
#define OPTION_BIT(option) ((cli_options_mask)1 << (option))
#define OPTIONS_GLOBAL                                                         \
  (OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_LEASE_KEY) |                   \
   OPTION_BIT(OPTION_ACCOUNT_KEY) | OPTION_BIT(OPTION_SAS) |                   \
   OPTION_BIT(OPTION_TOKEN) | OPTION_BIT(OPTION_CAINFO) |                      \
   OPTION_BIT(OPTION_INSECURE) | OPTION_BIT(OPTION_SERVER) |                   \
   OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION))

struct cli_option_spec {
  const char *name;     /* without its dashes */
  const char *argument; /* NULL: takes none */
  const char *help;     /* one line */
};
extern const struct cli_option_spec cli_options[OPTION_COUNT];

#define OPERANDS_MAX 2

struct cli;

struct cli_verb {
  const char *name;
  const char *operands[OPERANDS_MAX + 1]; /* NULL-ended; "[X]" may be missing */
  cli_options_mask required, optional;    /* OPTION_BITs */
  const char *summary;                    /* for the list of verbs */
  const char *help;                       /* sentences for `help VERB` */
  enum cli_exit (*run)(struct cli *);     /* NULL: at a store */
  enum cli_exit (*run_by_server)(struct cli *); /* NULL: has no --server */
};
extern const struct cli_verb cli_verbs[]; /* ended by a NULL name */

const struct cli_verb *cli_verb_find(const char *name);

/* One run of the command. */
struct cli {
  const struct cli_verb *verb;       /* NULL until it is known */
  const char *options[OPTION_COUNT]; /* value, "" for a flag, NULL: not given */
  const char *operands[OPERANDS_MAX];
  unsigned operand_count;

  /* The module's, which closes them. */
  struct store *store;
  struct store_volume *volume;
  /* Freed by main. */
  struct lease_key key;
  struct secret key_bytes, account_key, sas, token;
};

/* "leasehold: VERB: text" on stderr; returns code. */
enum cli_exit cli_fail(const struct cli *cli, enum cli_exit code,
                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with an error's text and the exit code that its status means. */
enum cli_exit cli_fail_with(const struct cli *cli, const struct error *err);

/* Each of these reports its failure and returns the exit code, or CLI_DONE. */

/* secrets.c */
enum cli_exit cli_read_secrets(struct cli *cli);
void cli_forget_secrets(struct cli *cli);

/* names.c: the first operand is a volume's name; an option's is a node's. */
enum cli_exit cli_check_volume(const struct cli *cli);
enum cli_exit cli_check_node(const struct cli *cli, enum cli_option option);

/* open.c. cli_open_volume opens the store too. */
enum cli_exit cli_open_store(struct cli *cli, bool create);
enum cli_exit cli_open_volume(struct cli *cli);
enum cli_exit cli_lease_id(const struct cli *cli, const char *node,
                           struct lease_id *out);
/* The lease ID of an option's node; out stays if it is not given. */
enum cli_exit cli_node(const struct cli *cli, enum cli_option option,
                       struct lease_id *out);
/* The second operand is a size. */
enum cli_exit cli_size(const struct cli *cli, uint64_t *size);
/* --duration, or the default of 30 seconds. */
enum cli_exit cli_duration(const struct cli *cli, uint32_t *duration_s);

/* shrink.c: makes a volume smaller that nobody held when it was seen. 0, a
 * refusal when that is not so any more, or another negative status.
 */
int cli_shrink(struct cli *cli, const struct volume_info *seen, uint64_t size,
               struct error *err);

/* --store, else LEASEHOLD_STORE, else NULL. */
const char *cli_store_url(const struct cli *cli);
void cli_close(struct cli *cli);

/* Who reads when nobody is named; reading changes nothing. */
#define CLI_READER "leasehold"

/* A frame of leasehold/control.h is run in node's name: in the program
 * (server.c) by the server, after --server has been checked, in the module
 * (here.c) on the store. reply has CONTROL_SIZE bytes. A hand-over likewise
 * (server-handover.c).
 */
enum cli_exit cli_run_frame(struct cli *cli, const char *node,
                            const uint8_t *frame, size_t length,
                            uint8_t *reply);
struct handover_frame;
enum cli_exit cli_run_handover(struct cli *cli,
                               const struct handover_frame *frame);

/* key-verbs.c: are the command line's names in order? */
enum cli_exit cli_check_names(const struct cli *cli);
/* Who is registered, as node sees it. */
enum cli_exit cli_read_registrations(struct cli *cli, const char *node,
                                     struct registrations *out);
/* Runs a PERSISTENT RESERVE OUT of --node. */
enum cli_exit cli_run_out(struct cli *cli, const struct pr_command *command);

/* pr-show.c: prints the data-in of a PERSISTENT RESERVE IN, also of one that
 * is cut off: as text, or as JSON with --json.
 */
enum cli_exit cli_show_data_in(const struct cli *cli, enum pr_action action,
                               const uint8_t *data, size_t length);

/* server.c. Is --server a URI? Reports it if not. */
enum cli_exit cli_check_server(const struct cli *cli);
/* server-handover.c: --node takes the lease from --victim, by a server and at
 * once; the options have been checked.
 */
enum cli_exit cli_server_take(struct cli *cli);
/* The text of VOLUME@/what, to be freed; --server has been checked. 0 or a
 * negative status.
 */
int cli_server_text(const struct cli *cli, const char *what, char **text,
                    struct error *err);

/* watch.c: runs look once; with --watch again and again. look prints what is
 * new. 0 or a negative status and a text.
 */
struct cli_watcher {
  int interval_s;
  int (*look)(struct cli_watcher *, struct error *);
};
enum cli_exit cli_watch(struct cli *cli, struct cli_watcher *watcher);
/* --interval, or 1; complains of what is wrong. */
enum cli_exit cli_interval(const struct cli *cli, int *interval_s);

/* status.c. A state that has changed is shown again. Times that run down, and
 * the ETag, which changes with every write in some stores, are no change.
 */
struct cli_status {
  struct cli_watcher watcher; /* first */
  struct cli *cli;
  json_t *shown; /* what was shown last, without those */
};
bool cli_status_is_news(struct cli_status *status, const json_t *state);
/* With --watch each state is a line. */
void cli_status_print(const struct cli *cli, const json_t *state);

/* store-module.c: loads the module and runs cli's verb there. */
enum cli_exit cli_run_at_store(struct cli *cli);
/* store-verbs.c: what the module is asked for, by this name. */
#define CLI_MODULE_FUNCTION "leasehold_store_verb"
enum cli_exit leasehold_store_verb(struct cli *cli);

/* The verbs. */
enum cli_exit run_help(struct cli *cli);
enum cli_exit run_version(struct cli *cli);
enum cli_exit run_list(struct cli *cli);
enum cli_exit run_status(struct cli *cli);
enum cli_exit run_create(struct cli *cli);
enum cli_exit run_resize(struct cli *cli);
enum cli_exit run_delete(struct cli *cli);
enum cli_exit run_reserve(struct cli *cli);
enum cli_exit run_release(struct cli *cli);
enum cli_exit run_preempt(struct cli *cli);
enum cli_exit run_clear(struct cli *cli);
enum cli_exit run_lease_id(struct cli *cli);
enum cli_exit run_register(struct cli *cli);
enum cli_exit run_keys(struct cli *cli);
enum cli_exit run_pr_out(struct cli *cli);
enum cli_exit run_pr_in(struct cli *cli);
enum cli_exit run_handover(struct cli *cli);
enum cli_exit run_server_reserve(struct cli *cli);
enum cli_exit run_server_release(struct cli *cli);
enum cli_exit run_server_preempt(struct cli *cli);
enum cli_exit run_server_clear(struct cli *cli);
enum cli_exit run_server_status(struct cli *cli);
enum cli_exit run_events(struct cli *cli);
enum cli_exit run_server_events(struct cli *cli);

#endif
