#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-lease-table.sh: every cell of the lease table, side by side: what the
# table says, what Azurite answers, what the file store and the Azure store make
# of it. They differ nowhere but where azurite-deviations.tsv says so, and there
# they do.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

cells=$LEASEHOLD_BUILDDIR/tests/azure/table-cells
[ -x "$cells" ] || skip "table-cells was not built (cmocka is missing)"
azure_start

AZURITE_ACCOUNT_URL=$azurite_url /usr/bin/python3 -B \
  "$LEASEHOLD_SRCDIR/tests/azure/compare_cells.py" \
  "$LEASEHOLD_SRCDIR/tests/data" "$cells file:$scratch/cells" \
  "$cells $store_url" || fail "the stores differ"
