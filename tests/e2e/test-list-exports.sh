#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-list-exports.sh: the list has every volume with its size and its holder;
# there is a default export exactly when there is one volume.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires nbdinfo
requires_nbd_python
server_start a

expect_status 1 nbdinfo "$(uri a)"
log_has a 'error: .*names no volume' || fail "the log does not say why"

volume_create disk0 16M
expect_status 0 nbdinfo --size "$(uri a)"
[ "$output" = 16777216 ] || fail "the default export is another one"

volume_create sub/disk1 32M
expect_status 1 nbdinfo "$(uri a)"
log_has a 'has 2: there is a default only' || fail "the log does not say why"

nbd_python <<'EOF'
client = connect("a", "disk0@node-a")
client.pwrite(pattern(1, 4096), 0)
lists = nbd.NBD()
lists.set_opt_mode(True)
lists.set_full_info(True)
lists.connect_unix(socket_of("a"))
exports = {}
lists.opt_list(lambda name, text: exports.setdefault(name, text) and 0)
print(exports)
check(set(exports) == {"disk0", "sub/disk1"}, "other exports")
check("16 MiB" in exports["disk0"], "no size")
check("node-a holds it since 20" in exports["disk0"], "no holder")
check("32 MiB" in exports["sub/disk1"], "no size")
check("nobody holds it" in exports["sub/disk1"], "no word that it is free")

lists.set_export_name("disk0")
lists.opt_info()
check("node-a holds it since 20" in lists.get_export_description(),
      "the export has another description")
lists.opt_abort()
EOF
