#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-pr-conformance.sh: the matrix and the families of scenarios of
# reservation commands on a store that keeps its lease IDs to itself.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires_nbd_python
azure_start
for type in 0 1 3 5 6 7 8; do
  volume_create "pr-$type" 1M
  volume_create "family-$type" 1M
done
server_start g
nbd_python "$LEASEHOLD_SRCDIR/tests/data/pr-matrix.tsv" <<'EOF'
from pr_families import run_families
from pr_matrix import TYPES, run_matrix
run_families("g")
run_matrix("g", sys.argv[1], TYPES)
EOF
