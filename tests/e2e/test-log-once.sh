#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-log-once.sh: a client that is refused again and again is told so each
# time; the log has one line for each change (S11).

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 64M
server_start a
server_start b

nbd_python <<'EOF'
def refused_writes(handle, error, count):
    """Sends count writes at once; each has to fail with this error."""
    data = nbd.Buffer.from_bytearray(bytearray(pattern(1, 4096)))
    waiting = {handle.aio_pwrite(data, 4096 * number)
               for number in range(count)}
    while waiting:
        for cookie in list(waiting):
            try:
                if handle.aio_command_completed(cookie):
                    fail("a write was done")
            except nbd.Error as problem:
                check(problem.errno == error, f"{problem.errno}, not {error}")
                waiting.remove(cookie)
        if waiting:
            handle.poll(100)


a = connect("a", "disk0@node-a")
b = connect("b", "disk0@node-b")
a.pwrite(pattern(1, 4096), 0)
for _ in range(2):
    refused_writes(b, "EPERM", 16)
leasehold("preempt", "disk0", "--node", "node-b", "--victim", "node-a")
for _ in range(2):
    refused_writes(a, "ESHUTDOWN", 16)
EOF

for name in a b; do
  lines=$(grep -c "error: disk0@node-$name: write of" "${server_log[$name]}" ||
          :)
  [ "$lines" -eq 1 ] || fail "$lines lines for node-$name, instead of one"
done
log_has a 'disk0@node-a.*epoch' ||
  fail "no line names volume, node and epoch of what was fenced"
