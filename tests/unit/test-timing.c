/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-timing.c: the timeline in timing.h, row by row (S8, S10). */
#include "leasehold/timing.h"

#include <limits.h>
#include <stdio.h>

#include "leasehold/clock.h"
#include "leasehold/lease.h"
#include "unit.h"

#define S NANOSECONDS_PER_SECOND
#define MS NANOSECONDS_PER_MILLISECOND
#define INFINITE LEASE_DURATION_INFINITE

static void
renewal_after_a_third_of_the_duration(void **unused)
{
  static const struct {
    uint32_t duration_s;
    uint64_t interval_ns;
  } rows[] = {
      {LEASE_DURATION_MIN, 5 * S},
      {30, 10 * S},
      {LEASE_DURATION_MAX, 20 * S},
      {INFINITE, 20 * S}, /* as if it lasted 60 s */
  };

  (void)unused;
  for (size_t i = 0; i < COUNT(rows); i++) {
    uint64_t interval = rows[i].interval_ns;
    uint32_t duration = rows[i].duration_s;

    assert_int_equal(timing_renew_at(0, duration, 0), interval);
    assert_int_equal(timing_renew_at(7 * interval, duration, 0), 8 * interval);
    assert_int_equal(timing_renew_at(0, duration, UINT32_C(1) << 31),
                     interval / 2);
    assert_int_equal(timing_renew_at(0, duration, UINT32_C(3) << 30),
                     interval / 4 * 3);
    /* At an eighth: the way to it and another interval, in two. */
    assert_int_equal(timing_renew_at(0, duration, UINT32_C(1) << 29),
                     interval / 16 * 9);
  }
}

/* Never after less than half an interval, nor after more than a whole one; and
 * from the third renewal on always at the volume's own moment, wherever it was
 * taken first, and a little late each time.
 */
static void
each_spread_has_its_own_moment(void **unused)
{
  const uint64_t interval = 10 * S, late = 3 * MS;

  (void)unused;
  for (uint64_t spread = 0; spread <= UINT32_MAX; spread += 0x00ffffff) {
    uint64_t moment = (interval >> 8) * spread >> 24;

    for (uint64_t first = 12345; first < 2 * interval; first += 700 * MS) {
      uint64_t sent = first;

      for (unsigned i = 0; i < 6; i++) {
        uint64_t at = timing_renew_at(sent, 30, (uint32_t)spread);

        assert_in_range(at, sent + interval / 2 - late, sent + interval);
        if (i >= 2)
          assert_int_equal(at % interval, moment);
        sent = at + late;
      }
    }
  }
}

/* A thousand volumes that were all taken at once: how many renewals come in
 * each hundredth of an interval. None has many more than its share of 10.
 */
static void
renewals_of_many_volumes_spread_out(void **unused)
{
  const uint64_t interval = 10 * S;
  uint64_t sent[1000];

  (void)unused;
  for (unsigned i = 0; i < COUNT(sent); i++)
    sent[i] = 1000 * S;
  for (unsigned round = 0; round < 4; round++) {
    unsigned counts[100] = {0}, most = 0;

    for (unsigned i = 0; i < COUNT(sent); i++) {
      char name[16];
      unsigned share;

      snprintf(name, sizeof name, "vg0/disk%u", i);
      sent[i] = timing_renew_at(sent[i], 30, timing_spread(name));
      share = (unsigned)(sent[i] % interval * 100 / interval);
      if (++counts[share] > most)
        most = counts[share];
    }
    /* The first ones come within half an interval, some twice as dense. */
    assert_in_range(most, 10, round == 0 ? 60 : round == 1 ? 40 : 25);
  }
}

static void
provable_end_is_a_sixth_before_the_end(void **unused)
{
  (void)unused;
  assert_int_equal(timing_valid_until(0, LEASE_DURATION_MIN), 12500 * MS);
  assert_int_equal(timing_valid_until(0, 30), 25 * S);
  assert_int_equal(timing_valid_until(7, LEASE_DURATION_MAX), 7 + 50 * S);
  assert_int_equal(timing_valid_until(0, INFINITE), TIME_NEVER);
  assert_int_equal(timing_valid_until(UINT64_MAX, INFINITE), TIME_NEVER);
}

/* The next renewal and its first three retries come before the provable end,
 * for every duration there is.
 */
static void
renewals_leave_time_for_retries(void **unused)
{
  (void)unused;
  for (uint32_t d = LEASE_DURATION_MIN; d <= LEASE_DURATION_MAX; d++) {
    uint64_t at = timing_renew_at(0, d, 0);

    for (unsigned attempt = 1; attempt <= 3; attempt++)
      at = timing_retry_at(at, attempt);
    assert_true(at < timing_valid_until(0, d));
    assert_true(timing_valid_until(0, d) < d * S);
  }
}

/* 10 s, then 11, 13, 17 and every 5 s, as in the timeline. */
static void
retries_double_up_to_five_seconds(void **unused)
{
  static const uint64_t wanted[] = {11, 13, 17, 22, 27, 32};
  uint64_t at = timing_renew_at(0, 30, 0);

  (void)unused;
  for (unsigned i = 0; i < COUNT(wanted); i++) {
    at = timing_retry_at(at, i + 1);
    assert_int_equal(at, wanted[i] * S);
  }
  assert_int_equal(timing_retry_at(0, UINT_MAX), 5 * S);
  assert_int_equal(timing_retry_at(0, 0), 1 * S);
}

static void
standby_asks_three_times_then_once_a_second(void **unused)
{
  static const uint64_t asks_at[] = {100, 100, 100, 101, 102,
                                     103, 150, 150, 150, 151};
  uint64_t until = 0;

  (void)unused;
  for (size_t i = 0; i < COUNT(asks_at); i++) {
    uint64_t at = timing_ask_again_at(until);

    assert_true(at <= asks_at[i] * S);
    if (i > 0 && asks_at[i] - asks_at[i - 1] == 1)
      assert_int_equal(at, asks_at[i] * S); /* and not earlier */
    until = timing_asked_until(until, asks_at[i] * S);
  }
}

/* Near the end of time nothing wraps around into the past. */
static void
nothing_overflows(void **unused)
{
  static const uint64_t late[] = {UINT64_MAX, UINT64_MAX - 1,
                                  UINT64_MAX - S + 1};

  (void)unused;
  for (size_t i = 0; i < COUNT(late); i++) {
    assert_int_equal(timing_renew_at(late[i], 15, 0), TIME_NEVER);
    assert_int_equal(timing_renew_at(late[i], INFINITE, UINT32_MAX),
                     TIME_NEVER);
    assert_int_equal(timing_valid_until(late[i], 60), TIME_NEVER);
    assert_int_equal(timing_retry_at(late[i], 1), TIME_NEVER);
    assert_int_equal(timing_asked_until(0, late[i]), TIME_NEVER);
  }
  assert_int_equal(timing_asked_until(0, UINT64_MAX - S - 1), UINT64_MAX - 1);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(renewal_after_a_third_of_the_duration),
      cmocka_unit_test(each_spread_has_its_own_moment),
      cmocka_unit_test(renewals_of_many_volumes_spread_out),
      cmocka_unit_test(provable_end_is_a_sixth_before_the_end),
      cmocka_unit_test(renewals_leave_time_for_retries),
      cmocka_unit_test(retries_double_up_to_five_seconds),
      cmocka_unit_test(standby_asks_three_times_then_once_a_second),
      cmocka_unit_test(nothing_overflows),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
