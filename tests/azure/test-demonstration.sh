#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-demonstration.sh: the demonstration shows the same, with the same
# commands, when its store is Azurite, and leaves nothing behind but what --keep
# asks for.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires nbdcopy nbdinfo qemu-io mke2fs e2fsck debugfs
azurite_find "$LEASEHOLD_BUILDDIR" || azurite_skip

demonstration=$LEASEHOLD_SRCDIR/contrib/demonstration
export TMPDIR="$scratch/a folder"
mkdir "$TMPDIR"

# demonstrate NAME OPTION...
demonstrate()
{
  bash "$demonstration" --build "$LEASEHOLD_BUILDDIR" "${@:2}" \
    >"$scratch/$1.log" 2>&1 || {
    cat "$scratch/$1.log"
    fail "the demonstration failed: $*"
  }
}

demonstrate file --store file
demonstrate azurite --store azurite
[ -z "$(ls -A "$TMPDIR")" ] || fail "it left files behind"
grep ' ms from the kill' "$scratch/azurite.log" ||
  fail "the demonstration is not complete"

# Step by step, the commands are the same.
commands()
{
  sed -n '/^1\. /,/^It all holds/p' "$1" |
    grep -E '^(\$|qemu-io>) |^[0-9]+\. ' |
    sed -E 's/^1\. .*/1./; s/kill -KILL [0-9]+/kill -KILL PID/'
}
diff <(commands "$scratch/file.log") <(commands "$scratch/azurite.log") ||
  fail "it is another story"
[ "$(commands "$scratch/azurite.log" | wc -l)" -ge 40 ] ||
  fail "those cannot be all commands"

# --keep leaves a server and its store, and says how to end them.
demonstrate kept --store azurite --keep
words=$(sed -n 's/^  kill \([0-9]* [0-9]*\)$/\1/p' "$scratch/kept.log")
[ -n "$words" ] || fail "--keep does not say how to stop them"
read -ra kept <<<"$words"
end_kept()
{
  kill -KILL "${kept[@]}" 2>/dev/null || :
}
at_exit end_kept
folder=$(echo "$TMPDIR"/leasehold.*)
keep_secret "$(cat "$folder/azure.key")"
# The commands that it proposes, up to the one that writes.
(
  cd "$folder"
  eval "$(sed -n '/To try next/,/^The server/p' "$scratch/kept.log" |
    grep -E '^  (export|leasehold status|nbdinfo|qemu-io)')"
) || fail "what it proposes to try does not work"
gone()
{
  # A zombie, too, where nobody reaps it at once.
  ! grep -q '^State:[[:space:]]*[^Z]' "/proc/$1/status" 2>/dev/null
}
kill "${kept[0]}"
wait_until "the server that was kept has ended" gone "${kept[0]}"
kill "${kept[1]}"
wait_until "its store has ended" gone "${kept[1]}"
eval "$(tail -n 1 "$scratch/kept.log")"
[ -z "$(ls -A "$TMPDIR")" ] || fail "the command to remove its store does not"
