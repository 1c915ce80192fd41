#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-late-write.sh: S1, S2, S3. A Put Page of node-a is held up in the network
# until node-b has taken over, written and released, and node-a has come back
# under the same lease ID. The store refuses it, for its epoch, and what node-b
# wrote stands. With the epoch taken out of that request the lease ID alone does
# not stop it: it lands, over node-b's data. (That the test can tell.)

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires_nbd_python
azure_start
# A SAS: unlike a signature with the key, it does not cover the headers, so the
# proxy can take one out.
new_container
use_sas account
proxy_start
direct
server_start b
through_proxy

# late_write VOLUME HEADERS-TO-STRIP
late_write()
{
  local volume=$1 writer

  volume_create "$volume" 1M
  server_start a
  proxy_rule "{\"method\": \"PUT\", \"query\": {\"comp\": \"page\"},
               \"path\": \"/$volume\$\", \"skip\": 1, \"times\": 1,
               \"action\": \"hold\", \"strip\": [$2]}"

  # node-a writes, and writes again: that one is on its way for long.
  azure_python "$volume" <<'PYTHON' &
handle = connect("a", f"{sys.argv[1]}@node-a")
handle.pwrite(b"1" * 4096, 0)
handle.flush()
try:
    handle.pwrite(b"late" * 1024, 0)
    fail("the write was done before it could be")
except nbd.Error as problem:
    print(f"node-a's second write: {problem}")
PYTHON
  writer=$!
  proxy "{\"do\": \"await\", \"rule\": $rule, \"what\": \"taken\",
          \"count\": 1, \"seconds\": $patience}"
  server_kill a
  wait "$writer" || fail "node-a's client"

  expect_status 0 leasehold preempt "$volume" --node node-b --victim node-a
  azure_python "$volume" "$rule" <<'PYTHON'
volume, rule = sys.argv[1], int(sys.argv[2])
handle = connect("b", f"{volume}@node-b")
handle.pwrite(b"from node-b now " * 256, 0)
handle.flush()
handle.shutdown()
soon("node-b has released", lambda: holder(volume) is None)
PYTHON

  server_start a
  azure_python "$volume" "$rule" <<'PYTHON'
volume, rule = sys.argv[1], int(sys.argv[2])
handle = connect("a", f"{volume}@node-a")
handle.pwrite(b"2" * 4096, 65536)
handle.flush()
check(holder(volume) == "node-a", "node-a does not hold the volume again")

proxy("release", rule=rule)
outcome = rule_reached(rule, "done")["outcomes"][0]
late = [line for line in requests() if line.rule == rule][-1]
again = [line for line in requests() if line.path == late.path and
         line.is_page and line.rule is None and line.status == 201][-1]
check(late.lease_id == again.lease_id, "the lease ID was to be the same")
check(None not in (late.epoch, again.epoch), "a write without an epoch")
check(late.epoch < again.epoch, "the epoch was to be another one")
print(f"the late write, lease ID {late.lease_id}, epoch {late.epoch} "
      f"({again.epoch} by now): {outcome['status']} {outcome.get('error')}")
with open(f"{SCRATCH}/outcome", "w") as file:
    print(outcome["status"], outcome.get("error"), file=file)
    print(handle.pread(4096, 0)[:16].decode(), file=file)
# node-a goes on as if nothing had been.
handle.pwrite(b"3" * 4096, 65536)
handle.flush()
handle.shutdown()
PYTHON
  server_stop a
}

late_write fenced ''
cat "$scratch/outcome"
[ "$(cat "$scratch/outcome")" = "412 SequenceNumberConditionNotMet
from node-b now " ] || fail "the late write was not refused for its epoch"

# Without the epoch.
late_write unfenced '"x-ms-if-sequence-number-eq"'
cat "$scratch/outcome"
[ "$(cat "$scratch/outcome")" = "201 None
latelatelatelate" ] || fail "the epoch was not what stopped the late write"
