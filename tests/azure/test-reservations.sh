#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-reservations.sh: reservation commands over NBD on a store that keeps its
# lease IDs to itself, with two gateways, and either killed at any moment.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"
. "$LEASEHOLD_SRCDIR/tests/e2e/control-scenarios.sh"

azure_start
volume_create disk0 16M
server_start g
control_commands
server_stop g
leasehold delete --force disk0
volume_create disk0 16M
server_start g1
server_start g2
control_gateways
