#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-contract-http.sh: the contract suite on Azurite, over HTTP: with the
# account's key both ways of doing commands, with SAS the one that servers use.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/contract-functions.sh"

contract '' --credentials key
contract workers --credentials account-sas
contract workers --credentials container-sas
