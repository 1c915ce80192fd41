#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-checker.py: the checker of histories finds each rule's violation in
# histories made by hand, and nothing in what a correct store may do. Each bad
# history comes with the nearest good one.

import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import checker  # noqa: E402


class History:
    """Sessions are named by their node; each has a gateway of its name."""

    def __init__(self):
        self.events = []

    def event(self, what, session, began, ended, outcome="ok", **more):
        node, _, instance = session.partition("/")
        self.events.append({
            "what": what, "volume": "v", "session": session,
            "node": node.rstrip("0123456789"),
            "instance": instance, "gateway": f"gw-{session}",
            "began": began, "ended": ended, "outcome": outcome, **more})

    def open(self, session, cache):
        self.event("open", session, 0, 0, cache=cache)

    def close(self, session, at):
        self.event("close", session, at, at)

    def write(self, session, stamp, began, ended, outcome="ok", first=0,
              count=1, fua=False):
        self.event("write", session, began, ended, outcome, stamp=stamp,
                   first=first, count=count, fua=fua)

    def zero(self, session, began, ended, outcome="ok"):
        self.event("zero", session, began, ended, outcome, first=0, count=1,
                   fua=False)

    def flush(self, session, began, ended, outcome="ok"):
        self.event("flush", session, began, ended, outcome)

    def read(self, session, stamp, began, ended, first=0):
        self.event("read", session, began, ended, first=first,
                   found=[[1, stamp]])

    def died(self, session, at):
        self.events.append({"what": "died", "gateway": f"gw-{session}",
                            "at": at})


class CheckerTest(unittest.TestCase):
    def setUp(self):
        self.history = History()
        for name in ("open", "close", "write", "zero", "flush", "read",
                     "died"):
            setattr(self, name, getattr(self.history, name))

    def finds(self, *rules):
        """The rules of the violations, in order, without repeats."""
        texts = checker.check(self.history.events)
        self.assertEqual(sorted({int(text.split()[1].rstrip(":"))
                                 for text in texts}), list(rules), texts)

    # --- Rule 1: what was acknowledged is read ------------------------------

    def test_acknowledged_and_read(self):
        self.write("a", "a.1", 1, 2)
        self.flush("a", 3, 4)
        self.write("b", "b.1", 5, 6, first=1)
        self.read("b", "a.1", 7, 8)
        self.finds()

    def test_acknowledged_and_gone(self):
        self.write("a", "a.1", 1, 2)
        self.flush("a", 3, 4)
        self.write("b", "b.1", 5, 6, first=1)
        self.read("b", "0", 7, 8)
        self.finds(1)

    def test_acknowledged_and_older_there(self):
        self.write("a", "a.1", 1, 2)
        self.write("a", "a.2", 3, 4)
        self.read("o", "a.1", 5, 6)
        self.finds(1)

    def test_zero_and_older_there(self):
        self.write("a", "a.1", 1, 2)
        self.zero("a", 3, 4)
        self.read("o", "a.1", 5, 6)
        self.finds(1)

    def test_zeroes_may_be_of_any_zero(self):
        self.write("a", "a.1", 1, 2)
        self.zero("b", 3, 9, "lost")
        self.read("o", "0", 5, 6)
        self.finds()

    def test_zeroes_of_no_zero(self):
        self.write("a", "a.1", 1, 2)
        self.zero("a", 3, 4, "EPERM")
        self.zero("b", 7, 8)
        self.read("o", "0", 5, 6)
        self.finds(1)

    def test_the_newest_is_not_the_last_answered(self):
        self.write("a", "a.1", 1, 3)
        self.write("a", "a.2", 2, 6)
        self.write("a", "a.3", 4, 5)
        self.read("o", "a.1", 7, 8)
        self.finds(1)

    def test_concurrent_writes_in_any_order(self):
        self.write("a", "a.1", 1, 5)
        self.write("a", "a.2", 2, 4)
        self.read("o", "a.1", 6, 7)
        self.finds()

    def test_a_read_at_the_same_time_may_see_either(self):
        self.write("a", "a.1", 1, 2)
        self.write("a", "a.2", 3, 6)
        self.read("o", "a.2", 4, 5)
        self.read("p", "a.1", 4, 7)
        self.finds()

    def test_what_was_seen_stays(self):
        self.write("a", "a.1", 1, 2)
        self.write("a", "a.2", 3, 20, "lost")
        self.read("o", "a.2", 4, 5)
        self.read("o", "a.1", 6, 7)
        self.finds(1)

    def test_what_its_node_saw_was_on_its_way(self):
        self.write("a", "a.1", 1, 2)
        self.write("a", "a.2", 3, 20)
        self.read("a", "a.2", 4, 5)
        self.read("o", "a.1", 6, 7)
        self.finds()

    def test_what_its_node_saw_stays_for_the_node(self):
        self.write("a", "a.1", 1, 2)
        self.write("a", "a.2", 3, 20)
        self.read("a", "a.2", 4, 5)
        self.read("a", "a.1", 6, 7)
        self.finds(1)

    # --- Rule 2: nothing of an older holder ---------------------------------

    def late(self, *, seen, first=1):
        """a's last write was never answered; b has the volume; then ..."""
        self.write("a", "a.1", 1, 2, first=first)
        self.write("a", "a.2", 3, 99, "lost")
        self.write("b", "b.1", 4, 5)
        self.read("o", seen, 6, 7)

    def test_unanswered_before_the_claim(self):
        self.late(seen="b.1")
        self.finds()

    def test_unanswered_after_the_claim(self):
        self.late(seen="a.2")
        self.finds(2)

    def test_unanswered_on_its_way_at_the_claim(self):
        # b's write has begun before a's: only the tenures tell.
        self.write("a", "a.1", 1, 2, first=1)
        self.write("b", "b.1", 3, 6)
        self.write("a", "a.2", 4, 99, "lost")
        self.read("o", "a.2", 7, 8)
        self.finds(2)

    def test_not_known_who_came_first(self):
        self.write("a", "a.1", 1, 99, "lost")
        self.write("b", "b.1", 2, 3)
        self.read("o", "a.1", 4, 5)
        self.finds()

    def test_from_a_dead_gateway(self):
        self.write("a", "a.1", 1, 99, "lost")
        self.died("a", 2)
        self.write("b", "b.1", 3, 4)
        self.read("o", "a.1", 5, 6)
        self.finds(2)

    def test_from_a_gateway_that_died_later(self):
        self.write("a", "a.1", 1, 99, "lost")
        self.write("b", "b.1", 3, 4)
        self.died("a", 4)
        self.read("o", "a.1", 5, 6)
        self.finds()

    def test_sessions_in_turns(self):
        self.write("a", "a.1", 1, 2)
        self.write("b", "b.1", 3, 4, first=1)
        self.write("a", "a.2", 5, 6, first=2)
        self.finds(2)

    def test_sessions_one_after_the_other(self):
        self.write("a1", "a1.1", 1, 2)
        self.write("b", "b.1", 3, 4, first=1)
        self.write("a2", "a2.1", 5, 6, first=2)
        self.finds()

    def test_an_instance_comes_back(self):
        self.write("a1/i", "a1.1", 1, 2)
        self.write("b", "b.1", 3, 4, first=1)
        self.write("a2/i", "a2.1", 5, 6, first=2)
        self.finds(2)

    def test_an_instance_goes_on(self):
        self.write("a1/i", "a1.1", 1, 2)
        self.write("a1/i", "a1.2", 3, 4)
        self.finds()

    def test_an_instance_comes_back_in_peace(self):
        self.write("a1/i", "a1.1", 1, 2)
        self.write("a2/i", "a2.1", 3, 4)
        self.write("b", "b.1", 5, 6, first=1)
        self.write("a3/j", "a3.1", 7, 8, first=2)
        self.finds()

    def test_refused_and_visible(self):
        self.write("a", "a.1", 1, 2, "EPERM")
        self.read("o", "a.1", 3, 4)
        self.finds(2)

    def test_a_holder_may_read_what_it_has(self):
        self.write("a", "a.1", 1, 2)
        self.write("b", "b.1", 3, 4)
        self.read("a", "a.1", 5, 6)
        self.finds()
        self.read("o", "a.1", 7, 8)
        self.finds(1)

    # --- Rule 3: whole or absent, and not resurrected -----------------------

    def test_torn(self):
        self.write("a", "a.1", 1, 2)
        self.read("o", "torn", 3, 4)
        self.finds(3)

    def test_in_the_wrong_place(self):
        self.write("a", "a.1", 1, 2)
        self.read("o", "a.1", 3, 4, first=5)
        self.finds(3)

    def resurrected(self, seen):
        self.write("a", "a.1", 1, 2, "EIO")
        self.write("a", "a.2", 3, 4)
        self.read("o", seen, 5, 6)

    def test_failed_and_absent(self):
        self.resurrected("a.2")
        self.finds()

    def test_failed_and_resurrected(self):
        self.resurrected("a.1")
        self.finds(3)

    def test_read_before_it_was_written(self):
        self.read("o", "a.1", 1, 2)
        self.write("a", "a.1", 3, 4)
        self.finds(3)

    def test_lost_and_still_on_its_way(self):
        # Over another connection of the session; the first one's has ended.
        self.write("a", "a.1", 1, 2, "lost")
        self.write("a", "a.2", 3, 4)
        self.read("o", "a.1", 5, 6)
        self.finds()

    def test_failed_and_there(self):
        self.write("a", "a.1", 1, 2, "EIO")
        self.read("o", "0", 3, 4)
        self.read("o", "a.1", 5, 6)
        self.finds()

    # --- Rule 4: fenced for ever --------------------------------------------

    def fenced(self, then):
        self.write("a", "a.1", 1, 2)
        self.write("a", "a.2", 3, 4, "ESHUTDOWN")
        self.flush("a", 5, 6, then)

    def test_fenced_for_ever(self):
        self.fenced("ESHUTDOWN")
        self.finds()

    def test_fenced_and_flushed(self):
        self.fenced("ok")
        self.finds(4)

    def test_fenced_and_something_else(self):
        self.fenced("EPERM")
        self.finds(4)

    def test_fenced_and_its_gateway_killed(self):
        self.fenced("lost")
        self.finds()

    # --- Write-back: what is promised ---------------------------------------

    def unsent(self, *, read="0", fua=False):
        """a writes, with write-back, and b takes over."""
        self.open("a", "back")
        self.write("a", "a.1", 1, 2, fua=fua)
        self.write("b", "b.1", 9, 10, first=1)
        self.read("b", read, 11, 12)

    def test_unsent_and_gone(self):
        self.unsent()
        self.finds()

    def test_unsent_and_there(self):
        self.unsent(read="a.1")
        self.finds()

    def test_fua_and_gone(self):
        self.unsent(fua=True)
        self.finds(1)

    def test_flushed_and_gone(self):
        self.flush("a", 3, 4)
        self.unsent()
        self.finds(1)

    def test_answered_during_the_flush_and_gone(self):
        self.flush("a", 1.5, 4)
        self.unsent()
        self.finds()

    def test_flush_failed_and_gone(self):
        self.flush("a", 3, 4, "ESHUTDOWN")
        self.unsent()
        self.finds()

    def test_flushed_later_and_gone(self):
        self.flush("a", 3, 4, "EIO")
        self.flush("a", 5, 6)
        self.unsent()
        self.finds(1)

    def test_read_before_the_flush_has_ended(self):
        self.open("a", "back")
        self.write("a", "a.1", 1, 2)
        self.flush("a", 3, 8)
        self.flush("a", 6, 7)
        self.read("o", "0", 4, 5)
        self.finds()
        self.read("o", "0", 7.5, 7.6)
        self.finds(1)

    def test_unsent_and_resurrected(self):
        # Whether or not it was in the store before b's.
        self.open("a", "back")
        self.write("a", "a.1", 1, 2)
        self.write("b", "b.1", 3, 4)
        self.read("o", "a.1", 5, 6)
        self.finds(1)

    def test_unsent_and_resurrected_over_its_own(self):
        self.open("a", "back")
        self.write("a", "a.1", 1, 2)
        self.write("a", "a.2", 3, 4, fua=True)
        self.read("o", "a.1", 5, 6)
        self.finds(1)

    def test_unsent_and_older_there(self):
        self.open("a", "back")
        self.write("a", "a.1", 1, 2, fua=True)
        self.write("a", "a.2", 3, 4)
        self.read("o", "a.1", 5, 6)
        self.finds()

    def test_answered_by_one_that_was_preempted(self):
        # It did not know (S8). That its answer came late orders nothing.
        self.open("a", "back")
        self.write("a", "a.1", 1, 2, fua=True)
        self.write("b", "b.1", 3, 4, first=1)
        self.write("a", "a.2", 5, 6)
        self.write("b", "b.2", 7, 8, first=1)
        self.read("b", "a.1", 9, 10)
        self.finds()

    def test_flushed_by_one_that_was_preempted(self):
        self.test_answered_by_one_that_was_preempted()
        self.flush("a", 11, 12)
        self.finds(2)

    def test_an_unsent_write_of_an_instance_that_lost(self):
        self.open("a/i", "back")
        self.write("a/i", "a/i.1", 1, 2)
        self.write("b", "b.1", 3, 4, first=1)
        self.write("a/i", "a/i.2", 5, 6)
        self.finds()
        self.flush("a/i", 7, 8)
        self.finds(2)

    # --- A cache: what is read ----------------------------------------------

    def test_its_own_unsent_write_is_read(self):
        self.open("a", "back")
        self.write("a", "a.1", 1, 2)
        self.read("a", "a.1", 3, 4)
        self.read("o", "0", 5, 6)
        self.finds()

    def test_its_own_unsent_write_is_not_read(self):
        self.open("a", "back")
        self.write("a", "a.1", 1, 2)
        self.read("a", "0", 3, 4)
        self.finds()  # it may have been fenced
        self.flush("a", 5, 6)
        self.finds(1)

    def test_what_its_node_saw_in_memory_is_no_promise(self):
        self.open("a1", "through")
        self.write("a1", "a1.1", 1, 2)
        self.write("a1", "a1.2", 3, 20, "ENOSPC")
        self.read("a1", "a1.2", 4, 5)
        self.read("a2", "a1.1", 6, 7)
        self.finds()

    def cached_read(self, cache, outcome="lost"):
        """b may have claimed before a: then it reads what it has."""
        self.open("b", cache)
        self.write("a", "a.1", 1, 2)
        self.write("b", "b.1", 2.5, 9, outcome, first=1)
        self.write("a", "a.2", 3, 4)
        self.read("b", "a.1", 5, 6)

    def test_a_read_without_a_cache(self):
        self.cached_read("none")
        self.finds(1)

    def test_a_read_of_one_that_may_have_claimed(self):
        self.cached_read("through")
        self.finds()

    def test_a_read_of_one_that_was_refused(self):
        self.cached_read("through", "EPERM")
        self.finds(1)

    def test_a_read_of_one_that_came_later(self):
        self.cached_read("through")
        self.write("b", "b.2", 7, 8, first=1)
        self.finds(1)

    # --- Write-back: losses are told ----------------------------------------

    def no_space(self, cache):
        self.open("a", cache)
        self.write("a", "a.1", 1, 2)
        self.flush("a", 3, 4, "ENOSPC")
        self.flush("a", 5, 6)

    def test_lost_and_flushed(self):
        self.no_space("back")
        self.finds(4)

    def test_not_lost_and_flushed(self):
        self.no_space("through")
        self.finds()

    # --- Rule 6: an instance ends with its gateway --------------------------

    def ended(self, *, cache="back", closed=4, then="ok"):
        self.open("a1/i", cache)
        self.write("a1/i", "a1/i.1", 1, 2, first=1)
        self.died("a1/i", 3)
        self.close("a1/i", closed)
        self.write("a2/i", "a2/i.1", 5, 6, then)

    def test_an_instance_whose_gateway_died(self):
        self.ended()
        self.finds(6)

    def test_an_instance_whose_gateway_died_is_told(self):
        self.ended(then="ESHUTDOWN")
        self.finds()

    def test_an_instance_whose_gateway_died_without_write_back(self):
        self.ended(cache="through")
        self.finds()

    def test_an_instance_that_had_left(self):
        self.ended(closed=2.5)
        self.finds()

    def test_an_instance_that_begins_anew(self):
        self.ended(then="ESHUTDOWN")
        self.write("a3/j", "a3/j.1", 7, 8)
        self.finds()

    def test_an_instance_that_had_moved(self):
        # Through another gateway, before: the dead one had lost nothing.
        self.write("a2/i", "a2/i.1", 1.5, 2.5, "lost")
        self.ended()
        self.finds()

    def test_an_instance_that_flushes(self):
        self.ended(then="EPERM")
        self.flush("a2/i", 7, 8)
        self.finds(6)

    # --- Rule 5, and the program --------------------------------------------

    def test_stuck(self):
        self.history.events.append({"what": "stuck", "volume": "v",
                                    "why": "nobody can write"})
        self.finds(5)

    def test_the_program(self):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                               "checker.py")
        for seen, status in (("b.1", 0), ("a.2", 1)):
            self.history.events.clear()
            self.late(seen=seen)
            with tempfile.NamedTemporaryFile("w", suffix=".history") as file:
                for event in self.history.events:
                    print(json.dumps(event), file=file)
                file.flush()
                result = subprocess.run([sys.executable, "-B", program,
                                         file.name], stdout=subprocess.PIPE,
                                        text=True)
            self.assertEqual(result.returncode, status, result.stdout)
            self.assertIn(f"{status} violations", result.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
