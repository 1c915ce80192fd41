#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-rounds-can-fail.sh: S1, S3, S5, S13. With a rule taken out, the rounds
# find it: with the epoch taken out of every write on its way to the store, a
# fenced write has become visible; with write-back and no waiting in a flush,
# what it has acknowledged is not there; and an instance goes on whose gateway
# was killed, if its end is forgotten.

set -eu

/usr/bin/python3 -c 'import nbd' 2>/dev/null || {
  echo "SKIP: /usr/bin/python3 has no module nbd (package python3-libnbd)"
  exit 77
}
folder=$(mktemp -d /tmp/leasehold-XXXXXX)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# $1: the rules that may be broken, $2: what it is; the rest is for run.
finds() {
  local rules=$1 what=$2 status=0
  shift 2
  echo "--- $what"
  /usr/bin/python3 -B "${LEASEHOLD_SRCDIR:?}/tests/faults/run" --rounds 30 \
    --first "$@" >output || status=$?
  cat output
  if [ $status = 77 ]; then
    echo "SKIP: $what"
    skipped=77
  elif [ $status != 1 ] || ! grep -q "VIOLATION: rule [$rules]: " output; then
    echo "FAIL: $what did no harm that was seen"
    exit 1
  fi
}

skipped=0
finds 1 "a flush that does not wait" --store file --theme kill --cache back \
  --mutation flush-too-early
finds 6 "an unclean end that is forgotten" --store file --theme alone \
  --cache back --mutation forgets-unclean
finds 12 "writes without an epoch" --store azurite --theme late \
  --cache none --without-epoch
finds 12 "writes from a cache without an epoch" --store azurite --theme late \
  --cache back --without-epoch
exit $skipped
