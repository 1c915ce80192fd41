#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-read-only-store.sh: a store on a read-only mount, held by another node:
# status, list and observers work, with nbdkit -r and without; nodes, writes
# and commands are denied, and the holder notices nothing.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
requires unshare mount

# The test itself is done again in a mount namespace of its own.
if [ -z "${LEASEHOLD_UNSHARED:-}" ]; then
  unshare --map-root-user --mount true 2>/dev/null ||
    skip "no mount namespaces here"
  rm -rf "$scratch"
  LEASEHOLD_UNSHARED=1 exec unshare --map-root-user --mount "$0"
fi

volume_create disk0 16M
server_start a
view=$scratch/view
mkdir "$view"
mount --bind "$store" "$view" && mount -o remount,bind,ro "$view" ||
  skip "no read-only bind mounts here"
at_exit umount "$view"
held=$store_url
store_url=file:$view
export LEASEHOLD_STORE=$store_url
server_start ro
server_start r --readonly

LEASEHOLD_STORE=$held nbd_python <<'EOS'
a = connect("a", "disk0@node-a")
a.pwrite(pattern(1, 8192), 0)
for server, export in ("ro", "disk0"), ("r", "disk0"), ("r", "disk0@node-b"):
    look = connect(server, export)
    check(look.is_read_only(), "an observer may write")
    check(look.pread(8192, 0) == pattern(1, 8192), "other data")
a.pwrite(pattern(2, 8192), 0)
check(a.pread(8192, 0) == pattern(2, 8192), "the holder was disturbed")
EOS

expect_status 0 leasehold list
expect_output disk0
expect_status 0 leasehold status disk0
LEASEHOLD_STORE=$held expect_status 0 leasehold reserve disk0 --node node-c
for command in 'reserve disk0 --node node-c' 'release disk0 --node node-c' \
               'preempt disk0 --node node-b' 'clear disk0' 'create new 1M' \
               'resize disk0 32M --node node-c' 'delete disk0 --force'; do
  # shellcheck disable=SC2086
  expect_status 1 leasehold $command
  expect_output 'Read-only file system'
done

# A node gets no lease there, and no write is done.
LEASEHOLD_STORE=$held expect_status 0 leasehold release disk0 --node node-c
server_stop a
nbd_python <<'EOS'
try:
    b = connect("ro", "disk0@node-b")
    fails("EIO", b.pwrite, pattern(3, 8192), 0)
except nbd.Error as error:
    print(error)
check(connect("ro", "disk0").pread(8192, 0) == pattern(2, 8192), "written")
EOS
expect_status 0 leasehold status disk0
expect_output 'nobody holds it'
