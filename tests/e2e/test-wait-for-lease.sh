#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-wait-for-lease.sh: on-conflict=wait: the handshake ends as soon as the
# holder gives its lease back, takes the lease, and claims nothing; a server
# that is stopped, or a client that leaves, ends the wait.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 16M
server_start a
server_start b -- on-conflict=wait

nbd_python "${server_pid[b]}" <<'EOF'
a = connect("a", "disk0@node-a")
a.pwrite(pattern(1, 4096), 0)
epoch = status("disk0")["epoch"]

with concurrent.futures.ThreadPoolExecutor() as pool:
    # Two of one node: they share what they find.
    waiting = [pool.submit(connect, "b", "disk0@node-b") for _ in range(2)]
    time.sleep(1.5)
    check(not any(wait.done() for wait in waiting), "it did not wait")
    a.shutdown()
    clients = [wait.result(PATIENCE) for wait in waiting]
check(holder("disk0") == "node-b", "the lease was not taken")
check(status("disk0")["epoch"] == epoch, "the open has claimed")
for number, client in enumerate(clients):
    check(not client.is_read_only(), "a read-only export")
    client.pwrite(pattern(number, 4096), 4096 * number)

# A client that leaves while its handshake waits.
leaver = nbd.NBD()
leaver.set_export_name("disk0@node-c")
leaver.aio_connect_unix(socket_of("b"))
begin = time.monotonic()
while time.monotonic() - begin < 0.5:
    leaver.poll(50)
check(leaver.aio_is_connecting(), "it did not wait")
del leaver
EOF

# A server that is stopped while a handshake waits.
server_start c -- on-conflict=wait
nbd_python "${server_pid[c]}" <<'EOF'
keep = connect("a", "disk0@node-a")
keep.pwrite(pattern(1, 4096), 0)
waiting = nbd.NBD()
waiting.set_export_name("disk0@node-c")
waiting.aio_connect_unix(socket_of("c"))
begin = time.monotonic()
while time.monotonic() - begin < 0.5:
    waiting.poll(50)
check(waiting.aio_is_connecting(), "it did not wait")
os.kill(int(sys.argv[1]), signal.SIGTERM)


def over():
    try:
        waiting.poll(50)
    except nbd.Error:
        return True
    return not waiting.aio_is_connecting()


soon("the wait ends", over)
keep.pwrite(pattern(2, 4096), 0)
EOF
server_stop c
