#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-looks-disturb-nobody.sh: opening is harmless. While node-a writes, a
# hundred nbdinfo as node-a, as node-b and of the whole list, through its own
# and another server, change neither lease nor epoch, and no write fails.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires nbdinfo
requires_nbd_python
volume_create disk0 64M
volume_create disk1 64M
server_start a
server_start b

nbd_python "${LEASEHOLD_ROUNDS:-100}" <<'EOF'
rounds = int(sys.argv[1])
a = connect("a", "disk0@node-a")
a.pwrite(pattern(0, 4096), 0)
before = status("disk0")


def uri(server, export):
    return f"nbd+unix:///{export}?socket={socket_of(server)}"


looks = [["nbdinfo", uri(server, f"disk0@{node}")]
         for server in "ab" for node in ("node-a", "node-b")]
looks += [["nbdinfo", "--list", uri(server, "")] for server in "ab"]
for number in range(rounds):
    look = looks[number % len(looks)]
    subprocess.run(look, check=True, stdout=subprocess.DEVNULL)
    a.pwrite(pattern(number, 4096), 4096 * number)
a.flush()

after = status("disk0")
check(after["epoch"] == before["epoch"], "the epoch has changed")
for key in "state", "holder", "since", "duration":
    check(after["lease"][key] == before["lease"][key],
          f"the lease's {key} has changed")
check(status("disk1")["lease"]["state"] == "available",
      "looking at disk1 has left a lease behind")
EOF
