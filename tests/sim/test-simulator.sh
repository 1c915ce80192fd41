#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The simulator finds nothing in a few thousand seeds (LEASEHOLD_SEEDS says how
# many), the same seed is the same run, and the absence of each rule in
# common/utils/mutation.h is found.

set -eu
simulator=${LEASEHOLD_BUILDDIR:?}/tests/sim/simulator
seeds=${LEASEHOLD_SEEDS:-4000}

"$simulator" --seeds "$seeds"
"$simulator" --mutations --seeds 4000

once=$("$simulator" --seed 7 --trace | cksum)
twice=$("$simulator" --seed 7 --trace | cksum)
[ "$once" = "$twice" ] || {
  echo "seed 7 is not the same run twice"
  exit 1
}
