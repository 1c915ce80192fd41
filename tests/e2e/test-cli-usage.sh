#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-usage.sh: every wrong command line has its own message, which names
# the verb and the offender, exit code 2, and no effect.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/cli-functions.sh"

run 2 leasehold
err_is "leasehold: no verb; 'leasehold help' lists them"
run 2 leasehold frobnicate disk0
err_is "leasehold: unknown verb \"frobnicate\"; 'leasehold help' lists them"
run 2 leasehold help frobnicate
err_is 'leasehold: help: unknown verb "frobnicate"'
run 2 leasehold $'\e[2J'
err_is 'leasehold: unknown verb "\x1b[2J"; '"'leasehold help' lists them"

# Operands.
run 2 leasehold create
err_is 'leasehold: create: VOLUME is missing'
run 2 leasehold create disk0
err_is 'leasehold: create: SIZE is missing'
run 2 leasehold create disk0 1G more
err_is 'leasehold: create: "more" is one operand too many'
run 2 leasehold list disk0
err_is 'leasehold: list: "disk0" is one operand too many'
run 2 leasehold lease-id
err_is 'leasehold: lease-id: NODE is missing'

# Options.
run 2 leasehold list --colour
err_is 'leasehold: list: unknown option "--colour"'
run 2 leasehold -x list
err_is 'leasehold: list: unknown option "-x"'
run 2 leasehold create disk0 -5G
err_is 'leasehold: create: unknown option "-5"'
run 2 leasehold list --store
err_is 'leasehold: list: option --store needs a value'
run 2 leasehold list --json=yes
err_is 'leasehold: list: option --json takes no value'
run 2 leasehold create disk0 1G --force
err_is 'leasehold: create: this verb has no option --force'
run 2 leasehold release disk0 --node a --victim b
err_is 'leasehold: release: this verb has no option --victim'
for verb in reserve release preempt; do
  run 2 leasehold "$verb" disk0
  err_is "leasehold: $verb: option --node NODE is missing"
done
run 2 leasehold preempt disk0 --node node-a --node node-b
err_is 'leasehold: preempt: option --node is given twice'

run 2 leasehold status disk0 --interval 5
err_is 'leasehold: status: --interval needs --watch'
for interval in '' 0 -1 1.5 3601 infinite; do
  run 2 leasehold status disk0 --watch --interval="$interval"
  err_is "leasehold: status: --interval must be a number of seconds, 1 to 3600"
done
run 2 leasehold events disk0
err_has 'leasehold: events: events are what a server has seen'

# No store, or none that is known.
run 2 env -u LEASEHOLD_STORE leasehold list
err_is 'leasehold: list: no store: use --store URL, or set LEASEHOLD_STORE'
run 2 env LEASEHOLD_STORE= leasehold list
err_is 'leasehold: list: no store: use --store URL, or set LEASEHOLD_STORE'
run 2 leasehold --store /srv/volumes list
err_has 'leasehold: list: '
err_has 'file:DIR'

# Sizes.
for size in '' X 10X 1.5 -- 0x10 1KB 99999999999999999999 16E; do
  run 2 leasehold create disk0 -- "$size"
  err_has "leasehold: create: size \"$size\""
done
run 2 leasehold create disk0 -- -5G
err_has 'leasehold: create: size "-5G"'
for size in 0 1 511 513 9T; do
  run 2 leasehold create disk0 "$size"
  err_is "leasehold: create: size $size: must be a multiple of 512, \
from 512 to 8T"
  run 2 leasehold resize disk0 "$size" --shrink
  err_has "leasehold: resize: size $size"
done

# Durations.
for duration in 0 14 61 4294967295; do
  run 2 leasehold reserve disk0 --node node-a --duration "$duration"
  err_has "$duration"
done
for duration in -15 15m '' forever 1e1; do
  run 2 leasehold preempt disk0 --node node-a --duration "$duration"
  err_has "leasehold: preempt: \"$duration\" is not a duration"
done

# Names. A terminal is not sent what a name has in it.
long=$(printf 'n%.0s' {1..300})
for volume in ../x /x x/ . .. a//b 'disk0@node a' disk0@node-a '' -x "$long"; do
  for verb in status delete clear; do
    run 2 leasehold "$verb" -- "$volume"
    err_has "leasehold: $verb: "
    err_has 'volume name '
  done
  for verb in create resize; do
    run 2 leasehold "$verb" -- "$volume" 1G
    err_has "leasehold: $verb: "
    err_has 'volume name '
  done
  for verb in reserve release preempt; do
    run 2 leasehold "$verb" --node node-a -- "$volume"
    err_has "leasehold: $verb: "
    err_has 'volume name '
  done
done
run 2 leasehold status $'disk\e[2J'
err_has '\x1b[2J'
for node in 'node a' ../x '' a@b "$long" $'a\nb'; do
  run 2 leasehold lease-id "$node"
  err_has 'leasehold: lease-id: '
  err_has 'node name '
  run 2 leasehold reserve disk0 --node "$node"
  err_has 'leasehold: reserve: '
  err_has 'node name '
  run 2 leasehold preempt disk0 --node node-a --victim "$node"
  err_has 'leasehold: preempt: '
  err_has 'node name '
  run 2 leasehold status disk0 --node "$node"
  err_has 'leasehold: status: '
  err_has 'node name '
done

# Reservation commands as they are.
pr_out()
{
  run 2 leasehold pr-out disk0 --node node-a "$@"
}
run 2 leasehold pr-out disk0 --clear
err_is 'leasehold: pr-out: option --node NODE is missing'
pr_out
err_is 'leasehold: pr-out: no service action, such as --register or --reserve'
pr_out --reserve --release
err_is 'leasehold: pr-out: --reserve and --release contradict'
for wrong in --param-rk= --param-rk=0x --param-rk=g --param-rk=-1 \
             --param-sark=10000000000000000 --prout-type=10 \
             '--param-rk= 1' --relative-target-port=10000; do
  pr_out --register-move --transport-id=node-b "$wrong"
  err_has "${wrong%%=*}"
  err_has 'must be a hexadecimal number'
done
pr_out --register-move
err_has 'must name one node'
pr_out --register-move --transport-id=node-b,node-c
err_has 'must name one node'
pr_out --register --transport-id='node-b,'
err_has 'node name '
pr_out --register "--transport-id=$(printf 'n,%.0s' {1..128})n"
err_has 'more than 128 nodes'
pr_out --reserve --transport-id=node-b
err_has '--transport-id needs --register'
pr_out --register --param-unreg
err_has '--param-unreg needs --register-move'
run 2 leasehold pr-out disk0 --node 'node a' --register
err_has 'node name '
run 2 leasehold pr-in disk0 --hex --raw
err_is 'leasehold: pr-in: --hex and --raw contradict'
run 2 leasehold pr-in disk0 --json --raw
err_is 'leasehold: pr-in: --json and --raw contradict'
run 2 leasehold pr-in disk0 --read-keys --read-reservation
err_is 'leasehold: pr-in: --read-keys and --read-reservation contradict'
run 2 leasehold pr-in disk0 --alloc-length=10000
err_has 'at most 0xffff'

[ ! -e "$store" ] || fail "wrong command lines made a store"

# What is right: options anywhere, in any form, -- before odd operands.
run 0 leasehold create disk0 1M
run 0 leasehold --json status disk0
json 'it["volume"] == "disk0"'
run 0 leasehold status --json -- disk0
json 'it["volume"] == "disk0"'
run 0 leasehold --store="$LEASEHOLD_STORE" reserve --node=node-a disk0
run 0 leasehold --help
general=$out
run 0 leasehold help
out_is "$general"
run 0 leasehold status --help
verb=$out
run 0 leasehold help status
out_is "$verb"
run 0 leasehold --version
version=$out
run 0 leasehold version
out_is "$version"
