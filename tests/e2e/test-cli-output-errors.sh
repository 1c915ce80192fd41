#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-output-errors.sh: a result that cannot be written is a failure: a
# full disk, a closed output, a pipe whose reader is gone.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/cli-functions.sh"

[ -c /dev/full ] || skip "/dev/full is missing"
run 0 leasehold create disk0 1M

full()
{
  "$@" >/dev/full
}
closed()
{
  "$@" >&-
}
# The reader has gone before anything is written; with SIGPIPE ignored, as under
# some service managers, the command has to notice by itself.
broken()
{
  local fd

  exec {fd}> >(:)
  wait "$!"
  (
    trap '' PIPE
    "$@" >&"$fd"
  )
}

for output in full closed broken; do
  for verb in list 'list --json' 'status disk0' 'status --json disk0' \
              'lease-id node-a' help 'help status' version \
              'reserve disk0 --node node-a' 'release disk0 --node node-a'; do
    read -ra words <<<"$verb"
    run 1 "$output" leasehold "${words[@]}"
    err_has 'standard output: '
  done
done

# The reservation conflict is what counts, whatever becomes of the output.
run 0 leasehold reserve disk0 --node node-a
run 3 closed leasehold reserve disk0 --node node-b
err_has 'node-a holds it'
