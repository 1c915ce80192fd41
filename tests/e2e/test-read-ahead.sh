#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-read-ahead.sh: who reads through a volume in small steps makes few and
# large requests to the store; who reads at random makes just those.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
program=$LEASEHOLD_BUILDDIR/bench/blob-server
[ -x "$program" ] || skip "$program was not built"

"$program" --latency 1 >"$scratch/port" &
blob_server=$!
at_exit kill_process "$blob_server" TERM
wait_until "the blob server listens" test -s "$scratch/port"
export AZURE_STORAGE_ACCOUNT=account AZURE_STORAGE_SAS_TOKEN='sv=1&sig=none'
store_url=http://127.0.0.1:$(sed 's/ready //' "$scratch/port")/account/volumes
export LEASEHOLD_STORE=$store_url
volume_create disk0 32M

# value NAME [LABEL]: what the server that has ended counted.
value()
{
  sed -nE "s/^leasehold_$1\{?${2:-}\}? ([0-9.e+]+)$/\1/p" "$scratch/metrics"
}

# reads SCRIPT: a new server, whose cache is empty; $requests are those to the
# store, $used and $wasted the bytes that were read ahead.
reads()
{
  server_start a -- cache-size=32M metrics="$scratch/metrics"
  nbd_python <<PYTHON
handle = connect("a", "disk0@node-a")
handle.pwrite(bytes(512), (32 << 20) - 512)
$1
handle.shutdown()
PYTHON
  server_stop a
  requests=$(value store_requests_total 'request="read",outcome="ok"')
  used=$(value cache_read_ahead_bytes_total 'outcome="used"')
  wasted=$(value cache_read_ahead_bytes_total 'outcome="wasted"')
  echo "$requests requests, $used bytes used, $wasted wasted"
}

reads '
for at in range(24):
    handle.pwrite(pattern(at, 1 << 20), at << 20)
handle.flush()'

reads '
for i in range(16):
    wanted = pattern(i, 1 << 20)
    for at in range(0, 1 << 20, 1 << 16):
        check(handle.pread(1 << 16, (i << 20) + at) == wanted[at:at + (1 << 16)],
              f"wrong bytes {at} behind {i} MiB")'
[ "$requests" -le 128 ] || fail "$requests requests for 256 reads in a row"
[ "$used" -ge $((12 << 20)) ] || fail "read ahead $used bytes only"

reads '
dice = random.Random(1)
for at in dice.sample(range(24 << 8), 200):
    handle.pread(4096, at << 12)'
[ "$requests" -le 200 ] || fail "$requests requests for 200 at random"
[ "$used" -eq 0 ] || fail "$used bytes read ahead of random reads"

reads '
wanted = b"".join(pattern(i, 1 << 20) for i in range(20))
for at in range(0, 20 << 20, 200 << 10):
    check(handle.pread(4096, at) == wanted[at:at + 4096],
          f"wrong bytes at {at}")'
[ "$used" -ge $((60 * 4096)) ] || fail "$used bytes of strided reads only"
