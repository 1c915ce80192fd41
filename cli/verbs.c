/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verbs.c: the table of verbs and options. Parsing, --help, the completion and
 * the check of the manual page are all driven by it.
 */
#include "cli.h"

#include <string.h>

const struct cli_option_spec cli_options[OPTION_COUNT] = {
    [OPTION_STORE] =
        {"store", "URL",
         "the store: file:DIRECTORY or https:... [$LEASEHOLD_STORE]"},
    [OPTION_LEASE_KEY] = {"lease-key", "FILE",
                          "a secret that makes lease IDs unguessable"},
    [OPTION_ACCOUNT_KEY] = {"account-key", "FILE", "the storage account's key"},
    [OPTION_SAS] = {"sas", "FILE", "a shared access signature for the store"},
    [OPTION_TOKEN] = {"token", "FILE", "an OAuth token for the store"},
    [OPTION_CAINFO] = {"cainfo", "FILE",
                       "certificates to trust instead of the system's"},
    [OPTION_INSECURE] = {"insecure", NULL, "allow http: to another host"},
    [OPTION_SERVER] = {"server", "URI",
                       "go by this server, as in nbd://HOST, without a store"},
    [OPTION_HELP] = {"help", NULL, "explain the verb, or list the verbs"},
    [OPTION_VERSION] = {"version", NULL, "print the version"},
    [OPTION_NODE] = {"node", "NODE", "the node for which this is done"},
    [OPTION_VICTIM] = {"victim", "NODE",
                       "the node to take it from [whoever holds it]"},
    [OPTION_KEY] = {"key", "KEY", "the node's key, as in 0x1234; 0: none"},
    [OPTION_FROM] = {"from", "NODE", "the node that gives it"},
    [OPTION_TO] = {"to", "NODE", "the node that is to have it"},
    [OPTION_TIMEOUT] = {"timeout", "SECONDS",
                        "how long to wait: 0 to 3600 [60]"},
    [OPTION_DURATION] =
        {"duration", "SECONDS",
         "how long, unless renewed: 15 to 60, or infinite [30]"},
    [OPTION_SHRINK] = {"shrink", NULL, "allow a smaller size: cuts data off"},
    [OPTION_FORCE] = {"force", NULL, "do it even while a node holds it"},
    [OPTION_JSON] = {"json", NULL, "print JSON, for programs"},
    [OPTION_WATCH] = {"watch", NULL, "go on, and print what changes"},
    [OPTION_INTERVAL] = {"interval", "SECONDS",
                         "how often --watch looks: 1 to 3600 [1]"},
    [OPTION_REGISTER] = {"register", NULL,
                         "register NODE with the key --param-sark; 0: not"},
    [OPTION_REGISTER_IGNORE] = {"register-ignore", NULL,
                                "the same, whatever its key was"},
    [OPTION_REGISTER_MOVE] = {"register-move", NULL,
                              "move the reservation to --transport-id"},
    [OPTION_RESERVE] = {"reserve", NULL, "reserve, as --prout-type"},
    [OPTION_RELEASE] = {"release", NULL, "release what is of --prout-type"},
    [OPTION_CLEAR] = {"clear", NULL,
                      "clear the reservation and all registrations"},
    [OPTION_PREEMPT] = {"preempt", NULL,
                        "preempt those with the key --param-sark"},
    [OPTION_PREEMPT_ABORT] = {"preempt-abort", NULL,
                              "the same, and abort what they have sent"},
    [OPTION_PARAM_RK] = {"param-rk", "KEY", "the key of NODE, hexadecimal [0]"},
    [OPTION_PARAM_SARK] = {"param-sark", "KEY",
                           "the service action's key, hexadecimal [0]"},
    [OPTION_PROUT_TYPE] = {"prout-type", "TYPE",
                           "of the reservation: 1, 3, 5, 6, 7 or 8 [0]"},
    [OPTION_PARAM_APTPL] = {"param-aptpl", NULL,
                            "set APTPL, activate persist through power loss"},
    [OPTION_PARAM_ALLTGPT] = {"param-alltgpt", NULL,
                              "set ALL_TG_PT, all target ports"},
    [OPTION_PARAM_UNREG] = {"param-unreg", NULL,
                            "set UNREG: unregister NODE, with --register-move"},
    [OPTION_RELATIVE_TARGET_PORT] =
        {"relative-target-port", "PORT",
         "where the new holder is, hexadecimal [1]"},
    [OPTION_TRANSPORT_ID] = {"transport-id", "NODES",
                             "other nodes, separated by commas"},
    [OPTION_READ_KEYS] = {"read-keys", NULL, "show all keys; the default"},
    [OPTION_READ_RESERVATION] = {"read-reservation", NULL,
                                 "show the reservation"},
    [OPTION_REPORT_CAPABILITIES] = {"report-capabilities", NULL,
                                    "show what is supported"},
    [OPTION_READ_FULL_STATUS] = {"read-full-status", NULL,
                                 "show all registrations and their nodes"},
    [OPTION_ALLOC_LENGTH] = {"alloc-length", "LENGTH",
                             "cut the answer off there, hexadecimal [2000]"},
    [OPTION_HEX] = {"hex", NULL, "print the answer's bytes in hexadecimal"},
    [OPTION_RAW] = {"raw", NULL, "write the answer as it is"},
};

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
        .run = run_create,
    },
    {
        .name = "list",
        .optional = JSON,
        .summary = "show all volumes",
        .help =
            "Shows all volumes of the store, one a line: name, size,\n"
            "lease, who holds it and since when. Damaged ones are named on\n"
            "standard error, and the exit code is 1.\n",
        .run = run_list,
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
        .run = run_status,
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
        .run = run_resize,
    },
    {
        .name = "delete",
        .operands = {"VOLUME"},
        .optional = FORCE,
        .summary = "delete a volume and its data",
        .help = "Deletes the volume and all its data. A volume that a node\n"
                "holds is only deleted with --force.\n",
        .run = run_delete,
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
        .run = run_reserve,
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
        .run = run_release,
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
        .run = run_preempt,
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
        .run = run_handover,
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
        .run = run_clear,
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
        .run = run_register,
        .run_by_server = run_register,
    },
    {
        .name = "keys",
        .operands = {"VOLUME"},
        .optional = JSON,
        .summary = "show which nodes are registered",
        .help = "Shows the nodes that are registered, one a line: its key and\n"
                "name, and whether it holds the reservation.\n",
        .run = run_keys,
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
        .run = run_pr_out,
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
        .run = run_pr_in,
        .run_by_server = run_pr_in,
    },
    {
        .name = "lease-id",
        .operands = {"NODE"},
        .summary = "print the lease ID that follows from a node's name",
        .help = "Prints the lease ID of NODE, for use with the store's own\n"
                "tools. Needs no store. With --lease-key it is the one that\n"
                "servers with the same key use.\n",
        .run = run_lease_id,
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
