#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-gate-wait.sh: with gate-wait a write of a standby waits, and goes through
# without an error once the lease is free, or has been given to it; a write
# that has waited in vain is refused; stopping the server ends the wait.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 16M
server_start a
server_start b -- gate-wait=60
server_start brief -- gate-wait=1

nbd_python "${server_pid[b]}" <<'EOF'
a = connect("a", "disk0@node-a")
b = connect("b", "disk0@node-b")
a.pwrite(pattern(1, 4096), 0)

brief = connect("brief", "disk0@node-c")
begin = time.monotonic()
fails("EPERM", brief.pwrite, pattern(2, 4096), 0)
check(1 <= time.monotonic() - begin < 20, "it waited for another time")

with concurrent.futures.ThreadPoolExecutor() as pool:
    # The holder detaches.
    waiting = pool.submit(b.pwrite, pattern(3, 4096), 0)
    time.sleep(0.5)
    check(not waiting.done(), "the write did not wait")
    a.shutdown()
    waiting.result(PATIENCE)
    check(b.pread(4096, 0) == pattern(3, 4096), "the write is lost")

    # An administrator moves the lease.
    leasehold("preempt", "disk0", "--node", "node-a", "--victim", "node-b")
    a = connect("a", "disk0@node-a")
    a.pwrite(pattern(4, 4096), 0)
    other = connect("b", "disk0@node-d")
    waiting = pool.submit(other.pwrite, pattern(5, 4096), 0)
    time.sleep(0.5)
    check(not waiting.done(), "the write did not wait")
    leasehold("preempt", "disk0", "--node", "node-d", "--victim", "node-a")
    waiting.result(PATIENCE)
    fails("ESHUTDOWN", a.pwrite, pattern(6, 4096), 0)
    check(other.pread(4096, 0) == pattern(5, 4096), "the write is lost")

    # The server is stopped.
    late = connect("b", "disk0@node-e")
    waiting = pool.submit(late.pwrite, pattern(7, 4096), 0)
    time.sleep(0.5)
    begin = time.monotonic()
    os.kill(int(sys.argv[1]), signal.SIGTERM)
    try:
        waiting.result(PATIENCE)
        fail("a write without the lease was done")
    except nbd.Error:
        check(time.monotonic() - begin < 30, "stopping waited for gate-wait")
check(a.pread(4096, 0) == pattern(5, 4096), "a refused write has landed")
EOF
server_stop b
