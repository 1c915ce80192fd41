#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-run.sh: bench/run puts every workload on two peers, once, and one on all
# of them, and compares each of them with the plugin.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires fio nbdcopy
requires_nbd_python
fio --enghelp 2>/dev/null | grep -qw nbd || skip "fio has no nbd engine"
expect_status 0 "$LEASEHOLD_SRCDIR/bench/run" --build "$LEASEHOLD_BUILDDIR" \
  --rounds 1 --seconds 0.05 --size 16 --folder "$scratch" \
  --peers leasehold,null --workloads 'rand*,reread*,mixed*,write*,read*,copy*' \
  --svg "$scratch/run.svg"
workloads=$(grep -cE ' leasehold +[0-9.]+ +(IOPS|MiB/s)' <<<"$output")
echo "$workloads workloads"
[ "$workloads" -ge 15 ] || fail "those cannot be all of them"
number='[0-9]+\.[0-9]{2}'
compared=$(grep -cE " null +[0-9.]+ +(IOPS|MiB/s)( +$number){3} " <<<"$output")
[ "$compared" -eq "$workloads" ] ||
  fail "$compared of $workloads workloads are compared"
[ "$(grep -c '<rect x=' "$scratch/run.svg")" -eq "$workloads" ] ||
  fail "not every comparison has a bar"
rm "$scratch/run.svg"
[ -z "$(ls -d "$scratch"/leasehold-run-* 2>/dev/null)" ] ||
  fail "it left its folder behind"

# What is asked for is what is run.
expect_status 0 "$LEASEHOLD_SRCDIR/bench/run" --build "$LEASEHOLD_BUILDDIR" \
  --rounds 2 --seconds 0.05 --size 16 --workloads 'copy-out,write-1m-q*'
[ "$(grep -c ' leasehold ' <<<"$output")" -eq 2 ] || fail "not two workloads"
for peer in file memory null; do
  expect_output "^copy-out +$peer +[0-9.]+ +MiB/s( +$number){3} "
done
expect_status 0 "$LEASEHOLD_SRCDIR/bench/run" --build "$LEASEHOLD_BUILDDIR" \
  --rounds 1 --seconds 0.05 --size 48 --peers leasehold,memory \
  --workloads untar
grep -q '^untar: left out: ' <<<"$output" ||
  expect_output '^untar +memory .* MiB/s( +[0-9]+\.[0-9]{2}){3} '
expect_status 2 "$LEASEHOLD_SRCDIR/bench/run" --build "$LEASEHOLD_BUILDDIR" \
  --workloads nonsense
expect_output "no 'nonsense'"
