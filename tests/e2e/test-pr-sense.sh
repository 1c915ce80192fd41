#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-pr-sense.sh: what a reservation command answers when it is the volume
# that is wrong: its registrations are damaged, its record is, it has been
# deleted. Nothing is guessed, and nothing is lost that can be mended.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 1M
server_start g
nbd_python <<'EOF'
import glob

from scsi import *

DAMAGED, NO_VOLUME = (4, 0x44, 0x00), (5, 0x25, 0x00)
a = Nexus("g", "node-a")
a.good(REGISTER, service_key=10)
a.good(RESERVE, key=10, kind=1)


def damaged(pattern):
    """Everything is refused while a file of the volume is not itself."""
    path, = glob.glob(f"{SCRATCH}/store/**/{pattern}", recursive=True)
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content.replace(b"1", b"2"))
    for action in range(4):
        check(a.read(action) == DAMAGED, f"PR IN {action} with {path}")
    a.expect(DAMAGED, REGISTER_AND_IGNORE, service_key=11)
    a.expect(DAMAGED, CLEAR, key=10)
    with open(path, "wb") as file:
        file.write(content)
    check(a.full_status() == {"node-a": (10, True, 1)}, "after it was mended")


damaged("@registrations")
damaged("@record")
a.good(RELEASE, key=10, kind=1)
leasehold("delete", "disk0")
for action in range(4):
    check(a.read(action) == NO_VOLUME, f"PR IN {action} of a deleted volume")
a.expect(NO_VOLUME, REGISTER_AND_IGNORE, service_key=11)
# One that comes after it has nothing of it.
leasehold("create", "disk0", "1M")
a.expect(NO_VOLUME, REGISTER_AND_IGNORE, service_key=11)
check(Nexus("g", "node-a").keys() == (0, []), "keys of another volume")
EOF
