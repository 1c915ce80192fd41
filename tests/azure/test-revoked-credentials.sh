#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-revoked-credentials.sh: S10, S11. The store does not know our key any
# more, while a client writes: it gets EIO, and the operator one clear line.
# When the key is good again, everything goes on, and nothing is lost.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires_nbd_python
azure_start
volume_create disk0 1M
server_start a -- lease-duration=60

azure_python <<'PYTHON' &
def step(name, following):
    open(f"{SCRATCH}/{name}", "w").close()
    soon(following, lambda: os.path.exists(f"{SCRATCH}/{following}"))


handle = connect("a", "disk0@node-a")
handle.pwrite(b"before! " * 512, 0)
handle.flush()
step("written", "revoked")
for _ in range(3):
    fails("EIO", handle.pwrite, b"during! " * 512, 4096)
fails("EIO", handle.pread, 4096, 65536) # not in the cache
step("failed", "returned")
check(handle.pread(4096, 0) == b"before! " * 512, "that was flushed")
handle.pwrite(b"after!! " * 512, 4096)
handle.flush()
check(handle.pread(4096, 4096) == b"after!! " * 512, "that was written")
handle.shutdown()
PYTHON
client=$!

# client_at STEP: waits until the client has come so far.
client_at()
{
  wait_until "the client has $1" came_to "$1"
}

came_to()
{
  [ -e "$scratch/$1" ] || ! kill -0 "$client" 2>/dev/null
}

client_at written
good_key=$azurite_key
azurite_key=$(head -c 64 /dev/urandom | base64 -w 0)
keep_secret "$azurite_key"
azure_restart
lines=$(wc -l <"${server_log[a]}")
touch "$scratch/revoked"
client_at failed
echo "--- meanwhile in the log:"
tail -n "+$((lines + 1))" "${server_log[a]}" | tee "$scratch/said"
[ "$(grep -cE 'AZURE_STORAGE_KEY' "$scratch/said")" -eq 1 ] ||
  fail "there was to be one line that names the credentials"
grep -E 'AZURE_STORAGE_KEY' "$scratch/said" | grep -q disk0 ||
  fail "it was to name the volume"

azurite_key=$good_key
azure_restart
touch "$scratch/returned"
wait "$client" || fail "the client"

released()
{
  [ -z "$(holder disk0)" ]
}
wait_until "the lease is released" released
server_stop a
