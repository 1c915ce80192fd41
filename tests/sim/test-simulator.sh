#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The simulator finds nothing in a few thousand seeds, the same seed is the
# same run, and each safety rule's absence is found (the rules S1-S8, S10, S12,
# S13 that are in tests/sim/sim.h). LEASEHOLD_SEEDS says how many seeds.

set -eu
simulator=${LEASEHOLD_BUILDDIR:?}/tests/sim/simulator
seeds=${LEASEHOLD_SEEDS:-4000}

"$simulator" --seeds "$seeds"
"$simulator" --mutations --seeds "$seeds"

once=$("$simulator" --seed 7 --trace | cksum)
twice=$("$simulator" --seed 7 --trace | cksum)
[ "$once" = "$twice" ] || {
  echo "seed 7 is not the same run twice"
  exit 1
}
