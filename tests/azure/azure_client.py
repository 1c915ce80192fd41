# SPDX-License-Identifier: LGPL-2.1-or-later
# azure_client.py: what the Python scripts in the Azure tests begin with.
#
# Besides what tests/e2e/client.py has: proxy() tells the fault proxy something,
# and requests() is what it has seen.

import re
import socket
import threading

from client import *  # noqa: F403


def proxy(do, **arguments):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"{SCRATCH}/proxy.control")
        stream = connection.makefile("rw", encoding="utf-8")
        print(json.dumps({"do": do, **arguments}), file=stream, flush=True)
        answer = json.loads(stream.readline())
    check("error" not in answer, f"proxy: {do}: {answer}")
    return answer


def add_rule(**fields):
    """A rule for the proxy, see tests/faults/rules.py; its number."""
    return proxy("add", rule=fields)["rule"]


def rule_reached(rule, what, count=1):
    """Waits until a rule has taken, or done, so many; what it reports."""
    return proxy("await", rule=rule, what=what, count=count, seconds=PATIENCE)


class Line:
    """A line of the proxy's log: a request that is finished."""

    def __init__(self, fields):
        headers = fields["headers"]
        self.fields = fields
        self.number = fields["number"]
        self.kind = fields["kind"]
        self.path = fields["path"]
        self.arrived = fields["arrived"]
        self.ended = fields["ended"]
        self.rule = fields["rule"]
        self.action = fields["action"]
        self.status = fields["outcome"]["status"]
        self.error = fields["outcome"].get("error")
        self.range = headers.get("x-ms-range")
        self.lease_id = headers.get("x-ms-lease-id")
        epoch = headers.get("x-ms-if-sequence-number-eq")
        self.epoch = None if epoch is None else int(epoch)
        epoch = fields["outcome"].get("epoch")
        self.new_epoch = None if epoch is None else int(epoch)
        self.is_page = "comp=page " in self.kind
        self.is_claim = "x-ms-sequence-number-action" in headers

    def first_last(self):
        """The range, in bytes."""
        return tuple(map(int, re.findall(r"\d+", self.range)))

    def __str__(self):
        return json.dumps(self.fields)


def requests():
    with open(f"{SCRATCH}/proxy.log", encoding="utf-8") as log:
        return [Line(json.loads(line)) for line in log]
