/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-registrations-json.c: registrations that were written are read; what is
 * damaged or hostile is refused, by name.
 */
#include "leasehold/registrations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static struct registrations
example(void)
{
  struct registrations state = {
      .generation = UINT32_MAX,
      .persist = true,
      .group = 4,
      .reservation = {.type = WRITE_EXCLUSIVE,
                      .holder = "node-a",
                      .epoch = 7,
                      .implied = true},
      .count = 2,
      .registrants = {{.node = "node-a", .key = 0xa},
                      {.node = "node-b",
                       .key = UINT64_MAX,
                       .all_ports = true,
                       .session = "5e55",
                       .instance = "boot-1",
                       .unclean = true}},
      .writer = "5e55",
      .pending_node = "node-b",
      .pending = {.action = PR_REGISTER_AND_MOVE,
                  .scope = 1,
                  .type = 5,
                  .key = 2,
                  .service_key = 3,
                  .persist = true,
                  .unregister = true,
                  .destination = "node-c"},
  };

  return state;
}

static void
round_trip(const struct registrations *state)
{
  static struct registrations again;
  struct error err = ERROR_INIT;
  char *text;

  if (registrations_encode(state, &text, &err) != 0)
    fail_msg("%s", err.text);
  assert_true(strlen(text) <= REGISTRATIONS_JSON_MAX);
  if (registrations_decode(text, strlen(text), "NAME", &again, &err) != 0)
    fail_msg("%s", err.text);
  assert_memory_equal(state, &again, sizeof again);
  free(text);
}

static void
test_round_trip(void **unused)
{
  struct registrations state = example();

  (void)unused;
  round_trip(&state);
  state.reservation = (struct reservation){.type = EXCLUSIVE_ACCESS_ALL};
  round_trip(&state);
  state.reservation =
      (struct reservation){.type = WRITE_EXCLUSIVE}; /* whose? */
  round_trip(&state);
  for (int i = PR_REGISTER; i <= PR_PLAIN_RELEASE; i++) {
    state.pending = (struct pr_command){.action = (enum pr_action)i};
    if (i == PR_REGISTER_AND_MOVE)
      strcpy(state.pending.destination, "node-c");
    round_trip(&state);
  }
  memset(&state, 0, sizeof state);
  round_trip(&state);
}

/* As many as there can be, with the longest names, fit into a side object. */
static void
test_largest(void **unused)
{
  static struct registrations state;

  (void)unused;
  state = example();
  for (state.count = 0; state.count < REGISTRANTS_MAX; state.count++) {
    struct registrant *registrant = &state.registrants[state.count];

    memset(registrant->node, 'n', NODE_NAME_MAX);
    registrant->node[0] = (char)('a' + state.count % 26);
    registrant->node[1] = (char)('a' + state.count / 26);
    registrant->key = UINT64_MAX;
    memset(registrant->session, 'f', SESSION_NONCE_MAX);
    memset(registrant->instance, 'i', INSTANCE_MAX);
  }
  state.group = state.reservation.epoch = INT64_MAX;
  memset(state.writer, 'f', REGISTRATIONS_NONCE_MAX);
  memcpy(state.reservation.holder, state.registrants[0].node,
         sizeof state.reservation.holder);
  memcpy(state.pending_node, state.registrants[1].node,
         sizeof state.pending_node);
  memcpy(state.pending.destination, state.registrants[2].node,
         sizeof state.pending.destination);
  round_trip(&state);
}

static void
test_cannot_be_written(void **unused)
{
  struct registrations state = example();
  struct error err = ERROR_INIT;
  char *text;

  (void)unused;
  strcpy(state.registrants[1].node, "node-a");
  assert_int_equal(registrations_encode(&state, &text, &err), STATUS_INVALID);
  assert_null(text);
  assert_string_equal(
      err.text, "registrations cannot be written: a node is registered twice");
  state = example();
  state.pending.action = PR_READ_KEYS;
  assert_int_equal(registrations_encode(&state, &text, NULL), STATUS_INVALID);
  state = example();
  state.group = UINT64_MAX;
  assert_int_equal(registrations_encode(&state, &text, NULL), STATUS_INVALID);
}

#define HEAD "{\"leasehold\":1,\"generation\":1,\"persist\":false,\"group\":0,"
#define TAIL ",\"writer\":\"\",\"pending\":null}"
#define NOTHING "\"reservation\":null,"
#define NOBODY ",\"registrants\":[]"
#define RESERVED(text) HEAD "\"reservation\":" text NOBODY TAIL
#define REGISTERED(text) HEAD NOTHING "\"registrants\":" text TAIL
#define A_KEY "\"key\":\"0x0000000000000001\",\"all-ports\":false}"
#define PENDING(node, action, number, destination)                             \
  HEAD NOTHING                                                                 \
      "\"registrants\":[],\"writer\":\"\",\"pending\":{\"node\":\"" node       \
      "\",\"action\":\"" action "\",\"scope\":0,\"type\":" number              \
      ",\"key\":\"0x0000000000000001\","                                       \
      "\"service-key\":\"0x0000000000000001\",\"all-ports\":false,"            \
      "\"persist\":false,\"unregister\":false,\"destination\":\"" destination  \
      "\"}}"

static void
test_damaged(void **unused)
{
  static const struct {
    const char *text, *what;
  } rows[] = {
      {"", "expected near end"},
      {"[]", "no format number"},
      {"{\"leasehold\":2}", "format 2"},
      {"{\"leasehold\":4294967297}", "format 4294967297"},
      {"{\"leasehold\":1}", "generation"},
      {RESERVED("null"), NULL}, /* the rest differs from this */
      {RESERVED("null") "x", "end of file"},
      {HEAD NOTHING "\"group\":0" NOBODY TAIL, "duplicate"},
      {HEAD NOTHING "\"more\":0" NOBODY TAIL, "more"},
      {RESERVED("7"), "xpected object"},
      {RESERVED("{\"type\":2,\"holder\":\"a\",\"epoch\":0}"), "unknown type"},
      {RESERVED("{\"type\":0,\"holder\":\"\",\"epoch\":0}"), "unknown type"},
      {RESERVED("{\"type\":4294967297,\"holder\":\"a\",\"epoch\":0}"),
       "unknown type"},
      {RESERVED("{\"type\":-1,\"holder\":\"a\",\"epoch\":0}"), "unknown type"},
      {RESERVED("{\"type\":1,\"holder\":\"a\",\"epoch\":-1}"), "negative"},
      {RESERVED("{\"type\":1,\"holder\":\"a b\",\"epoch\":0}"), "no node can"},
      {RESERVED("{\"type\":5,\"holder\":\"a\",\"epoch\":0}"), "not registered"},
      {RESERVED("{\"type\":7,\"holder\":\"\",\"epoch\":0}"), "nobody is there"},
      {RESERVED("{\"type\":7,\"holder\":\"a\",\"epoch\":0}"), "all should"},
      {REGISTERED("{}"), "not a list"},
      {REGISTERED("[1]"), "xpected object"},
      {REGISTERED("[{\"node\":\"a\"," A_KEY "]"), NULL},
      {REGISTERED("[{\"node\":\"\"," A_KEY "]"), "no node can"},
      {REGISTERED("[{\"node\":\"a/b\"," A_KEY "]"), "no node can"},
      {REGISTERED("[{\"node\":\"a\"," A_KEY ",{\"node\":\"a\"," A_KEY "]"),
       "twice"},
      {REGISTERED("[{\"node\":\"a\",\"key\":\"0x0000000000000000\",\"all-ports"
                  "\":false}]"),
       "no key"},
      {REGISTERED("[{\"node\":\"a\",\"key\":\"0x01\",\"all-ports\":false}]"),
       "16 digits"},
      {REGISTERED("[{\"node\":\"a\",\"key\":\"0x000000000000000G\",\"all-ports"
                  "\":false}]"),
       "16 digits"},
      {REGISTERED("[{\"node\":\"a\",\"session\":\"xyz\"," A_KEY "]"),
       "hexadecimal"},
      {REGISTERED("[{\"node\":\"a\",\"instance\":\"x y\"," A_KEY "]"),
       "none can have"},
      {REGISTERED("[{\"node\":\"a\",\"unclean\":1," A_KEY "]"),
       "true or false"},
      {HEAD NOTHING "\"registrants\":[],\"writer\":\"xyz\",\"pending\":null}",
       "hexadecimal"},
      {PENDING("a", "CLEAR", "1", ""), NULL},
      {PENDING("", "CLEAR", "1", ""), "not whole"},
      {PENDING("a b", "CLEAR", "1", ""), "no node can"},
      {PENDING("a", "CLEAR", "16", ""), "not whole"},
      {PENDING("a", "SHRED", "1", ""), "unknown"},
      {PENDING("a", "READ KEYS", "1", ""), "can be pending"},
      {PENDING("a", "CLEAR", "1", "b"), "destination"},
      {PENDING("a", "REGISTER AND MOVE", "1", ""), "destination"},
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    static struct registrations state;
    struct error err = ERROR_INIT;
    int r = registrations_decode(rows[i].text, strlen(rows[i].text), "NAME",
                                 &state, &err);

    if (rows[i].what == NULL) {
      if (r != 0)
        fail_msg("%s: %s", rows[i].text, err.text);
      continue;
    }
    if (r != STATUS_CORRUPT || strncmp(err.text, "NAME: ", 6) != 0 ||
        strstr(err.text, rows[i].what) == NULL)
      fail_msg("%s: %d %s", rows[i].text, r, err.text);
  }
}

static void
test_too_much(void **unused)
{
  static char text[REGISTRATIONS_JSON_MAX + 1];
  static struct registrations state;
  struct error err = ERROR_INIT;

  (void)unused;
  memset(text, ' ', sizeof text);
  assert_int_equal(
      registrations_decode(text, sizeof text, "NAME", &state, &err),
      STATUS_CORRUPT);
  assert_non_null(strstr(err.text, "too long"));
}

static void
test_too_many(void **unused)
{
  static struct registrations state;
  struct error err = ERROR_INIT;
  char text[16384], *end = text;

  (void)unused;
  end += sprintf(end, HEAD NOTHING "\"registrants\":[");
  for (int i = 0; i <= REGISTRANTS_MAX; i++)
    end += sprintf(end, "%s{\"node\":\"n%d\"," A_KEY, i > 0 ? "," : "", i);
  end += sprintf(end, "]" TAIL);
  assert_int_equal(
      registrations_decode(text, (size_t)(end - text), "NAME", &state, &err),
      STATUS_CORRUPT);
  assert_non_null(strstr(err.text, "list of registrants is too long"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),        cmocka_unit_test(test_largest),
      cmocka_unit_test(test_cannot_be_written), cmocka_unit_test(test_damaged),
      cmocka_unit_test(test_too_much),          cmocka_unit_test(test_too_many),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
