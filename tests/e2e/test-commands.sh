#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-commands.sh: every NBD command with every flag, aligned and not, from a
# libnbd client in C (client-commands.c), in a captive nbdkit.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

read -ra nbdkit <<<"$LEASEHOLD_NBDKIT"
client=$LEASEHOLD_BUILDDIR/tests/e2e/client-commands
[ -x "$client" ] || skip "built without libnbd"
volume_create disk0 64M

# nbdkit sets $unixsocket for the command.
# shellcheck disable=SC2016
"${nbdkit[@]}" --unix - "$plugin" "$store_url" --run \
  '"'"$client"'" "nbd+unix:///disk0@node-a?socket=$unixsocket"'
