#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-volumes.sh: a volume's life: created, listed, resized, deleted; and
# what is refused while a node holds it.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/cli-functions.sh"
requires python3

# create makes the store, but not what is above it.
run 1 leasehold --store "file:$scratch/not/there" create disk0 1M
err_has "$scratch/not/there"
run 0 leasehold create disk0 10M
out_is 'disk0: created, 10 MiB'
run 1 leasehold create disk0 20M
err_has 'leasehold: create: '
err_has 'disk0'
run 0 leasehold create a/b 1.5G
out_is 'a/b: created, 1.5 GiB'

run 0 leasehold list
[ "$(wc -l <<<"$out")" = 3 ] || fail "not a heading and two lines"
[[ $(head -n 1 <<<"$out") =~ ^VOLUME\ +SIZE\ +LEASE\ +HOLDER\ +SINCE$ ]] ||
  fail "the heading"
[[ $(sed -n 2p <<<"$out") =~ ^a/b\ +1\.5\ GiB\ +available\ +-\ +-$ ]] ||
  fail "a/b is not listed first"
run 0 leasehold list --json
json '[v["volume"] for v in it] == ["a/b", "disk0"]'
json 'it[1]["size"] == 10 << 20 and it[1]["lease"]["state"] == "available"'

# Resize.
run 0 leasehold resize disk0 20M
out_is 'disk0: resized from 10 MiB to 20 MiB'
run 1 leasehold resize disk0 5M
err_is 'leasehold: resize: disk0: it has 20 MiB; a smaller size cuts data off '\
'and needs --shrink'
run 0 leasehold resize disk0 5M --shrink
run 0 leasehold status disk0 --json
json 'it["size"] == 5 << 20'

# A node holds it.
run 0 leasehold reserve disk0 --node node-a --duration infinite
run 3 leasehold resize disk0 20M
err_has 'leasehold: resize: disk0: reservation conflict: node-a holds it since '
err_has '--node'
run 3 leasehold resize disk0 20M --node node-b
err_has 'node-a holds it since '
run 0 leasehold resize disk0 20M --node node-a
out_is 'disk0: resized from 5 MiB to 20 MiB'
run 1 leasehold resize disk0 5M --node node-a
err_has '--shrink'
run 3 leasehold resize disk0 5M --node node-a --shrink
err_has 'node-a holds it since '
err_has 'smaller when nobody does'
run 0 leasehold status disk0 --json
json 'it["size"] == 20 << 20'
run 3 leasehold delete disk0
err_has 'leasehold: delete: disk0: reservation conflict: node-a holds it since '
err_has '--force'
run 0 leasehold delete disk0 --force
out_is 'disk0: deleted'

# Nobody holds it: --node and --force are no obstacle.
run 0 leasehold resize a/b 2G --node node-b
run 0 leasehold delete a/b --force
run 0 leasehold list
out_is ''
run 0 leasehold list --json
json 'it == []'

# What is gone, or never was.
for verb in status delete clear 'resize 1G' 'reserve --node=a' \
            'release --node=a' 'preempt --node=a'; do
  read -r verb rest <<<"$verb"
  run 1 leasehold "$verb" disk0 ${rest:+"$rest"}
  err_has "leasehold: $verb: "
  err_has disk0
done
