#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-race.sh: of many nodes that reserve a free volume at the same time
# exactly one gets it, and all others are told which one that is.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/cli-functions.sh"
requires python3

nodes=20
for round in 1 2 3; do
  run 0 leasehold create "disk$round" 1M
  processes=() winner='' losers=0
  for ((node = 0; node < nodes; node++)); do
    leasehold reserve "disk$round" --node "node-$node" \
      >"$scratch/out-$node" 2>"$scratch/err-$node" &
    processes+=("$!")
  done
  for ((node = 0; node < nodes; node++)); do
    code=0
    wait "${processes[node]}" || code=$?
    case $code in
      0)
        [ -z "$winner" ] || fail "both $winner and node-$node got it"
        winner=node-$node
        ;;
      3) losers=$((losers + 1)) ;;
      *) fail "node-$node: exit code $code: $(cat "$scratch/err-$node")" ;;
    esac
  done
  [ -n "$winner" ] || fail "nobody got it"
  [ "$losers" = $((nodes - 1)) ] || fail "$losers were told of a conflict"
  run 0 leasehold status "disk$round" --json
  json "it['lease']['holder'] == '$winner'"
  for ((node = 0; node < nodes; node++)); do
    [ "node-$node" = "$winner" ] ||
      grep -q "reservation conflict: $winner holds it since" \
        "$scratch/err-$node" || fail "$(cat "$scratch/err-$node")"
  done
done
