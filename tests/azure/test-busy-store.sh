#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-busy-store.sh: S10. The store says 503 for 10 s, to everything: no client
# sees an error, the lease is still held under the same epoch, and there is no
# storm of requests. Retry-After is heeded.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires_nbd_python
azure_start
proxy_start
volume_create disk0 16M
server_start a -- lease-duration=15

azure_python <<'PYTHON'
WRITERS = 8
BUSY_SECONDS = 10
# For each request that is waiting, and one for the renewals: a handful at
# once, then one every few seconds.
REQUESTS_MAX = (WRITERS + 1) * 12

handles = [connect("a", "disk0@node-a") for _ in range(WRITERS)]
handles[0].pwrite(b"first" * 1024, 0, 0)
epoch = status("disk0")["epoch"]
end = threading.Event()
done = [0] * WRITERS


def write(number):
    """Writes and reads back, until the end."""
    while not end.is_set():
        data = pattern(done[number] * WRITERS + number, 4096)
        offset = (number << 20) + done[number] % 16 * 4096
        handles[number].pwrite(data, offset)
        handles[number].flush()
        check(handles[number].pread(4096, offset) == data, "another block")
        done[number] += 1


with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
    writers = [pool.submit(write, number) for number in range(WRITERS)]
    soon("they write", lambda: all(count > 2 for count in done))
    rule = add_rule(action="answer", status=503, error="ServerBusy",
                    seconds=BUSY_SECONDS)
    begin = time.monotonic()
    rule_reached(rule, "taken", WRITERS)
    time.sleep(max(0, begin + BUSY_SECONDS - time.monotonic()))
    before = list(done)
    seconds = soon("all write again",
                   lambda: all(now > then + 2
                               for now, then in zip(done, before)))
    end.set()
    for writer in writers:
        writer.result()

taken = proxy("show", rule=rule)["taken"]
print(f"{taken} requests in {BUSY_SECONDS} s of 503, from {WRITERS} writers; "
      f"all wrote again after {seconds:.1f} s")
check(WRITERS <= taken <= REQUESTS_MAX, f"not at most {REQUESTS_MAX}")
renewals = [line for line in requests()
            if line.rule == rule and "renew" in line.kind]
print(f"{len(renewals)} of them were renewals")
now = status("disk0")
check(now["epoch"] == epoch, "there was a reclaim: nothing was in doubt")
check(holder("disk0") == "node-a", "the lease was lost")

# What the store asks for, it gets.
rule = add_rule(method="PUT", query={"comp": "page"}, action="answer",
                status=503, error="ServerBusy", retry_after=3, times=1)
handles[0].pwrite(b"again" * 1024, 0, 0)
refused_at, again = [line for line in requests()
                     if line.is_page and line.first_last()[0] == 0][-2:]
check(refused_at.rule == rule and again.status == 201, "not these two")
wait = again.arrived - refused_at.ended
print(f"Retry-After 3: sent again after {wait:.1f} s")
check(2.9 <= wait < 10, "that is not what was asked for")
for handle in handles:
    handle.shutdown()
PYTHON
! log_has a 'error:' || fail "an error was logged"
server_stop a
