#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-control-gateways.sh: two gateways on one store are one device server,
# and it survives that either is killed between any two commands.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"
. "$LEASEHOLD_SRCDIR/tests/e2e/control-scenarios.sh"

requires_nbd_python
requires nbdcopy
volume_create disk0 16M

server_start g1
server_start g2
control_gateways

# The text of the status export is for people: it names the holder.
control_step 0
control_step 1
control_restart g1
expect_status 0 nbdcopy "$(uri g2 disk0@/status)" -
expect_output '"holder": "node-a"'
