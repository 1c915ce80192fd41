#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-stopped-holder.sh: nothing from the past lands (S3). The holder's server
# is stopped with writes in flight; node-b takes over and writes the same
# blocks; the server goes on: none of its writes is ever visible. Where it was
# stopped in the middle of a write, the takeover ends it, and a new one is
# started for the next round.
#
# LEASEHOLD_ROUNDS says how often.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 16M
server_start a
server_start b

cat >"$scratch/rounds" <<'EOF'
pid, first, rounds = (int(word) for word in sys.argv[1:4])
BLOCK, BLOCKS = 65536, 32
random.seed(4)


def ended():
    """Has the takeover ended the server?"""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


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
for number in range(first, rounds):
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
        server_ended = ended()
        if not server_ended:
            os.kill(pid, signal.SIGCONT)

    if server_ended:
        for block in range(BLOCKS):
            check(b.pread(BLOCK, block * BLOCK) == new,
                  f"round {number}: an old write is visible in block {block}")
        with open(f"{SCRATCH}/next", "w", encoding="ascii") as file:
            file.write(str(number + 1))
        sys.exit(9)
    refusals += finish(a, cookies)
    fails("ESHUTDOWN", a.pwrite, old, 0)
    a.shutdown()
    for block in range(BLOCKS):
        check(b.pread(BLOCK, block * BLOCK) == new,
              f"round {number}: an old write is visible in block {block}")
    b.shutdown()
print(f"{rounds - first} rounds, {refusals} writes refused under way")
check(refusals > 0 or rounds - first < 20,
      "no write was ever under way: prove nothing")
EOF

rounds=${LEASEHOLD_ROUNDS:-50} next=0 status=9
while [ "$status" -eq 9 ]; do
  status=0
  nbd_python "${server_pid[a]}" "$next" "$rounds" <"$scratch/rounds" ||
    status=$?
  [ "$status" -eq 9 ] || break
  next=$(<"$scratch/next")
  echo "the server was ended in round $((next - 1))"
  server_kill a
  server_start a
done
[ "$status" -eq 0 ] || fail "see above"
