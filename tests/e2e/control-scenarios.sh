# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# control-scenarios.sh: what reservation commands over NBD have to do on every
# store. A test sources this after functions.sh, makes disk0, and calls
#
#   control_commands            on server g
#   control_gateways            on servers g1 and g2

control_commands()
{
  nbd_python <<'EOF'
from scsi import *

def held_by(node):
    lease = status("disk0")["lease"]
    return lease["state"] == "leased" and lease["holder"] == node


def is_free():
    return status("disk0")["lease"]["state"] not in ("leased", "breaking")


def is_infinite():
    return status("disk0")["lease"]["duration"] == "infinite"


a, b = Nexus("g", "node-a"), Nexus("g", "node-b")
check(a.handle.get_size() == 65536, "size of the control export")
check(not a.handle.can_multi_conn(), "two connections have two replies")
check(a.handle.pread(65536, 0) == bytes(65536), "a reply before any command")

# Who is not registered has no say.
check(a.keys() == (0, []), "keys of a new volume")
check(a.reservation() is None, "reservation of a new volume")
a.expect(CONFLICT, RESERVE, key=10, kind=WRITE_EXCLUSIVE)
a.good(REGISTER, service_key=10)
b.good(REGISTER, service_key=11)
a.expect(CONFLICT, REGISTER, key=99, service_key=12)
check(b.keys() == (2, [10, 11]), "keys")

# Write Exclusive: others read, the store refuses what they write.
a.good(RESERVE, key=10, kind=WRITE_EXCLUSIVE)
check(b.reservation() == (10, 1), "reservation")
check(held_by("node-a"), "the lease is not node-a's")
check(is_infinite(),
      "a reservation that ends")
b.expect(CONFLICT, RESERVE, key=11, kind=WRITE_EXCLUSIVE)
data_a, data_b = connect("g", "disk0@node-a"), connect("g", "disk0@node-b")
data_a.pwrite(pattern(1, 4096), 0)
check(data_b.pread(4096, 0) == pattern(1, 4096), "reads of others")
fails("EPERM", data_b.pwrite, pattern(2, 4096), 0)

# The reservation outlives the connections of its holder.
data_a.shutdown()
data_a = connect("g", "disk0@node-a")
data_a.pwrite(pattern(3, 4096), 0)
data_a.shutdown()
check(is_infinite(),
      "the reservation has become one that ends")
fails("EPERM", data_b.pwrite, pattern(2, 4096), 0)
check(b.reservation() == (10, 1), "the reservation has gone with its client")
data_a = connect("g", "disk0@node-a")
data_a.pwrite(pattern(3, 4096), 0)

# Preempted: what the one before writes is refused by the store, for ever.
b.expect(INVALID_FIELD_IN_LIST, PREEMPT, key=11, kind=WRITE_EXCLUSIVE)
b.expect(CONFLICT, PREEMPT, key=11, service_key=77, kind=WRITE_EXCLUSIVE)
b.good(PREEMPT_AND_ABORT, key=11, service_key=10, kind=WRITE_EXCLUSIVE)
check(b.full_status() == {"node-b": (11, True, 1)}, "full status")
check(is_infinite(),
      "a preempted reservation that ends")
writes_soon(data_b, pattern(4, 4096), 0, PATIENCE)
fails("ESHUTDOWN", data_a.pwrite, pattern(5, 4096), 0)
check(data_b.pread(4096, 0) == pattern(4, 4096), "a fenced write has landed")
# b would take a lease again that it lost to nobody (S7).
data_b.shutdown()
a.expect(CONFLICT, RELEASE, key=10, kind=WRITE_EXCLUSIVE)

# Moved to a node that is not registered yet.
move = struct.pack(">QQBBHI", 11, 12, 0, 2, 1, len(transport_id("node-c")))
check(b.raw_out(REGISTER_AND_MOVE, move + transport_id("node-c")) == GOOD,
      "REGISTER AND MOVE")
check(b.full_status() == {"node-c": (12, True, 1)}, "after the move")
check(held_by("node-c"), "the lease was not moved")
c = Nexus("g", "node-c")
c.expect(INVALID_RELEASE, RELEASE, key=12, kind=3)
c.good(RELEASE, key=12, kind=WRITE_EXCLUSIVE)
check(is_free(), "the lease was not released")

# CLEAR takes registrations and lease, whoever has them.
c.good(RESERVE, key=12, kind=WRITE_EXCLUSIVE)
a.good(REGISTER_AND_IGNORE, key=99, service_key=10)
a.good(CLEAR, key=10)
check(a.keys()[1] == [] and a.reservation() is None, "after CLEAR")
check(is_free(), "the lease was not broken")

# RESERVE and RELEASE of old.
check(a.run([0x16]) == GOOD and held_by("node-a"), "RESERVE(6)")
check(c.run([0x56]) == CONFLICT, "RESERVE(10) of another node")
check(c.run([0x57]) == GOOD and held_by("node-a"), "RELEASE(10)")
check(a.run([0x17]) == GOOD and is_free(), "RELEASE(6)")

# What is not offered is refused, and REPORT CAPABILITIES says so.
a.good(REGISTER, service_key=10)
check(a.read(REPORT_CAPABILITIES) == GOOD, "REPORT CAPABILITIES")
check(a.data == bytes([0, 8, 0x1d, 0x80, 0xea, 1, 0, 0]), "capabilities")
for kind in set(range(16)) - {1, 3, 5, 6, 7, 8}:
    a.expect(INVALID_FIELD_IN_CDB, RESERVE, key=10, kind=kind)
a.expect(INVALID_FIELD_IN_CDB, RESERVE, key=10, kind=1, scope=1)
for action in range(8, 32):
    a.expect(INVALID_FIELD_IN_CDB, action, key=10)
for action in range(4, 32):
    check(a.read(action) == INVALID_FIELD_IN_CDB, "PR IN service action")
check(a.raw_out(REGISTER, bytes(23)) == LIST_LENGTH, "a short list")
check(a.raw_out(REGISTER, bytes(25)) == LIST_LENGTH, "a long list")
check(a.run([0x00]) == INVALID_OPERATION, "TEST UNIT READY")
check(a.run([0x2a]) == INVALID_OPERATION, "WRITE(10)")

# READ KEYS is cut off where its ALLOCATION LENGTH says.
b.good(REGISTER, service_key=11)
a.read(READ_KEYS)
whole = a.data
for length in range(len(whole) + 2):
    check(a.read(READ_KEYS, length) == GOOD and a.data == whole[:length],
          f"READ KEYS of {length} bytes")

# Frames that are none, and the reply stays.
reply = a.handle.pread(65536, 0)
fails("EINVAL", a.handle.pwrite, bytes(15), 0)
fails("EINVAL", a.handle.pwrite, bytes(16), 16)
fails("EINVAL", a.handle.pwrite, bytes([0x5e] + 14 * [0] + [1]), 0)
check(a.handle.pread(65536, 0) == reply, "a bad frame has changed the reply")
for export in "disk0@/reservation", "none@node-a/reservation", \
        "disk0@node-a/reservation/ro":
    refused("g", export)
EOF
}

# control_step N: runs command number N of the scenario by its gateway.
control_step()
{
  nbd_python "$1" <<'EOF'
from scsi import *

def register_a():
    Nexus("g1", "node-a").good(REGISTER_AND_IGNORE, service_key=10, flags=1)

def reserve_a():
    Nexus("g1", "node-a").good(RESERVE, key=10, kind=1)

def register_b():
    Nexus("g2", "node-b").good(REGISTER_AND_IGNORE, service_key=11)

def read_keys_b():
    b = Nexus("g2", "node-b")
    check(b.keys() == (2, [10, 11]), f"keys: {b.keys()}")
    check(b.reservation() == (10, 1), "reservation")
    data = connect("g2", "disk0@node-b")
    fails("EPERM", data.pwrite, bytes(4096), 0)

def preempt_b():
    Nexus("g2", "node-b").good(PREEMPT, key=11, service_key=10, kind=1)

def look_a():
    a = Nexus("g1", "node-a")
    check(a.full_status() == {"node-b": (11, True, 1)}, "full status")
    check(a.keys()[0] == 3, "generation")
    a.expect(CONFLICT, RELEASE, key=10, kind=1)
    data = connect("g1", "disk0@node-a")
    fails("EPERM", data.pwrite, bytes(4096), 0)
    check(data.pread(4096, 0) == bytes(4096), "a refused write has landed")

def release_b():
    Nexus("g2", "node-b").good(RELEASE, key=11, kind=1)
    check(Nexus("g1", "node-a").reservation() is None, "after RELEASE")

def clear_b():
    Nexus("g2", "node-b").good(CLEAR, key=11)
    check(Nexus("g1", "node-a").keys() == (4, []), "after CLEAR")

steps = [register_a, reserve_a, register_b, read_keys_b, preempt_b, look_a,
         release_b, clear_b]
steps[int(sys.argv[1])]()
EOF
}

control_restart()
{
  server_kill "$1"
  server_start "$1"
}

# One of them, then both, are killed after each command. (That nothing depends
# on which commands came by the same server: test-kill-matrix.sh.)
control_gateways()
{
  local steps=8 killed name i

  for killed in g1 g2 'g1 g2'; do
    for ((i = 0; i < steps; i++)); do
      control_step "$i" || fail "step $i, with $killed killed before it"
      for name in $killed; do
        control_restart "$name"
      done
    done
    leasehold delete disk0
    volume_create disk0 16M
  done
}
