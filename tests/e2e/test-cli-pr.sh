#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-pr.sh: leasehold pr-out and pr-in: each service action by a server,
# what they print in each form, and what they exit with.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

! leasehold --server x keys disk0 2>&1 | grep -q 'built without libnbd' ||
  skip 'the command was built without libnbd'
leasehold create disk0 16M
server_start g
unset LEASEHOLD_STORE
server=$(uri g)

# pr_out STATUS NODE OPTION...; pr_in STATUS OPTION...
pr_out()
{
  expect_status "$1" leasehold --server "$server" pr-out disk0 --node "${@:2}"
}

pr_in()
{
  expect_status "$1" leasehold --server "$server" pr-in disk0 "${@:2}"
}

# printed TEXT: that and nothing else.
printed()
{
  diff <(printf '%s\n' "$1") <(printf '%s\n' "$output") ||
    fail "something else was printed"
}

pr_in 0
printed '  PR generation=0x0, there are NO registered reservation keys'
pr_in 0 --read-reservation
printed '  PR generation=0x0, there is NO reservation held'
pr_in 0 --read-full-status
expect_output 'No full status descriptors'
pr_in 0 --read-reservation --json
expect_output '"reservation": null'

# Registrations. Keys are hexadecimal, with or without 0x.
pr_out 0 node-a --register --param-sark=a --param-aptpl
printed 'disk0: REGISTER: GOOD'
pr_out 24 node-a --register --param-rk=b --param-sark=c
expect_output 'RESERVATION CONFLICT'
pr_out 0 node-a --register --param-rk=0xA --param-sark=0x1a
pr_out 0 node-b --register-ignore --param-sark=FFFFFFFFFFFFFFFF --param-alltgpt
pr_out 0 node-c --register --param-sark=c --transport-id=node-d,iqn.2024-01.com:e
pr_in 0 --read-keys
printed '  PR generation=0x4, 5 registered reservation keys follow:
    0x1a
    0xffffffffffffffff
    0xc
    0xc
    0xc'
pr_in 0 --report-capabilities
expect_output 'Persist Through Power Loss Active\(PTPL_A\): 0'
expect_output '      Write Exclusive: 1'
pr_in 0 --report-capabilities --json
expect_output '"sip_c": true'

# The reservation.
pr_out 24 node-a --reserve --param-rk=1 --prout-type=1
pr_out 5 node-a --reserve --param-rk=1a --prout-type=2
expect_output 'INVALID FIELD IN CDB'
pr_out 0 node-a --reserve --param-rk=1a --prout-type=1
pr_in 0 --read-reservation --node node-b
printed '  PR generation=0x4, Reservation follows:
    Key=0x1a
    scope: LU_SCOPE,  type: Write Exclusive'
pr_in 0 --read-full-status
expect_output '<< Reservation holder >>'
expect_output 'iSCSI name: iqn.2024-01.com:e'
expect_output 'All target ports bit set'
pr_in 0 --read-full-status --json
/usr/bin/python3 -c '
import json, sys
it = json.loads(sys.argv[1])
assert it["generation"] == 4 and not it["truncated"], it
assert [r["node"] for r in it["registrants"]] == [
    "node-a", "node-b", "node-c", "node-d", "iqn.2024-01.com:e"], it
assert it["registrants"][0] == {
    "node": "node-a", "key": "0x1a", "holder": True, "type": 1,
    "all_target_ports": False, "relative_target_port": 1}, it
assert it["registrants"][1]["type"] is None, it' "$output" ||
  fail 'JSON of READ FULL STATUS'
pr_out 5 node-a --release --param-rk=1a --prout-type=3
expect_output 'INVALID RELEASE'
pr_out 5 node-b --preempt --param-rk=ffffffffffffffff
expect_output 'INVALID FIELD IN PARAMETER LIST'
pr_out 0 node-b --preempt-abort --param-rk=ffffffffffffffff --param-sark=1a \
  --prout-type=1
pr_out 0 node-c --preempt --param-rk=c --param-sark=ffffffffffffffff --prout-type=1
pr_out 5 node-c --register-move --param-rk=c --param-sark=f \
  --transport-id=node-f --relative-target-port=2
pr_out 0 node-c --register-move --param-rk=c --param-sark=f --param-unreg \
  --transport-id=node-f
pr_in 0
printed '  PR generation=0x7, 3 registered reservation keys follow:
    0xc
    0xc
    0xf'
pr_out 0 node-f --release --param-rk=f --prout-type=1
pr_out 0 node-f --clear --param-rk=f
pr_in 0 --json
expect_output '"keys": \[\]'

# The answer's bytes, whole and cut off.
pr_out 0 node-a --register --param-sark=123456789abcdef
pr_in 0 --hex
printed '0000  00 00 00 09 00 00 00 08 01 23 45 67 89 ab cd ef'
expect_status 0 bash -c 'leasehold --server "$1" pr-in disk0 --raw --alloc-length=c |
  od -An -tx1' - "$server"
printed ' 00 00 00 09 00 00 00 08 01 23 45 67'
pr_in 0 --alloc-length=c
expect_output 'cut off: 12 of 16 bytes'
pr_in 0 --alloc-length=0x8 --json
expect_output '"truncated": true'
pr_in 1 --alloc-length=7
expect_output 'cut off after 7 bytes'
pr_in 1 --alloc-length=7 --report-capabilities

# The same without a server.
expect_status 0 leasehold --store "$store_url" pr-in disk0 --read-keys
expect_output '0x123456789abcdef'
expect_status 24 leasehold --store "$store_url" pr-out disk0 --node node-b \
  --clear --param-rk=1
expect_status 1 leasehold --server "$server" pr-in disk7
