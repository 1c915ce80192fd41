/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sanitizer-init.c: starts a preloaded sanitizer before anything else runs.
 *
 * nbdkit preloads the sanitizer's runtime, and so constructors of other
 * libraries run before the runtime's own. It then starts inside the first
 * malloc, which is libp11-kit's, in newlocale, which holds glibc's locale lock.
 * There the runtime calls dlerror, which takes and drops the same lock: later
 * some error message or exit waits for it for ever. This library is marked
 * "initfirst" for the dynamic linker and calls malloc while no lock is held.
 */
#include <stdlib.h>

static void start_sanitizer(void) __attribute__((constructor));

static void
start_sanitizer(void)
{
  void *volatile block = malloc(1);

  free(block);
}
