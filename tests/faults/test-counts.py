#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-counts.py: reclaims, fences and takeovers are counted from the lines
# that gateways log (common/lease/events.c), and from nothing else.

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import counts  # noqa: E402


class CountsTest(unittest.TestCase):
    def setUp(self):
        self.events = []

    def log(self, at, line, gateway="a#1"):
        self.events.append({"what": "log", "gateway": gateway, "at": at,
                            "line": f"nbdkit: leasehold: {line}"})

    def preempt(self, node, began, ended, status=0, volume="r1-v0"):
        self.events.append({"what": "command", "verb": "preempt",
                            "at": volume, "node": node, "began": began,
                            "ended": ended, "status": status})

    def counted(self, *names):
        found = counts.count(self.events)
        return [found[name] for name in names]

    def test_requests(self):
        for outcome in ("ok", "EPERM", "ESHUTDOWN", "lost", "EIO", "ENOSPC"):
            self.events.append({"what": "write", "outcome": outcome})
        self.events.append({"what": "zero", "outcome": "ok"})
        self.events.append({"what": "read", "outcome": "ok"})
        self.events.append({"what": "flush", "outcome": "EIO"})
        self.assertEqual(
            self.counted("acknowledged", "refused", "fenced", "lost",
                         "errors", "reads", "flushes"), [2, 1, 1, 1, 2, 1, 0])

    def test_faults(self):
        for skipped in (None, "needs root"):
            self.events.append({"what": "fault", "name": "full",
                                "skipped": skipped})
        self.assertEqual(self.counted("fault full"), [1])

    def test_reclaims(self):
        self.log(1, "r1-v0@node-a: claim epoch=4 other=node-b other-epoch=3")
        self.log(2, "error: r1-v0@node-a: doubt epoch=4 "
                 "cause=\"the outcome of a write is unknown\"")
        self.log(3, "r1-v0@node-a: reclaim epoch=5 cause=\"...\"")
        self.log(4, "error: r1-v0@node-a: doubt epoch=5 "
                 "cause=\"a write was refused: lease expired or broken\"")
        self.log(5, "r1-v0@node-a: reclaim epoch=6 cause=\"...\"")
        self.assertEqual(self.counted("claims", "reclaims", "unknown"),
                         [3, 2, 1])

    def test_no_reclaims(self):
        # A renewal settled it; another gateway; a new session.
        for gateway, line in (
                ("a#1", "r1-v0@node-a: doubt epoch=5 cause=\"x\""),
                ("a#1", "r1-v0@node-a: resume epoch=5"),
                ("a#1", "r1-v0@node-a: doubt epoch=5 cause=\"x\""),
                ("b#1", "r1-v0@node-a: claim epoch=6"),
                ("a#1", "r1-v0@node-a: fence epoch=5 cause=\"x\""),
                ("a#1", "r1-v0@node-a: claim epoch=7")):
            self.log(1, line, gateway)
        self.assertEqual(self.counted("reclaims", "fences"), [0, 1])

    def test_instances_ended(self):
        cause = "cause=\"this instance's last session ended with unsent writes\""
        for who in ("node-a/instance=x", "node-a/instance=x",
                    "node-a/instance=y"):
            self.log(1, f"r1-v0@{who}: fence epoch=4 {cause}")
        self.log(1, "r1-v0@node-b: fence epoch=4 cause=\"another\"")
        self.assertEqual(self.counted("fences", "ended"), [4, 2])

    def request(self, what, began, ended, outcome="ok", **more):
        self.events.append({"what": what, "session": "s", "began": began,
                            "ended": ended, "outcome": outcome,
                            "fua": False, **more})

    def losses(self, cache):
        """Of four writes, one is promised by a flush, one by FUA."""
        self.request("open", 0, 0, cache=cache)
        self.request("write", 1, 2)
        self.request("write", 1, 5)
        self.request("flush", 3, 6)
        self.request("zero", 7, 8)
        self.request("write", 7, 8, fua=True)
        self.request("write", 9, 10, "ESHUTDOWN")
        self.request("flush", 11, 12, "ESHUTDOWN")
        return self.counted("losses")

    def test_losses(self):
        self.assertEqual(self.losses("back"), [2])

    def test_no_losses(self):
        self.assertEqual(self.losses("through"), [0])

    def takeover(self, **preempt):
        self.log(1, "r1-v0@node-a/instance=x: claim epoch=1")
        self.preempt(**{"node": "node-b", "began": 2, "ended": 3, **preempt})
        self.log(4, "r1-v0@node-b: claim epoch=2 other=node-a", "b#1")
        return self.counted("takeovers")

    def test_takeover(self):
        self.assertEqual(self.takeover(), [1])

    def test_of_a_node_from_itself(self):
        self.assertEqual(self.takeover(node="node-a"), [0])

    def test_refused(self):
        self.assertEqual(self.takeover(status=3), [0])

    def test_too_late(self):
        self.assertEqual(self.takeover(began=5, ended=6), [0])

    def test_before_the_claim_of_the_one_before(self):
        self.assertEqual(self.takeover(began=0.1, ended=0.2), [0])

    def test_another_volume(self):
        self.assertEqual(self.takeover(volume="r1-v1"), [0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
