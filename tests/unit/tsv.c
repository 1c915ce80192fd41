/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tsv.c: tables of tests/data, read line by line. */
#include "tsv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define COLUMNS_MAX 16

void
tsv_each(const char *name, size_t columns,
         void (*row)(char *const *fields, unsigned line, void *data),
         void *data)
{
  const char *srcdir = getenv("LEASEHOLD_SRCDIR");
  char path[4096], text[1024];
  bool header = true;
  unsigned line = 0;
  FILE *file;

  snprintf(path, sizeof path, "%s/tests/data/%s", srcdir ? srcdir : ".", name);
  file = fopen(path, "re");
  if (file == NULL)
    fail_msg("%s: cannot be opened", path);
  while (fgets(text, sizeof text, file) != NULL) {
    char *fields[COLUMNS_MAX], *rest = text;
    size_t count = 0;

    line++;
    text[strcspn(text, "\n")] = '\0';
    if (text[0] == '#')
      continue;
    while (rest != NULL && count < COLUMNS_MAX)
      fields[count++] = strsep(&rest, "\t");
    if (count != columns || rest != NULL)
      fail_msg("%s:%u: not %zu columns", path, line, columns);
    if (!header)
      row(fields, line, data);
    header = false;
  }
  fclose(file);
}
