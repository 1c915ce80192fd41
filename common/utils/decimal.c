/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decimal.c: unsigned decimal numbers in untrusted text. */
#include "utils/decimal.h"

bool
decimal_read(const char **text, uint64_t max, uint64_t *out)
{
  const char *p = *text;
  uint64_t value = 0;

  for (; *p >= '0' && *p <= '9'; p++) {
    uint64_t digit = (uint64_t)(*p - '0');

    if (digit > max || value > (max - digit) / 10)
      return false;
    value = value * 10 + digit;
  }
  if (p == *text)
    return false;
  *text = p;
  *out = value;
  return true;
}
