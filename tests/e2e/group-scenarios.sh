# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# group-scenarios.sh: several writers at once, by reservations of types 5 and 7.
# A test sources this after functions.sh, makes disk0, and calls
#
#   group_writers               on servers g1 and g2
#   group_begins                on servers g1 and g2
#   group_ends                  on servers g1 and g2
#   group_reads                 the same, with short leases

# The holder writes all the time, while a group begins and another one comes.
group_begins()
{
  nbd_python <<'EOF'
import threading

from scsi import *

SIZE = 4096
a, b = Nexus("g1", "node-a"), Nexus("g2", "node-b")
trouble = []


def holder(handle, begun, ended):
    """Nothing that it does may fail."""
    number = 0
    try:
        while not ended.is_set():
            handle.pwrite(pattern(number, SIZE), number % 16 * SIZE)
            if number % 4 == 0:
                handle.flush()
            number += 1
            begun.set()
        handle.flush()
    except nbd.Error as problem:
        trouble.append(f"node-a: {problem}")
        begun.set()


for _ in range(5):
    a.good(REGISTER_AND_IGNORE, service_key=10)
    b.good(REGISTER_AND_IGNORE, service_key=11)
    data_a = connect("g1", "disk0@node-a")
    data_b = connect("g2", "disk0@node-b")
    begun, ended = threading.Event(), threading.Event()
    thread = threading.Thread(target=holder, args=(data_a, begun, ended))
    thread.start()
    check(begun.wait(PATIENCE), "the holder does not write")
    b.good(RESERVE, key=11, kind=5)
    for number in range(3):
        writes_soon(data_b, pattern(number, SIZE), 16 * SIZE, PATIENCE)
    ended.set()
    thread.join()
    check(not trouble, f"{trouble}")
    data_a.shutdown()
    data_b.shutdown()
    b.good(CLEAR, key=11)
EOF
}

# Three writers on two gateways; one is preempted in the middle of it.
group_writers()
{
  nbd_python <<'EOF'
import threading

from scsi import *

SIZE = 4096
WRITES = 20       # of each, before and after

a, b, c = Nexus("g1", "node-a"), Nexus("g2", "node-b"), Nexus("g2", "node-c")
data = {"node-a": connect("g1", "disk0@node-a"),
        "node-b": connect("g2", "disk0@node-b"),
        "node-c": connect("g2", "disk0@node-c")}

# node-a is attached and has written alone: it goes on in the group.
data["node-a"].pwrite(pattern(1, SIZE), 0)
fails("EPERM", data["node-b"].pwrite, pattern(2, SIZE), 0)
a.good(REGISTER, service_key=10)
b.good(REGISTER, service_key=11)
c.good(REGISTER, service_key=12)
a.good(RESERVE, key=10, kind=5)
check(b.reservation() == (10, 5), f"reservation: {b.reservation()}")
first = status("disk0")
check(first["lease"]["state"] == "leased" and
      first["lease"]["duration"] == "infinite", "the group has no lease")
for handle in data.values():
    writes_soon(handle, pattern(3, SIZE), 0, PATIENCE)

preempted = threading.Event()
met = threading.Barrier(4, timeout=PATIENCE)
trouble = []


def write(handle, place, number):
    handle.pwrite(pattern(place * 1000 + number, SIZE), place * SIZE)


def member(node, place):
    """No write of one that stays may fail."""
    try:
        for number in range(WRITES):
            write(data[node], place, number)
            if number == WRITES // 2:
                met.wait()
        check(preempted.wait(PATIENCE), "no end of PREEMPT")
        for number in range(WRITES, 2 * WRITES):
            write(data[node], place, number)
    except (nbd.Error, threading.BrokenBarrierError, SystemExit) as problem:
        trouble.append(f"{node}: {problem}")
        met.abort()


def victim(node, place):
    """Writes until that fails, which has to be for being fenced."""
    number = 0
    try:
        while True:
            last = preempted.is_set()
            write(data[node], place, number)
            if last:
                trouble.append(f"{node} has written after it was preempted")
                return
            if number == WRITES // 2:
                met.wait()
            number += 1
    except nbd.Error as problem:
        if problem.errno != "ESHUTDOWN":
            trouble.append(f"{node}: {problem}")


threads = [threading.Thread(target=member, args=("node-a", 1)),
           threading.Thread(target=member, args=("node-b", 2)),
           threading.Thread(target=victim, args=("node-c", 3))]
for thread in threads:
    thread.start()
met.wait()
result = a.out(PREEMPT_AND_ABORT, key=10, service_key=12, kind=5)
preempted.set()
for thread in threads:
    thread.join()
check(result == GOOD, f"PREEMPT AND ABORT: {result}")
check(not trouble, f"{trouble}")

# The store refuses it now: another lease ID, another epoch.
second = status("disk0")
check(second["epoch"] > first["epoch"], "the epoch has stayed")
check(second["lease"].get("id") is None or
      second["lease"]["id"] != first["lease"]["id"], "the lease ID has stayed")
for node, place in (("node-a", 1), ("node-b", 2)):
    check(data["node-b"].pread(SIZE, place * SIZE) ==
          pattern(place * 1000 + 2 * WRITES - 1, SIZE), f"{node}'s last write")
fails("ESHUTDOWN", data["node-c"].pwrite, pattern(9, SIZE), 3 * SIZE)
fails("ESHUTDOWN", data["node-c"].flush)
data["node-a"].flush()
data["node-b"].flush()

# Back again, it is let in, but not the connection that has been fenced.
again = connect("g1", "disk0@node-c")
fails("EPERM", again.pwrite, pattern(9, SIZE), 3 * SIZE)
c.good(REGISTER, service_key=13)
writes_soon(again, pattern(10, SIZE), 3 * SIZE, PATIENCE)
fails("ESHUTDOWN", data["node-c"].pwrite, pattern(9, SIZE), 3 * SIZE)
data["node-a"].pwrite(pattern(11, SIZE), SIZE)
data["node-b"].pwrite(pattern(12, SIZE), 2 * SIZE)
check(data["node-a"].pread(SIZE, 3 * SIZE) == pattern(10, SIZE),
      "what node-c has written since")

# A newer session of a node takes its place; the others do not notice.
newer = connect("g2", "disk0@node-c")
newer.pwrite(pattern(13, SIZE), 3 * SIZE)
fails("ESHUTDOWN", again.pwrite, pattern(14, SIZE), 3 * SIZE)
data["node-a"].pwrite(pattern(15, SIZE), SIZE)
data["node-b"].pwrite(pattern(16, SIZE), 2 * SIZE)
EOF
}

# How a group ends, or becomes another one.
group_ends()
{
  nbd_python <<'EOF'
from scsi import *

SIZE = 4096
a, b = Nexus("g1", "node-a"), Nexus("g2", "node-b")
a.good(REGISTER_AND_IGNORE, service_key=10)
b.good(REGISTER_AND_IGNORE, service_key=11)


def pair():
    """Connections of both nodes that have written."""
    handles = connect("g1", "disk0@node-a"), connect("g2", "disk0@node-b")
    for handle in handles:
        writes_soon(handle, pattern(1, SIZE), 0, PATIENCE)
    return handles


# All registrants: whoever leaves, the others go on.
b.good(RESERVE, key=11, kind=7)
check(a.full_status() == {"node-a": (10, True, 7), "node-b": (11, True, 7)},
      f"full status: {a.full_status()}")
data_a, data_b = pair()
b.good(REGISTER, key=11)
data_a.pwrite(pattern(2, SIZE), 0)
fails("ESHUTDOWN", data_b.pwrite, pattern(3, SIZE), 0)
check(data_a.pread(SIZE, 0) == pattern(2, SIZE), "a fenced write has landed")

# The last one takes the reservation with it.
a.good(REGISTER, key=10)
check(a.reservation() is None, "a reservation of nobody")
fails("ESHUTDOWN", data_a.pwrite, pattern(3, SIZE), 0)

# RELEASE ends it for all.
a.good(REGISTER, service_key=10)
b.good(REGISTER, service_key=11)
a.good(RESERVE, key=10, kind=5)
data_a, data_b = pair()
b.good(RELEASE, key=11, kind=5)
data_b.pwrite(pattern(2, SIZE), 0)
a.good(RELEASE, key=10, kind=5)
for handle in data_a, data_b:
    fails("ESHUTDOWN", handle.pwrite, pattern(3, SIZE), 0)

# One of the group takes the volume for himself, and goes on.
a.good(RESERVE, key=10, kind=5)
data_a, data_b = pair()
b.good(PREEMPT, key=11, service_key=10, kind=1)
data_b.pwrite(pattern(4, SIZE), 0)
fails("ESHUTDOWN", data_a.pwrite, pattern(5, SIZE), 0)
check(data_b.pread(SIZE, 0) == pattern(4, SIZE), "a fenced write has landed")
check(a.reservation() == (11, 1), f"reservation: {a.reservation()}")
b.good(CLEAR, key=11)
EOF
}

# Types 3 and 6 reserve reads, too, which is the servers' business: at once by
# the server that has run the command and for whoever comes, and within a
# renewal's interval by another.
group_reads()
{
  nbd_python <<'EOF'
from scsi import *

SIZE = 4096
a, b, c = Nexus("g1", "node-a"), Nexus("g1", "node-b"), Nexus("g2", "node-c")
for nexus, key in (a, 10), (b, 11), (c, 12):
    nexus.good(REGISTER_AND_IGNORE, service_key=key)
c.good(REGISTER, key=12)
a.good(RESERVE, key=10, kind=1)
data_a = connect("g1", "disk0@node-a")
data_a.pwrite(pattern(1, SIZE), 0)
near = connect("g1", "disk0@node-c")
far, observer = connect("g2", "disk0@node-c"), connect("g2", "disk0")
for handle in near, far, observer:
    check(handle.pread(SIZE, 0) == pattern(1, SIZE), "reads of type 1")
a.good(RELEASE, key=10, kind=1)
a.good(RESERVE, key=10, kind=6)
data_a = connect("g1", "disk0@node-a")
data_b = connect("g2", "disk0@node-b")
for handle, seed in (data_a, 2), (data_b, 3):
    writes_soon(handle, pattern(seed, SIZE), 0, PATIENCE)
    check(handle.pread(SIZE, 0) == pattern(seed, SIZE), "reads of type 6")
fails("EPERM", near.pread, SIZE, 0)
fails("EPERM", near.block_status, SIZE, 0, lambda *arguments: 0)
for export in "disk0@node-c", "disk0", "disk0@node-c/ro":
    fails("EPERM", connect("g2", export).pread, SIZE, 0)


def is_refused(handle):
    try:
        handle.pread(SIZE, 0)
    except nbd.Error as problem:
        check(problem.errno == "EPERM", f"a read failed: {problem}")
        return True
    return False


for handle in far, observer:
    soon("reads by the other server are refused", lambda: is_refused(handle))

# Preempted, a node does not read either; released, everybody does.
a.good(PREEMPT, key=10, service_key=11, kind=6)
fails("EPERM", connect("g1", "disk0@node-b").pread, SIZE, 0)
check(data_a.pread(SIZE, 0) == pattern(3, SIZE), "reads of the holder")
a.good(RELEASE, key=10, kind=6)
check(connect("g2", "disk0").pread(SIZE, 0) == pattern(3, SIZE),
      "reads after RELEASE")
a.good(CLEAR, key=10)
EOF
}
