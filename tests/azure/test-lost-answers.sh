#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-lost-answers.sh: S4. One answer in 20 gets lost on its way back, while
# fio writes and verifies: no corruption, no error to the client, and after each
# unknown outcome a reclaim, before anything is written again.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires fio
requires_nbd_python
fio --enghelp 2>/dev/null | grep -qw nbd || skip "fio has no nbd engine"

: "${LEASEHOLD_FIO_JOB_SIZE:=2M}" # of each of the 4 jobs; more for a soak

azure_start
proxy_start
server_start a

run_fio()
{
  fio --name=verify --ioengine=nbd --uri="$(uri a "$1@node-a")" --thread \
    --numjobs=4 --offset_increment=8M --size="$LEASEHOLD_FIO_JOB_SIZE" \
    --bs=4k --iodepth=4 --rw=randwrite --verify=crc32c --verify_fatal=1 \
    --verify_state_save=0 --do_verify=1 --end_fsync=1 \
    --output="$scratch/fio" || {
    cat "$scratch/fio"
    fail "fio: an error, or a block that is wrong"
  }
}

# That an outcome is unknown is said; nothing else was to happen.
no_other_errors()
{
  ! grep 'error:' "${server_log[a]}" |
    grep -v 'doubt epoch=[0-9]* cause="the outcome of a write is unknown"' ||
    fail "another error was logged"
}

volume_create disk0 32M
proxy_rule '{"method": "PUT", "query": {"comp": "page"}, "every": 20,
             "action": "swallow"}'
run_fio disk0
proxy '{"do": "clear"}'
azure_python <<'PYTHON'
pages = [line for line in requests() if line.is_page]
lost = [line for line in pages if line.action == "swallow"]
claims = [line for line in requests() if line.is_claim and line.status == 200]
check(len(lost) >= len(pages) // 20 > 50, "too few answers were lost")
for line in lost:
    # Refused: it was sent just before another one's reclaim.
    check(line.status in (201, 412), f"an odd answer: {line}")
    reclaims = [claim for claim in claims if claim.new_epoch > line.epoch]
    check(reclaims, f"no reclaim after this: {line}")
    again = [other for other in pages if other.arrived > line.ended and
             other.range == line.range]
    check(again, f"not sent again: {line}")
    check(again[0].epoch > line.epoch and
          again[0].arrived >= min(claim.ended for claim in reclaims),
          f"sent again, but not after a reclaim: {line}: {again[0]}")
stale = [line for line in pages if line.status == 412]
done = sum(line.status == 201 for line in lost)
print(f"{len(pages)} writes, {len(lost)} answers lost ({done} of writes that "
      f"were done), {len(claims)} claims, {len(stale)} refused for their epoch")
check(done > 50, "too few of them were of writes that were done")
check(len(claims) <= len(lost) + 2, "more claims than there was reason for")
PYTHON
no_other_errors

# Now answers of all kinds: to lease commands and claims, to reads, ...
volume_create disk1 32M
proxy_rule '{"every": 20, "action": "swallow"}'
run_fio disk1
proxy '{"do": "counters"}'
proxy '{"do": "clear"}'
no_other_errors
server_stop a
