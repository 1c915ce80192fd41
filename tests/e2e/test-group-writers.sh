#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-group-writers.sh: three writers on two gateways by a reservation of type
# 5; one is preempted in the middle of writing: its next write fails, the others
# see no error. And how such groups begin, beside a cache, and end.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"
. "$LEASEHOLD_SRCDIR/tests/e2e/group-scenarios.sh"

requires_nbd_python
volume_create disk0 16M
server_start g1 -- cache-size=8M
server_start g2
group_begins
group_writers
leasehold clear disk0
group_ends
