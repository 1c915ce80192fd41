/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* printable.c: untrusted bytes, made fit for messages. */
#include "utils/printable.h"

#include <stdbool.h>
#include <string.h>

static bool
is_plain(unsigned char byte)
{
  return byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
}

const char *
printable(struct printable *out, const char *bytes, size_t length)
{
  static const char hex[] = "0123456789abcdef";
  bool cut = length > PRINTABLE_SHOWN_MAX;
  char *p = out->text;

  *p++ = '"';
  for (size_t i = 0; i < (cut ? PRINTABLE_SHOWN_MAX : length); i++) {
    unsigned char byte = (unsigned char)bytes[i];

    if (is_plain(byte)) {
      *p++ = (char)byte;
    } else {
      *p++ = '\\';
      *p++ = 'x';
      *p++ = hex[byte >> 4];
      *p++ = hex[byte & 15];
    }
  }
  strcpy(p, cut ? "\"..." : "\"");
  return out->text;
}
