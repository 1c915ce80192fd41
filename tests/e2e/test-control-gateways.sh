#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-control-gateways.sh: two gateways on one store are one device server,
# and it survives that either is killed between any two commands.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
requires nbdcopy
volume_create disk0 16M

# step N COMMAND: runs command number N of the scenario by its gateway.
step()
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
steps=8

restart()
{
  server_kill "$1"
  server_start "$1"
}

server_start g1
server_start g2
for ((killed = 0; killed < steps; killed++)); do
  for ((i = 0; i < steps; i++)); do
    step "$i" || fail "step $i, with both killed before step $killed"
    if [ "$((i + 1))" -eq "$killed" ]; then
      restart g1
      restart g2
    fi
  done
  leasehold delete disk0
  volume_create disk0 16M
done

# The text of the status export is for people: it names the holder.
step 0
step 1
restart g1
expect_status 0 nbdcopy "$(uri g2 disk0@/status)" -
expect_output '"holder": "node-a"'
