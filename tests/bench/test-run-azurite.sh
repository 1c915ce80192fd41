#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-run-azurite.sh: bench/run on an Azurite of its own, behind a delay line
# that adds its latency.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires curl fio
requires_nbd_python
azurite_find "$LEASEHOLD_BUILDDIR" || azurite_skip
expect_status 0 "$LEASEHOLD_SRCDIR/bench/run" --build "$LEASEHOLD_BUILDDIR" \
  --store azurite --latency 0,100 --rounds 1 --seconds 0.2 --size 4 \
  --cache 4 --peers leasehold,bare --workloads randread-4k-qd1 \
  --folder "$scratch"
[ "$(grep -c '^store: azurite' <<<"$output")" -eq 2 ] || fail "not two tables"
bare=$(sed -n 's/^randread-4k-qd1 *bare *\([0-9.]*\) *IOPS .*/\1/p' <<<"$output")
echo "requests a second: $bare"
slow=$(tail -n 1 <<<"$bare")
[ "${slow%.*}" -le 10 ] || fail "faster than the latency allows"
