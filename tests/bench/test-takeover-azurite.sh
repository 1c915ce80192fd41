#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-takeover-azurite.sh: bench/takeover on Azurite. The latency that it adds
# is really added to each of the round trips that it counts.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

latency=50

requires_nbd_python
azurite_find "$LEASEHOLD_BUILDDIR" || azurite_skip
expect_status 0 "$LEASEHOLD_SRCDIR/bench/takeover" \
  --build "$LEASEHOLD_BUILDDIR" --store azurite --latency "$latency" \
  --rounds 2 --expiry-rounds 0
for line in 'preempt -> B writes' 'preempt -> A refused' \
  "by B's server -> B writes" 'killed -> same node back'; do
  figures=$(sed -n "s/^$line  *azurite +$latency ms  *2 //p" <<<"$output")
  read -r p50 _ _ trips _ requests <<<"$figures"
  echo "$line: $trips round trips, $requests requests"
  [ "${trips%.*}" -ge 2 ] || fail "$line: fewer than 2 round trips"
  [ "${requests%.*}" -ge "${trips%.*}" ] || fail "$line: more trips than requests"
  # Two less: node-a's write is on its way before the lease is taken from it,
  # and of two rounds p50 is the shorter one, trips the mean.
  [ "${p50%.*}" -ge $((latency * (${trips%.*} - 2))) ] ||
    fail "$line: $trips round trips in $p50 ms"
done
expect_output '^    PUT comp=lease change 200$'
