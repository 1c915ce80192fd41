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
a = connect("a", "disk0@node-a")
b = connect("b", "disk0@node-b")
data = pattern(1, 4096)
a.pwrite(data, 0)
for _ in range(200):
    fails("EPERM", b.pwrite, data, 0)
leasehold("preempt", "disk0", "--node", "node-b", "--victim", "node-a")
for _ in range(200):
    fails("ESHUTDOWN", a.pwrite, data, 0)
EOF

for name in a b; do
  lines=$(grep -c "error: disk0@node-$name: write of" "${server_log[$name]}" ||
          :)
  [ "$lines" -eq 1 ] || fail "$lines lines for node-$name, instead of one"
done
log_has a 'disk0@node-a.*epoch' ||
  fail "no line names volume, node and epoch of what was fenced"
