#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# checker.py: says whether a recorded history of real clients broke a rule.
#
# Usage: checker.py HISTORY...
#
# A history is a file of JSON lines, one per event (history.py). The checker
# knows only what clients saw: what they asked for, when that began and ended,
# and what they were told. It is the simulator's oracle (tests/sim/
# sim-oracle.c) for those who cannot look into the store:
#
#   rule                                            oracle
#   1  what was acknowledged is what is read        O1, O11
#   2  once another has claimed, nothing of an      O2, O9, O12
#      older session or instance becomes visible,
#      nor does a write that was refused
#   3  a sector is one write's, whole; what was     O3
#      answered is not resurrected over newer data
#   4  a fenced session says so, for ever; one      O4
#      that lost something at each flush
#   5  once faults stop, somebody can write         O6 (the runner tries)
#   6  an instance ends with a gateway that may     O9
#      have had something unsent of it
#
# O5, O7, O8, O10 and O13 are about gates, clocks and requests, which clients
# do not see; no line of code is shared, because the oracle sees each effect as
# it happens and this has to find out what can have happened.
#
# How. A change is *sure* from the time on when it is known to be in the store:
# when a read by another node has found it, or when it was promised. A gateway
# without write-back promises it with the answer. With write-back the answer only
# says that it is in memory: with FUA it is promised, otherwise by the next flush
# of its session that began after the answer and succeeded (S5). A read by its
# own node may have found it in memory, on its way to the store: without a cache
# that makes it sure for this node's reads only, with one for nobody.
#
# A session's writes take effect in one stretch of time, its tenure, because
# whoever claims next fences it for good. A session whose change was answered or
# seen had claimed by then. So if A had claimed before a sure change of session
# B began, A's tenure came before B's, and all of A's changes came before all of
# B's. (If A's gateway was killed before that: the same. What A had sent it had
# claimed for.) Sessions of one instance are one stretch, too (S12).
#
# A read that found W is wrong if some V was surely there before the read began
# and W came before V: its session's tenure did, or W was answered, whatever
# the answer, before V began. All of this is true for a correct store in every
# case; what it cannot tell apart passes. A session's own reads are not held
# against sessions after it: it may read what it has until it knows (S8). With a
# cache that is so for each session that may have claimed; whether it had is
# often not known, and then it is held only against those that came before it.
#
# What a session was answered it reads itself, too, sure or not: until it is
# fenced or something was lost. If a flush of it that began after the read has
# succeeded, neither had happened.
#
# With write-back, a gateway that dies with a session that had claimed ends that
# session's instance (S13). Another session of it that writes or flushes after
# that is wrong, unless somebody else may have claimed in between.

import bisect
import collections
import json
import math
import sys

NEVER = math.inf
ZEROES = "0"


class Change:
    """A write or zero. None stands for the volume as it was made.

    cache: "none", "through" or "back", of its gateway.
    """

    def __init__(self, event, cache):
        self.event = event
        self.cache = cache
        self.session = event["session"]
        self.began = event["began"]
        self.outcome = event["outcome"]
        # When it was answered: from then on it is not sent again.
        self.answered = NEVER if self.outcome == "lost" else event["ended"]
        self.acknowledged = event["ended"] if self.outcome == "ok" else NEVER
        # It is in the store, the session has been told.
        self.promised = self.acknowledged
        if cache == "back" and not event["fua"]:
            self.promised = NEVER  # until Volume.find_promised
        # By sector: when a read that found it ended; of others, and of any.
        self.seen, self.seen_by_any = {}, {}

    def sectors(self):
        first = self.event["first"]
        return range(first, first + self.event["count"])

    def sure(self, sector):
        return min(self.promised, self.seen.get(sector, NEVER))

    def sure_for_own(self, sector):
        if self.cache != "none":
            return self.sure(sector)
        return min(self.promised, self.seen_by_any.get(sector, NEVER))

    def sure_for_session(self, _sector):
        return self.acknowledged

    def first_sure(self):
        return min([self.promised, *self.seen.values()])

    def first_claimed(self):
        """When its session had claimed, surely."""
        return min([self.acknowledged, *self.seen.values()])

    def may_have_claimed(self):
        return self.outcome != "EPERM"

    def __str__(self):
        event = self.event
        return (f"{event['what']} {event.get('stamp', '')} "
                f"[{self.began:.6f} {event['ended']:.6f} {self.outcome}]")


class Stretch:
    """By when some session had claimed, and until when at least it was the
    holder.
    """

    def __init__(self):
        self.claimed, self.last_began = NEVER, -NEVER

    def add(self, change):
        self.claimed = min(self.claimed, change.first_claimed())
        if change.first_sure() < NEVER:
            self.last_began = max(self.last_began, change.began)

    def before(self, other):
        return self.claimed < other.last_began


class SectorChanges:
    """The sure changes of one session to one sector, by when they were."""

    def __init__(self):
        self.changes = []

    def sort(self, sure):
        self.changes.sort(key=sure)
        self.times = [sure(change) for change in self.changes]
        self.newest = []  # the one that began last, up to here
        for change in self.changes:
            last = self.newest[-1] if self.newest else change
            self.newest.append(max(last, change, key=lambda one: one.began))

    def before(self, time):
        """Of those that were sure by then, the one that began last."""
        at = bisect.bisect_right(self.times, time)
        return self.newest[at - 1] if at else None


class Volume:
    def __init__(self, name, events, deaths):
        self.name = name
        self.events = events
        self.deaths = deaths
        self.violations = []
        self.in_turns = False
        self.nodes = {event["session"]: event["node"] for event in events}
        self.instances = {event["session"]: event["instance"]
                          for event in events}
        self.gateways = {event["session"]: event.get("gateway")
                         for event in events}
        self.caches = collections.defaultdict(lambda: "none")
        for event in events:
            if event["what"] == "open":
                self.caches[event["session"]] = event.get("cache", "none")
        self.changes = [Change(event, self.caches[event["session"]])
                        for event in events
                        if event["what"] in ("write", "zero")]
        self.by_session = collections.defaultdict(list)
        self.first_tried = collections.defaultdict(lambda: NEVER)
        for change in self.changes:
            session = change.session
            self.by_session[session].append(change)
            if change.may_have_claimed():
                self.first_tried[session] = min(change.began,
                                                self.first_tried[session])
        self.reads = [event for event in events
                      if event["what"] == "read" and event["outcome"] == "ok"]
        self.by_stamp = {change.event["stamp"]: change
                         for change in self.changes
                         if change.event["what"] == "write"}
        self.zeroes = collections.defaultdict(list)
        for change in self.changes:
            if change.event["what"] == "zero":
                for sector in change.sectors():
                    self.zeroes[sector].append(change)

    def violation(self, rule, text):
        self.violations.append(f"rule {rule}: {self.name}: {text}")

    def check(self):
        self.find_promised()
        self.look()
        self.find_tenures()
        self.check_tenures()
        self.check_instances()
        self.check_ended_instances()
        self.check_fenced()
        self.check_lost()
        if self.in_turns:
            return self.violations  # there is no order to hold reads against
        for read in self.reads:
            self.check_read(read)
        return self.violations

    # --- What is sure -------------------------------------------------------

    def find_promised(self):
        """By the flushes: and until when each session was certainly whole."""
        flushes = collections.defaultdict(list)
        for event in self.events:
            if event["what"] == "flush" and event["outcome"] == "ok":
                flushes[event["session"]].append(event)
        self.whole = collections.defaultdict(lambda: -NEVER)
        for session, of_session in flushes.items():
            of_session.sort(key=lambda event: event["began"])
            self.whole[session] = of_session[-1]["began"]
            begins = [event["began"] for event in of_session]
            first_end = [NEVER]  # of this one and those after it, backwards
            for event in reversed(of_session):
                first_end.append(min(first_end[-1], event["ended"]))
            first_end.reverse()
            for change in self.by_session[session]:
                if change.acknowledged < NEVER:
                    at = bisect.bisect_left(begins, change.acknowledged)
                    change.promised = min(change.promised, first_end[at])

    def look(self):
        """Takes from the reads what they have found."""
        for read in self.reads:
            for sector, stamp in found(read):
                if stamp == ZEROES:
                    continue
                change = self.by_stamp.get(stamp)
                if change is None or sector not in change.sectors():
                    self.violation(3, f"sector {sector} has {stamp!r}, which "
                                   f"nobody wrote there: {place(read)}")
                    continue
                note(change.seen_by_any, sector, read["ended"])
                if read["node"] != change.event["node"]:
                    note(change.seen, sector, read["ended"])
                if change.outcome == "EPERM":
                    self.violation(2, f"sector {sector} has a write that was "
                                   f"refused: {change}: {place(read)}")
                if change.began > read["ended"]:
                    self.violation(3, f"{change} was read before it began")

    def find_tenures(self):
        self.tenures = collections.defaultdict(Stretch)
        for change in self.changes:
            if change.first_claimed() < NEVER:
                self.tenures[change.session].add(change)
        self.sure = self.find_sure(Change.sure)
        self.sure_for_own = self.find_sure(Change.sure_for_own)
        self.sure_for_session = self.find_sure(Change.sure_for_session)
        self.writers = collections.defaultdict(list)  # by sector
        for sector in {*self.sure_for_own, *self.sure_for_session}:
            self.writers[sector] = sorted(
                {*self.sure_for_own[sector], *self.sure_for_session[sector]})
        for session, tenure in self.tenures.items():
            tenure.claimed = min(tenure.claimed, self.death(session))

    def death(self, session):
        return self.deaths.get(self.gateways[session], NEVER)

    def find_sure(self, sure):
        """By sector and session, the changes that are sure in this sense."""
        found_sure = collections.defaultdict(
            lambda: collections.defaultdict(SectorChanges))
        for change in self.changes:
            for sector in change.sectors():
                if sure(change, sector) < NEVER:
                    found_sure[sector][change.session].changes.append(change)
        for sector, sessions in found_sure.items():
            for changes in sessions.values():
                changes.sort(lambda change, at=sector: sure(change, at))
        return found_sure

    def before(self, session, other):
        """Did this session's tenure come before the other's, surely?"""
        return (session != other and session in self.tenures and
                other in self.tenures and
                self.tenures[session].before(self.tenures[other]))

    # --- The rules ----------------------------------------------------------

    def check_tenures(self):
        names = sorted(self.tenures)
        for at, session in enumerate(names):
            for other in names[at + 1:]:
                if self.before(session, other) and self.before(other, session):
                    self.violation(2, f"{session} and {other} wrote in turns")
                    self.in_turns = True

    def check_instances(self):
        instances = collections.defaultdict(Stretch)
        names = {}
        for change in self.changes:
            instance = change.event.get("instance")
            if instance and change.first_claimed() < NEVER:
                name = change.event["node"], instance
                instances[name].add(change)
                names[change.session] = name
        for name, stretch in instances.items():
            for session, tenure in self.tenures.items():
                if (names.get(session) != name and stretch.before(tenure) and
                        tenure.before(stretch)):
                    self.violation(2, f"instance {'/'.join(name)} wrote again "
                                   f"after {session} had written")

    def check_ended_instances(self):
        """Its gateway died while it was there, and it had write-back."""
        for session in self.tenures:
            if self.caches[session] == "back" and self.was_there(session):
                self.check_ended_instance(session)

    def was_there(self, session):
        """Was it, surely, when its gateway died?"""
        closed = [event["began"] for event in self.events
                  if event["what"] == "close" and event["session"] == session]
        return bool(closed) and self.death(session) < min(closed)

    def check_ended_instance(self, session):
        death, instances = self.death(session), self.instances
        tried = self.first_tried[session]
        others = [change for change in self.changes
                  if change.session != session and change.may_have_claimed()]
        if not instances[session] or any(
                change.began < death and change.answered > tried
                for change in others):
            return
        for event in self.events:
            other = event["session"]
            if (event["what"] in ("write", "zero", "flush") and
                    other != session and event["outcome"] == "ok" and
                    event["began"] > death and
                    instances[other] == instances[session] and
                    self.nodes[other] == self.nodes[session]):
                self.violation(6, f"{session} died at {death:.6f}, and its "
                               f"instance went on: {place(event)}")
                return

    def check_lost(self):
        """What a store had no space for, with write-back."""
        lost = {}
        for event in self.events:
            if (event["what"] == "flush" and event["outcome"] == "ENOSPC" and
                    self.caches[event["session"]] == "back"):
                session = event["session"]
                lost[session] = min(event["ended"], lost.get(session, NEVER))
        for event in self.events:
            if (event["what"] == "flush" and event["outcome"] == "ok" and
                    event["began"] > lost.get(event["session"], NEVER)):
                self.violation(4, f"{event['session']} had lost something at "
                               f"{lost[event['session']]:.6f}, and then: "
                               f"{place(event)} ok")

    def check_fenced(self):
        fenced = {}
        for event in self.events:
            if event.get("outcome") == "ESHUTDOWN":
                session = event["session"]
                fenced[session] = min(event["ended"],
                                      fenced.get(session, NEVER))
        for event in self.events:
            if (event["what"] in ("write", "zero", "flush") and
                    event["began"] > fenced.get(event["session"], NEVER) and
                    event["outcome"] not in ("ESHUTDOWN", "lost")):
                self.violation(4, f"{event['session']} was fenced at "
                               f"{fenced[event['session']]:.6f}, and then: "
                               f"{place(event)} {event['outcome']}")

    def check_read(self, read):
        """Says the first thing that is wrong with it."""
        for sector, stamp in found(read):
            if stamp != ZEROES and stamp not in self.by_stamp:
                continue  # said already
            change = self.by_stamp.get(stamp)
            newer = self.newer(read, sector, change)
            if stamp == ZEROES and newer is not None:
                newer = self.newer_than_zeroes(read, sector, newer)
            if newer is None:
                continue
            if change is None or change.outcome == "ok":
                rule = 1
            else:
                rule = 2 if change.session != newer.session else 3
            self.violation(rule, f"sector {sector} has {change or 'zeroes'}, "
                           f"and not {newer} or newer: {place(read)}")
            return

    def newer_than_zeroes(self, read, sector, newer):
        """Unless there is a zero that may be the one that was read."""
        for change in self.zeroes[sector]:
            if change.outcome != "EPERM" and change.began < read["ended"]:
                newer = self.newer(read, sector, change) and newer
        return newer

    def newer(self, read, sector, change):
        """A change that came after this one and before the read, surely."""
        for session in self.writers[sector]:
            if self.is_blind(read, session):
                continue
            of_session = self.known(read, session)[sector].get(session)
            newest = of_session and of_session.before(read["began"])
            if newest is None or newest is change:
                continue
            if (change is None or newest.began > change.answered or
                    self.before(change.session, session)):
                return newest
        return None

    def known(self, read, session):
        """What a reader knows of a session."""
        if read["session"] == session and read["ended"] < self.whole[session]:
            return self.sure_for_session
        if self.nodes[session] == read["node"]:
            return self.sure_for_own
        return self.sure

    def is_blind(self, read, session):
        """May it not know what this session has written?"""
        reader = read["session"]
        if self.before(reader, session):
            return True
        return (reader != session and self.caches[reader] != "none" and
                not self.before(session, reader) and
                self.first_tried[reader] < read["ended"])


def note(times, sector, time):
    times[sector] = min(time, times.get(sector, NEVER))


def found(read):
    """(sector, stamp) of each sector that was read."""
    sector = read["first"]
    for count, stamp in read["found"]:
        for _ in range(count):
            yield sector, stamp
            sector += 1


def place(event):
    return (f"{event['what']} by {event['session']} "
            f"[{event['began']:.6f} {event['ended']:.6f}]")


def check(events):
    """What is wrong with a history: a list of texts."""
    deaths = {event["gateway"]: event["at"] for event in events
              if event["what"] == "died"}
    volumes = collections.defaultdict(list)
    violations = []
    for event in events:
        if "session" in event:
            volumes[event["volume"]].append(event)
        if event["what"] == "stuck":
            violations.append(f"rule 5: {event['volume']}: {event['why']}")
    for name, of_volume in sorted(volumes.items()):
        violations += Volume(name, of_volume, deaths).check()
    return violations


def main():
    violations = []
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            violations += check([json.loads(line) for line in file])
    print(*violations, f"{len(violations)} violations", sep="\n")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
