#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-kill-other-node.sh: the holder's server is killed; another node, without
# any command, writes within the lease's duration and 2 seconds, and not while
# the lease is still good.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 64M
server_start a -- lease-duration=15
server_start b -- lease-duration=15

nbd_python "${server_pid[a]}" <<'EOF'
a = connect("a", "disk0@node-a")
b = connect("b", "disk0@node-b")
a.pwrite(pattern(1, 4096), 0, nbd.CMD_FLAG_FUA)
fails("EPERM", b.pwrite, pattern(2, 4096), 0)

written = time.monotonic()
os.kill(int(sys.argv[1]), signal.SIGKILL)
writes_soon(b, pattern(2, 4096), 0, PATIENCE)
took = time.monotonic() - written
print(f"node-b writes after {took:.1f} s")
check(took < 15 + 2, "node-b had to wait too long")
# The lease was acquired or renewed at most a few seconds before the kill.
check(took > 8, "node-b did not wait for node-a's lease to expire")
check(b.pread(4096, 0) == pattern(2, 4096), "node-b reads something else")
EOF
server_kill a
