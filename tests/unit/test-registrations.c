/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-registrations.c: reservation commands as SPC-4 section 5.13 has them,
 * type by type and node by node. The scenarios are those that conformance
 * suites for persistent reservations run.
 */
#include <stdio.h>
#include <string.h>

#include "registrations-bench.h"

/* --- ProutRegister ------------------------------------------------------ */

static void
test_register(void **state)
{
  (void)state;
  CONFLICT("a", PR_REGISTER, 1, KEY_A, 0); /* not registered: key must be 0 */
  GOOD("a", PR_REGISTER, 0, 0, 0);         /* nothing to remove */
  assert_int_equal(now.generation, 0);
  GOOD("a", PR_REGISTER, 0, KEY_A, 0);
  assert_int_equal(now.generation, 1);
  assert_int_equal(now.count, 1);
  CONFLICT("a", PR_REGISTER, 0, KEY_B, 0); /* registered: key must be right */
  CONFLICT("a", PR_REGISTER, KEY_B, KEY_B, 0);
  CONFLICT("a", PR_REGISTER, KEY_B, 0, 0);
  GOOD("a", PR_REGISTER, KEY_A, KEY_B, 0); /* another key */
  assert_int_equal(registrations_find(&now, "a")->key, KEY_B);
  assert_int_equal(now.count, 1);
  assert_int_equal(now.generation, 2);
  GOOD("a", PR_REGISTER, KEY_B, 0, 0); /* out */
  assert_int_equal(now.count, 0);
  assert_int_equal(now.generation, 3);
  CONFLICT("a", PR_REGISTER, KEY_B, 0, 0);
  assert_int_equal(effect.kind, EFFECT_NONE);
}

static void
test_register_and_ignore(void **state)
{
  (void)state;
  GOOD("a", PR_REGISTER_AND_IGNORE, 0x99, 0, 0);
  assert_int_equal(now.generation, 0);
  GOOD("a", PR_REGISTER_AND_IGNORE, 0x99, KEY_A, 0);
  GOOD("a", PR_REGISTER_AND_IGNORE, 0x99, KEY_B, 0);
  assert_int_equal(now.count, 1);
  assert_int_equal(registrations_find(&now, "a")->key, KEY_B);
  GOOD("a", PR_REGISTER_AND_IGNORE, 0x99, 0, 0);
  assert_int_equal(now.count, 0);
  assert_int_equal(now.generation, 3);
}

static void
test_register_flags(void **state)
{
  struct pr_command command = {.action = PR_REGISTER,
                               .service_key = KEY_A,
                               .persist = true,
                               .all_ports = true};

  (void)state;
  assert_result(run("a", &command), good);
  assert_true(now.persist);
  assert_true(registrations_find(&now, "a")->all_ports);
  GOOD("b", PR_REGISTER, 0, KEY_B, 0); /* the last one's APTPL counts */
  assert_false(now.persist);
}

static void
test_specified_nodes(void **state)
{
  struct pr_command command = {
      .action = PR_REGISTER, .service_key = KEY_A, .specify_nodes = true};

  (void)state;
  nodes.count = 2;
  strcpy(nodes.names[0], "b");
  strcpy(nodes.names[1], "c");
  GOOD("c", PR_REGISTER, 0, KEY_C, 0);
  assert_result(run("a", &command), bad_list); /* c is registered */
  command.service_key = 0;
  assert_result(run("a", &command), good);
  assert_int_equal(now.count, 1);
  command.service_key = KEY_A;
  GOOD("c", PR_REGISTER, KEY_C, 0, 0);
  assert_result(run("a", &command), good);
  assert_int_equal(now.count, 3);
  assert_int_equal(registrations_find(&now, "c")->key, KEY_A);
  command.key = KEY_A; /* only who is not registered can do that */
  assert_result(run("a", &command), bad_cdb);
  command.service_key = 0;
  assert_result(run("a", &command), bad_cdb);
}

/* At least 128 nodes, then the right sense data, and none that was half done.
 */
static void
test_room(void **state)
{
  struct pr_command command = {
      .action = PR_REGISTER, .service_key = KEY_A, .specify_nodes = true};
  char name[16];

  (void)state;
  assert_true(REGISTRANTS_MAX >= 128);
  for (int i = 0; i < REGISTRANTS_MAX - 1; i++) {
    snprintf(name, sizeof name, "n%d", i);
    GOOD(name, PR_REGISTER, 0, 1, 0);
  }
  nodes.count = 1;
  strcpy(nodes.names[0], "b");
  assert_result(run("a", &command), no_room);
  GOOD("a", PR_REGISTER, 0, KEY_A, 0);
  assert_result(out("b", PR_REGISTER, 0, KEY_B, 0), no_room);
  assert_result(out("b", PR_REGISTER_AND_IGNORE, 0, KEY_B, 0), no_room);
  GOOD("a", PR_RESERVE, KEY_A, 0, WRITE_EXCLUSIVE);
  command = (struct pr_command){.action = PR_REGISTER_AND_MOVE,
                                .key = KEY_A,
                                .service_key = KEY_B,
                                .destination = "b"};
  assert_result(run("a", &command), no_room);
  GOOD("a", PR_REGISTER, KEY_A, KEY_C, 0); /* no room needed */
}

/* --- ProutReserve ------------------------------------------------------- */

static void
test_reserve_simple(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(all_types); i++) {
    begin(NULL);
    CONFLICT("a", PR_RESERVE, KEY_A, 0, all_types[i]); /* not registered */
    register_all();
    CONFLICT("a", PR_RESERVE, KEY_B, 0, all_types[i]); /* not its key */
    GOOD("a", PR_RESERVE, KEY_A, 0, all_types[i]);
    assert_int_equal(now.reservation.type, all_types[i]);
    GOOD("a", PR_RESERVE, KEY_A, 0, all_types[i]); /* again */
    CONFLICT("a", PR_RESERVE, KEY_A, 0, all_types[(i + 1) % 6]);
    assert_result(out("a", PR_RELEASE, KEY_A, 0, all_types[(i + 1) % 6]),
                  bad_release);
    CONFLICT("a", PR_RELEASE, KEY_B, 0, all_types[i]);
    GOOD("a", PR_RELEASE, KEY_A, 0, all_types[i]);
    assert_int_equal(now.reservation.type, RESERVATION_NONE);
    GOOD("a", PR_RELEASE, KEY_A, 0, all_types[i]); /* nothing there */
    CONFLICT("c", PR_RELEASE, 0, 0, all_types[i]);
    assert_int_equal(now.generation, 2);
  }
}

static void
test_reserve_bad_fields(void **state)
{
  struct pr_command command = {.action = PR_RESERVE, .key = KEY_A};

  (void)state;
  register_all();
  for (command.type = 0; command.type < 16; command.type++)
    if ((RESERVATION_TYPES_ALL & 1u << command.type) == 0)
      assert_result(run("a", &command), bad_cdb);
  command.type = WRITE_EXCLUSIVE;
  command.scope = 1;
  assert_result(run("a", &command), bad_cdb);
  command.scope = 0;
  types = 1u << WRITE_EXCLUSIVE; /* what is not offered is refused */
  for (size_t i = 1; i < COUNT(all_types); i++)
    assert_result(out("a", PR_RESERVE, KEY_A, 0, all_types[i]), bad_cdb);
  assert_result(run("a", &command), good);
  assert_result(out("b", PR_PREEMPT, KEY_B, KEY_A, EXCLUSIVE_ACCESS), bad_cdb);
  /* Where the type is ignored it may be anything. */
  GOOD("a", PR_PREEMPT, KEY_A, KEY_B, EXCLUSIVE_ACCESS);
}

/* Who else may reserve, release, or see it go. */
static void
test_reserve_ownership(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(all_types); i++) {
    unsigned type = all_types[i];
    bool all = reservation_type_is_all(type);

    reserved(type);
    assert_true(registrations_holds(&now, "a"));
    assert_int_equal(registrations_holds(&now, "b"), all);
    assert_false(registrations_holds(&now, "c"));
    assert_result(out("b", PR_RESERVE, KEY_B, 0, type), all ? good : conflict);
    CONFLICT("c", PR_RESERVE, 0, 0, type);
    GOOD("b", PR_RELEASE, KEY_B, 0, type); /* of nobody who holds it: nothing */
    assert_int_equal(now.reservation.type, all ? RESERVATION_NONE : type);

    /* The holder leaves. */
    reserved(type);
    GOOD("a", PR_REGISTER, KEY_A, 0, 0);
    assert_int_equal(now.reservation.type, all ? type : RESERVATION_NONE);
    GOOD("b", PR_REGISTER, KEY_B, 0, 0);
    assert_int_equal(now.reservation.type, RESERVATION_NONE);

    /* Somebody else leaves. */
    reserved(type);
    GOOD("b", PR_REGISTER_AND_IGNORE, 0, 0, 0);
    assert_int_equal(now.reservation.type, type);
    assert_true(registrations_holds(&now, "a"));

    /* The holder has another key. */
    GOOD("a", PR_REGISTER, KEY_A, KEY_C, 0);
    assert_true(registrations_holds(&now, "a"));
    GOOD("a", PR_RELEASE, KEY_C, 0, type);
  }
}

/* SPC-4 table 31. */
static void
test_reserve_access(void **state)
{
  static const struct {
    uint8_t type;
    bool other_reads, other_writes, stranger_reads, stranger_writes;
  } rows[] = {
      {RESERVATION_NONE, true, true, true, true},
      {WRITE_EXCLUSIVE, true, false, true, false},
      {EXCLUSIVE_ACCESS, false, false, false, false},
      {WRITE_EXCLUSIVE_REGISTRANTS, true, true, true, false},
      {EXCLUSIVE_ACCESS_REGISTRANTS, true, true, false, false},
      {WRITE_EXCLUSIVE_ALL, true, true, true, false},
      {EXCLUSIVE_ACCESS_ALL, true, true, false, false},
  };

  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    begin(NULL);
    register_all();
    if (rows[i].type != RESERVATION_NONE)
      GOOD("a", PR_RESERVE, KEY_A, 0, rows[i].type);
    assert_true(registrations_may_read(&now, "a"));
    assert_true(registrations_may_write(&now, "a"));
    assert_int_equal(registrations_may_read(&now, "b"), rows[i].other_reads);
    assert_int_equal(registrations_may_write(&now, "b"), rows[i].other_writes);
    assert_int_equal(registrations_may_read(&now, "c"), rows[i].stranger_reads);
    assert_int_equal(registrations_may_write(&now, "c"),
                     rows[i].stranger_writes);
  }
}

/* --- ProutClear --------------------------------------------------------- */

static void
test_clear(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(all_types); i++) {
    reserved(all_types[i]);
    CONFLICT("c", PR_CLEAR, 0, 0, 0);
    CONFLICT("b", PR_CLEAR, KEY_A, 0, 0);
    GOOD("b", PR_CLEAR, KEY_B, 0, 0);
    assert_int_equal(effect.kind, EFFECT_BREAK);
    assert_int_equal(now.count, 0);
    assert_int_equal(now.reservation.type, RESERVATION_NONE);
    assert_int_equal(now.generation, 3);
    CONFLICT("b", PR_CLEAR, KEY_B, 0, 0);
  }
  register_all();
  GOOD("a", PR_CLEAR, KEY_A, 0, 0); /* nothing reserved */
  assert_int_equal(effect.kind, EFFECT_NONE);
  assert_int_equal(now.count, 0);
}

/* --- ProutPreempt ------------------------------------------------------- */

static void
test_preempt_registrations(void **state)
{
  (void)state;
  register_all();
  GOOD("c", PR_REGISTER, 0, KEY_B, 0); /* the same key as b */
  CONFLICT("d", PR_PREEMPT, 0, KEY_A, WRITE_EXCLUSIVE);
  CONFLICT("a", PR_PREEMPT, KEY_B, KEY_A, WRITE_EXCLUSIVE);
  CONFLICT("a", PR_PREEMPT, KEY_A, 0x99, WRITE_EXCLUSIVE); /* nobody's */
  assert_result(out("a", PR_PREEMPT, KEY_A, 0, WRITE_EXCLUSIVE), bad_list);
  GOOD("a", PR_PREEMPT, KEY_A, KEY_B, WRITE_EXCLUSIVE);
  assert_int_equal(now.count, 1); /* both are out */
  assert_int_equal(now.generation, 4);
  assert_int_equal(now.reservation.type, RESERVATION_NONE);
  assert_int_equal(effect.kind, EFFECT_NONE);
  GOOD("a", PR_PREEMPT, KEY_A, KEY_A, WRITE_EXCLUSIVE); /* itself */
  assert_int_equal(now.count, 0);
}

static void
test_preempt_reservation(void **state)
{
  static const enum pr_action actions[] = {PR_PREEMPT, PR_PREEMPT_AND_ABORT};

  (void)state;
  for (size_t i = 0; i < COUNT(all_types); i++)
    for (size_t j = 0; j < COUNT(all_types); j++)
      for (size_t k = 0; k < COUNT(actions); k++) {
        bool all = reservation_type_is_all(all_types[i]);

        reserved(all_types[i]);
        GOOD("c", PR_REGISTER, 0, KEY_C, 0);
        if (!all)
          assert_result(out("b", actions[k], KEY_B, 0, all_types[j]), bad_list);
        GOOD("b", actions[k], KEY_B, all ? 0 : KEY_A, all_types[j]);
        assert_null(registrations_find(&now, "a"));
        assert_non_null(registrations_find(&now, "b"));
        /* Of all who hold it, all but the asker are out. */
        assert_int_equal(registrations_find(&now, "c") != NULL, !all);
        assert_int_equal(now.reservation.type, all_types[j]);
        assert_true(registrations_holds(&now, "b"));
        assert_int_equal(now.generation, 4);
      }
}

/* The types of all registrants: a key takes only registrations. */
static void
test_preempt_one_of_all(void **state)
{
  (void)state;
  reserved(WRITE_EXCLUSIVE_ALL);
  GOOD("b", PR_PREEMPT, KEY_B, KEY_A, EXCLUSIVE_ACCESS);
  assert_int_equal(now.reservation.type, WRITE_EXCLUSIVE_ALL);
  assert_null(registrations_find(&now, "a"));
  GOOD("b", PR_PREEMPT, KEY_B, KEY_B, 0); /* the last one */
  assert_int_equal(now.reservation.type, RESERVATION_NONE);
  assert_int_equal(effect.kind, EFFECT_RELEASE);
}

/* A holder changes the type in one step, by preempting itself; preempting
 * somebody else does not touch its reservation.
 */
static void
test_preempt_by_holder(void **state)
{
  (void)state;
  reserved(WRITE_EXCLUSIVE);
  GOOD("a", PR_PREEMPT, KEY_A, KEY_A, EXCLUSIVE_ACCESS);
  assert_int_equal(now.reservation.type, EXCLUSIVE_ACCESS);
  assert_int_equal(now.count, 2);
  assert_int_equal(effect.kind, EFFECT_NONE);
  GOOD("a", PR_PREEMPT, KEY_A, KEY_B, WRITE_EXCLUSIVE);
  assert_int_equal(now.reservation.type, EXCLUSIVE_ACCESS);
  assert_int_equal(now.count, 1);
  assert_int_equal(effect.kind, EFFECT_NONE);
}

/* --- REGISTER AND MOVE -------------------------------------------------- */

static void
test_move(void **state)
{
  struct pr_command move = {.action = PR_REGISTER_AND_MOVE,
                            .key = KEY_A,
                            .service_key = KEY_C,
                            .destination = "c"};

  (void)state;
  for (size_t i = 0; i < COUNT(all_types); i++) {
    bool all = reservation_type_is_all(all_types[i]);

    begin(NULL);
    assert_result(run("a", &move), conflict);
    register_all();
    assert_result(run("a", &move), bad_cdb); /* nothing to move */
    reserved(all_types[i]);
    move.key = KEY_B;
    assert_result(run("a", &move), conflict);
    assert_result(run("b", &move), conflict); /* not its own, or all's */
    move.key = KEY_A;
    if (all) {
      assert_result(run("a", &move), conflict);
      continue;
    }
    move.service_key = 0;
    assert_result(run("a", &move), bad_list);
    move.service_key = KEY_C;
    strcpy(move.destination, "a");
    assert_result(run("a", &move), bad_list);
    strcpy(move.destination, "c");
    assert_result(run("a", &move), good);
    assert_true(registrations_holds(&now, "c"));
    assert_int_equal(registrations_find(&now, "c")->key, KEY_C);
    assert_non_null(registrations_find(&now, "a"));
    assert_int_equal(now.reservation.type, all_types[i]);
    assert_int_equal(now.generation, 3);

    reserved(all_types[i]);
    strcpy(move.destination, "b"); /* is registered: gets another key */
    move.unregister = true;
    assert_result(run("a", &move), good);
    assert_true(registrations_holds(&now, "b"));
    assert_int_equal(registrations_find(&now, "b")->key, KEY_C);
    assert_null(registrations_find(&now, "a"));
    move.unregister = false;
    strcpy(move.destination, "c");
  }
}

/* --- RESERVE and RELEASE ------------------------------------------------ */

static void
test_plain(void **state)
{
  (void)state;
  GOOD("a", PR_PLAIN_RESERVE, 0, 0, 0);
  assert_int_equal(effect.kind, EFFECT_ACQUIRE);
  GOOD("a", PR_PLAIN_RESERVE, 0, 0, 0);
  CONFLICT("b", PR_PLAIN_RESERVE, 0, 0, 0);
  GOOD("b", PR_PLAIN_RELEASE, 0, 0, 0);
  assert_true(registrations_holds(&now, "a"));
  /* Somebody registers; a can still give back what it has. */
  GOOD("b", PR_REGISTER, 0, KEY_B, 0);
  CONFLICT("b", PR_RESERVE, KEY_B, 0, WRITE_EXCLUSIVE);
  GOOD("a", PR_PLAIN_RELEASE, 0, 0, 0);
  assert_int_equal(effect.kind, EFFECT_RELEASE);
  CONFLICT("a", PR_PLAIN_RESERVE, 0, 0, 0);
  CONFLICT("a", PR_PLAIN_RELEASE, 0, 0, 0);
}

/* CRH: for those with access neither does anything. */
static void
test_plain_beside_persistent(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(all_types); i++) {
    bool shared = !reservation_type_is_single(all_types[i]);

    reserved(all_types[i]);
    GOOD("a", PR_PLAIN_RESERVE, 0, 0, 0);
    GOOD("a", PR_PLAIN_RELEASE, 0, 0, 0);
    assert_result(out("b", PR_PLAIN_RESERVE, 0, 0, 0),
                  shared ? good : conflict);
    assert_result(out("b", PR_PLAIN_RELEASE, 0, 0, 0),
                  shared ? good : conflict);
    CONFLICT("c", PR_PLAIN_RESERVE, 0, 0, 0);
    CONFLICT("c", PR_PLAIN_RELEASE, 0, 0, 0);
    assert_int_equal(now.reservation.type, all_types[i]);
    assert_true(registrations_holds(&now, "a"));
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      SCENARIO(test_register),
      SCENARIO(test_register_and_ignore),
      SCENARIO(test_register_flags),
      SCENARIO(test_specified_nodes),
      SCENARIO(test_room),
      SCENARIO(test_reserve_simple),
      SCENARIO(test_reserve_bad_fields),
      SCENARIO(test_reserve_ownership),
      SCENARIO(test_reserve_access),
      SCENARIO(test_clear),
      SCENARIO(test_preempt_registrations),
      SCENARIO(test_preempt_reservation),
      SCENARIO(test_preempt_one_of_all),
      SCENARIO(test_preempt_by_holder),
      SCENARIO(test_move),
      SCENARIO(test_plain),
      SCENARIO(test_plain_beside_persistent),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
