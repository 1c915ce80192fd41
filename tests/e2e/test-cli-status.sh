#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-status.sh: status has the members that scripts rely on, and tells
# people who holds the volume and a command that takes it over as it stands,
# whatever characters are in the store's path.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/cli-functions.sh"
requires python3

store="$scratch/it's \$HOME; a store"
export LEASEHOLD_STORE=file:$store

# take_over: the command that status has just shown, its last line.
take_over()
{
  local command

  command=$(tail -n 1 <<<"$out")
  [[ $command = '  leasehold --store '* ]] || fail "no command: $command"
  run "$1" env -u LEASEHOLD_STORE bash -c "$command"
}

run 0 leasehold create disk0 1M
run 0 leasehold status disk0 --json
json 'list(it) == ["volume", "size", "epoch", "lease", "last_holder",
                   "fenced_instances", "handover", "etag"]'
json 'list(it["lease"]) == ["state", "duration", "holder", "since",
                            "expires_in", "id"]'
json 'it["volume"] == "disk0" and it["size"] == 1 << 20 and it["epoch"] == 0'
json 'it["lease"]["state"] == "available"'
json 'all(it["lease"][k] is None for k in it["lease"] if k != "state")'

# Nobody holds it: the command reserves it.
run 0 leasehold status disk0 --node node-a
out_has 'available: nobody holds it'
out_has 'To reserve it for node-a:'
take_over 0
out_has 'reserved for node-a'

run 0 leasehold status disk0 --json
json 'it["lease"]["holder"] == "node-a" and it["lease"]["duration"] == 30'
json '0 < it["lease"]["expires_in"] <= 30'
json '__import__("re").fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                                 it["lease"]["since"])'
json "it['lease']['id'] == '$(leasehold lease-id node-a)'"
etag=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["etag"])' \
  <<<"$out")
since=$(python3 -c \
  'import json, sys; print(json.load(sys.stdin)["lease"]["since"])' <<<"$out")

# node-a holds it: the command preempts node-a.
run 0 leasehold status disk0 --node node-b
out_has "leased by node-a since $since"
out_has "$(leasehold lease-id node-a)"
out_has '30 s, ends in '
out_has 'To take it over for node-b:'
shown=$out
take_over 0
out_has 'taken from node-a; node-b holds it'
run 0 leasehold status disk0 --json
json "it['lease']['holder'] == 'node-b' and it['etag'] != '$etag'"

# It names its victim: pasted when node-c holds it, it does nothing.
run 0 leasehold preempt disk0 --node node-c
out=$shown
take_over 3
err_has 'node-c holds it since'

# For the holder itself there is nothing to take over; what is shown then
# cannot be pasted by mistake.
run 0 leasehold status disk0 --node node-c
out_has 'To take it over for another node:'
out_has '--victim node-c --node '
take_over 2
err_has 'node name "<NODE>"'

# By default it is for this host.
if leasehold lease-id "$(uname -n)" >/dev/null 2>&1; then
  run 0 leasehold status disk0
  out_has "for $(uname -n) (this host"
  take_over 0
  out_has "taken from node-c; $(uname -n) holds it"
fi

run 0 leasehold reserve disk0 --node "$(uname -n)" --duration infinite
run 0 leasehold status disk0
out_has 'infinite'
