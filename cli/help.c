/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* help.c: --help, help and version, out of the table of verbs. */
#include "config.h"

#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "utils/printable.h"

#define HELP_COLUMN 26
#define USAGE_COLUMNS 79

/* "  --node NODE             the node ..." */
static void
print_options(cli_options_mask options)
{
  for (unsigned i = 0; i < OPTION_COUNT; i++) {
    const struct cli_option_spec *option = &cli_options[i];
    char left[64];

    if ((options & OPTION_BIT(i)) == 0)
      continue;
    snprintf(left, sizeof left, "--%s%s%s", option->name,
             option->argument != NULL ? " " : "",
             option->argument != NULL ? option->argument : "");
    printf("  %-*s  %s\n", HELP_COLUMN - 4, left, option->help);
  }
}

/* "create VOLUME SIZE" */
static void
put_synopsis(const struct cli_verb *verb, char *text, size_t size)
{
  int used = snprintf(text, size, "%s", verb->name);

  for (unsigned i = 0; verb->operands[i] != NULL; i++)
    used +=
        snprintf(text + used, size - (size_t)used, " %s", verb->operands[i]);
}

/* As many lines as it takes. */
static void
print_usage(const struct cli_verb *verb)
{
  static const char begin[] = "Usage: leasehold ";
  char left[64];
  int column;

  put_synopsis(verb, left, sizeof left);
  column = printf("%s%s", begin, left);
  for (unsigned i = 0; i < OPTION_COUNT; i++) {
    const struct cli_option_spec *option = &cli_options[i];
    bool optional = (verb->optional & OPTION_BIT(i)) != 0;

    if (!optional && (verb->required & OPTION_BIT(i)) == 0)
      continue;
    snprintf(left, sizeof left, "%s--%s%s%s%s", optional ? "[" : "",
             option->name, option->argument != NULL ? " " : "",
             option->argument != NULL ? option->argument : "",
             optional ? "]" : "");
    if (column + 1 + (int)strlen(left) > USAGE_COLUMNS)
      column = printf("\n%*s", (int)strlen(begin) - 1, "") - 1;
    column += printf(" %s", left);
  }
  putchar('\n');
}

static void
print_verb_help(const struct cli_verb *verb)
{
  print_usage(verb);
  printf("\n%s", verb->help);
  if ((verb->required | verb->optional) != 0) {
    printf("\nOptions:\n");
    print_options(verb->required | verb->optional);
  }
  printf("\nGlobal options:\n");
  print_options(OPTIONS_GLOBAL);
}

static void
print_help(void)
{
  printf("Usage: leasehold [--store URL] VERB [OPERAND]... [OPTION]...\n\n"
         "Volumes in an object store that one node at a time can write to.\n\n"
         "Verbs:\n");
  for (const struct cli_verb *verb = cli_verbs; verb->name != NULL; verb++) {
    char left[64];

    put_synopsis(verb, left, sizeof left);
    printf("  %-*s%s\n", HELP_COLUMN - 2, left, verb->summary);
  }
  printf("\nGlobal options:\n");
  print_options(OPTIONS_GLOBAL);
  printf("\n'leasehold help VERB' explains a verb and its options.\n"
         "Exit codes: 0 done, 1 failed, 2 usage, 3 reservation conflict.\n");
}

enum cli_exit
run_help(struct cli *cli)
{
  const struct cli_verb *verb;
  struct printable shown;

  if (cli->operand_count == 0) {
    print_help();
    return CLI_DONE;
  }
  verb = cli_verb_find(cli->operands[0]);
  if (verb == NULL)
    return cli_fail(
        cli, CLI_USAGE, "unknown verb %s",
        printable(&shown, cli->operands[0], strlen(cli->operands[0])));
  print_verb_help(verb);
  return CLI_DONE;
}

enum cli_exit
run_version(struct cli *cli)
{
  (void)cli;
  printf("leasehold %s\n", PACKAGE_VERSION);
  return CLI_DONE;
}
