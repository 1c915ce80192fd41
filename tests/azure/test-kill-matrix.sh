#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-kill-matrix.sh: a gateway is killed while a request of a reservation
# command is on its way: by another one the command has been done, or not, and
# that the request gets there in the end makes no difference.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires_nbd_python
azure_start
for type in 0 1 3 5 6 7 8; do
  volume_create "pr-$type" 1M
done
server_start g
proxy_start
azure_python "$LEASEHOLD_SRCDIR/tests/data/pr-matrix.tsv" "$store_url" <<'EOF'
from azure_kill import *
from kill_matrix import *
run_kills("g", read_table(sys.argv[1]), AzureKiller(sys.argv[2]))
EOF
