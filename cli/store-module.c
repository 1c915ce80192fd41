/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store-module.c: the module with the verbs that need a store.
 *
 * It is where it was installed or, for a program that was not, in the folder
 * where libtool puts it beside the program. It stays until the process ends.
 */
#include "config.h"

#include "cli.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MODULE "leasehold-store.so"

/* The one beside the program; "" if it is not there. */
static void
find_beside(char path[PATH_MAX])
{
  static const char beside[] = "/.libs/" MODULE;
  ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
  char *end;

  path[length > 0 ? length : 0] = '\0';
  end = strrchr(path, '/');
  if (end == NULL || (size_t)(end - path) + sizeof beside > PATH_MAX) {
    path[0] = '\0';
    return;
  }
  memcpy(end, beside, sizeof beside);
  if (access(path, R_OK) != 0)
    path[0] = '\0';
}

enum cli_exit
cli_run_at_store(struct cli *cli)
{
  enum cli_exit (*run)(struct cli *);
  char path[PATH_MAX];
  void *module, *found;

  find_beside(path);
  module = dlopen(path[0] != '\0' ? path : PKGLIBDIR "/" MODULE,
                  RTLD_NOW | RTLD_LOCAL);
  found = module != NULL ? dlsym(module, CLI_MODULE_FUNCTION) : NULL;
  if (found == NULL)
    return cli_fail(cli, CLI_FAILED, "%s", dlerror());
  memcpy(&run, &found, sizeof run);
  return run(cli);
}
