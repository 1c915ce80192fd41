/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* size.c: sizes as people write and read them; powers of 1024. */
#include "utils/size.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "utils/decimal.h"
#include "utils/printable.h"

#define FRACTION_DIGITS_MAX 9
#define ROUND_TO 512

static const char unit_letters[] = "BKMGTPE";

struct decimal_fraction {
  uint64_t numerator, denominator; /* a power of ten, at most 10^9 */
};

/* The part behind a ".": at least one digit. */
static bool
read_fraction(const char **text, struct decimal_fraction *out)
{
  const char *start = *text;

  if (!decimal_read(text, 999999999, &out->numerator) ||
      *text - start > FRACTION_DIGITS_MAX)
    return false;
  out->denominator = 1;
  for (const char *p = start; p < *text; p++)
    out->denominator *= 10;
  return true;
}

/* What is left of the text, as a power of two; negative: no unit. */
static int
read_unit(const char *text)
{
  const char *letter;

  if (*text == ' ')
    text++;
  else if (*text == '\0')
    return 0;
  if (*text == '\0')
    return -1;
  for (letter = unit_letters; *letter != '\0'; letter++)
    if (strncasecmp(letter, text, 1) == 0)
      break;
  if (*letter == '\0')
    return -1;
  text++;
  if (*text != '\0' && (letter == unit_letters || strcmp(text, "iB") != 0))
    return -1;
  return 10 * (int)(letter - unit_letters);
}

/* Adds fraction * 2^shift to *bytes. Long division, bit by bit: below 10^9
 * nothing overflows.
 */
static bool
add_fraction(struct decimal_fraction fraction, int shift, uint64_t *bytes)
{
  uint64_t quotient = 0, rest = fraction.numerator;

  for (int i = 0; i < shift; i++) {
    rest *= 2;
    quotient = 2 * quotient + (rest >= fraction.denominator);
    if (rest >= fraction.denominator)
      rest -= fraction.denominator;
  }
  if (__builtin_add_overflow(*bytes, quotient, bytes))
    return false;
  if (rest == 0)
    return true;
  if (*bytes > UINT64_MAX - ROUND_TO)
    return false;
  *bytes = (*bytes / ROUND_TO + 1) * ROUND_TO;
  return true;
}

int
size_parse(const char *text, uint64_t *bytes, struct error *err)
{
  struct decimal_fraction fraction = {0, 1};
  struct printable shown;
  const char *p = text;
  uint64_t whole;
  int shift;

  printable(&shown, text, strlen(text));
  if (*p < '0' || *p > '9')
    return error_set(err, STATUS_INVALID, "size %s does not begin with a digit",
                     shown.text);
  if (!decimal_read(&p, UINT64_MAX, &whole))
    return error_set(err, STATUS_INVALID, "size %s is too large", shown.text);
  if (*p == '.') {
    p++;
    if (!read_fraction(&p, &fraction))
      return error_set(err, STATUS_INVALID,
                       "size %s: a fraction has one to %d digits", shown.text,
                       FRACTION_DIGITS_MAX);
  }
  shift = read_unit(p);
  if (shift < 0)
    return error_set(err, STATUS_INVALID,
                     "size %s: the unit must be one of K, M, G, T, P, E or "
                     "KiB, MiB, ... (powers of 1024)",
                     shown.text);
  if (shift == 0 && fraction.numerator != 0)
    return error_set(err, STATUS_INVALID, "size %s: a fraction of a byte",
                     shown.text);
  if (whole > UINT64_MAX >> shift)
    return error_set(err, STATUS_INVALID, "size %s is too large", shown.text);
  *bytes = whole << shift;
  if (!add_fraction(fraction, shift, bytes))
    return error_set(err, STATUS_INVALID, "size %s is too large", shown.text);
  return 0;
}

const char *
size_format(uint64_t bytes, char text[SIZE_TEXT_MAX])
{
  unsigned shift = 0, hundredths;
  uint64_t whole, rest;
  char unit;

  while (shift < 60 && bytes >> shift >= 1024)
    shift += 10;
  if (shift == 0) {
    snprintf(text, SIZE_TEXT_MAX, "%" PRIu64 " byte%s", bytes,
             bytes == 1 ? "" : "s");
    return text;
  }
  unit = unit_letters[shift / 10];
  whole = bytes >> shift;
  rest = bytes & ((UINT64_C(1) << shift) - 1);
  hundredths = (unsigned)((rest >> (shift - 10)) * 100 >> 10);
  if (rest == 0)
    snprintf(text, SIZE_TEXT_MAX, "%" PRIu64 " %ciB", whole, unit);
  else if (rest == UINT64_C(1) << (shift - 1))
    snprintf(text, SIZE_TEXT_MAX, "%" PRIu64 ".5 %ciB", whole, unit);
  else if ((rest & ((UINT64_C(1) << (shift - 2)) - 1)) == 0) /* a quarter */
    snprintf(text, SIZE_TEXT_MAX, "%" PRIu64 ".%02u %ciB", whole, hundredths,
             unit);
  else
    snprintf(text, SIZE_TEXT_MAX, "%" PRIu64 ".%02u %ciB (%" PRIu64 " bytes)",
             whole, hundredths, unit, bytes);
  return text;
}
