/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verbs.c: the table of verbs. Parsing, --help, the completion and the check of
 * the manual page are all driven by it, and by that of the options (options.c).
 */
#include "cli.h"

#include <string.h>

#define NODE OPTION_BIT(OPTION_NODE)
#define VICTIM OPTION_BIT(OPTION_VICTIM)
#define KEY OPTION_BIT(OPTION_KEY)
#define FROM OPTION_BIT(OPTION_FROM)
#define TO OPTION_BIT(OPTION_TO)
#define TIMEOUT OPTION_BIT(OPTION_TIMEOUT)
#define DURATION OPTION_BIT(OPTION_DURATION)
#define SHRINK OPTION_BIT(OPTION_SHRINK)
#define FORCE OPTION_BIT(OPTION_FORCE)
#define JSON OPTION_BIT(OPTION_JSON)
#define WATCH (OPTION_BIT(OPTION_WATCH) | OPTION_BIT(OPTION_INTERVAL))

#define PR_OUT_OPTIONS                                                         \
  (OPTION_BIT(OPTION_REGISTER) | OPTION_BIT(OPTION_REGISTER_IGNORE) |          \
   OPTION_BIT(OPTION_REGISTER_MOVE) | OPTION_BIT(OPTION_RESERVE) |             \
   OPTION_BIT(OPTION_RELEASE) | OPTION_BIT(OPTION_CLEAR) |                     \
   OPTION_BIT(OPTION_PREEMPT) | OPTION_BIT(OPTION_PREEMPT_ABORT) |             \
   OPTION_BIT(OPTION_PARAM_RK) | OPTION_BIT(OPTION_PARAM_SARK) |               \
   OPTION_BIT(OPTION_PROUT_TYPE) | OPTION_BIT(OPTION_PARAM_APTPL) |            \
   OPTION_BIT(OPTION_PARAM_ALLTGPT) | OPTION_BIT(OPTION_PARAM_UNREG) |         \
   OPTION_BIT(OPTION_RELATIVE_TARGET_PORT) | OPTION_BIT(OPTION_TRANSPORT_ID))
#define PR_IN_OPTIONS                                                          \
  (OPTION_BIT(OPTION_READ_KEYS) | OPTION_BIT(OPTION_READ_RESERVATION) |        \
   OPTION_BIT(OPTION_REPORT_CAPABILITIES) |                                    \
   OPTION_BIT(OPTION_READ_FULL_STATUS) | OPTION_BIT(OPTION_ALLOC_LENGTH) |     \
   OPTION_BIT(OPTION_HEX) | OPTION_BIT(OPTION_RAW) | JSON)

const struct cli_verb cli_verbs[] = {
    {
        .name = "create",
        .operands = {"VOLUME", "SIZE"},
        .summary = "make a volume of zero bytes",
        .help = "Makes a volume of SIZE bytes, all zero, such as 512M, 10G or\n"
                "1T: a multiple of 512, at most 8T. A store's directory is\n"
                "made too, if it is not there.\n",
    },
    {
        .name = "list",
        .optional = JSON,
        .summary = "show all volumes",
        .help =
            "Shows all volumes of the store, one a line: name, size,\n"
            "lease, who holds it and since when. Damaged ones are named on\n"
            "standard error, and the exit code is 1.\n",
    },
    {
        .name = "status",
        .operands = {"VOLUME"},
        .optional = NODE | JSON | WATCH,
        .summary = "show who holds a volume, and how to take it over",
        .help =
            "Shows who holds the volume, since when, its epoch, who wrote\n"
            "last, and the command that takes it over for NODE, by default\n"
            "a node with this host's name. With --watch it goes on, and\n"
            "shows each state that is another than the one before.\n",
        .run_by_server = run_server_status,
    },
    {
        .name = "events",
        .operands = {"VOLUME"},
        .optional = JSON | WATCH,
        .summary = "show what has happened to a volume's lease",
        .help = "Shows what the server that --server names has seen happen to\n"
                "the volume's lease, oldest first, one event a line: attach,\n"
                "claim, conflict, fence, release and others. With --watch it\n"
                "goes on with what happens then.\n",
        .run = run_events,
        .run_by_server = run_server_events,
    },
    {
        .name = "resize",
        .operands = {"VOLUME", "SIZE"},
        .optional = NODE | SHRINK,
        .summary = "change a volume's size",
        .help =
            "Changes the size; what is added reads as zero. A smaller size\n"
            "needs --shrink: what is cut off is gone. A volume that a node\n"
            "holds is left alone, unless --node names that node. Clients\n"
            "see the new size when they connect again.\n",
    },
    {
        .name = "delete",
        .operands = {"VOLUME"},
        .optional = FORCE,
        .summary = "delete a volume and its data",
        .help = "Deletes the volume and all its data. A volume that a node\n"
                "holds is only deleted with --force.\n",
    },
    {
        .name = "reserve",
        .operands = {"VOLUME"},
        .required = NODE,
        .optional = DURATION,
        .summary = "take a free volume's lease for a node",
        .help =
            "Acquires the lease for NODE if it is free, or starts its time\n"
            "again if NODE holds it. Unless a server with a client of that\n"
            "name renews it, it ends after SECONDS. With --server NODE must\n"
            "be registered, and there is no end.\n",
        .run_by_server = run_server_reserve,
    },
    {
        .name = "release",
        .operands = {"VOLUME"},
        .required = NODE,
        .summary = "give a node's lease back",
        .help = "Gives the lease back if NODE holds it; else nothing is done,\n"
                "which is no error. A client that is still connected for NODE\n"
                "takes it again when it next writes: disconnect it first.\n",
        .run_by_server = run_server_release,
    },
    {
        .name = "preempt",
        .operands = {"VOLUME"},
        .required = NODE,
        .optional = VICTIM | DURATION | FORCE,
        .summary = "take the lease from the node that holds it",
        .help =
            "Hands the lease to NODE at once; the node that held it can\n"
            "write no more. With --victim only if that node holds it, else\n"
            "whoever does. A free lease is acquired for SECONDS; one that\n"
            "is taken over keeps its duration. With --server both must be\n"
            "registered, or --force says that nobody asks.\n",
        .run_by_server = run_server_preempt,
    },
    {
        .name = "handover",
        .operands = {"VOLUME"},
        .required = FROM | TO,
        .optional = TIMEOUT | FORCE,
        .summary = "have a node give a volume to another one, with no loss",
        .help =
            "Asks the server that holds the volume for one node to give it to\n"
            "another: it finishes the writes that are under way, lets new "
            "ones\n"
            "wait, and hands the lease over. By that server (--server) it is\n"
            "done at once, else within a renewal, at most 20 seconds. After\n"
            "SECONDS the request is withdrawn; with --force the volume is\n"
            "taken then, as preempt does.\n",
        .run_by_server = run_handover,
    },
    {
        .name = "clear",
        .operands = {"VOLUME"},
        .optional = NODE,
        .summary = "break the lease, whoever holds it",
        .help =
            "Breaks the lease at once, whoever holds it. Afterwards it is\n"
            "free for the first node that asks, also for the one that held\n"
            "it: to keep a node out, use preempt. Nobody is registered any\n"
            "more. With --server it is NODE, a registered one, that asks.\n",
        .run_by_server = run_server_clear,
    },
    {
        .name = "register",
        .operands = {"VOLUME"},
        .required = NODE | KEY,
        .summary = "register a node's reservation key",
        .help =
            "Registers NODE with KEY, or gives it another key. Key 0 takes\n"
            "the registration away, and with it a reservation of NODE's.\n",
        .run_by_server = run_register,
    },
    {
        .name = "keys",
        .operands = {"VOLUME"},
        .optional = JSON,
        .summary = "show which nodes are registered",
        .help = "Shows the nodes that are registered, one a line: its key and\n"
                "name, and whether it holds the reservation.\n",
        .run_by_server = run_keys,
    },
    {
        .name = "pr-out",
        .operands = {"VOLUME"},
        .required = NODE,
        .optional = PR_OUT_OPTIONS,
        .summary = "run a PERSISTENT RESERVE OUT",
        .help =
            "Runs one service action of PERSISTENT RESERVE OUT in NODE's\n"
            "name; options are named, and numbers written, as sg_persist(8)\n"
            "does. Exit codes when the command has not ended GOOD: 5 illegal\n"
            "request, 7 data protect, 11 aborted command, 24 reservation\n"
            "conflict, else 1.\n",
        .run_by_server = run_pr_out,
    },
    {
        .name = "pr-in",
        .operands = {"VOLUME"},
        .optional = NODE | PR_IN_OPTIONS,
        .summary = "run a PERSISTENT RESERVE IN",
        .help = "Runs one service action of PERSISTENT RESERVE IN and prints\n"
                "what it answers; options, output and exit codes are those of\n"
                "sg_persist(8), as with pr-out.\n",
        .run_by_server = run_pr_in,
    },
    {
        .name = "lease-id",
        .operands = {"NODE"},
        .summary = "print the lease ID that follows from a node's name",
        .help = "Prints the lease ID of NODE, for use with the store's own\n"
                "tools. Needs no store. With --lease-key it is the one that\n"
                "servers with the same key use.\n",
    },
    {
        .name = "help",
        .operands = {"[VERB]"},
        .summary = "explain a verb, or list all verbs",
        .help = "Explains VERB, or lists all verbs.\n",
        .run = run_help,
    },
    {
        .name = "version",
        .summary = "print the version",
        .help = "Prints the name and version of this program.\n",
        .run = run_version,
    },
    {.name = NULL},
};

const struct cli_verb *
cli_verb_find(const char *name)
{
  for (const struct cli_verb *verb = cli_verbs; verb->name != NULL; verb++) {
    if (strcmp(verb->name, name) == 0)
      return verb;
  }
  return NULL;
}
