#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-status-export.sh: VOLUME@/status is a read-only text: the volume's state
# as JSON, the same as `leasehold status --json` has, as of its opening.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires nbdcopy
requires_nbd_python
volume_create disk0 16M
server_start a

expect_status 0 nbdcopy "$(uri a disk0@/status)" -
printf '%s\n' "$output" | /usr/bin/python3 -c '
import json, sys
state = json.load(sys.stdin)
assert state["volume"] == "disk0" and state["size"] == 16 << 20, state
assert state["lease"]["state"] == "available", state'

nbd_python <<'EOF'
def read(handle):
    return json.loads(handle.pread(handle.get_size(), 0))


def at_one_moment(export):
    """The text and what the command says, with no renewal in between."""
    for _ in range(20):
        text = connect("a", export)
        state, command = read(text), status("disk0")
        if state["etag"] == command["etag"]:
            return text, state, command
    check(False, "etag differs each time")


a = connect("a", "disk0@node-a")
a.pwrite(pattern(1, 4096), 0)
for export in "disk0@/status", "disk0@node-b/status":
    text, state, command = at_one_moment(export)
    check(text.is_read_only(), "the text can be written")
    for key in command:
        if key != "lease":
            check(state[key] == command[key], f"{key} differs")
    for key in command["lease"]:
        if key != "expires_in": # it counts down
            check(state["lease"][key] == command["lease"][key],
                  f"lease.{key} differs")
    check(state["lease"]["holder"] == "node-a", "no holder")
    check(text.pread(1, text.get_size() - 1) == b"\n", "no newline at the end")

    a.shutdown()
    soon("the lease is free", lambda: holder("disk0") is None)
    check(read(text) == state, "the text has changed")
    check(read(connect("a", export))["lease"]["state"] == "available",
          "a new text is old")
    a = connect("a", "disk0@node-a")
    a.pwrite(pattern(1, 4096), 0)
EOF
