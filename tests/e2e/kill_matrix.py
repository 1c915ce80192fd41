# SPDX-License-Identifier: LGPL-2.1-or-later
# kill_matrix.py: a gateway is killed inside a reservation command, at each
# moment that makes a difference to the store; another gateway looks.
#
# The commands are cells of the matrix (pr_matrix.py). What the other one sees
# has to be the state before the command or the one after it, in every respect,
# the lease included, and to stay so; its next command works. How moments are
# chosen, and their number found, depends on the store: a Killer runs a command
# so that the gateway dies at moment n of it, or says that it has no moment n.

import json
import os
import subprocess

import nbd

from client import SCRATCH, check, connect, socket_of, soon
from pr_matrix import ROLES, State, Volume, offered_types, read_table
from scsi import *

COMMANDS = (
    (0, "registered", "REGISTER"),
    (0, "registered", "RESERVE"),
    (0, "registered", "RESERVE-other-type"),
    (1, "holder", "RELEASE"),
    (1, "holder", "UNREGISTER"),
    (1, "holder", "MOVE"),
    (1, "holder", "MOVE-unreg"),
    (1, "registered", "PREEMPT-holder"),
    (1, "registered", "PREEMPT-AND-ABORT-holder"),
    (1, "registered", "CLEAR"),
    (5, "holder", "RELEASE"),
    (5, "holder", "UNREGISTER"),
    (5, "holder", "MOVE-unreg"),
    (5, "registered", "UNREGISTER"),
    (5, "registered", "PREEMPT-holder"),
    (5, "registered", "PREEMPT-other"),
    (5, "registered", "CLEAR"),
    (7, "holder", "UNREGISTER"),
    (7, "registered", "PREEMPT-zero"),
)

# Far more than any command has.
MOMENTS_MAX = 100


class Gateway:
    """A server that does not outlive this program."""

    def __init__(self, name, url, environment=None):
        plugin = os.environ["LEASEHOLD_BUILDDIR"] + \
            "/plugin/.libs/nbdkit-leasehold-plugin.so"
        pid_file = f"{SCRATCH}/{name}.pid"
        for path in pid_file, socket_of(name):
            if os.path.exists(path):
                os.unlink(path)
        with open(f"{SCRATCH}/{name}.log", "ab") as log:
            self.process = subprocess.Popen(
                [*os.environ["LEASEHOLD_NBDKIT"].split(), "--foreground",
                 "--exit-with-parent", "--unix", socket_of(name), "--pidfile",
                 pid_file, plugin, f"store={url}"], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ,
                                             **(environment or {})})
        soon(f"{name} is up", lambda: self.up(pid_file))

    def up(self, pid_file):
        check(self.process.poll() is None, "a gateway has ended")
        return os.path.exists(pid_file) and os.path.getsize(pid_file) > 0

    def kill(self):
        self.process.kill()
        self.process.wait()


def check_lease(volume, state):
    """The lease is whose the reservation is, who alone can write."""
    handle = connect(volume.server, f"{volume.name}@/status")
    lease = json.loads(handle.pread(handle.get_size(), 0))["lease"]
    handle.shutdown()
    held = lease["state"] in ("leased", "breaking")
    check(held == (state.type != 0), f"{state}, but the lease: {lease}")
    if state.holder is not None and state.type in (1, 3):
        check(lease["holder"] == f"node-{state.holder}",
              f"{state}, but the lease: {lease}")
    if state.type == 0:
        return
    writer = state.holder or next(iter(state.keys))
    check(volume.access("WRITE", writer) == GOOD, f"{state}: cannot write")
    check(volume.access("WRITE", "u") == "DENIED", f"{state}: anybody writes")


def check_next(volume, state, killer, clear):
    """Another command works, and nothing comes of the one before it, not even
    when all is over.
    """
    x = volume.nexus["x"]
    x.good(REGISTER, service_key=1)
    state = state._replace(keys={**state.keys, "x": 1},
                           generation=state.generation + 1)
    check(volume.read_state() == state, "after the next command")
    if clear:
        x.good(CLEAR, key=1)
        state = State({}, 0, None, state.generation + 1)
    killer.late()
    check(volume.read_state() == state, "after what was late")
    check_lease(volume, state)


def kill_at(volume, row, role, moment, killer):
    """Returns "before" or "after", as the state is; None: no such moment."""
    me = ROLES[role]
    where = f"type {volume.kind}, {role}, {row.action}, moment {moment}"
    volume.prepare()
    before = volume.state
    elsewhere, here = killer.nexus(volume, me), volume.nexus[me]
    volume.nexus[me] = elsewhere
    try:
        sent = killer.run(lambda: volume.send(row.action, me), moment)
    finally:
        volume.nexus[me] = here
    state = volume.read_state()
    kind = volume.other_kind if row.action == "RESERVE-other-type" or \
        row.action.startswith("PREEMPT") else volume.kind or 1
    after = volume.wanted(row, me, kind)
    check(state == after or sent is None and state == before,
          f"{where}: {state}; before: {before}, after: {after}")
    if sent is None:
        check_next(volume, state, killer, clear=moment % 2 == 1)
    check_lease(volume, volume.read_state())
    volume.state = None
    if sent is not None:
        return None
    return "after" if state == after else "before"


def run_kills(server, table, killer):
    """server is the one that goes on; the volumes pr-TYPE are there."""
    offered = offered_types(server, "pr-0")
    volumes, found = {}, {"before": 0, "after": 0}
    for kind, role, action in COMMANDS:
        if kind not in (0, *offered):
            continue
        if kind not in volumes:
            volumes[kind] = Volume(server, f"pr-{kind}", kind, offered)
        row, = [row for row in table[kind, role] if row.action == action]
        for moment in range(MOMENTS_MAX):
            result = kill_at(volumes[kind], row, role, moment, killer)
            if result is None:
                break
            found[result] += 1
        check(0 < moment < MOMENTS_MAX - 1, f"{action}: {moment} moments")
        print(f"type {kind}, {role}, {action}: {moment} moments")
    print(found)
    check(all(found.values()), f"only one kind of outcome: {found}")


class FileKiller:
    """The gateway kills itself, with kill-at.c: a new one each time."""

    def __init__(self, library):
        self.switch = f"{SCRATCH}/kill-at"
        self.environment = {"LD_PRELOAD": library, "KILL_AT": self.switch}
        self.gateway = None

    def nexus(self, volume, node):
        if self.gateway is None:
            self.gateway = Gateway("killed", os.environ["LEASEHOLD_STORE"],
                                   self.environment)
        return Nexus("killed", f"node-{node}", volume.name)

    def run(self, send, moment):
        with open(self.switch, "w", encoding="ascii") as switch:
            switch.write(f"{moment}")
        try:
            return send()
        except nbd.Error:
            return None
        finally:
            os.unlink(self.switch)
            self.gateway.kill()
            self.gateway = None

    def late(self):
        """A process that is dead sends nothing."""
