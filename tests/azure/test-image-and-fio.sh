#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-image-and-fio.sh: a qcow2 image with a file system goes into a volume and
# compares as identical, with its holes; then 16 jobs of random writes, each
# block verified: at once, and again when nbdkit and Azurite were restarted.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires qemu-img nbdinfo mke2fs fio
fio --enghelp 2>/dev/null | grep -qw nbd || skip "fio has no nbd engine"
PATH=$PATH:/usr/sbin:/sbin

: "${LEASEHOLD_FIO_JOB_SIZE:=1M}" # of each of the 16 jobs; more for a soak

azure_start
volume_create disk0 64M
volume_create disk1 64M
server_start a

# --- The image ---------------------------------------------------------------

mke2fs -q -t ext4 -d "$LEASEHOLD_SRCDIR/common" "$scratch/raw" 64M
qemu-img convert -f raw -O qcow2 "$scratch/raw" "$scratch/image.qcow2"
qemu-img convert -n -f qcow2 -O raw "$scratch/image.qcow2" \
  "$(uri a disk0@node-a)"
expect_status 0 qemu-img compare -f qcow2 -F raw "$scratch/image.qcow2" \
  "$(uri a disk0)"
expect_output 'Images are identical'

expect_status 0 nbdinfo --map "$(uri a disk0)"
expect_output ' 3  hole,zero'
# No more is there than the image has (in clusters of 64 KiB).
expect_status 0 nbdinfo --map --json "$(uri a disk0)"
qemu-img map --output=json "$scratch/image.qcow2" >"$scratch/map"
/usr/bin/python3 -c '
import json, sys
volume, image = (json.load(open(path)) for path in sys.argv[1:])
def total(extents, wanted, key="length"):
    return sum(extent["length"] for extent in extents if wanted(extent))
there = total(volume, lambda extent: extent["type"] == 0)
needed = total(image, lambda extent: extent["data"] and not extent["zero"])
print(f"data: {needed} bytes in the image, {there} in the volume")
assert 0 < there <= needed < 8 << 20, "holes were lost"
' <(echo "$output") "$scratch/map" || fail "the map is wrong"

# --- The jobs ----------------------------------------------------------------

run_fio()
{
  fio --name=verify --ioengine=nbd --uri="$(uri a disk1@node-a)" --thread \
    --numjobs=16 --offset_increment=4M --size="$LEASEHOLD_FIO_JOB_SIZE" \
    --bs=4k --iodepth=4 --rw=randwrite --verify=crc32c --verify_fatal=1 \
    --verify_state_save=0 --randrepeat=1 --group_reporting \
    --output="$scratch/fio" "$@" || {
    cat "$scratch/fio"
    fail "fio $*"
  }
  grep -E '^ +(read|write)|verify' "$scratch/fio" || :
}

run_fio --do_verify=1 --end_fsync=1
server_stop a
azure_restart
server_start a
run_fio --verify_only=1
# It does look: a block that is wrong is found.
azure_python <<'PYTHON'
handle = connect("a", "disk1@node-a")
data = handle.pread(4096, 0)
handle.pwrite(data[:2048] + bytes([data[2048] ^ 1]) + data[2049:], 0)
handle.flush()
handle.shutdown()
PYTHON
! (run_fio --verify_only=1) >"$scratch/wrong" || fail "fio verifies nothing"
grep -q 'verify' "$scratch/wrong" || fail "fio failed for another reason"
