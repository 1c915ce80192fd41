#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-handover.sh: two nodes hand a volume over and back under full write load:
# no write fails, and none that was acknowledged is lost.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

! leasehold --server x keys disk0 2>&1 | grep -q 'built without libnbd' ||
  skip 'the command was built without libnbd'
requires_nbd_python
expect_status 0 "$LEASEHOLD_SRCDIR/bench/handover" \
  --build "$LEASEHOLD_BUILDDIR" --rounds 2 --svg "$scratch/handover.svg"
expect_output '^asked -> handed over +file +4 +[0-9.]+ +[0-9.]+ +[0-9.]+$'
expect_output '^file: [0-9]+ writes, 0 failed, 0 lost$'
/usr/bin/python3 -c 'import sys, xml.dom.minidom as dom; dom.parse(sys.argv[1])' \
  "$scratch/handover.svg" || fail "the plot is not XML"
