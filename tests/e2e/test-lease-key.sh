#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-lease-key.sh: lease-key=+FILE makes other lease IDs, the same ones on
# each server that has the key and in the leasehold command.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 16M
printf 'a secret\nof two lines\n' >"$scratch/key"
printf 'a secret\nof two lines' >"$scratch/bare"

server_start keyed -- "lease-key=+$scratch/key"
server_start again -- "lease-key=+$scratch/bare"
server_start plain
exec {key_fd}< <(printf 'one line\n')
server_start inherited -- "lease-key=-$key_fd"

nbd_python "$scratch/key" <<'EOF'
keyed = connect("keyed", "disk0@node-a")
keyed.pwrite(pattern(1, 4096), 0)
# Another ID: to the plain server the same name is another node.
plain = connect("plain", "disk0@node-a")
fails("EPERM", plain.pwrite, pattern(2, 4096), 0)
inherited = connect("inherited", "disk0@node-a")
fails("EPERM", inherited.pwrite, pattern(2, 4096), 0)
# The same one, with and without the newline at the end of the file.
again = connect("again", "disk0@node-a")
again.pwrite(pattern(3, 4096), 0)
fails("ESHUTDOWN", keyed.pwrite, pattern(4, 4096), 0)

ids = [leasehold("lease-id", "node-a"),
       leasehold("--lease-key", "+" + sys.argv[1], "lease-id", "node-a")]
check(ids[0] != ids[1], "the key changes nothing")
EOF
for name in keyed again inherited; do
  ! log_has "$name" 'a secret|of two|one line' || fail "the key is in a log"
done
