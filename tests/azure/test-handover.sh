#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-handover.sh: two nodes hand a volume over and back under full write load
# on a store that keeps its lease IDs to itself.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

! leasehold --server x keys disk0 2>&1 | grep -q 'built without libnbd' ||
  skip 'the command was built without libnbd'
requires_nbd_python
azurite_find "$LEASEHOLD_BUILDDIR" || azurite_skip
expect_status 0 "$LEASEHOLD_SRCDIR/bench/handover" \
  --build "$LEASEHOLD_BUILDDIR" --store azurite --latency 0 --rounds 2
expect_output '^azurite \+0 ms: [0-9]+ writes, 0 failed, 0 lost$'
