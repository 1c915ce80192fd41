# SPDX-License-Identifier: LGPL-2.1-or-later
# pr_families.py: what initiators do with persistent reservations, in families
# of scenarios: registering, the access that each type gives, whose a reservation
# is when registrations go, clearing, preempting, and the commands that read.
#
# Each scenario is a function of a Place, whose volume nobody is registered
# with, before and after.

import concurrent.futures
import struct

import nbd

from client import check, connect, pattern
from pr_matrix import ALL_REGISTRANTS, TYPES, offered_types
from scsi import *

WRITE_TYPES = 1, 5, 7
REGISTRANT_TYPES = 5, 6, 7, 8
KEY_A, KEY_B, KEY_C = 0x1a, 0x2b, 0x3c
REGISTRANTS = 128
INSUFFICIENT_RESOURCES = (5, 0x55, 0x04)


class Place:
    """A server and a volume on it."""

    def __init__(self, server, volume, offered):
        self.server, self.volume, self.offered = server, volume, offered

    def nexus(self, node):
        return Nexus(self.server, node, self.volume)

    def data(self, node):
        return connect(self.server, f"{self.volume}@{node}")


def unregistered(place, *nexuses):
    """Takes what is left of them away."""
    for nexus in nexuses:
        nexus.good(REGISTER_AND_IGNORE, service_key=0)
    check(nexuses[0].keys()[1] == [], "keys at the end")
    check(nexuses[0].reservation() is None, "a reservation at the end")


# --- reading ----------------------------------------------------------------

def read_keys_simple(place):
    """PRGENERATION grows by one with each registration, and keys come and go."""
    a, b = place.nexus("node-a"), place.nexus("node-b")
    begin, keys = a.keys()
    check(keys == [], "keys to begin with")
    a.good(REGISTER, service_key=KEY_A)
    check(b.keys() == (begin + 1, [KEY_A]), "one key")
    b.good(REGISTER, service_key=KEY_A)
    check(a.keys() == (begin + 2, [KEY_A, KEY_A]), "the same key twice")
    b.good(REGISTER, key=KEY_A, service_key=KEY_B)
    check(a.keys() == (begin + 3, [KEY_A, KEY_B]), "another key")
    a.good(REGISTER, key=KEY_A, service_key=0)
    check(a.keys() == (begin + 4, [KEY_B]), "one has gone")
    b.good(REGISTER, key=KEY_B, service_key=0)
    check(a.keys() == (begin + 5, []), "both have gone")


def read_truncated(place):
    """Lengths in the data are those of the whole, wherever it is cut off."""
    a, b = place.nexus("node-a"), place.nexus("node-b")
    a.good(REGISTER, service_key=KEY_A)
    b.good(REGISTER, service_key=KEY_B)
    a.good(RESERVE, key=KEY_A, kind=1)
    for action in range(4):
        check(a.read(action, 65535) == GOOD, "the whole")
        whole = a.data
        check(len(whole) == {READ_KEYS: 24, READ_RESERVATION: 24,
                             REPORT_CAPABILITIES: 8}.get(action, 8 + 2 * 48),
              f"PR IN {action} has {len(whole)} bytes")
        for length in {*range(28), len(whole) - 1, len(whole), len(whole) + 1}:
            check(a.read(action, length) == GOOD and a.data == whole[:length],
                  f"PR IN {action} of {length} bytes")
    unregistered(place, a, b)


def service_action_range(place):
    """Service actions that are not there, of both commands."""
    a = place.nexus("node-a")
    for action in range(4, 32):
        check(a.read(action) == INVALID_FIELD_IN_CDB, f"PR IN {action}")
    for action in range(8, 32):
        a.expect(INVALID_FIELD_IN_CDB, action)


def report_capabilities(place):
    """Each type that is said to be offered can be reserved, and no other."""
    a = place.nexus("node-a")
    a.good(REGISTER, service_key=KEY_A, flags=1)
    check(a.read(REPORT_CAPABILITIES) == GOOD and len(a.data) == 8 and
          a.data[:2] == b"\0\x08", "REPORT CAPABILITIES")
    check(a.data[3] & 0x81 == 0x81, "TMV and PTPL_A")
    for kind in range(16):
        if kind in place.offered:
            a.good(RESERVE, key=KEY_A, kind=kind)
            check(a.reservation() ==
                  (0 if kind in ALL_REGISTRANTS else KEY_A, kind),
                  f"type {kind} was reserved")
            a.good(RELEASE, key=KEY_A, kind=kind)
        else:
            a.expect(INVALID_FIELD_IN_CDB, RESERVE, key=KEY_A, kind=kind)
    a.good(REGISTER, key=KEY_A, service_key=KEY_A)
    a.read(REPORT_CAPABILITIES)
    check(a.data[3] & 0x81 == 0x80, "PTPL_A after a registration without")
    unregistered(place, a)


# --- registering ------------------------------------------------------------

def register_simple(place):
    a = place.nexus("node-a")
    a.good(REGISTER, service_key=KEY_A)
    a.expect(CONFLICT, REGISTER, service_key=KEY_B)
    a.expect(CONFLICT, REGISTER, key=KEY_B, service_key=KEY_B)
    check(a.keys()[1] == [KEY_A], "key")
    a.good(REGISTER, key=KEY_A, service_key=KEY_A)
    a.good(REGISTER, key=KEY_A, service_key=0)
    a.expect(CONFLICT, REGISTER, key=KEY_A, service_key=KEY_A)
    check(a.keys()[1] == [], "no key")
    a.good(REGISTER_AND_IGNORE, key=KEY_C, service_key=KEY_A)
    a.good(REGISTER_AND_IGNORE, key=KEY_C, service_key=KEY_B)
    check(a.keys()[1] == [KEY_B], "key after REGISTER AND IGNORE")
    unregistered(place, a)


def list_lengths(place):
    """What is wrong about a parameter list's length is said, and changes
    nothing.
    """
    a = place.nexus("node-a")
    a.good(REGISTER, service_key=KEY_A)
    before = a.keys()
    parameters = struct.pack(">QQ8x", KEY_A, KEY_B)
    for action in range(8):
        for length in {0, 1, 8, 23, 25, 27, 4096} - \
                ({25, 27, 4096} if action == REGISTER_AND_MOVE else set()):
            check(a.raw_out(action, parameters.ljust(length, b"\0")[:length],
                            1) == LIST_LENGTH, f"{action}: {length} bytes")
        # The CDB says more than there is.
        cdb = struct.pack(">BBBxxIx", 0x5f, action, 1, 0x7fffffff)
        check(a.run(cdb, parameters) == LIST_LENGTH, f"{action}: a huge list")
    check(a.raw_out(REGISTER_AND_MOVE, parameters) == LIST_LENGTH,
          "REGISTER AND MOVE without a TransportID")
    for action in range(1, 8):
        if action != REGISTER_AND_MOVE:
            a.expect(INVALID_FIELD_IN_LIST, action, key=KEY_A,
                     service_key=KEY_B, kind=1, flags=8)
    check(a.keys() == before and a.reservation() is None,
          "a refused command has changed something")
    unregistered(place, a)


def specified_ports(place):
    """SPEC_I_PT registers others, too, or nobody at all."""
    a, d = place.nexus("node-a"), place.nexus("node-d")
    others = transport_id("node-b") + transport_id("iqn.2024-01.com:" + 99 * "c")

    def register(identifiers, length=None, key=0):
        extra = struct.pack(">I", len(identifiers) if length is None
                            else length) + identifiers
        return a.out(REGISTER, key=key, service_key=KEY_A, flags=8, extra=extra)

    before = a.keys()
    d.good(REGISTER, service_key=KEY_B)
    check(register(others + transport_id("node-d")) == INVALID_FIELD_IN_LIST,
          "one of them is registered")
    check(register(others, len(others) + 4) == INVALID_FIELD_IN_LIST,
          "a length that is too long")
    check(register(others[:-4]) == INVALID_FIELD_IN_LIST, "cut off")
    check(register(b"\x06" + others[1:]) == INVALID_FIELD_IN_LIST, "not iSCSI")
    check(a.keys() == (before[0] + 1, [KEY_B]), "a refused command registered")
    check(register(others) == GOOD, "SPEC_I_PT")
    check(set(a.full_status()) == {"node-a", "node-b", "node-d",
                                   "iqn.2024-01.com:" + 99 * "c"}, "nodes")
    check(register(transport_id("node-e"), key=KEY_A) == INVALID_FIELD_IN_CDB,
          "SPEC_I_PT by a registered node")
    d.good(CLEAR, key=KEY_B)


def many_registrants(place):
    """128 nodes, the longest names there are, and not one more."""
    names = [f"n{i:0222d}" for i in range(REGISTRANTS)]
    identifiers = b"".join(transport_id(name) for name in names[1:])
    first, last = place.nexus(names[0]), place.nexus(names[-1])
    first.good(REGISTER, service_key=KEY_A, flags=8,
               extra=struct.pack(">I", len(identifiers)) + identifiers)
    check(last.keys()[1] == [KEY_A] * REGISTRANTS, "128 keys")
    check(set(last.full_status()) == set(names), "128 names")
    first.good(RESERVE, key=KEY_A, kind=1)
    one_more = place.nexus("one-more")
    for action in REGISTER, REGISTER_AND_IGNORE:
        one_more.expect(INSUFFICIENT_RESOURCES, action, service_key=KEY_B)
    identifier = transport_id("one-more")
    check(first.raw_out(REGISTER_AND_MOVE, struct.pack(
        ">QQBBHI", KEY_A, KEY_B, 0, 0, 1, len(identifier)) + identifier) ==
        INSUFFICIENT_RESOURCES, "REGISTER AND MOVE to one more")
    last.good(REGISTER, key=KEY_A, service_key=KEY_B)
    last.good(PREEMPT, key=KEY_B, service_key=KEY_A, kind=1)
    check(last.keys()[1] == [KEY_B] and last.reservation() == (KEY_B, 1),
          "after 127 were preempted")
    one_more.good(REGISTER, service_key=KEY_C)
    unregistered(place, last, one_more)


# --- reserving --------------------------------------------------------------

def reserve_simple(place, kind):
    a = place.nexus("node-a")
    a.good(REGISTER, service_key=KEY_A)
    a.expect(CONFLICT, RESERVE, key=KEY_B, kind=kind)
    a.good(RESERVE, key=KEY_A, kind=kind)
    check(a.reservation() == (0 if kind in ALL_REGISTRANTS else KEY_A, kind),
          "reservation")
    a.expect(CONFLICT, RELEASE, key=KEY_B, kind=kind)
    a.expect(INVALID_RELEASE, RELEASE, key=KEY_A, kind=4 - kind % 4)
    a.good(RELEASE, key=KEY_A, kind=kind)
    check(a.reservation() is None, "released")
    a.good(RELEASE, key=KEY_A, kind=kind)
    unregistered(place, a)


def access(handle, writes, seed):
    """True, or False: it was refused."""
    try:
        if writes:
            handle.pwrite(pattern(seed, 4096), 0)
        else:
            handle.pread(4096, 0)
    except nbd.Error as problem:
        # ESHUTDOWN is for who has had access and lost it.
        check(problem.errno in ("EPERM", "ESHUTDOWN"), f"access: {problem}")
        return False
    return True


def reserve_access(place, kind):
    """What a reservation of node-a's leaves to node-b, registered or not."""
    a, b = place.nexus("node-a"), place.nexus("node-b")
    a.good(REGISTER, service_key=KEY_A)
    b.good(REGISTER, service_key=KEY_B)
    a.good(RESERVE, key=KEY_A, kind=kind)
    data_a, data_b = place.data("node-a"), place.data("node-b")
    shared = kind in REGISTRANT_TYPES

    def check_access(who, handle, reads, writes):
        for what, wanted in (False, reads), (True, writes):
            check(access(handle, what, kind) == wanted,
                  f"type {kind}: {who}: {'WRITE' if what else 'READ'} is "
                  f"{'refused' if wanted else 'done'}")

    check_access("the holder", data_a, True, True)
    check_access("a registered node", data_b, shared or kind in WRITE_TYPES,
                 shared)
    b.good(REGISTER, key=KEY_B, service_key=0)
    check_access("a node that was registered", data_b, kind in WRITE_TYPES,
                 False)
    check_access("an unregistered node", place.data("node-c"),
                 kind in WRITE_TYPES, False)
    check_access("the holder", data_a, True, True)
    data_a.shutdown()
    data_b.shutdown()
    a.good(RELEASE, key=KEY_A, kind=kind)
    unregistered(place, a, b)


def reserve_ownership(place, kind):
    """When the holder's registration goes, so does the reservation, unless all
    registrants hold it: then the last one's takes it away.
    """
    a, b = place.nexus("node-a"), place.nexus("node-b")
    a.good(REGISTER, service_key=KEY_A)
    b.good(REGISTER, service_key=KEY_B)
    a.good(RESERVE, key=KEY_A, kind=kind)
    check(a.full_status()["node-b"][1] == (kind in ALL_REGISTRANTS),
          "whether node-b holds it, too")
    a.good(REGISTER, key=KEY_A, service_key=0)
    if kind in ALL_REGISTRANTS:
        check(b.reservation() == (0, kind), "it has gone with one of two")
        b.good(REGISTER, key=KEY_B, service_key=0)
    check(b.reservation() is None, "it has outlived its holder")
    unregistered(place, a, b)


def preempt_holder(place, kind):
    """Registration and reservation go to the one who preempts; the one before
    can never write again over its connection.
    """
    a, b = place.nexus("node-a"), place.nexus("node-b")
    a.good(REGISTER, service_key=KEY_A)
    b.good(REGISTER, service_key=KEY_B)
    a.good(RESERVE, key=KEY_A, kind=kind)
    data_a = place.data("node-a")
    data_a.pwrite(pattern(kind, 4096), 0)
    b.good(PREEMPT_AND_ABORT, key=KEY_B, kind=kind,
           service_key=0 if kind in ALL_REGISTRANTS else KEY_A)
    check(b.full_status() == {"node-b": (KEY_B, True, kind)}, "after PREEMPT")
    check(not access(data_a, True, 0), "a preempted node has written")
    data_b = place.data("node-b")
    data_b.pwrite(pattern(kind + 1, 4096), 0)
    check(not access(data_a, True, 0), "a preempted node has written")
    check(data_b.pread(4096, 0) == pattern(kind + 1, 4096), "data")
    data_a.shutdown()
    data_b.shutdown()
    unregistered(place, b)


# --- clearing and preempting registrations ----------------------------------

def clear_simple(place):
    a, b = place.nexus("node-a"), place.nexus("node-b")
    a.good(REGISTER, service_key=KEY_A)
    b.good(REGISTER, service_key=KEY_B)
    a.good(RESERVE, key=KEY_A, kind=1)
    generation = a.keys()[0]
    b.expect(CONFLICT, CLEAR, key=KEY_A)
    b.good(CLEAR, key=KEY_B)
    check(a.keys() == (generation + 1, []) and a.reservation() is None,
          "after CLEAR")
    a.expect(CONFLICT, CLEAR, key=KEY_A)


def preempt_registrations(place):
    """Without a reservation: registrations go, also several of one key."""
    a, b, c = [place.nexus(f"node-{x}") for x in "abc"]
    a.good(REGISTER, service_key=KEY_A)
    b.good(REGISTER, service_key=KEY_B)
    c.good(REGISTER, service_key=KEY_B)
    generation = a.keys()[0]
    a.expect(CONFLICT, PREEMPT, key=KEY_A, service_key=KEY_C, kind=1)
    a.expect(INVALID_FIELD_IN_LIST, PREEMPT, key=KEY_A, kind=1)
    b.expect(CONFLICT, PREEMPT, key=KEY_A, service_key=KEY_A, kind=1)
    a.good(PREEMPT, key=KEY_A, service_key=KEY_B, kind=1)
    check(a.keys() == (generation + 1, [KEY_A]), "keys after PREEMPT")
    check(a.reservation() is None, "PREEMPT of registrations has reserved")
    b.expect(CONFLICT, RESERVE, key=KEY_B, kind=1)
    unregistered(place, a)


GENERAL = (read_keys_simple, read_truncated, service_action_range,
           report_capabilities, register_simple, list_lengths, specified_ports,
           many_registrants, clear_simple, preempt_registrations)
OF_TYPES = reserve_simple, reserve_access, reserve_ownership, preempt_holder


def run_general(place):
    for scenario in GENERAL:
        scenario(place)
    return len(GENERAL)


def run_type(place, kind):
    for scenario in OF_TYPES:
        scenario(place, kind)
    return len(OF_TYPES)


def run_families(server, kinds=TYPES):
    """The volumes family-0, family-1 and so on are there."""
    offered = offered_types(server, "family-0")
    with concurrent.futures.ThreadPoolExecutor(len(TYPES) + 1) as pool:
        runs = [pool.submit(run_general, Place(server, "family-0", offered))]
        for kind in sorted(offered.intersection(kinds)):
            place = Place(server, f"family-{kind}", offered)
            runs.append(pool.submit(run_type, place, kind))
        print(f"{sum(run.result() for run in runs)} scenarios")
