#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-events.sh: what happens to a lease is one line of the log and one of the
# export VOLUME@/events, and both say the same.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 16M
volume_create disk1 16M
server_start a

nbd_python <<'EOF'
def events(volume="disk0"):
    """Those of the server, as lines of its log."""
    handle = connect("a", f"{volume}@/events")
    check(handle.is_read_only(), "the text can be written")
    text = handle.pread(handle.get_size(), 0) if handle.get_size() else b""
    handle.shutdown()
    return [json.loads(line) for line in text.decode().splitlines()]


def brief(event):
    return " ".join(str(event[key]) for key in
                    ("event", "node", "epoch", "other_node", "other_epoch"))


check(events() == [] and events("no-such-volume") == [], "events of nothing")

a = connect("a", "disk0@node-a/instance=one")
a.pwrite(pattern(1, 4096), 0)
b = connect("a", "disk0@node-b")
fails("EPERM", b.pwrite, pattern(2, 4096), 0)
leasehold("preempt", "disk0", "--node", "node-b", "--victim", "node-a")
b.pwrite(pattern(2, 4096), 0)
fails("ESHUTDOWN", a.pwrite, pattern(1, 4096), 0)
a.shutdown()
b.shutdown()
soon("the lease is released", lambda: holder("disk0") is None)
want = [
    "attach node-a 0 None None",
    "claim node-a 1 None None",
    "conflict node-b 1 node-a None",
    "claim node-b 2 node-a 1",
    "doubt node-a 1 None None",
    "fence node-a 1 node-b 2",
    "detach node-a 1 None None",
    "release node-b 2 None None",
]
# Each of the two says when it has ended.
soon("all is told", lambda: len(events()) == len(want))
got = events()
check(sorted(map(brief, got)) == sorted(want), f"told: {list(map(brief, got))}")
check([event["sequence"] for event in got] ==
      sorted(event["sequence"] for event in got), "not in order")
check(len({event["run"] for event in got}) == 1, "more than one run")
check({event["instance"] for event in got if event["node"] == "node-a"} ==
      {"one"}, "no instance")
check(all(event["volume"] == "disk0" for event in got), "another volume's")
check(events("disk1") == [], "disk0's are told of disk1")

# The log has the same lines.
with open(f"{SCRATCH}/a.log", encoding="utf-8") as log:
    lines = log.read()
for event in got:
    who = f"disk0@{event['node']}"
    if event["instance"]:
        who += f"/instance={event['instance']}"
    line = f"{who}: {event['event']} epoch={event['epoch']}"
    if event["other_node"]:
        line += f" other={event['other_node']}"
    if event["other_epoch"] is not None:
        line += f" other-epoch={event['other_epoch']}"
    if event["cause"]:
        line += f" cause=\"{event['cause']}\""
    check(f"{line}\n" in lines, f"the log lacks: {line}")
EOF
