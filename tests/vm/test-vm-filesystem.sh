#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-vm-filesystem.sh: a file system on the kernel's own nbd device.
#
# One guest attaches the volume with nbd-client, makes an ext4 file system,
# fills it, syncs, detaches, attaches again, and finds every byte; the file
# system checks clean, in the guest and in what an observer reads.

. "${LEASEHOLD_SRCDIR:?}/tests/vm/functions.sh"

requires nbdcopy e2fsck
machine_prepare
volume_create disk0 64M
machine_serve gateway
machine_start a
attach="nbd-client -N disk0@node-a $gateway ${port[gateway]} /dev/nbd0"
checksum="cd /mnt && find . -type f -exec sha256sum {} + | sort | sha256sum"

on a "$attach"
on a "mkfs.ext4 -q /dev/nbd0"
on a "mount /dev/nbd0 /mnt"
on a "cp -R /sbin /bin/busybox /mnt"
on a "dd if=/dev/urandom of=/mnt/random bs=64k count=128 conv=fsync"
on a "mkdir /mnt/many && cd /mnt/many && seq 500 | xargs touch"
on a "rm /mnt/sbin/e2fsck && sync"
on a "$checksum"
before=$output
leasehold status disk0

on a "umount /mnt"
on a "nbd-client -d /dev/nbd0"

on a "$attach"
on a "e2fsck -fn /dev/nbd0"
on a "mount /dev/nbd0 /mnt"
on a "$checksum"
[ "$output" = "$before" ] || fail "the files are not what they were"
# Trimming gives back what is free, and nothing else.
on a "fstrim /mnt"
on a "umount /mnt && mount /dev/nbd0 /mnt"
on a "$checksum"
[ "$output" = "$before" ] || fail "trimming changed the files"
on a "umount /mnt"
on a "nbd-client -d /dev/nbd0"
machine_stop a

nbdcopy "nbd://127.0.0.1:${port[gateway]}/disk0" "$scratch/image"
e2fsck -fn "$scratch/image"
