#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-instance-goes-on.sh: a server that is restarted with SIGTERM lets its
# clients' instances go on, under a new epoch; so does one that was killed, for
# it had acknowledged nothing that was not in the store (S13).

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 64M

server_start a
nbd_python <<'EOF'
a = connect("a", "disk0@node-a/instance=two")
a.pwrite(pattern(1, 4096), 0)
a.flush()
EOF
server_stop a
[ -z "$(holder disk0)" ] || fail "SIGTERM left the lease behind"

server_start a
nbd_python "${server_pid[a]}" <<'EOF'
a = connect("a", "disk0@node-a/instance=two")
check(a.pread(4096, 0) == pattern(1, 4096), "the first write is lost")
before = status("disk0")["epoch"]
a.pwrite(pattern(2, 4096), 0)
check(status("disk0")["epoch"] == before + 1, "no new epoch")
os.kill(int(sys.argv[1]), signal.SIGKILL)
EOF
server_kill a

server_start a
nbd_python <<'EOF'
a = connect("a", "disk0@node-a/instance=two")
a.pwrite(pattern(3, 4096), 0)
a.flush()
check(a.pread(4096, 0) == pattern(3, 4096), "the last write is lost")
EOF
