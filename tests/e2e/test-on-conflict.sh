#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-on-conflict.sh: what an open meets while another node holds the lease:
# gate, readonly, refuse and wait; said by the server or by the export's name,
# which wins. No open ever claims.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 16M
server_start holder
server_start gate
server_start readonly -- on-conflict=readonly
server_start refuse -- on-conflict=refuse
server_start wait -- on-conflict=wait=1

nbd_python <<'EOF'
def readonly(handle):
    data = pattern(9, 512)
    check(handle.is_read_only(), "not a read-only export")
    handle.pread(512, 0)
    handle.set_strict_mode(0)
    fails("EPERM", handle.pwrite, data, 0)


def gated(handle):
    check(not handle.is_read_only(), "a read-only export")
    handle.pread(512, 0)
    fails("EPERM", handle.pwrite, pattern(9, 512), 0)


a = connect("holder", "disk0@node-a")
a.pwrite(pattern(1, 4096), 0)
epoch = status("disk0")["epoch"]

gated(connect("gate", "disk0@node-b"))
gated(connect("refuse", "disk0@node-b/gate"))
readonly(connect("readonly", "disk0@node-b"))
readonly(connect("gate", "disk0@node-c/readonly"))
refused("refuse", "disk0@node-b")
refused("gate", "disk0@node-d/refuse")

begin = time.monotonic()
refused("wait", "disk0@node-e")
check(time.monotonic() - begin >= 1, "it did not wait")
begin = time.monotonic()
refused("gate", "disk0@node-e/wait=2")
check(2 <= time.monotonic() - begin < 20, "it waited for another time")

check(status("disk0")["epoch"] == epoch, "an open has claimed")
check(holder("disk0") == "node-a", "an open moved the lease")

# A free volume, or one's own, is no conflict.
for server in "readonly", "refuse", "wait":
    own = connect(server, "disk0@node-a")
    check(not own.is_read_only(), "one's own volume is read-only")
    own.shutdown()
a.pwrite(pattern(2, 4096), 0)
EOF

log_has refuse 'error: disk0@node-b: .*node-a holds it since' ||
  fail "the refusal does not name the holder"
log_has wait 'error: disk0@node-e: .*node-a holds it' ||
  fail "the end of the wait does not name the holder"
