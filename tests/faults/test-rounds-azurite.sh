#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-rounds-azurite.sh: a round of each theme that the network and the store
# are attacked in, against Azurite through the fault proxy, breaks no rule: late,
# lost, doubled and refused requests, partitions, a restart. (The rules are in
# checker.py, the themes in plan.py; S1 to S7, S12.)
#
# LEASEHOLD_ROUNDS and LEASEHOLD_SEED say how many, and which.

set -eu

/usr/bin/python3 -c 'import nbd' 2>/dev/null || {
  echo "SKIP: /usr/bin/python3 has no module nbd (package python3-libnbd)"
  exit 77
}
exec /usr/bin/python3 -B "${LEASEHOLD_SRCDIR:?}/tests/faults/run" \
  --store azurite --rounds "${LEASEHOLD_ROUNDS:-11}" \
  --seed "${LEASEHOLD_SEED:-28}"
