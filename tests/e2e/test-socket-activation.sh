#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-socket-activation.sh: nbdkit started by socket activation; twice, so
# that the second finds what the first has written and released.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

read -ra nbdkit <<<"$LEASEHOLD_NBDKIT"
client=$LEASEHOLD_BUILDDIR/tests/e2e/client-activation
[ -x "$client" ] || skip "built without libnbd"
volume_create disk0 16M
free() { [ -z "$(holder disk0)" ]; }
for _ in 1 2; do
  "$client" disk0@node-a "${nbdkit[@]}" --foreground "$plugin" "$store_url"
  wait_until "the lease is released" free
done
