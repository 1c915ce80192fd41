#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-secrets.sh: nothing that can go wrong puts the account's key, a SAS or a
# token into a log, a message or a command line, however talkative nbdkit is.
# (The search itself is at the end of every Azure test.)

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires_nbd_python
azure_start
proxy_start
volume_create disk0 1M
volume_create disk1 1M

# no_secret_in_arguments PID
no_secret_in_arguments()
{
  ! tr '\0' '\n' <"/proc/$1/cmdline" | grep -F -f "$secrets/list" ||
    fail "a secret is on the command line of process $1"
}

# talk NAME: what a day brings, told in full.
talk()
{
  echo "--- $1"
  server_start "$1" --verbose -- io-timeout=1 cache-size=0
  no_secret_in_arguments "${server_pid[$1]}"
  azure_python "$1" <<'PYTHON'
server = sys.argv[1]
handle = connect(server, "disk0@node-a")
handle.pwrite(bytes(4096), 0)
handle.flush()
for fault in ({"action": "answer", "status": 403,
               "error": "AuthenticationFailed"},
              {"action": "answer", "status": 503, "error": "ServerBusy"},
              {"action": "answer", "status": 400, "error": "InvalidHeader"},
              {"action": "drop"}):
    rule = add_rule(**fault)
    for function, argument in (("pwrite", bytes(4096)), ("pread", 4096)):
        try:
            getattr(handle, function)(argument, 0)
            fail(f"that was to fail: {function}, {fault}")
        except nbd.Error as problem:
            print(problem)
    refused(server, "disk1@node-a")
    if fault.get("status") in (403, 400):  # else it would try for 30 s
        result = subprocess.run(["leasehold", "status", "disk0"], text=True,
                                capture_output=True, timeout=PATIENCE)
        check(result.returncode != 0, "that was to fail")
        print(result.stderr)
    proxy("remove", rule=rule)
handle.shutdown()
PYTHON
  server_stop "$1"
}

talk with-key
use_sas account
talk with-sas
AZURE_STORAGE_SAS_TOKEN=${AZURE_STORAGE_SAS_TOKEN%??????}wrong
keep_secret "${AZURE_STORAGE_SAS_TOKEN##*sig=}"
expect_status 1 leasehold list
azurite_stop
AZURE_STORAGE_SAS_TOKEN=nonsense expect_status 1 leasehold list

# The search finds what it is to find.
[ -z "$(find_secrets)" ] || fail "a secret was printed or logged"
printf 'GET /%s HTTP/1.1\n' "$azurite_key" >"$scratch/planted.log"
[ "$(find_secrets)" = "$scratch/planted.log" ] || fail "the search is blind"
rm "$scratch/planted.log"
