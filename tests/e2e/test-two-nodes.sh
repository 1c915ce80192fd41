#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-two-nodes.sh: two servers on one store (S1, S6): node-b reads what
# node-a wrote and is refused as a writer; once it has preempted node-a, every
# write and flush of node-a's fails, on all its connections, and node-a still
# reads.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 1G
server_start a
server_start b

nbd_python <<'EOF'
a = connect("a", "disk0@node-a")
second = connect("a", "disk0@node-a")
old, new = pattern(1, 65536), pattern(2, 65536)
a.pwrite(old, 0)
a.flush()

b = connect("b", "disk0@node-b")
check(b.pread(65536, 0) == old, "node-b reads something else")
fails("EPERM", b.pwrite, new, 0)
fails("EPERM", b.zero, 4096, 0)
fails("EPERM", b.trim, 4096, 0)
check(holder("disk0") == "node-a", "node-b's attempts moved the lease")
a.pwrite(old, 1 << 20)

leasehold("preempt", "disk0", "--node", "node-b", "--victim", "node-a")
b.pwrite(new, 0)
check(holder("disk0") == "node-b", "node-b does not hold what it writes to")

for handle in a, second:
    fails("ESHUTDOWN", handle.pwrite, old, 0)
    fails("ESHUTDOWN", handle.flush)
    fails("ESHUTDOWN", handle.zero, 4096, 0)
    fails("ESHUTDOWN", handle.trim, 4096, 0)
    fails("ESHUTDOWN", handle.pwrite, old, 1 << 20, nbd.CMD_FLAG_FUA)
    check(handle.pread(65536, 0) == new, "node-a reads something else")
b.flush()
check(b.pread(65536, 0) == new, "node-b's data have changed")
EOF
