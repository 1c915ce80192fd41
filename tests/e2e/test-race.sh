#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-race.sh: unaligned requests on many connections at once, in sectors that
# they share, are all in the volume at the end (client-race.c).

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

client=$LEASEHOLD_BUILDDIR/tests/e2e/client-race
[ -x "$client" ] || skip "built without libnbd"
volume_create disk0 8M
server_start a
"$client" "$(uri a disk0@node-a)"
