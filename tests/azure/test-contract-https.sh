#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-contract-https.sh: the contract suite on Azurite, over HTTPS.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/contract-functions.sh"

contract workers --https --credentials key
contract workers --https --credentials account-sas
