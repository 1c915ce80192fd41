#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-qemu-img.sh: qemu-img on our URIs: convert in and out, compare, map with
# its holes, and info as an observer.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires qemu-img
volume_create disk0 64M
server_start a

# An image with holes: data at 1, 17 and 40 MiB.
truncate -s 64M "$scratch/image"
for at in 1 17 40; do
  head -c 1M /dev/urandom |
    dd of="$scratch/image" bs=1M seek=$at conv=notrunc status=none
done

qemu-img convert -n -f raw -O raw "$scratch/image" "$(uri a disk0@node-a)"
qemu-img compare -f raw -F raw "$scratch/image" "$(uri a disk0)"
qemu-img convert -f raw -O qcow2 "$(uri a disk0)" "$scratch/copy.qcow2"
qemu-img compare -f raw -F qcow2 "$scratch/image" "$scratch/copy.qcow2"

qemu-img map --output=json -f raw "$(uri a disk0)" |
  /usr/bin/python3 -c '
import json, sys
mib = 1 << 20
data = [(e["start"] // mib, e["length"] // mib)
        for e in json.load(sys.stdin) if e["data"]]
assert data == [(1, 1), (17, 1), (40, 1)], data'

expect_status 0 qemu-img info --output=json "$(uri a disk0)"
expect_output '"virtual-size": 67108864'
# The holder is busy: others can look, and cannot convert over it.
expect_status 0 leasehold reserve disk0 --node node-b
expect_status 1 qemu-img convert -n -f raw -O raw "$scratch/image" \
  "$(uri a disk0@node-a)"
expect_status 0 qemu-img compare -f raw -F raw "$scratch/image" \
  "$(uri a disk0)"
