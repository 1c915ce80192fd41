#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-take-over.sh: a hand-over by force, through the server at which the other
# node stands by: its session takes the lease over, whether a write of its waits
# or not, and nothing of the node before lands any more. Where that cannot be,
# the command goes the ordinary way.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

! leasehold --server x keys disk0 2>&1 | grep -q 'built without libnbd' ||
  skip 'the command was built without libnbd'
requires_nbd_python
volume_create disk0 16M
server_start a
server_start b -- gate-wait=600

nbd_python <<'END'
import threading

old, new = pattern(1, 65536), pattern(2, 65536)


def take(giver, taker, ends=0, server="b", verb="handover"):
    """By the server, which gives nobody any time."""
    words = (["--from", giver, "--to", taker, "--timeout", "0"]
             if verb == "handover" else ["--node", taker, "--victim", giver])
    run = subprocess.run(
        ["leasehold", "--server", f"nbd+unix:///?socket={SCRATCH}/{server}.sock",
         verb, "disk0", *words, "--force"], capture_output=True, text=True)
    check(run.returncode == ends, f"{run.returncode}: {run.stderr}")
    return run.stdout + run.stderr


a = connect("a", "disk0@node-a/instance=1")
a.pwrite(old, 0)
b = connect("b", "disk0@node-b")

# A write waits.
waiting = threading.Thread(target=b.pwrite, args=(new, 0))
waiting.start()
check("node-c does not hold it" in take("node-c", "node-b", 3), "whose it is")
check(holder("disk0") == "node-a", "it was taken from somebody else")
check("node-b holds it" in take("node-a", "node-b"), "who has it")
waiting.join()
check(holder("disk0") == "node-b", "it was not taken over")
fails("ESHUTDOWN", a.pwrite, old, 0)
check(b.pread(65536, 0) == new, "node-b reads something else")
fails("ESHUTDOWN", connect("a", "disk0@node-a/instance=1").pwrite, old, 0)

# Back and forth, as a preempt.
a = connect("a", "disk0@node-a/instance=2")
take("node-b", "node-a", server="a", verb="preempt")
a.pwrite(old, 0)
fails("ESHUTDOWN", b.pwrite, new, 0)
b.shutdown()
b = connect("b", "disk0@node-b")
take("node-a", "node-b", verb="preempt")
b.pwrite(new, 0)
fails("ESHUTDOWN", a.pwrite, old, 0)

# It has it already.
check("node-b holds it" in take("node-a", "node-b"), "once more")
b.pwrite(new, 0)

# Nobody stands by for node-c; and then somebody does, by the other server.
take("node-b", "node-c")
check(holder("disk0") == "node-c", "it was not taken the ordinary way")
fails("ESHUTDOWN", b.pwrite, new, 0)
again = connect("a", "disk0@node-a")
take("node-c", "node-a", server="a")
again.pwrite(old, 0)
check(again.pread(65536, 0) == old, "node-a reads something else")
END
# The ordinary way moves the lease first; the session claims at a write then.
[ "$(grep -oE '(claim epoch=[24]|preempt) other=node-a' "$scratch/b.log")" = \
  $'claim epoch=2 other=node-a\npreempt other=node-a\n'\
$'claim epoch=4 other=node-a\npreempt other=node-a' ] ||
  fail "node-b's session has not taken it over"
expect_status 1 leasehold --server "nbd+unix:///?socket=$scratch/b.sock" \
  handover disk9 --from node-a --to node-b --timeout 0 --force
