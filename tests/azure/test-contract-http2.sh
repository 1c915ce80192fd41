#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-contract-http2.sh: the contract suite on Azurite, over HTTP/2, as what
# stands in front of a store may offer it.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/contract-functions.sh"

contract workers --http2 --credentials key
