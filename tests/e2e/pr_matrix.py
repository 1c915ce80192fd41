# SPDX-License-Identifier: LGPL-2.1-or-later
# pr_matrix.py: tests/data/pr-matrix.tsv, cell by cell, on a server.
#
# Each reservation type has a volume, pr-TYPE, and a thread of its own. A volume
# is brought into the state that a cell begins with, the command is sent, and
# its outcome and all that can be read of the state afterwards are compared with
# what the table says. A cell that was to change nothing, and has not, leaves
# the state for the next one.

import collections
import concurrent.futures
import itertools
import re
import struct

import nbd

from client import check, connect, pattern
from scsi import *

TYPES = 1, 3, 5, 6, 7, 8
ALL_REGISTRANTS = 7, 8
ROLES = {"holder": "h", "registered": "r", "unregistered": "u"}
KEYS = {"h": 0x11, "r": 0x22, "s": 0x33}
OUTCOMES = {
    "GOOD": GOOD,
    "CONFLICT": CONFLICT,
    "INVALID-FIELD-IN-CDB": INVALID_FIELD_IN_CDB,
    "INVALID-FIELD-IN-LIST": INVALID_FIELD_IN_LIST,
    "INVALID-RELEASE": INVALID_RELEASE,
    "DENIED": "DENIED",
}
WRONG, UNREGISTERED, UNKNOWN, NEW, MOVED = 0xbad, 0x55, 0x77, 0x99, 0x44

Row = collections.namedtuple(
    "Row", "action outcomes registered reservation generation")

# What the table calls a state: {node: key}; the type and who holds it (None:
# nobody does, or all registrants do); PRGENERATION.
State = collections.namedtuple("State", "keys type holder generation")


def read_table(path):
    """{(type, role): [Row]}; each cell of the matrix is there once."""
    table = collections.defaultdict(list)
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file
                 if not line.startswith("#")]
    check(lines[0] == ["action", "types", "roles", "outcome", "registered",
                       "reservation", "generation"], "heading of the table")
    for action, types, roles, outcome, registered, reservation, by in lines[1:]:
        row = Row(action, [OUTCOMES[word] for word in outcome.split()],
                  registered, reservation, int(by))
        for kind, role in itertools.product(map(int, types.split()),
                                            roles.split()):
            if kind != 0 or role != "holder":
                table[kind, role].append(row)
    actions = {line[0] for line in lines[1:]}
    for kind, role in itertools.product(TYPES, ROLES):
        names = [row.action for row in table[kind, role]]
        check(len(names) == len(set(names)), f"a cell twice: {kind}, {role}")
        check(set(names) == actions,
              f"no cell for {kind}, {role}: {actions - set(names)}")
    return table


class Volume:
    """A volume that is brought from state to state."""

    def __init__(self, server, name, kind, offered):
        self.server, self.name, self.kind = server, name, kind
        others = [other for other in sorted(offered) if other != kind]
        self.other_kind = (others or [kind])[0]
        if kind == 0 and 5 in offered:
            self.other_kind = 5
        self.has_other = bool(others)
        self.nexus = {node: Nexus(server, f"node-{node}", name)
                      for node in "hrsudx"}
        self.state = None
        self.cells = 0

    def read_state(self):
        """As node x sees it, in three answers that have to agree."""
        x = self.nexus["x"]
        generation, keys = x.keys()
        reserved = x.reservation()
        full = x.full_status()
        check(x.generation == generation, "PRGENERATION of READ FULL STATUS")
        check(sorted(key for key, _, _ in full.values()) == sorted(keys),
              f"READ KEYS {keys}, READ FULL STATUS {full}")
        holders = {node for node, (_, holds, _) in full.items() if holds}
        kind = reserved[1] if reserved else 0
        check(all(it[2] == (kind if it[1] else 0) for it in full.values()),
              f"type in READ FULL STATUS {full}, READ RESERVATION {reserved}")
        holder = None
        if kind in ALL_REGISTRANTS:
            check(reserved[0] == 0, f"key of all registrants: {reserved[0]}")
            check(holders == set(full), f"holders of type {kind}: {holders}")
        elif kind != 0:
            check(len(holders) == 1, f"holders of type {kind}: {holders}")
            holder = holders.pop()
            check(reserved[0] == full[holder][0], "key of READ RESERVATION")
        return State({node.removeprefix("node-"): key
                      for node, (key, _, _) in full.items()}, kind,
                     holder and holder.removeprefix("node-"), generation)

    def prepare(self):
        """h, r and s are registered, and h has reserved."""
        if self.state is not None:
            return
        x = self.nexus["x"]
        x.good(REGISTER_AND_IGNORE, service_key=1)
        x.good(CLEAR, key=1)
        for node, key in KEYS.items():
            self.nexus[node].good(REGISTER, service_key=key)
        if self.kind:
            self.nexus["h"].good(RESERVE, key=KEYS["h"], kind=self.kind)
        self.state = self.read_state()
        check(self.state.keys == KEYS and self.state.type == self.kind,
              f"the state to begin with: {self.state}")

    def send(self, action, me):
        """Returns the outcome, and the type that was asked for."""
        if action in ("READ", "WRITE"):
            return self.access(action, me), 0
        nexus, own = self.nexus[me], KEYS.get(me, UNREGISTERED)
        key = KEYS.get(me, 0)
        name, _, variant = action.partition("-")
        if name == "READ" or name == "REPORT":
            return nexus.read([
                "READ-KEYS", "READ-RESERVATION", "REPORT-CAPABILITIES",
                "READ-FULL-STATUS"].index(action)), 0
        if variant in ("6", "10"):
            return nexus.run([{"RESERVE-6": 0x16, "RELEASE-6": 0x17,
                               "RESERVE-10": 0x56,
                               "RELEASE-10": 0x57}[action]]), 0
        if variant == "wrong-key":
            key = WRONG
        if name == "MOVE":
            return self.move(nexus, me, key, variant), 0
        kind, scope, service_key, number = self.kind or 1, 0, 0, {
            "REGISTER": REGISTER, "UNREGISTER": REGISTER,
            "IGNORE": REGISTER_AND_IGNORE, "RESERVE": RESERVE,
            "RELEASE": RELEASE, "CLEAR": CLEAR, "PREEMPT": PREEMPT}[name]
        if action in ("REGISTER", "REGISTER-wrong-key", "IGNORE"):
            service_key = NEW
        if name == "IGNORE":
            key = WRONG
        if action in ("RESERVE-other-type", "RELEASE-wrong-type"):
            kind = self.other_kind if name == "RESERVE" else \
                {1: 3}.get(kind, 1)
        if variant == "bad-type":
            kind = 2
        if variant in ("bad-scope", "wrong-scope"):
            scope = 1
        if name == "PREEMPT":
            if variant.startswith("AND-ABORT-"):
                number = PREEMPT_AND_ABORT
                variant = variant.removeprefix("AND-ABORT-")
            kind = self.other_kind
            service_key = {"own": own, "holder": KEYS["h"], "zero": 0,
                           "other": KEYS["s"], "unknown": UNKNOWN,
                           "wrong-key": KEYS["h"]}[variant]
            if variant == "wrong-key":
                key = WRONG
        return nexus.out(number, key=key, service_key=service_key, kind=kind,
                         scope=scope), kind

    @staticmethod
    def move(nexus, me, key, variant):
        to = {"to-registered": "s", "to-self": me}.get(variant, "d")
        identifier = transport_id(f"node-{to}")
        return nexus.raw_out(REGISTER_AND_MOVE, struct.pack(
            ">QQBBHI", key, 0 if variant == "zero" else MOVED, 0,
            2 if variant == "unreg" else 0, 1, len(identifier)) + identifier)

    def access(self, action, me):
        handle = connect(self.server, f"{self.name}@node-{me}")
        try:
            if action == "READ":
                handle.pread(4096, 0)
            else:
                handle.pwrite(pattern(self.cells, 4096), 0)
        except nbd.Error as problem:
            check(problem.errno == "EPERM", f"{action}: {problem}")
            return "DENIED"
        finally:
            handle.shutdown()
        return GOOD

    def wanted(self, row, me, kind):
        """The state after a command with this outcome."""
        keys, state = dict(self.state.keys), self.state
        for word in re.sub(r"\bme\b", me, row.registered).split():
            if word == "none":
                keys = {}
            elif word.startswith("only-"):
                keys = {me: keys[me]}
            elif word.startswith("-"):
                del keys[word[1:]]
            elif word != "same":
                node, key = word.split("=")
                keys[node] = int(key, 16)
        type_after, holder = state.type, state.holder
        if row.reservation == "none":
            type_after, holder = 0, None
        elif row.reservation != "same":
            holder, _, new = row.reservation.partition(":")
            holder = me if holder == "me" else holder
            type_after = kind if new else state.type
        if type_after in ALL_REGISTRANTS:
            holder = None
        return State(keys, type_after, holder,
                     state.generation + row.generation)

    def cell(self, row, role):
        where = f"type {self.kind}, {role}, {row.action}"
        if row.action == "RESERVE-other-type" and not self.has_other:
            return
        self.prepare()
        me = ROLES[role]
        outcome, kind = self.send(row.action, me)
        check(outcome in row.outcomes,
              f"{where}: {outcome} instead of {row.outcomes}")
        after = self.read_state()
        wanted = self.wanted(row, me, kind)
        check(after == wanted, f"{where}: {after} instead of {wanted}")
        if (row.registered, row.reservation, row.generation) != \
                ("same", "same", 0):
            self.state = None
        self.cells += 1


def offered_types(server, volume):
    """What REPORT CAPABILITIES says."""
    nexus = Nexus(server, "node-x", volume)
    check(nexus.read(REPORT_CAPABILITIES) == GOOD, "REPORT CAPABILITIES")
    mask, = struct.unpack_from(">H", nexus.data, 4)
    bits = {7: 0x8000, 6: 0x4000, 5: 0x2000, 3: 0x0800, 1: 0x0200, 8: 0x0001}
    check(mask & ~sum(bits.values()) == 0, f"type mask {mask:#x}")
    return {kind for kind, bit in bits.items() if mask & bit}


def run_type(server, table, kind, offered):
    volume = Volume(server, f"pr-{kind}", kind, offered)
    for role in ROLES:
        for row in table.get((kind, role), []):
            volume.cell(row, role)
    return volume.cells


def run_matrix(server, path, required):
    """The volumes pr-0, pr-1 and so on are there."""
    table = read_table(path)
    offered = offered_types(server, "pr-0")
    check(offered >= set(required), f"types offered: {offered}")
    with concurrent.futures.ThreadPoolExecutor(len(offered) + 1) as pool:
        runs = {kind: pool.submit(run_type, server, table, kind, offered)
                for kind in (0, *sorted(offered))}
        for kind, run in runs.items():
            print(f"type {kind}: {run.result()} cells")
            check(run.result() >= 70, f"type {kind}: too few cells")
