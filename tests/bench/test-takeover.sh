#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-takeover.sh: bench/takeover measures each case on the file store, but for
# the expiry of a lease, and draws them.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
expect_status 0 "$LEASEHOLD_SRCDIR/bench/takeover" \
  --build "$LEASEHOLD_BUILDDIR" --rounds 2 --expiry-rounds 0 \
  --svg "$scratch/takeover.svg"
for line in 'preempt -> B writes' 'preempt -> A refused' \
  "by B's server -> B writes" "by B's server -> A refused" \
  'a durable write' 'killed -> same node back'; do
  expect_output "^$line +file +2 +[0-9.]+ +[0-9.]+ +[0-9.]+ +- +- +-$"
done
[ "$(grep -c '<rect x=' "$scratch/takeover.svg")" -eq 6 ] ||
  fail "there are not six bars"
expect_output '^by B.s server -> B writes, file: p99 [0-9.]+ ms, '
/usr/bin/python3 -c 'import sys, xml.dom.minidom as dom; dom.parse(sys.argv[1])' \
  "$scratch/takeover.svg" || fail "the plot is not XML"
