# SPDX-License-Identifier: LGPL-2.1-or-later
# history.py: what clients and faults did, one event a line; and the stamps by
# which a sector tells who wrote it.
#
# Every event has "what"; times are seconds on CLOCK_MONOTONIC, the same for
# all processes:
#
#   round      seed, store, theme, plan
#   open       volume, session, node, instance, gateway, began, ended, outcome,
#              and cache, the gateway's: "none", "through" or "back"
#   close      the same without cache
#   write      the same, and first, count (sectors), fua, stamp
#   zero       the same without a stamp
#   read       the same, and found: [how many sectors, stamp] ...; "0" is a
#              sector of zeroes, "torn" one that is nobody's
#   flush      volume, session, ...
#   fault      name, began, ended, and what it was done to
#   command    began, ended, arguments, status: of the leasehold command
#   log        gateway, at, line: of its log
#   proxies    requests: how many each action of the proxies has taken
#   died       gateway, at: from then on it surely did nothing
#   stuck      volume, why: nobody could write although nothing was wrong
#
# A session is all connections that one client has at one time to one gateway,
# for one volume, node and instance; "gateway" is one process of it. Outcomes
# are "ok", an errno's name, or "lost": the connection ended before an answer.
# A session without an instance has all its connections open before it writes.

import json
import threading
import time

SECTOR = 512
LINE = 64  # a sector has its stamp in every line


def now():
    return time.monotonic()


class History:
    def __init__(self):
        self.lock = threading.Lock()
        self.events = []

    def add(self, what, **fields):
        with self.lock:
            self.events.append({"what": what, **fields})

    def save(self, name):
        with self.lock, open(name, "w", encoding="utf-8") as file:
            for event in self.events:
                print(json.dumps(event), file=file)


def stamped(volume, first, count, stamp):
    """The content of these sectors."""
    return b"".join(
        f"{volume} {sector} {stamp}\n".encode().ljust(LINE, b".") *
        (SECTOR // LINE) for sector in range(first, first + count))


def stamp_of(volume, sector, data):
    """Whose these 512 bytes are."""
    if not any(data):
        return "0"
    line = data[:LINE]
    words = line.split(b"\n")[0].decode("latin-1").split(" ")
    if (data == line * (SECTOR // LINE) and len(words) == 3 and
            words[:2] == [volume, str(sector)]):
        return words[2]
    return "torn"


def found_in(volume, first, data):
    """[count, stamp] ... of what was read."""
    found = []
    for at in range(0, len(data), SECTOR):
        stamp = stamp_of(volume, first + at // SECTOR, data[at:at + SECTOR])
        if found and found[-1][1] == stamp:
            found[-1][0] += 1
        else:
            found.append([1, stamp])
    return found
