#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-resized-and-replaced.sh: while a connection of node-a stays open, a new
# one sees the size that the volume has by now; and after the volume was deleted
# and made again, the new volume, not what the old connection still has.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 1M
server_start a

nbd_python <<'EOF'
old = connect("a", "disk0@node-a")
secret = pattern(1, 4096)
old.pwrite(secret, 0)
check(old.get_size() == 1 << 20, "the first size is wrong")

leasehold("resize", "disk0", "2M", "--node", "node-a")
grown = connect("a", "disk0@node-a")
check(grown.get_size() == 2 << 20, "a new connection sees the old size")
grown.pwrite(secret, (2 << 20) - 4096)
grown.shutdown()

leasehold("delete", "disk0", "--force")
leasehold("create", "disk0", "3M")
new = connect("a", "disk0@node-a")
check(new.get_size() == 3 << 20, "a new connection sees the deleted volume")
check(new.pread(4096, 0) == bytes(4096), "the deleted volume's data are read")
new.pwrite(pattern(2, 4096), 0)
fails("EIO", old.pwrite, secret, 0)
check(new.pread(4096, 0) == pattern(2, 4096), "the old connection has written")
EOF
