#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-resize.sh: the size of a volume changes under those who are connected.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"
. "$LEASEHOLD_SRCDIR/tests/e2e/resize-scenarios.sh"

requires_nbd_python
azure_start
volume_create disk0 4M
for server in a b; do
  server_start $server -- cache-size=4M writeback=yes lease-duration=60
done
resize_cleared
resize_held
resize_standby
