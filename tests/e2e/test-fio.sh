#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-fio.sh: fio's nbd engine with several connections and deep queues, each
# block verified by its CRC32C; one pass with pages, one with blocks of all
# sizes from a sector on, with flushes.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires fio
fio --enghelp 2>/dev/null | grep -qw nbd || skip "fio has no nbd engine"
volume_create disk0 32M
volume_create disk1 32M
server_start a

verify()
{
  local export=$1
  shift
  fio --name=verify --ioengine=nbd --uri="$(uri a "$export")" --thread \
    --size=8M --numjobs=4 --offset_increment=8M --iodepth=16 \
    --rw=randwrite --verify=crc32c --verify_fatal=1 --do_verify=1 \
    --output="$scratch/fio" "$@" || {
    cat "$scratch/fio"
    fail "fio: $export"
  }
}

verify disk0@node-a --bs=4k --fsync=64
verify disk1@node-a --bsrange=512-64k --fsync=64
