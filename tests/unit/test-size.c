/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-size.c: sizes as people write and read them. */
#include "utils/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)
#define TIB (KIB * GIB)
#define EIB (MIB * TIB)

static void
sizes_are_understood(void **unused)
{
  static const struct {
    const char *text;
    uint64_t bytes;
  } rows[] = {
      {"0", 0},
      {"1", 1},
      {"4096", 4096},
      {"4096B", 4096},
      {"4096 B", 4096},
      {"007", 7},
      {"1K", KIB},
      {"1k", KIB},
      {"512M", 512 * MIB},
      {"10G", 10 * GIB},
      {"10g", 10 * GIB},
      {"10GiB", 10 * GIB},
      {"10 GiB", 10 * GIB},
      {"512MiB", 512 * MIB},
      {"1T", TIB},
      {"1.5T", TIB + TIB / 2},
      {"0.5K", 512},
      {"1.0", 1},
      {"2P", 2 * KIB * TIB},
      {"15E", 15 * EIB},
      {"15.999999999E", UINT64_C(18446744072556630528)},
      {"18446744073709551615", UINT64_MAX},
      /* Rounded up to 512, as qemu-img does. */
      {"1.1G", UINT64_C(1181116416)},
      {"0.000000001E", UINT64_C(1152921600)},
      {"0.1K", 512},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct error err = ERROR_INIT;
    uint64_t bytes = 77;

    if (size_parse(rows[i].text, &bytes, &err) != 0)
      fail_msg("%s", err.text);
    if (bytes != rows[i].bytes)
      fail_msg("%s: %" PRIu64, rows[i].text, bytes);
  }
}

/* Each text names the input; control bytes and the like come out escaped. */
static void
others_are_refused_by_name(void **unused)
{
  static const struct {
    const char *text, *shown;
  } rows[] = {
      {"", "\"\""},
      {" 1", "\" 1\""},
      {"-1", "\"-1\""},
      {"+1", "\"+1\""},
      {".5G", "\".5G\""},
      {"G", "\"G\""},
      {"1.G", "\"1.G\""},
      {"1..5G", "\"1..5G\""},
      {"1.2.3G", "\"1.2.3G\""},
      {"1.5", "\"1.5\""},
      {"1.5B", "\"1.5B\""},
      {"1.0000000001G", "\"1.0000000001G\""},
      {"10GB", "\"10GB\""},
      {"10KB", "\"10KB\""},
      {"10Gib", "\"10Gib\""},
      {"10GiBB", "\"10GiBB\""},
      {"10BiB", "\"10BiB\""},
      {"10X", "\"10X\""},
      {"10G ", "\"10G \""},
      {"10  G", "\"10  G\""},
      {"10 ", "\"10 \""},
      {"0x10", "\"0x10\""},
      {"1e3", "\"1e3\""},
      {"1,5G", "\"1,5G\""},
      {"16E", "\"16E\""},
      {"17179869184G", "\"17179869184G\""},
      {"18446744073709551616", "\"18446744073709551616\""},
      {"99999999999999999999999999999999999999", "\"999999999999999999999999999"
                                                 "99999999999\""},
      {"18446744073709551615.5K", "\"18446744073709551615.5K\""},
      {"1\n", "\"1\\x0a\""},
      {"1\x1b[2J", "\"1\\x1b[2J\""},
      {"\xff\xfe", "\"\\xff\\xfe\""},
      {"1\xc2\xa0G", "\"1\\xc2\\xa0G\""},
      {"10\"", "\"10\\x22\""},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct error err = ERROR_INIT;
    uint64_t bytes;

    if (size_parse(rows[i].text, &bytes, &err) != STATUS_INVALID)
      fail_msg("%s was taken", rows[i].text);
    assert_int_equal(err.status, STATUS_INVALID);
    if (strstr(err.text, rows[i].shown) == NULL)
      fail_msg("%s: %s", rows[i].shown, err.text);
  }
}

static void
endless_input_is_refused(void **unused)
{
  static char text[10241];
  struct error err = ERROR_INIT;
  uint64_t bytes;

  (void)unused;
  for (const char *c = "190.GiB x\x01"; *c != '\0'; c++) {
    memset(text, *c, sizeof text - 1);
    assert_int_equal(size_parse(text, &bytes, &err),
                     *c == '0' ? 0 : STATUS_INVALID);
  }
  text[0] = '1';
  text[1] = '.';
  memset(text + 2, '0', sizeof text - 3);
  assert_int_equal(size_parse(text, &bytes, &err), STATUS_INVALID);
}

static void
sizes_are_shown_exactly(void **unused)
{
  static const struct {
    uint64_t bytes;
    const char *text;
  } rows[] = {
      {0, "0 bytes"},
      {1, "1 byte"},
      {1000, "1000 bytes"},
      {1023, "1023 bytes"},
      {KIB, "1 KiB"},
      {1536, "1.5 KiB"},
      {1025, "1.00 KiB (1025 bytes)"},
      {10 * GIB, "10 GiB"},
      {TIB + TIB / 2, "1.5 TiB"},
      {TIB + TIB / 4, "1.25 TiB"},
      {TIB + TIB / 4 * 3, "1.75 TiB"},
      {MIB + MIB / 8, "1.12 MiB (1179648 bytes)"},
      {1023 * MIB, "1023 MiB"},
      {GIB - 512, "1023.99 MiB (1073741312 bytes)"},
      {8 * TIB, "8 TiB"},
      {EIB, "1 EiB"},
      {UINT64_MAX, "15.99 EiB (18446744073709551615 bytes)"},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[SIZE_TEXT_MAX];

    assert_string_equal(size_format(rows[i].bytes, text), rows[i].text);
  }
}

/* What size_format shows without a byte count, size_parse takes for the same
 * number.
 */
static void
what_is_shown_can_be_typed(void **unused)
{
  uint64_t random = 88172645463325252;

  (void)unused;
  for (int i = 0; i < 100000; i++) {
    char text[SIZE_TEXT_MAX], *bracket;
    uint64_t bytes, parsed, in_brackets = 0;

    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    bytes = random >> (random & 63);
    bytes &= ~UINT64_C(0) << (random >> 6 & 63);
    size_format(bytes, text);
    assert_in_range(strlen(text), 1, SIZE_TEXT_MAX - 1);
    bracket = strchr(text, '(');
    if (bracket != NULL) {
      assert_int_equal(sscanf(bracket, "(%" SCNu64, &in_brackets), 1);
      assert_int_equal(in_brackets, bytes);
      continue;
    }
    if (bytes < 1024)
      continue;
    assert_int_equal(size_parse(text, &parsed, NULL), 0);
    assert_int_equal(parsed, bytes);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes_are_understood),
      cmocka_unit_test(others_are_refused_by_name),
      cmocka_unit_test(endless_input_is_refused),
      cmocka_unit_test(sizes_are_shown_exactly),
      cmocka_unit_test(what_is_shown_can_be_typed),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
