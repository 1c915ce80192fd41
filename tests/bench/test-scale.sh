#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-scale.sh: bench/scale holds a few hundred volumes with one keeper thread,
# and none of them costs more than 64 KiB.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

expect_status 0 "$LEASEHOLD_BUILDDIR/bench/scale" "file:$scratch/many" 300 1
expect_output '^volumes held +300$'
expect_output '^memory for each +[0-9]+ bytes$'
expect_output '^threads +[0-9]+, of these 1 keeper'
expect_output '^renewals in 1.0 +s +[0-9]+, at most'
[ -z "$(leasehold --store "file:$scratch/many" list)" ] ||
  fail "volumes are left"
