#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-vm-qemu.sh: the volume is a guest's disk, attached by QEMU with a URI.
#
# The guest makes a file system and fills it. When another node has preempted
# its node, its writes fail (S6); the other node finds what was synced.

. "${LEASEHOLD_SRCDIR:?}/tests/vm/functions.sh"

requires nbdcopy e2fsck debugfs
machine_prepare
volume_create disk0 64M
machine_serve gateway
host=127.0.0.1:${port[gateway]}
machine_start a -drive "file=nbd://$host/disk0@node-a,format=raw,if=virtio"

on a "mkfs.ext4 -q /dev/vda"
on a "mount /dev/vda /mnt"
on a "dd if=/dev/urandom of=/mnt/first bs=64k count=64 conv=fsync && sync"
on a "sha256sum </mnt/first"
before=$output

leasehold preempt disk0 --node node-b --victim node-a
on a "dd if=/dev/urandom of=/mnt/late bs=64k count=64 conv=fsync" &&
  fail "the guest could write after its node had been preempted"
machine_stop a

# As node-b would: replay the journal, then look.
nbdcopy "nbd://$host/disk0@node-b" "$scratch/image"
e2fsck -fy "$scratch/image" || [ $? -eq 1 ] || fail "e2fsck"
debugfs -R "dump first $scratch/first" "$scratch/image"
[ "$(sha256sum <"$scratch/first")" = "$before" ] ||
  fail "what was synced is not there"
