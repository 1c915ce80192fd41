#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-bad-stores.sh: a store that is missing, that is a file, that is not
# ours to read; records that are truncated, have a bit flipped, or are empty:
# each with its own message, which names it, and exit code 1. The other volumes
# stay usable.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/cli-functions.sh"
requires python3

for verb in list 'status disk0' 'resize disk0 1M' 'delete disk0' \
            'reserve disk0 --node a' 'release disk0 --node a' \
            'preempt disk0 --node a' 'clear disk0'; do
  read -ra words <<<"$verb"
  run 1 leasehold "${words[@]}"
  err_has "leasehold: ${words[0]}: "
  err_has "$store"
  [ ! -e "$store" ] || fail "$verb made a store"
done

touch "$scratch/file"
for verb in list 'create disk0 1M' 'status disk0'; do
  read -ra words <<<"$verb"
  run 1 leasehold --store "file:$scratch/file" "${words[@]}"
  err_has "leasehold: ${words[0]}: "
  err_has "$scratch/file"
done
run 1 leasehold --store "file:$scratch/file/below" list
err_has "$scratch/file/below"

if [ "$(id -u)" != 0 ]; then
  mkdir -m 0 "$scratch/closed"
  run 1 leasehold --store "file:$scratch/closed" list
  err_has "$scratch/closed"
fi

for volume in empty flipped good torn; do
  run 0 leasehold create "$volume" 1M
done
: >"$(record empty)"
truncate -s 1000 "$(record torn)"
python3 - "$(record flipped)" <<'EOS'
import sys
with open(sys.argv[1], "r+b") as record:
    record.seek(20)
    byte = record.read(1)[0]
    record.seek(20)
    record.write(bytes([byte ^ 1]))
EOS

for volume in empty flipped torn; do
  for verb in status clear delete 'delete --force' 'reserve --node=a' 'release --node=a' \
              'preempt --node=a'; do
    read -ra words <<<"$verb"
    run 1 leasehold "${words[@]}" "$volume"
    err_has "leasehold: ${words[0]}: "
    err_has "$volume"
  done
  run 1 leasehold resize "$volume" 2M
  err_has "$volume"
  run 1 leasehold create "$volume" 1M
  err_has "$volume"
done

# The list has all of them, and says which are damaged and why.
run 1 leasehold list
for volume in empty flipped torn; do
  [[ $out =~ $volume\ +-\ +damaged ]] || fail "$volume is not listed as damaged"
  [[ $err = *"leasehold: list: "*"$volume"* ]] || fail "$volume is not named"
done
[[ $out =~ good\ +1\ MiB\ +available ]] || fail "the good one is not listed"
run 1 leasehold list --json
json '[v["volume"] for v in it] == ["empty", "flipped", "good", "torn"]'
json 'all(("error" in v) == (v["volume"] != "good") for v in it)'


# A path that is not UTF-8 cannot be in JSON; the volumes still are.
mv "$store" "$scratch/"$'st\xff'
run 1 leasehold --store "file:$scratch/"$'st\xff' list --json
json 'len(it) == 4 and it[0] == {"volume": "empty", "error": "damaged"}'
mv "$scratch/"$'st\xff' "$store"

run 0 leasehold reserve good --node node-a

# What the manual says about them: their files are deleted by hand.
for volume in empty flipped torn; do
  rm "$store/$volume"/@*
done
run 0 leasehold list
[ "$(wc -l <<<"$out")" = 2 ] || fail "not only the good one is left"
run 0 leasehold create torn 1M
