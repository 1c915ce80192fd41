#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-pr-race.sh: reservation commands of several nodes at once, by two
# servers: those who want the same thing do not both get it.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 1M
server_start g1
server_start g2
nbd_python <<'EOF'
from pr_race import *
run_races()
EOF
