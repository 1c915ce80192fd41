#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-stopped-holder.sh: nothing from the past lands (S3). The holder's server
# is stopped with writes in flight; node-b takes over and writes the same
# blocks; the server goes on: none of its writes is ever visible.
#
# LEASEHOLD_ROUNDS says how often.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 16M
server_start a
server_start b

nbd_python "${server_pid[a]}" "${LEASEHOLD_ROUNDS:-50}" <<'EOF'
pid, rounds = int(sys.argv[1]), int(sys.argv[2])
BLOCK, BLOCKS = 65536, 32
random.seed(4)


def start_writes(handle, data):
    """One write per block, answered or not."""
    buffer = nbd.Buffer.from_bytearray(bytearray(data))
    return [handle.aio_pwrite(buffer, block * BLOCK)
            for block in range(BLOCKS)]


def finish(handle, cookies):
    """Waits for all; returns how many of them failed."""
    failures = 0
    while cookies:
        left = []
        for cookie in cookies:
            try:
                if not handle.aio_command_completed(cookie):
                    left.append(cookie)
            except nbd.Error as problem:
                check(problem.errno in ("ESHUTDOWN", "EPERM"),
                      f"a write failed: {problem}")
                failures += 1
        cookies = left
        if cookies:
            handle.poll(100)
    return failures


refusals = 0
for number in range(rounds):
    old = pattern(("old", number).__repr__(), BLOCK)
    new = pattern(("new", number).__repr__(), BLOCK)
    leasehold("clear", "disk0")
    a = connect("a", "disk0@node-a")
    a.pwrite(old, 0)

    cookies = start_writes(a, old)
    # Some of them are answered by then, some are under way, some unread.
    time.sleep(random.random() * 0.004)
    os.kill(pid, signal.SIGSTOP)
    try:
        leasehold("preempt", "disk0", "--node", "node-b",
                  "--victim", "node-a")
        b = connect("b", "disk0@node-b")
        for block in range(BLOCKS):
            b.pwrite(new, block * BLOCK)
        b.flush()
    finally:
        os.kill(pid, signal.SIGCONT)

    refusals += finish(a, cookies)
    fails("ESHUTDOWN", a.pwrite, old, 0)
    a.shutdown()
    for block in range(BLOCKS):
        check(b.pread(BLOCK, block * BLOCK) == new,
              f"round {number}: an old write is visible in block {block}")
    b.shutdown()
print(f"{rounds} rounds, {refusals} writes refused that were under way")
check(refusals > 0 or rounds < 20, "no write was ever under way: prove nothing")
EOF
