#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-kill-matrix.sh: a gateway is killed at each moment of a reservation
# command: by another one it has been done, or not, and nothing in between.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
for type in 0 1 3 5 6 7 8; do
  volume_create "pr-$type" 1M
done
server_start g
nbd_python "$LEASEHOLD_SRCDIR/tests/data/pr-matrix.tsv" \
  "$LEASEHOLD_BUILDDIR/tests/e2e/.libs/kill-at.so" <<'EOF'
from kill_matrix import *
run_kills("g", read_table(sys.argv[1]), FileKiller(sys.argv[2]))
EOF
