#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-qemu-nbd.sh: qemu-nbd opens our URI and serves it onward; what goes in
# through it arrives, and its end releases the lease.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires qemu-nbd nbdcopy cmp
volume_create disk0 16M
server_start a
head -c 16M /dev/urandom >"$scratch/image"

qemu-nbd --format=raw --socket="$scratch/onward.sock" --persistent \
  --pid-file="$scratch/onward.pid" "$(uri a disk0@node-a)" &
pid=$!
at_exit kill_process "$pid"
ready() { [ -s "$scratch/onward.pid" ]; }
wait_until "qemu-nbd is up" ready

onward="nbd+unix:///?socket=$scratch/onward.sock"
nbdcopy --flush "$scratch/image" "$onward"
nbdcopy "$onward" "$scratch/back"
cmp "$scratch/image" "$scratch/back"
[ "$(holder disk0)" = node-a ] || fail "node-a does not hold what it writes to"

kill -TERM "$pid"
wait "$pid" || :
free() { [ -z "$(holder disk0)" ]; }
wait_until "the lease is released" free
nbdcopy "$(uri a disk0)" "$scratch/again"
cmp "$scratch/image" "$scratch/again"
