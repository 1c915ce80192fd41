#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-captive.sh: a captive nbdkit (--run): the command reads and writes, and
# when it has ended, the lease has been released.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires nbdcopy cmp
read -ra nbdkit <<<"$LEASEHOLD_NBDKIT"
volume_create disk0 4M
head -c 4M /dev/urandom >"$scratch/image"

cat >"$scratch/command" <<'EOF'
set -e
uri=nbd+unix:///disk0@node-a?socket=$1
nbdcopy --flush "$2" "$uri"
nbdcopy "$uri" "$2.back"
EOF
# nbdkit sets $unixsocket for the command.
# shellcheck disable=SC2016
"${nbdkit[@]}" --unix - "$plugin" "$store_url" \
  --run "bash $scratch/command \"\$unixsocket\" $scratch/image"
cmp "$scratch/image" "$scratch/image.back"
[ -z "$(holder disk0)" ] || fail "the lease was not released"
