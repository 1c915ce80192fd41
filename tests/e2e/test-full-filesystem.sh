#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-full-filesystem.sh: a full file system under the store is ENOSPC to the
# client; nothing that was acknowledged is lost, the lease stays renewable, and
# writing goes on when there is room again.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
mounted=$scratch/mounted
mkdir "$mounted"
mount -t tmpfs -o size=8M tmpfs "$mounted" 2>/dev/null ||
  skip "cannot mount a small tmpfs (needs root)"
at_exit umount -l "$mounted"
store=$mounted/store
store_url=file:$store
LEASEHOLD_STORE=$store_url
mkdir "$store"
volume_create disk0 64M
server_start a

nbd_python "$mounted" <<'EOF'
a = connect("a", "disk0@node-a")
SIZE = 65536
written = []
for number in range(1024):
    try:
        a.pwrite(pattern(number, SIZE), number * SIZE)
    except nbd.Error as problem:
        check(problem.errno == "ENOSPC", f"{problem.errno}, not ENOSPC")
        break
    written.append(number)
check(8 < len(written) < 128, f"{len(written)} writes fit into 8 MiB")
a.flush()
for number in written:
    check(a.pread(SIZE, number * SIZE) == pattern(number, SIZE),
          f"acknowledged write {number} is lost")

# Lease commands work on a full file system, too.
before = status("disk0")["epoch"]
leasehold("preempt", "disk0", "--node", "node-b", "--victim", "node-a")
fails("ESHUTDOWN", a.pwrite, pattern(1, 4096), 0)
b = connect("a", "disk0@node-b")
b.pwrite(pattern("b", SIZE), 0)
check(status("disk0")["epoch"] > before, "no new epoch")

# Room comes back by trimming.
b.trim(len(written) * SIZE // 2, len(written) * SIZE // 2)
b.pwrite(pattern("late", SIZE), 63 << 20)
b.flush()
check(b.pread(SIZE, 63 << 20) == pattern("late", SIZE), "a late write is lost")
for number in written[1:len(written) // 2]:
    check(b.pread(SIZE, number * SIZE) == pattern(number, SIZE),
          f"acknowledged write {number} is lost")
EOF
server_stop a
