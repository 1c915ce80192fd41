#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-control-export.sh: reservation commands over NBD: what a reservation
# does to those who write, what is refused and how, and frames that are none.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"
. "$LEASEHOLD_SRCDIR/tests/e2e/control-scenarios.sh"

requires_nbd_python
volume_create disk0 16M
server_start g

control_commands
# The example in leasehold-protocol(7) does what it says.
volume_create disk1 1M
nbd_python "$(uri g disk1@node-a/reservation)" \
  "$LEASEHOLD_SRCDIR/docs/leasehold-protocol.pod" >"$scratch/example" <<'EOF'
with open(sys.argv[2], encoding="utf-8") as manual:
    section = manual.read().split("=head1 EXAMPLE\n")[1].split("=head1")[0]
code = "\n".join(line[1:] for line in section.split("\n")
                 if line.startswith(" "))
here = code.replace("nbd://gateway/disk0@node-a/reservation", sys.argv[1])
check(here != code, "the example has another URI")
exec(here, {"h": nbd.NBD()})
EOF
[ "$(cat "$scratch/example")" = "0000000100000008000000000000000a" ] ||
  fail "the example printed $(cat "$scratch/example")"
[ "$(holder disk1)" = node-a ] || fail 'the example has not reserved'

log_has g 'disk0@node-b: preempt .*cause="PREEMPT AND ABORT, generation' || fail 'no line for a PREEMPT'
server_start readonly -r
nbd_python <<'EOF'
refused("readonly", "disk0@node-a/reservation")
EOF
