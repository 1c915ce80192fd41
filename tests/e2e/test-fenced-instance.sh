#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-fenced-instance.sh: a client instance that lost the volume never writes
# again, not even over a new connection, through a new server, with the lease
# free (S12); a new instance of the node does.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 64M
server_start one
server_start two

nbd_python <<'EOF'
a = connect("one", "disk0@node-a/instance=one")
a.pwrite(pattern(1, 4096), 0)
leasehold("preempt", "disk0", "--node", "node-b", "--victim", "node-a")
b = connect("two", "disk0@node-b")
b.pwrite(pattern(2, 4096), 0)
b.flush()
b.shutdown()
soon("node-b has given the lease back", lambda: holder("disk0") is None)
EOF
server_stop one

server_start new
nbd_python <<'EOF'
a = connect("new", "disk0@node-a/instance=one")
for _ in range(3):
    fails("ESHUTDOWN", a.pwrite, pattern(3, 4096), 0)
    fails("ESHUTDOWN", a.flush)
check(a.pread(4096, 0) == pattern(2, 4096), "a fenced instance cannot read")
check(holder("disk0") is None, "a fenced instance took the lease")

fresh = connect("new", "disk0@node-a/instance=two")
fresh.pwrite(pattern(4, 4096), 0)
fresh.flush()
fails("ESHUTDOWN", a.pwrite, pattern(3, 4096), 0)
check(fresh.pread(4096, 0) == pattern(4, 4096), "a fenced write has landed")
EOF
