# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cli-functions.sh: what every shell test of the leasehold command starts with.
#
#   run CODE COMMAND...   runs it; fails unless it exits with CODE. What it
#                         printed is in $out and $err, which are shown too
#   out_is TEXT           standard output was exactly that
#   out_has TEXT          standard output had TEXT somewhere
#   err_is TEXT, err_has TEXT
#   json EXPRESSION       evaluates Python on $out, parsed, as `it`: must hold
#   record VOLUME         prints the path of its record in $store
#   skip REASON, fail REASON
#
# The variables: $scratch, an empty directory, deleted at the end; $store, a
# directory's name in it, not made yet; LEASEHOLD_STORE names it.

set -euo pipefail

: "${LEASEHOLD_SRCDIR:?}" "${LEASEHOLD_BUILDDIR:?}"
export LC_ALL=C

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
store=$scratch/store
export LEASEHOLD_STORE=file:$store
out='' err=''

skip()
{
  echo "SKIP: $*"
  exit 77
}

fail()
{
  echo "FAIL: $*"
  exit 1
}

run()
{
  local want=$1 got=0

  shift
  echo "\$ ${*@Q}"
  "$@" >"$scratch/out" 2>"$scratch/err" || got=$?
  out=$(cat "$scratch/out") err=$(cat "$scratch/err")
  printf '%s' "${out:+$out$'\n'}" "${err:+$err$'\n'}"
  [ "$got" = "$want" ] || fail "exit code $got instead of $want"
  # Whoever fails says why, in one line or more, and names itself.
  if [ "$want" != 0 ] && [[ $err != "leasehold: "* ]]; then
    fail "no message of its own"
  fi
}

out_is()
{
  [ "$out" = "$1" ] || fail "standard output is not: $1"
}

out_has()
{
  [[ $out = *"$1"* ]] || fail "standard output lacks: $1"
}

err_is()
{
  [ "$err" = "$1" ] || fail "standard error is not: $1"
}

err_has()
{
  [[ $err = *"$1"* ]] || fail "standard error lacks: $1"
}

json()
{
  printf '%s' "$out" | python3 -c '
import json, sys
it = json.load(sys.stdin)
sys.exit(0 if eval(sys.argv[1]) else 1)' "$1" || fail "JSON: not true: $1"
}

requires()
{
  local program

  for program; do
    command -v "$program" >/dev/null || skip "$program is missing"
  done
}

# Every record ends with a line that has its checksum.
record()
{
  grep -rlaE '^sha256 [0-9a-f]{64}' "$store" | grep "$1"
}
