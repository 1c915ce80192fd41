#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-qemu-io.sh: QEMU's block layer as a client: reads, writes, FUA, zeroes,
# discards, unaligned, and a conflict.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires qemu-io
volume_create disk0 64M
server_start a

# q EXPORT COMMAND...: qemu-io; its exit status does not tell of failures.
q()
{
  local export=$1 command
  local -a commands=()
  shift

  for command; do
    commands+=(-c "$command")
  done
  output=$(qemu-io -f raw "${commands[@]}" "$(uri a "$export")" 2>&1) || :
  echo "$output"
}

q disk0@node-a 'write -P 0x11 0 1M' 'write -P 0x22 -f 1000 5000' 'flush' \
  'read -P 0x11 0 1000' 'read -P 0x22 1000 5000' 'read -P 0x11 6000 1042576' \
  'write -z 64k 64k' 'write -z -u 192k 64k' 'discard 512k 64k' \
  'read -P 0 64k 64k' 'read -P 0 192k 64k' 'read -P 0 512k 64k' \
  'aio_write -P 0x33 2M 1M' 'aio_write -P 0x44 3M 1M' 'aio_flush' \
  'read -P 0x33 2M 1M' 'read -P 0x44 3M 1M'
! grep -qiE 'fail|error|verification' <<<"$output" || fail "see above"

q disk0@node-a 'read -P 0x22 1000 5000' 'read -P 0x44 3M 1M'
! grep -qiE 'fail|error|verification' <<<"$output" || fail "see above"

wait_until "node-a has given the volume back" \
  leasehold reserve disk0 --node node-b
q disk0@node-a 'read -P 0x44 3M 1M' 'write -P 0x55 3M 1M'
expect_output 'write failed: Operation not permitted'
q disk0 'read -P 0x44 3M 1M'
! grep -qiE 'fail|error|verification' <<<"$output" || fail "see above"
