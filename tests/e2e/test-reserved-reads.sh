#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-reserved-reads.sh: reservations of types 3 and 6 let only those read who
# have access, by whatever server.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"
. "$LEASEHOLD_SRCDIR/tests/e2e/group-scenarios.sh"

requires_nbd_python
volume_create disk0 16M
server_start g1 -- lease-duration=15
server_start g2 -- lease-duration=15
group_reads
