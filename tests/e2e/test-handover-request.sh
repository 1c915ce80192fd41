#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-handover-request.sh: a request to hand a volume over that is put into the
# store: the server finds it when it renews; status shows it; one that is left
# over moves nothing and is taken away; one that is not answered is withdrawn,
# or turned into a preemption.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 16M
volume_create disk1 16M
volume_create disk2 16M
server_start a -- lease-duration=15
server_start b

# What there is to say at once.
expect_status 0 leasehold handover disk1 --from node-a --to node-b
expect_status 0 leasehold handover disk1 --from node-a --to node-b
[ "$(holder disk1)" = node-b ] || fail 'a free volume is not acquired'
expect_status 3 leasehold handover disk1 --from node-a --to node-c
expect_output 'node-b holds it'
expect_status 1 leasehold handover disk1 --from node-b --to node-c --timeout 1
expect_output 'not handed it over in time'
[ "$(holder disk1)" = node-b ] || fail 'it was taken without --force'
expect_status 0 leasehold handover disk1 --from node-b --to node-c \
  --timeout 0 --force
[ "$(holder disk1)" = node-c ] || fail 'it was not taken'
expect_status 2 leasehold handover disk1 --from node-c --to node-c
expect_status 2 leasehold handover disk1 --from node-c --to node-b --timeout 0
expect_status 2 leasehold handover disk1 --from node-c --to node-b --timeout 9x

# One that is left over: nobody serves node-x, and whoever asks is killed.
leasehold reserve disk2 --node node-x
leasehold handover disk2 --from node-x --to node-b &
asking=$!
left_over()
{
  leasehold status disk2 | grep -q 'hand-over     from node-x to node-b'
}
wait_until 'the request is there' left_over
kill -9 "$asking"
wait "$asking" || true
leasehold preempt disk2 --node node-a --victim node-x

nbd_python <<'END'
other = connect("a", "disk2@node-a")
other.pwrite(pattern(3, 512), 0)
old, new = pattern(1, 65536), pattern(2, 65536)
a = connect("a", "disk0@node-a")
a.pwrite(old, 0)
b = connect("b", "disk0@node-b")
fails("EPERM", b.pwrite, new, 0)

# node-a's server finds it when it renews.
asking = subprocess.Popen(["leasehold", "handover", "disk0", "--from", "node-a",
                           "--to", "node-b"])
soon("the request is shown",
     lambda: status("disk0")["handover"] is not None or
     holder("disk0") == "node-b")
text = leasehold("status", "disk0")
check("hand-over     from node-a to node-b" in text or
      "by node-b" in text, "status: " + text)
check(asking.wait() == 0, "handover failed")
check(holder("disk0") == "node-b", "it was not handed over")
soon("the request is gone", lambda: status("disk0")["handover"] is None)
fails("EPERM", a.pwrite, old, 0)
a.flush()
check(a.pread(65536, 0) == old, "what was written is lost")
writes_soon(b, new, 0, PATIENCE)
check(a.pread(65536, 0) == new, "node-a reads something else")

# node-a's server has found the other one, too, and does not obey it.
soon("what is left over is gone",
     lambda: "disk2: a request to hand it over is taken away: it was made for "
             "an older epoch" in open(f"{SCRATCH}/a.log").read())
other.pwrite(pattern(4, 512), 0)
check(holder("disk2") == "node-a", "what was left over has moved the lease")

# Back, by the server: at once.
leasehold("handover", "disk0", "--from", "node-b", "--to", "node-a",
          "--timeout", "0", "--force")
fails("ESHUTDOWN", b.pwrite, new, 0)
writes_soon(a, old, 0, PATIENCE)
END
log_has a 'disk0@node-a: handover epoch=[0-9]+ other=node-b$' ||
  fail "the log does not say that it was handed over"
