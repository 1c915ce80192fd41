#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-damaged-record.sh: a truncated and a bit-flipped record are noticed and
# named, never guessed at: the volume cannot be opened, the list says so, and
# the other volumes are served.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires nbdinfo
requires_nbd_python
for name in good torn flipped; do
  volume_create "$name" 16M
done

# record VOLUME: the path of its record, which has the magic of one.
record()
{
  grep -rlaE '^sha256 [0-9a-f]{64}' "$store" | grep "$1"
}

truncate -s 1000 "$(record torn)"
/usr/bin/python3 - "$(record flipped)" <<'EOF'
import sys
with open(sys.argv[1], "r+b") as record:
    record.seek(20)
    byte = record.read(1)[0]
    record.seek(20)
    record.write(bytes([byte ^ 1]))
EOF

server_start a
nbd_python <<'EOF'
for export in "torn", "torn@node-a", "flipped", "flipped@node-a":
    refused("a", export)
good = connect("a", "good@node-a")
good.pwrite(pattern(1, 4096), 0)
check(good.pread(4096, 0) == pattern(1, 4096), "the good volume is not")
EOF
log_has a 'error: torn: .*torn' || fail "the torn record is not named"
log_has a 'error: flipped@node-a: .*flipped' ||
  fail "the flipped record is not named"

nbd_python <<'EOF'
lists = nbd.NBD()
lists.set_opt_mode(True)
lists.connect_unix(socket_of("a"))
exports = {}
lists.opt_list(lambda name, text: exports.setdefault(name, text) and 0)
check(set(exports) == {"good", "torn", "flipped"}, f"the list is {exports}")
check("cannot be used" in exports["torn"], exports["torn"])
check("cannot be used" in exports["flipped"], exports["flipped"])
check("16 MiB" in exports["good"], exports["good"])
lists.opt_abort()
EOF

for name in torn flipped; do
  expect_status 1 leasehold status "$name"
  expect_output "$name"
done
