#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-late-member.sh: a Put Page of one who is in a group of writers is held up
# in the network until he has been preempted, and another has written there. The
# store refuses it: the group has another lease ID, and the volume another epoch.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires_nbd_python
azure_start
proxy_start
direct
server_start ab
through_proxy
server_start c
volume_create disk0 1M

azure_python <<'PYTHON'
from scsi import *

nexus = {node: Nexus("ab", f"node-{node}") for node in "abc"}
for number, node in enumerate("abc"):
    nexus[node].good(REGISTER, service_key=number + 1)
nexus["a"].good(RESERVE, key=1, kind=5)
for node, server in ("a", "ab"), ("b", "ab"), ("c", "c"):
    connect(server, f"disk0@node-{node}").pwrite(node.encode() * 4096, 0)
PYTHON

# node-c's session joins with its first write; the second is on its way for long.
proxy_rule '{"method": "PUT", "query": {"comp": "page"}, "path": "/disk0$",
             "skip": 1, "times": 1, "action": "hold", "strip": []}'
azure_python <<'PYTHON' &
handle = connect("c", "disk0@node-c")
handle.pwrite(b"1" * 4096, 0)
try:
    handle.pwrite(b"late" * 1024, 0)
    fail("the write was done before it could be")
except nbd.Error as problem:
    print(f"node-c's second write: {problem}")
PYTHON
writer=$!
proxy "{\"do\": \"await\", \"rule\": $rule, \"what\": \"taken\",
        \"count\": 1, \"seconds\": $patience}"

azure_python "$rule" <<'PYTHON'
from scsi import *

rule = int(sys.argv[1])
members = [connect("ab", f"disk0@node-{node}") for node in "ab"]
for handle in members:
    handle.pwrite(b"before" * 512 + bytes(1024), 4096)
Nexus("ab", "node-a").good(PREEMPT_AND_ABORT, key=1, service_key=3, kind=5)
for handle in members:
    handle.pwrite(b"from a member, now " * 215 + bytes(11), 0)
epoch = status("disk0")["epoch"]

proxy("release", rule=rule)
outcome = rule_reached(rule, "done")["outcomes"][0]
late = [line for line in requests() if line.rule == rule][-1]
print(f"the late write, lease ID {late.lease_id}, epoch {late.epoch} ({epoch} "
      f"by now): {outcome['status']} {outcome.get('error')}")
check(outcome["status"] == 412, "the late write was not refused")
check(int(late.epoch) < epoch, "the epoch was to be another one")
check(members[0].pread(19, 0) == b"from a member, now ", "it has landed")
for handle in members:
    handle.pwrite(b"after" * 512 + bytes(1536), 4096)
    handle.flush()
PYTHON
wait "$writer" || fail "node-c's client"
