#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-demonstration.sh: contrib/demonstration shows what it is to show, in a
# folder with a space in its path, and leaves nothing behind but what --keep
# asks for.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires nbdcopy nbdinfo qemu-io mke2fs e2fsck debugfs

demonstration=$LEASEHOLD_SRCDIR/contrib/demonstration
export TMPDIR="$scratch/a folder"
mkdir "$TMPDIR" "$scratch/bin"

# It starts nbdkit by its name; under a memory checker that is not enough.
cat >"$scratch/bin/nbdkit" <<END
#!/bin/bash
PATH=${PATH@Q}
exec $LEASEHOLD_NBDKIT "\$@"
END
chmod +x "$scratch/bin/nbdkit"
PATH=$scratch/bin:$PATH

bash "$demonstration" --build "$LEASEHOLD_BUILDDIR" | tee "$scratch/output" ||
  fail "the demonstration failed"
grep -q 'ms from the kill to the first write' "$scratch/output" ||
  fail "the demonstration is not complete"
[ -z "$(ls -A "$TMPDIR")" ] || fail "it left files behind"

# --keep leaves a server, and says how to end it.
bash "$demonstration" --build "$LEASEHOLD_BUILDDIR" --keep >"$scratch/output" ||
  fail "the demonstration failed with --keep"
kept=$(sed -n 's/^  kill \([0-9]*\)$/\1/p' "$scratch/output")
[ -n "$kept" ] || fail "--keep does not say how to stop the server"
folder=$(echo "$TMPDIR"/leasehold.*)
(cd "$folder" && nbdinfo 'nbd+unix:///disk0@node-c?socket=a.sock') ||
  fail "the server that was kept does not answer"
gone()
{
  # A zombie, too, where nobody reaps it at once.
  ! grep -q '^State:[[:space:]]*[^Z]' "/proc/$kept/status" 2>/dev/null
}
kill "$kept"
wait_until "the server that was kept has ended" gone
eval "$(tail -n 1 "$scratch/output")"
[ -z "$(ls -A "$TMPDIR")" ] || fail "the command to remove its store does not"

# A kind of store that it does not have is named.
expect_status 2 bash "$demonstration" --build "$LEASEHOLD_BUILDDIR" \
  --store tape
expect_output "'tape'"
