#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-group-instances.sh: S3 and S12 for several writers: an instance that has
# lost the volume, whether it was preempted, or left, or its group has ended,
# never writes again, by whatever connection and server it comes.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
for number in 0 1 2 3; do
  volume_create "disk$number" 1M
done
server_start g1
server_start g2
nbd_python <<'EOF'
from scsi import *

SIZE = 4096


class Disk:
    """A volume with two registered nodes; one has reserved it, unless alone."""

    def __init__(self, name, alone=False):
        self.name = name
        self.h = Nexus("g1", "node-h", name)
        self.r = Nexus("g2", "node-r", name)
        self.h.good(REGISTER, service_key=1)
        self.r.good(REGISTER, service_key=2)
        if not alone:
            self.h.good(RESERVE, key=1, kind=5)

    def data(self, server, node):
        return connect(server, f"{self.name}@node-{node}")


def writes(handle):
    writes_soon(handle, pattern(1, SIZE), 0, PATIENCE)


def fenced(handle):
    fails("ESHUTDOWN", handle.pwrite, pattern(2, SIZE), 0)


# Of two sessions of one node the older one is not in the group that follows.
disk = Disk("disk0", alone=True)
older, newer = disk.data("g1", "h"), disk.data("g2", "h")
writes(older)
writes(newer)
disk.h.good(RESERVE, key=1, kind=5)
fenced(older)
writes(newer)

# Preempted, and registered again: only as another instance.
disk = Disk("disk1")
mine, other = disk.data("g1", "h/instance=H"), disk.data("g1", "r/instance=R")
writes(mine)
writes(other)
disk.h.good(PREEMPT, key=1, service_key=2, kind=5)
fenced(other)
disk.r.good(REGISTER, service_key=2)
fenced(other)
fenced(disk.data("g2", "r/instance=R"))
writes(disk.data("g2", "r/instance=R2"))
writes(mine)

# The group has ended, and a stranger has written.
disk = Disk("disk2")
members = [disk.data("g1", "h/instance=H"), disk.data("g1", "r/instance=R")]
for handle in members:
    writes(handle)
disk.h.good(CLEAR, key=1)
stranger = disk.data("g2", "x/instance=X")
writes(stranger)
stranger.shutdown()
for handle in (*members, disk.data("g2", "h/instance=H"),
               disk.data("g2", "r/instance=R")):
    fenced(handle)

# One had gone when the other took the volume for itself, and gave it back.
disk = Disk("disk3")
mine, other = disk.data("g1", "h/instance=H"), disk.data("g1", "r/instance=R")
writes(mine)
writes(other)
mine.shutdown()
disk.r.good(PREEMPT, key=2, service_key=1, kind=1)
writes(other)
disk.r.good(RELEASE, key=2, kind=1)
other.shutdown()
fenced(disk.data("g2", "h/instance=H"))
EOF
