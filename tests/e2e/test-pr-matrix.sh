#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-pr-matrix.sh: each reservation type, each role, each command: as SPC-4
# says (tests/data/pr-matrix.tsv).

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
for type in 0 1 3 5 6 7 8; do
  volume_create "pr-$type" 1M
done
server_start g
nbd_python "$LEASEHOLD_SRCDIR/tests/data/pr-matrix.tsv" <<'EOF'
from pr_matrix import *
run_matrix("g", sys.argv[1], TYPES)
EOF
