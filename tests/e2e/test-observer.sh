#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-observer.sh: who gives no node, says ro, or meets nbdkit -r, reads and
# never writes, takes no lease, and sees what the holder has written at once
# (S9).

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 16M
server_start a
server_start r --readonly

nbd_python <<'EOF'
looks = [connect("a", "disk0"), connect("a", "disk0@"),
         connect("a", "disk0@/ro"), connect("a", "disk0@node-b/ro"),
         connect("r", "disk0@node-a"), connect("r", "disk0")]
check(status("disk0")["lease"]["state"] == "available", "a look took a lease")
for look in looks:
    check(look.is_read_only(), "an observer has a read-write export")
    check(look.get_size() == 16 << 20, "another size")
    check(look.can_multi_conn(), "no multi-conn")

a = connect("a", "disk0@node-a")
for number in range(20):
    a.pwrite(pattern(number, 8192), 1000)
    for look in looks:
        check(look.pread(8192, 1000) == pattern(number, 8192), "stale data")
for look in looks:
    look.set_strict_mode(0)
    fails("EPERM", look.pwrite, pattern(1, 512), 0)
    fails("EPERM", look.zero, 512, 0)
    fails("EPERM", look.trim, 512, 0)
check(a.pread(8192, 1000) == pattern(19, 8192), "an observer has written")
EOF
