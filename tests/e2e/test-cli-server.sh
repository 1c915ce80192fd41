#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-server.sh: leasehold --server does reservations and status by a
# server, without a store.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

! leasehold --server x keys disk0 2>&1 | grep -q 'built without libnbd' ||
  skip 'the command was built without libnbd'
leasehold create disk0 16M
server_start g1
server_start g2
g1=$(uri g1) g2=$(uri g2)

# One server's nodes and the other's are the same, and so is the store's view.
unset LEASEHOLD_STORE
by1=(leasehold --server "$g1") by2=(leasehold --server "$g2")
expect_status 0 "${by1[@]}" keys disk0
[ -z "$output" ] || fail 'keys of a new volume'
expect_status 1 "${by1[@]}" reserve disk0 --node node-a
expect_output 'node-a is not registered'
expect_status 0 "${by1[@]}" register disk0 --node node-a --key 0xaa
expect_status 0 "${by2[@]}" register disk0 --node node-b --key 187
expect_status 0 "${by1[@]}" reserve disk0 --node node-a
expect_output 'reserved for node-a'
expect_status 3 "${by2[@]}" reserve disk0 --node node-b
expect_output 'RESERVATION CONFLICT'
expect_status 0 "${by2[@]}" keys disk0
[ "$output" = '0x00000000000000aa  node-a, holds it
0x00000000000000bb  node-b' ] || fail 'keys'
expect_status 0 leasehold --store "$store_url" keys disk0 --json
expect_output '"generation": 2'
expect_status 0 "${by2[@]}" status disk0
expect_output '"holder": "node-a"'
expect_output '"duration": "infinite"'
expect_status 0 "${by2[@]}" release disk0 --node node-b
expect_output 'nothing to release'

expect_status 0 "${by2[@]}" preempt disk0 --node node-b
expect_output 'taken from node-a; node-b holds it'
expect_status 0 "${by2[@]}" preempt disk0 --node node-b
expect_output 'holds it already'
expect_status 0 "${by2[@]}" keys disk0
[ "$output" = '0x00000000000000bb  node-b, holds it' ] || fail 'keys'
expect_status 3 "${by2[@]}" preempt disk0 --node node-b --victim node-a
expect_output 'node-a is not registered'
expect_status 0 "${by1[@]}" register disk0 --node node-a --key 1
expect_status 0 "${by2[@]}" preempt disk0 --node node-b --victim node-a
expect_output 'did not hold it'
expect_status 0 "${by2[@]}" release disk0 --node node-b
expect_output 'released by node-b'
expect_status 3 "${by2[@]}" preempt disk0 --node node-b
expect_status 0 "${by2[@]}" register disk0 --node node-b --key 0
expect_output 'not registered any more'

# By force nobody needs to be registered, and nobody is for that reason.
expect_status 2 "${by2[@]}" preempt disk0 --node node-b --force
expect_output 'needs --victim'
expect_status 2 "${by2[@]}" preempt disk0 --node node-b --victim node-b --force
expect_status 0 "${by1[@]}" register disk0 --node node-a --key 0xaa
expect_status 0 "${by1[@]}" reserve disk0 --node node-a
expect_status 3 "${by2[@]}" preempt disk0 --node node-b --victim node-c --force
expect_output 'node-c does not hold it'
for i in first again; do
  expect_status 0 "${by2[@]}" preempt disk0 --node node-b --victim node-a \
    --force
  expect_output 'node-b holds it; node-a does not'
done
expect_status 0 "${by1[@]}" keys disk0
[ "$output" = '0x00000000000000aa  node-a' ] || fail 'keys after force'
expect_status 0 "${by1[@]}" clear disk0 --node node-a

# The store's clear leaves nobody registered either.
for way in server store; do
  expect_status 0 "${by1[@]}" register disk0 --node node-a --key 0xaa
  expect_status 0 "${by1[@]}" reserve disk0 --node node-a
  case $way in
    server) expect_status 0 "${by1[@]}" clear disk0 --node node-a ;;
    store) expect_status 0 leasehold --store "$store_url" clear disk0 ;;
  esac
  expect_status 0 "${by1[@]}" keys disk0
  [ -z "$output" ] || fail "keys after clear by the $way"
  LEASEHOLD_STORE=$store_url
  export LEASEHOLD_STORE
  [ -z "$(holder disk0)" ] || fail "held after clear by the $way"
  unset LEASEHOLD_STORE
done

# What is wrong is said.
expect_status 2 "${by1[@]}" create disk1 1M
expect_output 'no option --server'
expect_status 2 "${by1[@]}" --store "$store_url" keys disk0
expect_status 2 "${by1[@]}" clear disk0
expect_output '--node NODE is missing'
expect_status 2 "${by1[@]}" reserve disk0 --node node-a --duration 30
expect_status 2 "${by1[@]}" register disk0 --node 'node a' --key 1
for key in '' x 0x -1 0x10000000000000000 1x; do
  expect_status 2 "${by1[@]}" register disk0 --node node-a --key "$key"
done
expect_status 2 leasehold --server "${g1/\/\/\//\/\/\/disk0}" keys disk0
expect_output 'must not name an export'
expect_status 2 leasehold --server localhost keys disk0
expect_status 1 "${by1[@]}" keys disk7
expect_status 1 "${by1[@]}" status disk7
expect_status 1 leasehold --server "nbd+unix:///?socket=$scratch/none" keys disk0
