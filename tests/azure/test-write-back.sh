#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-write-back.sh: writeback=yes. Neighbours go to the store as one request,
# at the flush; what was flushed outlives a gateway that is killed, and what was
# not is not there; and the instance that has lost it is not let back in (S13),
# while a new one is. A gateway that ends in peace sends everything.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires_nbd_python
azure_start
proxy_start
volume_create disk0 8M
server_start a -- writeback=yes
server_start b -- writeback=yes

azure_python <<'PYTHON'
def puts():
    return [line for line in requests() if line.is_page]

handle = connect("a", "disk0@node-a/instance=boot-1")
before = len(puts())
for block in range(256):
    handle.pwrite(bytes([block]) * 4096, block * 4096)
check(handle.pread(4096, 4096) == bytes([1]) * 4096, "the cache is read")
handle.flush()
sent = len(puts()) - before
# One, if nothing was sent for its age while a busy machine wrote all this.
check(sent < 64, f"256 neighbours are {sent} requests")
reads = len([line for line in requests() if line.range and
             not line.is_page and "GET" in line.kind])
check(handle.pread(1 << 20, 0) ==
      b"".join(bytes([block]) * 4096 for block in range(256)), "all of it")
check(reads == len([line for line in requests() if line.range and
                    not line.is_page and "GET" in line.kind]),
      "what was written is in the cache")

# From here on nothing gets through: what follows stays unsent.
rule = add_rule(method="PUT", query={"comp": "page"}, action="drop")
handle.pwrite(b"lost" * 1024, 0)
check(handle.pread(4, 0) == b"lost", "it is in the cache")
PYTHON
server_kill a
proxy '{"do": "clear"}'

server_start a -- writeback=yes
azure_python <<'PYTHON'
handle = connect("a", "disk0@node-a/instance=boot-1")
check(handle.pread(4096, 0) == bytes(4096), "it was not flushed")
fails("ESHUTDOWN", handle.pwrite, bytes(512), 0)
fails("ESHUTDOWN", handle.flush)
handle.shutdown()
handle = connect("a", "disk0@node-a/instance=boot-2")
check(handle.pread(4096, 4096) == bytes([1]) * 4096, "that was flushed")
handle.pwrite(b"boot" * 1024, 0)
handle.zero(65536, 65536)
handle.shutdown()
soon("node-a has released", lambda: holder("disk0") is None)
# Another node, and the same instance again: it was drained.
other = connect("b", "disk0@node-b")
check(other.pread(4096, 0) == b"boot" * 1024, "it was sent at the end")
check(other.pread(65536, 65536) == bytes(65536), "so were zeroes")
other.shutdown()
handle = connect("a", "disk0@node-a/instance=boot-2")
handle.pwrite(b"next" * 1024, 0)
handle.flush()
handle.shutdown()
PYTHON
server_stop a
server_stop b
