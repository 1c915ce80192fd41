# SPDX-License-Identifier: LGPL-2.1-or-later
# rules.py: which requests the fault proxy meddles with, and how.
#
# A rule is a JSON object. What it says about requests (all of it has to fit):
#
#   method   "PUT"
#   path     a regular expression, looked for in the path
#   query    {"comp": "page", "restype": null}   null: must not be there
#   header   {"x-ms-lease-action": "renew"}      a regular expression for the
#                                                whole value; null as above
# Which of those it takes:
#
#   skip     lets the first so many pass
#   every    then takes each so many-th, from the first on
#   chance   takes each with this probability; seed makes it the same each time
#   times    takes so many, then no more
#   seconds  ends so long after it was added
#
# What is done with them:
#
#   action   pass       forwards (useful with delay, rate, strip)
#            hold       forwards when it is released, even if the client has
#                       gone in the meantime
#            late       closes the connection at once, and forwards when it is
#                       released
#            drop       closes the connection; nothing is forwarded
#            swallow    forwards, then closes the connection without an answer
#            duplicate  forwards it twice; the client gets the first answer.
#                       Times in "delay" pass before the second one
#            answer     forwards nothing; answers with status, and with error
#                       as x-ms-error-code, and with retry_after if given
#            stall      neither reads nor writes any more, until it is released;
#                       then the connection is closed
#   delay    seconds to wait before forwarding or answering
#   rate     bytes a second in each direction
#   strip    headers to take out of the request before it is forwarded
#
# The first rule that takes a request is the one.

import asyncio
import random
import re
import time

ACTIONS = ("pass", "hold", "late", "drop", "swallow", "duplicate", "answer",
           "stall")

FIELDS = {
    "method": str, "path": str, "query": dict, "header": dict,
    "skip": int, "every": int, "chance": (int, float), "seed": int,
    "times": int, "seconds": (int, float),
    "action": str, "delay": (int, float), "rate": (int, float), "strip": list,
    "status": int, "error": str, "retry_after": int,
}


def check_fields(fields):
    for name, value in fields.items():
        if name not in FIELDS:
            raise ValueError(f"a rule has no {name!r}")
        if not isinstance(value, FIELDS[name]) or isinstance(value, bool):
            raise ValueError(f"a rule's {name!r} cannot be {value!r}")
    if fields.get("action") not in ACTIONS:
        raise ValueError(f"a rule's action is one of {', '.join(ACTIONS)}")
    if fields["action"] == "answer" and "status" not in fields:
        raise ValueError("an answer needs a status")
    if fields.get("every", 1) < 1 or fields.get("rate", 1) <= 0:
        raise ValueError("every and rate are above zero")


def fits(wanted, have, compare):
    """wanted: {name: value or None}; have: a function from name to value."""
    for name, value in wanted.items():
        got = have(name)
        if value is None:
            if got is not None:
                return False
        elif got is None or not compare(value, got):
            return False
    return True


class Rule:
    def __init__(self, number, fields):
        check_fields(fields)
        self.number = number
        self.fields = fields
        self.action = fields["action"]
        self.delay = fields.get("delay", 0)
        self.rate = fields.get("rate")
        self.strip = fields.get("strip", [])
        self.random = random.Random(fields.get("seed", 0))
        self.added = time.monotonic()
        self.seen = 0      # requests that fit
        self.taken = 0     # of those, the ones that it took
        self.done = 0      # of those, the ones that are finished
        self.outcomes = []  # what the server said to each, in this order
        self.released = asyncio.Event()
        self.changed = asyncio.Condition()

    def matches(self, request):
        fields = self.fields
        if "method" in fields and fields["method"] != request.method:
            return False
        if "path" in fields and not re.search(fields["path"], request.path):
            return False
        return (fits(fields.get("query", {}), request.query.get,
                     lambda value, got: value == got) and
                fits(fields.get("header", {}), request.message.get,
                     lambda value, got: re.fullmatch(value, got)))

    def over(self):
        fields = self.fields
        return (self.taken >= fields.get("times", self.taken + 1) or
                time.monotonic() - self.added > fields.get("seconds", 1e9))

    def takes(self, request):
        """Does it take this request? Counts it."""
        fields = self.fields
        if self.over() or not self.matches(request):
            return False
        at = self.seen - fields.get("skip", 0)
        self.seen += 1
        if at < 0 or at % fields.get("every", 1) != 0:
            return False
        if self.random.random() >= fields.get("chance", 1):
            return False
        self.taken += 1
        return True

    async def notify(self):
        async with self.changed:
            self.changed.notify_all()

    async def finished(self, outcome):
        self.done += 1
        self.outcomes.append(outcome)
        await self.notify()

    async def reach(self, what, count, seconds):
        """Waits until taken or done is at least count."""
        async with self.changed:
            await asyncio.wait_for(
                self.changed.wait_for(lambda: getattr(self, what) >= count),
                seconds)

    def report(self):
        return {"rule": self.number, "seen": self.seen, "taken": self.taken,
                "done": self.done, "outcomes": self.outcomes}
