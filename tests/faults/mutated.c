/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mutated.c: the plugin with a rule taken out (common/utils/mutation.h), for
 * tests/faults/run --mutation NAME, which puts the name into the environment.
 * Only the cache and the judgement of instances are compiled so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utils/mutation.h"

enum mutation mutation = MUTATION_NONE;

static const struct {
  const char *name;
  enum mutation mutation;
} names[] = {
    {"flush-too-early", S5_FLUSH_TOO_EARLY},
    {"write-back-forgets", S5_WRITE_BACK_FORGETS},
    {"forgets-unclean", S13_FORGETS_UNCLEAN},
};

static void __attribute__((constructor)) read_mutation(void)
{
  const char *name = getenv("LEASEHOLD_MUTATION");

  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (name != NULL && strcmp(name, names[i].name) == 0)
      mutation = names[i].mutation;
  if (mutation != MUTATION_NONE)
    return;
  fprintf(stderr, "mutated.c: LEASEHOLD_MUTATION has no name of a mutation\n");
  abort();
}
