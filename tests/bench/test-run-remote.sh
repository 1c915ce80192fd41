#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-run-remote.sh: bench/run on stores that are reached by HTTP: the Blob
# service in memory with and without latency, and nginx behind a delay line. The
# latency is really added, and each peer is compared.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires fio nbdcopy curl
requires_nbd_python
fio --enghelp 2>/dev/null | grep -qw nbd || skip "fio has no nbd engine"

# bench_run ARGUMENT...: one short round of it.
bench_run()
{
  expect_status 0 "$LEASEHOLD_SRCDIR/bench/run" --build "$LEASEHOLD_BUILDDIR" \
    --rounds 1 --seconds 0.05 --size 16 --cache 16 --folder "$scratch" "$@"
}

bench_run --store blob --latency 0,20 --json "$scratch/run.json" \
  --workloads 'randread-4k-qd1,*flushers,read-1m*'
[ "$(grep -c '^store: blob' <<<"$output")" -eq 2 ] || fail "not two tables"
for peer in bare curl memory null; do
  expect_output "^randread-4k-qd1 +$peer .* IOPS( +[0-9]+\.[0-9]{2}){3} "
done
expect_output '^write-4k-16-flushers +bare '
expect_output '^sequential read, .* (reached|missed) +at least 0\.9 '
/usr/bin/python3 - "$scratch/run.json" <<'END' || fail "wrong figures"
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    results = json.load(file)["results"]
slow = [result for result in results if "+20 ms" in result["store"]]
assert 2 * len(slow) == len(results), "not as many with latency as without"
for result in slow:
    if (result["workload"] == "randread-4k-qd1" and
            result["peer"] in ("bare", "curl")):
        assert 0 < result["speed"][0] <= 50, "faster than the latency"
END

[ -x "$(command -v nginx || echo /usr/sbin/nginx)" ] || skip "nginx is missing"
bench_run --store nginx --latency 0,20 \
  --workloads 'randread-4k-qd8,randwrite-4k-qd1'
expect_output '^store: nginx \+20 ms$'
[ "$(grep -c '^randread-4k-qd8 *curl' <<<"$output")" -eq 2 ] ||
  fail "curl is missing"
[ "$(grep -c '^randwrite-4k-qd1 *bare' <<<"$output")" -eq 2 ] ||
  fail "bare is missing"
[ -z "$(ls -d "$scratch"/leasehold-run-* 2>/dev/null)" ] ||
  fail "it left its folder behind"
