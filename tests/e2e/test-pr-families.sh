#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-pr-families.sh: what initiators do with persistent reservations, scenario
# by scenario (tests/e2e/pr_families.py).

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
for type in 0 1 3 5 6 7 8; do
  volume_create "family-$type" 1M
done
server_start g
# Each type takes its time under a memory checker, and has no code of its own.
case $LEASEHOLD_NBDKIT in
  *valgrind*) types='1 6' ;;
  *) types='1 3 5 6 7 8' ;;
esac
nbd_python "$types" <<'EOF'
from pr_families import *
run_families("g", [int(kind) for kind in sys.argv[1].split()])
EOF
