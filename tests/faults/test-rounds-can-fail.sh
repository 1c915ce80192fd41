#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-rounds-can-fail.sh: S1, S3. With the epoch taken out of every write on
# its way to the store, the rounds find that a fenced write has become visible.

set -eu

/usr/bin/python3 -c 'import nbd' 2>/dev/null || {
  echo "SKIP: /usr/bin/python3 has no module nbd (package python3-libnbd)"
  exit 77
}
folder=$(mktemp -d /tmp/leasehold-XXXXXX)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
status=0
/usr/bin/python3 -B "${LEASEHOLD_SRCDIR:?}/tests/faults/run" --store azurite \
  --rounds 30 --seed 1 --theme late --without-epoch --first >output ||
  status=$?
cat output
case $status in
  77) exit 77 ;;
  1) ! grep -q 'VIOLATION: rule [12]: ' output || exit 0 ;;
esac
echo "FAIL: writes without an epoch did no harm that was seen"
exit 1
