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

coproc client { azure_python 2>&1 <<'PYTHON'
handle = connect("a", "disk0@node-a")
handle.pwrite(b"before" * 512, 0)
handle.flush()
print("ready", flush=True)
sys.stdin.readline()
for _ in range(3):
    fails("EIO", handle.pwrite, b"during" * 512, 4096)
fails("EIO", handle.pread, 3072, 0)
print("failed", flush=True)
sys.stdin.readline()
check(handle.pread(3072, 0) == b"before" * 512, "that was flushed")
handle.pwrite(b"after!" * 512, 4096)
handle.flush()
check(handle.pread(3072, 4096) == b"after!" * 512, "that was written")
handle.shutdown()
print("done", flush=True)
PYTHON
}
client_pid=$! # bash forgets it when the client ends
exec {from_client}<&"${client[0]}" {to_client}>&"${client[1]}"

# client_says WORD
client_says()
{
  local line=''

  IFS= read -r -t "$patience" line <&"$from_client" || :
  echo "client: $line"
  [ "$line" = "$1" ] || fail "the client was to say '$1'"
}

client_says ready
good_key=$azurite_key
azurite_key=$(head -c 64 /dev/urandom | base64 -w 0)
keep_secret "$azurite_key"
azure_restart
lines=$(wc -l <"${server_log[a]}")
echo >&"$to_client"
client_says failed
echo "--- meanwhile in the log:"
tail -n "+$((lines + 1))" "${server_log[a]}" | tee "$scratch/said"
[ "$(grep -cE 'AZURE_STORAGE_KEY' "$scratch/said")" -eq 1 ] ||
  fail "there was to be one line that names the credentials"
grep -E 'AZURE_STORAGE_KEY' "$scratch/said" | grep -q disk0 ||
  fail "it was to name the volume"

azurite_key=$good_key
azure_restart
echo >&"$to_client"
client_says 'done'
wait "$client_pid" || fail "the client"
[ "$(holder disk0)" = '' ] || fail "the lease was not released"
server_stop a
