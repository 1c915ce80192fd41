#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-detach-releases.sh: the last connection of a node that closes gives the
# lease back; one of several does not; one that never wrote and found the lease
# with its own node leaves it alone.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 16M
server_start a
server_start b

nbd_python <<'EOF'
first = connect("a", "disk0@node-a")
second = connect("a", "disk0@node-a")
first.pwrite(pattern(1, 4096), 0)
first.shutdown()
second.pwrite(pattern(2, 4096), 4096)
check(holder("disk0") == "node-a", "one of two connections gave it back")

look = connect("b", "disk0@node-a")
look.pread(4096, 0)
look.shutdown()
second.pwrite(pattern(3, 4096), 4096)
check(holder("disk0") == "node-a", "a reader of the same node gave it back")

second.shutdown()
soon("the lease is free", lambda: holder("disk0") is None)

# By attaching alone, too.
third = connect("a", "disk0@node-a")
soon("node-a holds it", lambda: holder("disk0") == "node-a")
third.shutdown()
soon("the lease is free", lambda: holder("disk0") is None)
EOF
