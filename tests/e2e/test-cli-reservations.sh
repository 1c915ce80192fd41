#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-reservations.sh: reserve, release, preempt and clear do what the
# table of DESIGN section 4 says, say what they did, and answer exit code 3 and
# the holder's name where another node holds the volume.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/cli-functions.sh"
requires python3

# held_by NODE: in the store's own words.
held_by()
{
  run 0 leasehold status disk0 --json
  json "it['lease']['state'] == 'leased' and it['lease']['holder'] == '$1'"
}

# conflict_with NODE: the last command's message says who and since when.
conflict_with()
{
  local time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z'

  [[ $err =~ disk0:\ reservation\ conflict:\ $1\ holds\ it\ since\ $time$ ]] ||
    fail "the message does not name $1 and the time"
}

run 0 leasehold create disk0 1M

# RESERVE: free, mine, another's.
run 0 leasehold reserve disk0 --node node-a --duration 60
out_is 'disk0: reserved for node-a, for 60 s unless renewed'
held_by node-a
json 'it["lease"]["duration"] == 60 and 50 <= it["lease"]["expires_in"] <= 60'
run 0 leasehold reserve disk0 --node node-a --duration infinite
out_is 'disk0: reserved for node-a, until it is released'
held_by node-a
json 'it["lease"]["duration"] == "infinite" and it["lease"]["expires_in"] is None'
run 3 leasehold reserve disk0 --node node-b
conflict_with node-a
held_by node-a

# RELEASE: another's, mine, nobody's.
run 0 leasehold release disk0 --node node-b
out_is 'disk0: not held by node-b; nothing to release'
held_by node-a
run 0 leasehold release disk0 --node node-a
out_is 'disk0: released by node-a'
run 0 leasehold status disk0 --json
json 'it["lease"]["state"] == "available" and it["lease"]["holder"] is None'
run 0 leasehold release disk0 --node node-a
out_is 'disk0: not held by node-a; nothing to release'

# PREEMPT: nobody's, the wrong victim's, the victim's, mine.
run 0 leasehold preempt disk0 --node node-a --victim node-b --duration 45
out_is 'disk0: nobody held it; reserved for node-a, for 45 s unless renewed'
held_by node-a
run 3 leasehold preempt disk0 --node node-b --victim node-c
conflict_with node-a
held_by node-a
run 0 leasehold preempt disk0 --node node-b --victim node-a --duration 15
out_is 'disk0: taken from node-a; node-b holds it, for 45 s unless renewed'
held_by node-b
json 'it["lease"]["duration"] == 45'
run 0 leasehold preempt disk0 --node node-b --victim node-a
out_is 'disk0: node-b holds it already'

# PREEMPT without a victim: whoever holds it.
run 0 leasehold preempt disk0 --node node-c
out_is 'disk0: taken from node-b; node-c holds it, for 45 s unless renewed'
held_by node-c
run 0 leasehold preempt disk0 --node node-c
out_is 'disk0: node-c holds it already'

# CLEAR, twice; then the lease is free for anyone.
run 0 leasehold clear disk0
out_is 'disk0: cleared; node-c held it'
run 0 leasehold status disk0 --json
json 'it["lease"]["state"] == "broken" and it["lease"]["holder"] is None'
run 0 leasehold clear disk0
out_is 'disk0: nobody held it'
run 0 leasehold preempt disk0 --node node-d
out_is 'disk0: nobody held it; reserved for node-d, for 30 s unless renewed'
held_by node-d
