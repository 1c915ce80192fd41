#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-contract-http.sh: the contract suite on Azurite, over HTTP, with
# commands done both ways; the account's SAS is test-contract-https.sh's.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/contract-functions.sh"

contract '' --credentials key
contract workers --credentials container-sas
