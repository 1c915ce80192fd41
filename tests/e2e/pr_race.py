# SPDX-License-Identifier: LGPL-2.1-or-later
# pr_race.py: reservation commands of several nodes at once, by two servers.
#
# Whatever comes at the same time has one order, the same for everybody: of
# those who want what only one can have, one gets it, and the others hear so.

import concurrent.futures
import threading

import nbd

from client import PATIENCE, check, connect, pattern, writes_soon
from pr_matrix import ALL_REGISTRANTS, offered_types
from scsi import *

SERVERS = "g1", "g2"
ROUNDS = 5
NODES = 6


class Racers:
    """Nodes, by one server or the other, that begin at the same time."""

    def __init__(self, volume, pool, count):
        self.volume, self.pool = volume, pool
        self.names = [f"node-{number}" for number in range(count)]
        self.nexus = [Nexus(SERVERS[number % 2], name, volume)
                      for number, name in enumerate(self.names)]

    def race(self, function):
        """[what function(nexus, number) has returned]"""
        begin = threading.Barrier(len(self.nexus), timeout=PATIENCE)

        def run(number):
            begin.wait()
            return function(self.nexus[number], number)
        return list(self.pool.map(run, range(len(self.nexus))))

    def clear(self):
        self.nexus[0].good(REGISTER_AND_IGNORE, service_key=1)
        self.nexus[0].good(CLEAR, key=1)

    def data(self, number):
        return connect(SERVERS[number % 2],
                       f"{self.volume}@{self.names[number]}")


def writes(handle, seed):
    try:
        handle.pwrite(pattern(seed, 4096), 0)
    except nbd.Error as problem:
        check(problem.errno in ("EPERM", "ESHUTDOWN"), f"a write: {problem}")
        return False
    return True


def all_register(racers):
    """Everybody is registered, and each of them has been counted."""
    before = racers.nexus[0].keys()[0]
    results = racers.race(lambda nexus, number:
                          nexus.out(REGISTER, service_key=number + 1))
    check(results == [GOOD] * NODES, f"REGISTER: {results}")
    generation, keys = racers.nexus[1].keys()
    check(generation == before + NODES, f"generation {before}, {generation}")
    check(sorted(keys) == list(range(1, NODES + 1)), f"keys {keys}")


def one_reserves(racers, kind):
    """Returns its number."""
    results = racers.race(lambda nexus, number:
                          nexus.out(RESERVE, key=number + 1, kind=kind))
    check(set(results) <= {GOOD, CONFLICT}, f"RESERVE: {results}")
    if kind in ALL_REGISTRANTS:
        check(results == [GOOD] * NODES, f"RESERVE: {results}")
        return 0
    check(results.count(GOOD) == 1, f"RESERVE: {results}")
    winner = results.index(GOOD)
    check(racers.nexus[0].reservation() == (winner + 1, kind), "reservation")
    return winner


def one_releases_or_leaves(racers, kind):
    """RELEASE, REGISTER of no key, CLEAR: whatever the order was, they agree
    with what is seen afterwards.
    """
    calls = (lambda nexus: nexus.out(RELEASE, key=1, kind=kind),
             lambda nexus: nexus.out(REGISTER, key=2),
             lambda nexus: nexus.out(CLEAR, key=3))
    results = racers.race(lambda nexus, number: calls[number](nexus)
                          if number < len(calls) else nexus.keys()[1])
    check(results[2] == GOOD, f"CLEAR: {results}")
    check(set(results[:2]) <= {GOOD, CONFLICT}, f"at once: {results}")
    check(all(len(keys) in (0, NODES - 1, NODES) for keys in results[3:]),
          f"keys that never were: {results}")
    check(racers.nexus[3].keys()[1] == [] and
          racers.nexus[4].reservation() is None, "after CLEAR")


def preempt_each_other(volume, pool, kind):
    """Two nodes that each take the other one for dead: exactly one stays, and
    can write.
    """
    racers = Racers(volume, pool, 2)
    racers.clear()
    for number, nexus in enumerate(racers.nexus):
        nexus.good(REGISTER, service_key=number + 1)
    racers.nexus[0].good(RESERVE, key=1, kind=kind)
    handles = [racers.data(number) for number in range(2)]
    for number, handle in enumerate(handles):
        check(writes(handle, number) == (number == 0 or kind >= 5),
              f"type {kind}: node {number} before the race")
    results = racers.race(lambda nexus, number: nexus.out(
        PREEMPT_AND_ABORT, key=number + 1, kind=kind, service_key=2 - number))
    check(sorted(results) == sorted([GOOD, CONFLICT]),
          f"type {kind}: PREEMPT of each other: {results}")
    winner = results.index(GOOD)
    full = racers.nexus[0].full_status()
    check(full == {f"node-{winner}": (winner + 1, True, kind)},
          f"type {kind}: node {winner} has won, but {full}")
    check(not writes(handles[1 - winner], 7), "the one that lost has written")
    writes_soon(handles[winner], pattern(8, 4096), 0, PATIENCE)
    check(not writes(handles[1 - winner], 9), "the one that lost has written")
    check(handles[winner].pread(4096, 0) == pattern(8, 4096), "data")
    for handle in handles:
        handle.shutdown()
    racers.clear()


def run_races():
    """The volume disk0 is there, and the servers g1 and g2."""
    kinds = sorted(offered_types("g1", "disk0"))
    with concurrent.futures.ThreadPoolExecutor(NODES) as pool:
        racers = Racers("disk0", pool, NODES)
        for number in range(ROUNDS):
            kind = kinds[number % len(kinds)]
            racers.clear()
            all_register(racers)
            one_reserves(racers, kind)
            one_releases_or_leaves(racers, kind)
        for number in range(2 * ROUNDS):
            preempt_each_other("disk0", pool, kinds[number % len(kinds)])
