# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# resize-scenarios.sh: what happens to those who are connected when a volume's
# size changes, on every store. A test sources this after functions.sh, makes
# disk0 with 4M, starts the servers a and b, and calls
#
#   resize_cleared     a session whose lease was cleared keeps nothing of what
#                      is cut off, and says so
#   resize_held        a volume grows under its holder, and does not shrink
#   resize_standby     who stood by with the old size writes past the new end
#
# Servers have a cache and write back.

resize_cleared()
{
  nbd_python <<'EOF'
def cut():
    """A renewal may come in between: then it is held again."""
    ends = 3
    while ends == 3:
        leasehold("clear", "disk0")
        ends = subprocess.run(["leasehold", "resize", "disk0", "2M",
                               "--shrink"], stdout=subprocess.DEVNULL
                              ).returncode
    check(ends == 0, f"resize ends with {ends}")


first, last = pattern(1, 4096), pattern(2, 4096)
old = connect("a", "disk0@node-a/instance=1")
old.pwrite(first, 0)
old.pwrite(last, 3 << 20)
old.flush()
check(old.pread(4096, 3 << 20) == last, "the end")
cut()
leasehold("resize", "disk0", "4M")
fails("ESHUTDOWN", old.pwrite, first, 4096, nbd.CMD_FLAG_FUA)
old.shutdown()

# Nobody else has written: it is nobody's end but the session's.
other = connect("b", "disk0@node-b")
check(other.pread(4096, 0) == first, "the beginning")
check(other.pread(4096, 3 << 20) == bytes(4096), "what was cut off is back")
other.pwrite(last, 3 << 20)
other.shutdown()
EOF
}

resize_held()
{
  nbd_python <<'EOF'
flushed, unsent = pattern(3, 65536), pattern(4, 65536)
old = connect("a", "disk0@node-a/instance=2")
old.pwrite(flushed, 0)
old.flush()
old.pwrite(unsent, 1 << 20)
for words in ([], ["--node", "node-a"]):
    ends = subprocess.run(["leasehold", "resize", "disk0", "1M", "--shrink",
                           *words], stderr=subprocess.PIPE, text=True)
    check(ends.returncode == 3 and "node-a holds it" in ends.stderr,
          f"{ends.returncode}: {ends.stderr}")
leasehold("resize", "disk0", "8M", "--node", "node-a")
old.pwrite(unsent, 2 << 20)
check(old.get_size() == 4 << 20, "a connection has the size of its beginning")

new = connect("a", "disk0@node-a/instance=2")
check(new.get_size() == 8 << 20, "who comes again has the new size")
for handle in (old, new):
    check(handle.pread(65536, 0) == flushed and
          handle.pread(65536, 1 << 20) == unsent and
          handle.pread(65536, 2 << 20) == unsent, "what was written is there")
check(new.pread(1 << 20, 7 << 20) == bytes(1 << 20), "what was added is zero")
new.pwrite(unsent, (8 << 20) - 65536)
old.shutdown()
new.flush()
new.shutdown()
soon("node-a has released", lambda: holder("disk0") is None)

# It has drained, so a smaller size does not keep it out.
leasehold("resize", "disk0", "6M", "--shrink")
again = connect("a", "disk0@node-a/instance=2")
again.pwrite(flushed, 4 << 20)
again.flush()
other = connect("b", "disk0@node-b")
check(other.get_size() == 6 << 20, "node-b sees another size")
check(other.pread(65536, 0) == flushed and
      other.pread(65536, 1 << 20) == unsent and
      other.pread(65536, 2 << 20) == unsent and
      other.pread(65536, 4 << 20) == flushed, "something was lost")
EOF
}

resize_standby()
{
  nbd_python <<'EOF'
whole, there = pattern(5, 65536), pattern(6, 65536)
first = connect("a", "disk0@node-a")
first.pwrite(whole, 0)
second = connect("b", "disk0@node-b")
fails("EPERM", second.pwrite, there, 0)
check(second.get_size() == 6 << 20, "the size before")
first.shutdown()
soon("node-a has released", lambda: holder("disk0") is None)
leasehold("resize", "disk0", "2M", "--shrink")

# What is acknowledged before it is sent is refused late, and then for good.
second.pwrite(there, 1 << 20)
second.flush()
fails("EINVAL", second.pwrite, there, 3 << 20, nbd.CMD_FLAG_FUA)
second.pwrite(there, 65536)
second.pwrite(there, 5 << 20)
fails("EINVAL", second.flush)
second.pwrite(there, 131072)
fails("EINVAL", second.flush)
second.shutdown()
soon("node-b has released", lambda: holder("disk0") is None)

# But nothing else is lost.
first = connect("a", "disk0@node-a")
check(first.get_size() == 2 << 20, "the size after")
check(first.pread(65536, 0) == whole and
      first.pread(65536, 1 << 20) == there and
      first.pread(65536, 65536) == there and
      first.pread(65536, 131072) == there, "something was lost")
first.pwrite(whole, 65536)
first.flush()
first.shutdown()
EOF
}
