#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-vm-takeover.sh: two machines, two gateways, one file system (S2, S6).
#
# node-a writes to a mounted ext4. node-b, through another gateway, reads the
# same files and cannot write. It preempts node-a, which still has the file
# system mounted: from then on node-b writes and node-a's writes fail. What is
# left is node-b's file system, and it checks clean.

. "${LEASEHOLD_SRCDIR:?}/tests/vm/functions.sh"

requires nbdcopy e2fsck
machine_prepare
volume_create disk0 64M
for name in a b; do
  machine_serve "$name"
  machine_start "$name"
done
# A write around the file system, to its last block.
write="dd if=/dev/urandom of=/dev/nbd0 bs=4096 seek=16383 count=1 oflag=direct"

on a "nbd-client -N disk0@node-a $gateway ${port[a]} /dev/nbd0"
on a "mkfs.ext4 -q /dev/nbd0 16383"
on a "mount /dev/nbd0 /mnt"
on a "dd if=/dev/urandom of=/mnt/first bs=64k count=64 conv=fsync && sync"
on a "sha256sum /mnt/first"
first=$output

on b "nbd-client -N disk0@node-b $gateway ${port[b]} /dev/nbd0"
on b "mount -o ro,noload /dev/nbd0 /mnt"
on b "sha256sum /mnt/first"
[ "$output" = "$first" ] || fail "node-b does not read what node-a wrote"
on b "$write" && fail "node-b could write while node-a held the volume"
on b "umount /mnt"
on a "$write" || fail "node-b's attempts disturbed node-a"

leasehold preempt disk0 --node node-b --victim node-a

on b "$write" || fail "node-b's first write after its preempt was refused"
on b "mount /dev/nbd0 /mnt"
on b "dd if=/dev/urandom of=/mnt/second bs=64k count=64 conv=fsync"
on b "sha256sum /mnt/first /mnt/second"
both=$output

on a "$write" && fail "node-a could write after it had been preempted"
on a "dd if=/dev/urandom of=/mnt/late bs=64k count=64 conv=fsync" &&
  fail "node-a's file system took a write after it had been preempted"

on b "umount /mnt"
on b "e2fsck -fn /dev/nbd0"
on b "mount /dev/nbd0 /mnt"
on b "sha256sum /mnt/first /mnt/second"
[ "$output" = "$both" ] || fail "node-b's files have changed"
on b "test ! -e /mnt/late" || fail "a write of the fenced node-a has landed"
on b "umount /mnt"
on b "nbd-client -d /dev/nbd0"
machine_stop a
machine_stop b

nbdcopy "nbd://127.0.0.1:${port[a]}/disk0" "$scratch/image"
e2fsck -fn "$scratch/image"
