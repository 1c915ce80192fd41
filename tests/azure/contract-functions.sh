# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# contract-functions.sh: the contract suite, with an Azurite for it.

set -eu

program=${LEASEHOLD_BUILDDIR:?}/tests/contract/test-contract-azure
[ -x "$program" ] || {
  echo "SKIP: the contract suite was not built (cmocka is missing)"
  exit 77
}

# contract FACTORY OPTION...: options are with-azurite's.
contract()
{
  local factory=$1
  shift

  echo "--- $*"
  "$LEASEHOLD_SRCDIR/tests/azure/with-azurite" --clock "$@" \
    "$program" ${factory:+"$factory"}
}
