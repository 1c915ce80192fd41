/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* replay.c: runs a fuzz target without libFuzzer, with any compiler.
 *
 * Every input of the corpus is run as it is, cut after each byte, and with
 * each bit turned over: not much, but always the same.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "fuzz.h"

#define INPUT_MAX 65536

static void
run(const uint8_t *data, size_t size)
{
  /* A copy of its own, so that reading past its end is seen. */
  uint8_t *copy = (uint8_t *)fuzz_string(data, size);

  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static void
run_with_changes(uint8_t *data, size_t size)
{
  run(data, size);
  for (size_t i = 0; i < size; i++) {
    run(data, i);
    for (unsigned bit = 0; bit < 8; bit++) {
      data[i] ^= (uint8_t)(1u << bit);
      run(data, size);
      data[i] ^= (uint8_t)(1u << bit);
    }
  }
}

static int
run_file(const char *path)
{
  static uint8_t data[INPUT_MAX];
  FILE *file = fopen(path, "re");
  size_t size;

  if (file == NULL) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 1;
  }
  size = fread(data, 1, sizeof data, file);
  fclose(file);
  run_with_changes(data, size);
  return 0;
}

int
main(void)
{
  const char *srcdir = getenv("LEASEHOLD_SRCDIR");
  char folder[4096], path[8192];
  struct dirent *entry;
  unsigned files = 0;
  DIR *dir;

  snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s",
           srcdir ? srcdir : ".", fuzz_name);
  dir = opendir(folder);
  if (dir == NULL) {
    fprintf(stderr, "%s: %s\n", folder, strerror(errno));
    return 1;
  }
  while ((entry = readdir(dir)) != NULL) {
    if (entry->d_name[0] == '.')
      continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (run_file(path) != 0)
      return 1;
    files++;
  }
  closedir(dir);
  printf("%s: %u inputs\n", fuzz_name, files);
  return files == 0;
}
