/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-export-name.c: the grammar of DESIGN section 2, with hostile input. */
#include "leasehold/export-name.h"

#include <stdio.h>
#include <string.h>

#include "export-name-text.h"
#include "unit.h"

static void
names_are_understood(void **unused)
{
  static const struct {
    const char *text;
    struct export_name name;
  } rows[] = {
      {"disk0", {.volume = "disk0", .observe = true}},
      {"disk0@", {.volume = "disk0", .observe = true}},
      {"a/b.c/d-e_f", {.volume = "a/b.c/d-e_f", .observe = true}},
      {"disk0@node-a", {.volume = "disk0", .node = "node-a"}},
      {"disk0@iqn.2024-01.com.example:host7",
       {.volume = "disk0", .node = "iqn.2024-01.com.example:host7"}},
      {"disk0@node-a/ro",
       {.volume = "disk0", .node = "node-a", .observe = true}},
      {"disk0@/ro", {.volume = "disk0", .observe = true}},
      {"disk0@node-a/instance=5f2c",
       {.volume = "disk0", .node = "node-a", .instance = "5f2c"}},
      {"disk0@node-a/gate",
       {.volume = "disk0", .node = "node-a", .on_conflict = ON_CONFLICT_GATE}},
      {"disk0@node-a/readonly",
       {.volume = "disk0",
        .node = "node-a",
        .on_conflict = ON_CONFLICT_READONLY}},
      {"disk0@node-a/refuse",
       {.volume = "disk0",
        .node = "node-a",
        .on_conflict = ON_CONFLICT_REFUSE}},
      {"disk0@node-a/wait",
       {.volume = "disk0",
        .node = "node-a",
        .on_conflict = ON_CONFLICT_WAIT,
        .wait_s = WAIT_FOREVER}},
      {"disk0@node-a/wait=0",
       {.volume = "disk0", .node = "node-a", .on_conflict = ON_CONFLICT_WAIT}},
      {"a/b@n/wait=4294967294/instance=i",
       {.volume = "a/b",
        .node = "n",
        .instance = "i",
        .on_conflict = ON_CONFLICT_WAIT,
        .wait_s = WAIT_FOREVER - 1}},
      {"disk0@node-a/reservation",
       {.volume = "disk0", .node = "node-a", .kind = EXPORT_RESERVATION}},
      {"disk0@node-a/instance=one/reservation",
       {.volume = "disk0",
        .node = "node-a",
        .instance = "one",
        .kind = EXPORT_RESERVATION}},
      {"disk0@/status",
       {.volume = "disk0", .observe = true, .kind = EXPORT_STATUS}},
      {"disk0@/ro/status",
       {.volume = "disk0", .observe = true, .kind = EXPORT_STATUS}},
      {"disk0@node-a/status",
       {.volume = "disk0", .node = "node-a", .kind = EXPORT_STATUS}},
      {"disk0@/events",
       {.volume = "disk0", .observe = true, .kind = EXPORT_EVENTS}},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct error err = ERROR_INIT;
    struct export_name name;

    memset(&name, 0xa5, sizeof name);
    if (export_name_parse(rows[i].text, &name, &err) != 0)
      fail_msg("%s: %s", rows[i].text, err.text);
    if (!export_name_equal(&name, &rows[i].name))
      fail_msg("%s was understood otherwise", rows[i].text);
  }
}

/* Each text names the offending part. */
static void
others_are_refused_by_part(void **unused)
{
  static const struct {
    const char *text, *error;
  } rows[] = {
      {"", "the volume name is empty"},
      {"@", "the volume name is empty"},
      {"@node-a", "the volume name is empty"},
      {"../x", "volume name \"../x\": \".\" at byte 1"},
      {"disk0/../../etc@n", "volume name \"disk0/../../etc\": \".\" at byte 7"},
      {"disk0/@n", "volume name \"disk0/\" ends in \"/\""},
      {"di sk@n", "volume name \"di sk\": \" \" at byte 3"},
      {"disk0@node a", "node name \"node a\": \" \" at byte 5"},
      {"disk0@a@b", "node name \"a@b\": \"@\" at byte 2"},
      {"disk0@-a", "node name \"-a\": \"-\" at byte 1"},
      {"disk0@n\x1b[2J", "node name \"n\\x1b[2J\": \"\\x1b\" at byte 2"},
      {"disk0@n/", "an option is empty"},
      {"disk0@/", "an option is empty"},
      {"disk0@n//ro", "an option is empty"},
      {"disk0@n/ro/", "an option is empty"},
      {"disk0@n/rw", "unknown option \"rw\""},
      {"disk0@n/RO", "unknown option \"RO\""},
      {"disk0@n/r", "unknown option \"r\""},
      {"disk0@n/=", "unknown option \"=\""},
      {"disk0@n/ro\n", "unknown option \"ro\\x0a\""},
      {"disk0@n/\xff\"", "unknown option \"\\xff\\x22\""},
      {"disk0@n/ro=1", "option \"ro=1\": \"ro\" takes no value"},
      {"disk0@n/gate=", "option \"gate=\": \"gate\" takes no value"},
      {"disk0@n/status=x", "option \"status=x\": \"status\" takes no value"},
      {"disk0@n/instance", "option \"instance\" needs a value"},
      {"disk0@n/instance=", "the instance is empty"},
      {"disk0@n/instance=a=b", "instance \"a=b\": \"=\" at byte 2"},
      {"disk0@n/instance=-", "instance \"-\": \"-\" at byte 1"},
      {"disk0@n/wait=", "\"wait=\" is not one of gate, readonly"},
      {"disk0@n/wait=x", "\"wait=x\" is not one of"},
      {"disk0@n/wait=-1", "\"wait=-1\" is not one of"},
      {"disk0@n/wait=1s", "\"wait=1s\" is not one of"},
      {"disk0@n/wait=4294967295", "\"wait=4294967295\" is not one of"},
      {"disk0@n/wait=99999999999999999999", "\"wait=99999999999999999999\""},
      {"disk0@/instance=i", "option \"instance=i\" needs a node"},
      {"disk0@/reservation", "option \"reservation\" needs a node"},
      {"disk0@/wait", "option \"wait\" needs a node"},
      {"disk0@n/ro/ro", "option \"ro\" is given twice"},
      {"disk0@n/instance=a/instance=a", "option \"instance=a\" is given twice"},
      {"disk0@n/status/status", "option \"status\" is given twice"},
      {"disk0@n/gate/gate", "option \"gate\" contradicts an option before it"},
      {"disk0@n/gate/wait=5", "option \"wait=5\" contradicts an option"},
      {"disk0@n/wait/refuse", "option \"refuse\" contradicts an option"},
      {"disk0@n/ro/wait", "option \"wait\" contradicts an option"},
      {"disk0@n/wait/ro", "option \"ro\" contradicts an option"},
      {"disk0@n/ro/reservation", "option \"reservation\" contradicts"},
      {"disk0@n/reservation/ro", "option \"ro\" contradicts"},
      {"disk0@n/reservation/status", "option \"status\" contradicts"},
      {"disk0@n/status/reservation", "option \"reservation\" contradicts"},
      {"disk0@n/readonly/status", "option \"status\" contradicts"},
      {"disk0@n/status/readonly", "option \"readonly\" contradicts"},
      {"disk0@n/events=1", "option \"events=1\": \"events\" takes no value"},
      {"disk0@n/events/events", "option \"events\" is given twice"},
      {"disk0@n/events/status", "option \"status\" contradicts"},
      {"disk0@n/status/events", "option \"events\" contradicts"},
      {"disk0@n/reservation/events", "option \"events\" contradicts"},
      {"disk0@n/events/wait", "option \"wait\" contradicts"},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct error err = ERROR_INIT;
    struct export_name name;

    if (export_name_parse(rows[i].text, &name, &err) != STATUS_INVALID)
      fail_msg("\"%s\" was taken", rows[i].text);
    assert_int_equal(err.status, STATUS_INVALID);
    if (strstr(err.text, rows[i].error) == NULL)
      fail_msg("\"%s\": %s", rows[i].text, err.text);
    assert_int_equal(export_name_parse(rows[i].text, &name, NULL),
                     STATUS_INVALID);
  }
}

/* The longest name is taken, one byte more in any part is not. */
static void
lengths_have_limits(void **unused)
{
  char volume[300], node[300], instance[100], text[1000];

  (void)unused;
  for (int bad = 0; bad < 4; bad++) {
    struct error err = ERROR_INIT;
    struct export_name name;

    snprintf(volume, sizeof volume, "%0*d", VOLUME_NAME_MAX + (bad == 1), 0);
    snprintf(node, sizeof node, "%0*d", NODE_NAME_MAX + (bad == 2), 0);
    snprintf(instance, sizeof instance, "%0*d", INSTANCE_MAX + (bad == 3), 0);
    snprintf(text, sizeof text, "%s@%s/instance=%s", volume, node, instance);
    assert_int_equal(export_name_parse(text, &name, &err),
                     bad ? STATUS_INVALID : 0);
    if (bad) {
      assert_non_null(strstr(err.text, "is too long"));
    } else {
      assert_string_equal(name.volume, volume);
      assert_string_equal(name.node, node);
      assert_string_equal(name.instance, instance);
    }
  }
}

static void
ten_kilobytes_of_anything(void **unused)
{
  static const char *const beginnings[] = {
      "", "a@", "a@n/", "a@n/ro/", "a@n/wait=", "a@n/instance="};
  static char text[10241];

  (void)unused;
  for (size_t i = 0; i < COUNT(beginnings); i++)
    for (int byte = 1; byte < 256; byte++) {
      struct error err = ERROR_INIT;
      struct export_name name;

      memset(text, byte, sizeof text - 1);
      memcpy(text, beginnings[i], strlen(beginnings[i]));
      assert_int_equal(export_name_parse(text, &name, &err), STATUS_INVALID);
      for (const char *p = err.text; *p != '\0'; p++)
        assert_true(*p >= ' ' && *p <= '~');
    }
}

static void
conflict_modes(void **unused)
{
  static const struct {
    const char *text;
    enum conflict_mode mode;
    uint32_t wait_s;
  } rows[] = {
      {"gate", ON_CONFLICT_GATE, 0},
      {"readonly", ON_CONFLICT_READONLY, 0},
      {"refuse", ON_CONFLICT_REFUSE, 0},
      {"wait", ON_CONFLICT_WAIT, WAIT_FOREVER},
      {"wait=30", ON_CONFLICT_WAIT, 30},
  };
  static const char *const bad[] = {"",        "Gate",           "gate ",
                                    "wait=",   "wait=1 ",        "waits",
                                    "default", "wait=4294967295"};
  enum conflict_mode mode;
  uint32_t wait_s;

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    assert_int_equal(conflict_mode_parse(rows[i].text, &mode, &wait_s, NULL),
                     0);
    assert_int_equal(mode, rows[i].mode);
    assert_int_equal(wait_s, rows[i].wait_s);
  }
  for (size_t i = 0; i < COUNT(bad); i++)
    assert_int_equal(conflict_mode_parse(bad[i], &mode, &wait_s, NULL),
                     STATUS_INVALID);
}

/* A name made of random pieces of the grammar is taken or refused; what is
 * taken prints to a name that means the same.
 */
static void
what_is_taken_prints_to_the_same(void **unused)
{
  static const char *const beginnings[] = {"", "disk0", "a/b@", "disk0@n"};
  static const char *const pieces[] = {
      "/ro",          "/gate",      "/wait", "/wait=7",   "/refuse", "/status",
      "/reservation", "/instance=", "/x.y",  "/readonly", "@",       "/",
      "/instance=",   "one",        ":",     "-",         " ",       "\n",
      "/events",      "\xe9"};
  uint64_t random = 88172645463325252;
  unsigned taken = 0;

  (void)unused;
  for (int i = 0; i < 200000; i++) {
    char text[256], printed[EXPORT_NAME_TEXT_MAX];
    struct export_name name, again;
    struct error err = ERROR_INIT;

    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    strcpy(text, beginnings[random & 3]);
    for (uint64_t r = random >> 5 & 0xfffff >> (random >> 60); r != 0;
         r /= COUNT(pieces))
      strcat(text, pieces[r % COUNT(pieces)]);
    if (export_name_parse(text, &name, &err) != 0) {
      assert_string_not_equal(err.text, "");
      continue;
    }
    taken++;
    export_name_text(&name, printed);
    assert_int_equal(export_name_parse(printed, &again, &err), 0);
    if (!export_name_equal(&name, &again))
      fail_msg("%s became %s", text, printed);
  }
  assert_true(taken > 1000);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_understood),
      cmocka_unit_test(others_are_refused_by_part),
      cmocka_unit_test(lengths_have_limits),
      cmocka_unit_test(ten_kilobytes_of_anything),
      cmocka_unit_test(conflict_modes),
      cmocka_unit_test(what_is_taken_prints_to_the_same),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
