#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The protocol's model (docs/model/fence.pml), checked by spin in all its
# states: with lease and epoch nothing is violated; with the lease ID alone the
# late write of another node's tenure gets through, and that of an older
# incarnation of the same node.

set -u
for program in spin gcc; do
  command -v "$program" >/dev/null || {
    echo "$program is missing"
    exit 77
  }
done

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
cp "${LEASEHOLD_SRCDIR:?}/docs/model/fence.pml" . || exit 1

# check EXPECTED FLAG...: the number of errors that spin finds.
check()
{
  local expected=$1
  shift
  rm -f pan*
  spin "$@" -a fence.pml >spin.log || { cat spin.log; exit 1; }
  gcc -O2 -DSAFETY -DCOLLAPSE -w -o pan pan.c || exit 1
  ./pan -m100000 -n >pan.log || { cat pan.log; exit 1; }
  if grep -E 'max search depth|out of memory' pan.log; then
    echo "fence.pml $*: not all states were reached"
    exit 1
  fi
  echo "fence.pml $*: $(grep -o 'errors: .*' pan.log)," \
    "$(grep -o '[0-9.e+]* states, stored' pan.log)"
  grep -q "errors: $expected\$" pan.log || exit 1
}

check 0
check 1 -DEPOCH=0
check 1 -DEPOCH=0 -DTWO_NODES
check 1 -DEPOCH=0 -DONE_NODE
