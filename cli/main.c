/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main.c: the leasehold command: reads the command line, runs one verb.
 *
 * Options may stand anywhere. All of them are read first, then the verb is
 * looked up and what it takes is compared with what was given (verbs.c). Bad
 * usage is told after that, so that the message can name the verb.
 *
 * What goes by a server is in this program, which needs libnbd for it. What
 * needs a store is in a module (store-verbs.c), which is loaded for that only
 * (store-module.c): the libraries that a store needs take longer to load than a
 * server takes to do what it is told.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utils/printable.h"

#define PARSE_BASE 256

/* optopt is a short option, which we do not have any of, or 0 for a long one
 * that is not ours.
 */
static void
unknown_option(const char *word, struct error *err)
{
  struct printable shown;
  char letter[] = {'-', (char)optopt, '\0'};

  if (optopt != 0)
    word = letter;
  error_set(err, STATUS_INVALID, "unknown option %s",
            printable(&shown, word, strlen(word)));
}

/* Reads the options. What is wrong is kept in err, for when the verb is known.
 */
static void
parse_options(struct cli *cli, int argc, char *argv[], struct error *err)
{
  struct option long_options[OPTION_COUNT + 1] = {{0}};
  int got;

  for (int i = 0; i < OPTION_COUNT; i++) {
    long_options[i] = (struct option){
        .name = cli_options[i].name,
        .has_arg = cli_options[i].argument != NULL,
        .val = PARSE_BASE + i,
    };
  }
  opterr = 0;
  while ((got = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
    int option = got - PARSE_BASE;

    if (err->status != STATUS_OK)
      continue; /* the first mistake is the one to tell */
    if (option < 0 && optopt >= PARSE_BASE)
      error_set(err, STATUS_INVALID,
                got == ':' ? "option --%s needs a value"
                           : "option --%s takes no value",
                cli_options[optopt - PARSE_BASE].name);
    else if (option < 0)
      unknown_option(argv[optind - 1], err);
    else if (cli->options[option] != NULL)
      error_set(err, STATUS_INVALID, "option --%s is given twice",
                cli_options[option].name);
    else
      cli->options[option] = optarg != NULL ? optarg : "";
  }
}

/* Are the operands and options those that the verb takes? */
static enum cli_exit
check_usage(const struct cli *cli)
{
  const struct cli_verb *verb = cli->verb;
  cli_options_mask allowed = verb->required | verb->optional | OPTIONS_GLOBAL;

  if (verb->run_by_server == NULL)
    allowed &= ~OPTION_BIT(OPTION_SERVER);
  for (unsigned i = 0; i < OPTION_COUNT; i++) {
    bool given = cli->options[i] != NULL;

    if (given && (allowed & OPTION_BIT(i)) == 0)
      return cli_fail(cli, CLI_USAGE, "this verb has no option --%s",
                      cli_options[i].name);
  }
  if (cli->options[OPTION_SERVER] != NULL && cli->options[OPTION_STORE] != NULL)
    return cli_fail(cli, CLI_USAGE, "--server and --store contradict");
  for (unsigned i = cli->operand_count; i < OPERANDS_MAX; i++) {
    const char *operand = verb->operands[i];

    if (operand == NULL)
      break;
    if (operand[0] != '[')
      return cli_fail(cli, CLI_USAGE, "%s is missing", operand);
  }
  for (unsigned i = 0; i < OPTION_COUNT; i++) {
    if ((verb->required & OPTION_BIT(i)) != 0 && cli->options[i] == NULL)
      return cli_fail(cli, CLI_USAGE, "option --%s %s is missing",
                      cli_options[i].name, cli_options[i].argument);
  }
  return CLI_DONE;
}

static enum cli_exit
take_operands(struct cli *cli, int argc, char *argv[])
{
  struct printable shown;

  for (int i = optind; i < argc; i++) {
    if (cli->operand_count == OPERANDS_MAX ||
        cli->verb->operands[cli->operand_count] == NULL)
      return cli_fail(cli, CLI_USAGE, "%s is one operand too many",
                      printable(&shown, argv[i], strlen(argv[i])));
    cli->operands[cli->operand_count++] = argv[i];
  }
  return CLI_DONE;
}

/* --help and --version stand for the verbs, whatever else is missing. */
static enum cli_exit
run_instead(struct cli *cli)
{
  if (cli->options[OPTION_VERSION] != NULL) {
    cli->verb = cli_verb_find("version");
  } else {
    cli->operand_count = cli->verb != NULL;
    if (cli->verb != NULL)
      cli->operands[0] = cli->verb->name;
    cli->verb = cli_verb_find("help");
  }
  return cli->verb->run(cli);
}

static enum cli_exit
run(struct cli *cli, int argc, char *argv[])
{
  struct error err = ERROR_INIT;
  struct printable shown;
  enum cli_exit code;

  parse_options(cli, argc, argv, &err);
  if (optind < argc) {
    cli->verb = cli_verb_find(argv[optind]);
    if (cli->verb == NULL)
      return cli_fail(cli, CLI_USAGE,
                      "unknown verb %s; 'leasehold help' lists them",
                      printable(&shown, argv[optind], strlen(argv[optind])));
    optind++;
  }
  if (err.status != STATUS_OK)
    return cli_fail(cli, CLI_USAGE, "%s", err.text);
  if (cli->options[OPTION_HELP] != NULL || cli->options[OPTION_VERSION] != NULL)
    return run_instead(cli);
  if (cli->verb == NULL)
    return cli_fail(cli, CLI_USAGE, "no verb; 'leasehold help' lists them");

  code = take_operands(cli, argc, argv);
  if (code == CLI_DONE)
    code = check_usage(cli);
  if (code == CLI_DONE)
    code = cli_read_secrets(cli);
  if (code != CLI_DONE)
    return code;
  if (cli->options[OPTION_SERVER] != NULL)
    return cli->verb->run_by_server(cli);
  return cli->verb->run != NULL ? cli->verb->run(cli) : cli_run_at_store(cli);
}

/* A result that could not be written is no result. */
static enum cli_exit
close_stdout(const struct cli *cli, enum cli_exit code)
{
  bool failed = ferror(stdout) != 0;

  if (fclose(stdout) == 0 && !failed)
    return code;
  cli_fail(cli, code, "standard output: %s",
           errno != 0 ? strerror(errno) : "write error");
  return code == CLI_DONE ? CLI_FAILED : code;
}

int
main(int argc, char *argv[])
{
  struct cli cli = {.verb = NULL};
  enum cli_exit code = run(&cli, argc, argv);

  cli_forget_secrets(&cli);
  errno = 0;
  return (int)close_stdout(&cli, code);
}
