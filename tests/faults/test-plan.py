#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-plan.py: one seed is one plan; each action of a plan is one that a round
# can carry out; no two clients of a volume can get into one session, which the
# checker would take for two.

import inspect
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import nbd  # noqa: F401
except ImportError:
    print("SKIP: no module nbd (package python3-libnbd)")
    sys.exit(77)

from plan import GATEWAYS, THEMES, VOLUMES, Plan  # noqa: E402
from rounds import Round  # noqa: E402

SEEDS = 300


def carried_out_by(do):
    """What carries an action out (Round.act)."""
    if do in ("preempt", "clear", "release"):
        return lambda volume, node=None, victim=None: None
    return getattr(Round, "do_" + do.replace("-", "_"), Round.do_rule)


class PlanTest(unittest.TestCase):
    def plans(self):
        for store in THEMES:
            for seed in range(SEEDS):
                yield store, seed, Plan(store, seed)

    def test_one_seed_is_one_plan(self):
        for store, seed, plan in self.plans():
            self.assertEqual(plan.describe(), Plan(store, seed).describe())

    def test_every_theme_comes(self):
        for store, themes in THEMES.items():
            found = {Plan(store, seed).theme for seed in range(SEEDS)}
            self.assertEqual(found, {theme.__name__ for theme in themes})

    def test_actions_can_be_carried_out(self):
        for store, seed, plan in self.plans():
            for action in plan.actions:
                arguments = {name: value for name, value in action.items()
                             if name not in ("at", "do")}
                function = carried_out_by(action["do"])
                this = [] if function.__name__ == "<lambda>" else [None]
                try:
                    inspect.signature(function).bind(*this, **arguments)
                except TypeError as problem:
                    self.fail(f"{store} seed {seed}: {action}: {problem}")
                self.assertLessEqual(action["at"], plan.length)
                self.assertIn(arguments.get("gateway", "a"), GATEWAYS)
                self.assertIn(arguments.get("volume", 0), range(VOLUMES))

    def test_clients_do_not_share_sessions(self):
        for store, seed, plan in self.plans():
            for clients in plan.clients:
                nodes = [client for client in clients if client["node"] and
                         client["instance"] == "none"]
                for at, one in enumerate(nodes):
                    for other in nodes[at + 1:]:
                        self.assertFalse(
                            one["node"] == other["node"] and
                            set(one["gateways"]) & set(other["gateways"]),
                            f"{store} seed {seed}: {one} {other}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
