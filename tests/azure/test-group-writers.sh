#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-group-writers.sh: several writers at once on a store that keeps its lease
# IDs to itself; see tests/e2e/test-group-writers.sh.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"
. "$LEASEHOLD_SRCDIR/tests/e2e/group-scenarios.sh"

azure_start
volume_create disk0 16M
server_start g1
server_start g2
group_writers
leasehold clear disk0
group_ends
