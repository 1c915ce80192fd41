#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-second-incarnation.sh: the newest incarnation of a node that writes wins
# (S2, S3): a second server with the same node name disturbs nobody until it
# writes; then the first one is fenced.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 64M
server_start first
server_start second

nbd_python "${server_pid[first]}" <<'EOF'
first = connect("first", "disk0@node-a")
first.pwrite(pattern(1, 4096), 0)
second = connect("second", "disk0@node-a")
check(second.pread(4096, 0) == pattern(1, 4096), "the second reads otherwise")
first.pwrite(pattern(2, 4096), 0)

second.pwrite(pattern(3, 4096), 0)
fails("ESHUTDOWN", first.pwrite, pattern(4, 4096), 0)
fails("ESHUTDOWN", first.flush)
check(first.pread(4096, 0) == pattern(3, 4096), "a fenced write has landed")
second.pwrite(pattern(5, 4096), 0)
second.flush()

# The fenced one leaves the lease alone when it goes (S6).
first.shutdown()
os.kill(int(sys.argv[1]), signal.SIGTERM)
soon("the first server has ended", lambda: ended(int(sys.argv[1])))
check(holder("disk0") == "node-a", "the fenced server released the lease")
second.pwrite(pattern(6, 4096), 0)
EOF
server_stop first
