#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-sigterm-releases.sh: a server that is stopped with its clients connected
# gives its leases back, of every volume, so that nobody has to wait.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
for number in 0 1 2; do
  volume_create "disk$number" 16M
done
server_start a
server_start b

nbd_python "${server_pid[a]}" <<'EOF'
disks = [f"disk{number}" for number in range(3)]
clients = [connect("a", f"{disk}@node-a") for disk in disks]
for client in clients[:2]: # the third one is only attached
    client.pwrite(pattern(1, 4096), 0)
for disk in disks:
    check(holder(disk) == "node-a", f"node-a does not hold {disk}")
os.kill(int(sys.argv[1]), signal.SIGTERM)
for disk in disks:
    soon(f"{disk} is released", lambda: holder(disk) is None, 5)
    connect("b", f"{disk}@node-b").pwrite(pattern(2, 4096), 0)
EOF
server_stop a
