#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-control-export.sh: reservation commands over NBD: what a reservation
# does to those who write, what is refused and how, and frames that are none.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"
. "$LEASEHOLD_SRCDIR/tests/e2e/control-scenarios.sh"

requires_nbd_python
volume_create disk0 16M
server_start g

control_commands
log_has g 'disk0@node-b: PREEMPT AND ABORT: good' || fail 'no line for a PREEMPT'
server_start readonly -r
nbd_python <<'EOF'
refused("readonly", "disk0@node-a/reservation")
EOF
