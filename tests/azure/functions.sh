# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# functions.sh: what every shell test of the Azure store starts with.
#
# It has all that tests/e2e/functions.sh has, with a store of the other kind:
#
#   azure_start [--https]  starts Azurite; the store is a container in it that
#                          is not there yet (leasehold create makes it)
#   azure_restart          stops Azurite and starts it again
#   use_key                credentials for everything that is started from here
#   use_sas WHAT           on: the account's key, or a SAS for "account",
#                          "container/NAME" or "blob/CONTAINER/BLOB"
#   use_token              a bearer token in the file $token_file
#   secret_file TEXT       prints the name of a new file that has it, for
#                          parameters that take a file
#   new_container          makes the container, for credentials that cannot
#   proxy_start            starts the fault proxy; the store is behind it now
#   proxy COMMAND-JSON     tells it something; the answer is in $output
#   proxy_rule RULE-JSON   adds a rule; its number is in $rule
#   direct, through_proxy  where $store_url and LEASEHOLD_STORE point to
#   azure_python <<'EOF'   runs a script with tests/azure/azure_client.py
#
# Azurite runs on a port of its own, with a key of its own. At the end of each
# test, what it has printed and all logs are searched for that key and for all
# that was made with it.

# The test prints into a file, which is shown in the end.
exec {shown}>&1 >"${TMPDIR:-/tmp}/leasehold-printed-$$" 2>&1
printed=${TMPDIR:-/tmp}/leasehold-printed-$$

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"
. "${LEASEHOLD_SRCDIR:?}/tests/azure/azurite.sh"

azure_container=leasehold
secrets=$scratch/secret
token_file=$secrets/token
proxy_pid='' proxy_port='' rule=''
declare -a azurite_options=()
mkdir -m 700 "$secrets"
: >"$secrets/list"

# find_secrets: prints the files that have a secret in them, among what was
# printed and logged.
find_secrets()
{
  cp "$printed" "$scratch/printed.log"
  [ ! -s "$secrets/list" ] ||
    grep -rlF -f "$secrets/list" --exclude-dir=secret --exclude-dir=azurite \
      "$scratch" || :
}

# search_secrets: the last exit command; it changes finish's own status.
search_secrets()
{
  local found

  found=$(find_secrets)
  [ -z "$found" ] || {
    echo "FAIL: a secret was printed or logged: $found"
    # shellcheck disable=SC2034 # it is finish's
    status=1
  }
  cat "$printed" >&"$shown"
  rm -f "$printed"
}
at_exit search_secrets

# keep_secret TEXT: from here on it must not be seen anywhere.
keep_secret()
{
  printf '%s\n' "$1" >>"$secrets/list"
}

secret_file()
{
  local file

  file=$(mktemp "$secrets/file-XXXXXX")
  printf '%s\n' "$1" >"$file"
  echo "$file"
}

blob_service()
{
  AZURITE_ACCOUNT_URL=$azurite_url AZURE_STORAGE_KEY=$azurite_key \
    AZURITE_CA=${azurite_ca:-} /usr/bin/python3 -B \
    "$LEASEHOLD_SRCDIR/tests/azure/blob_service.py" "$@"
}

azure_start()
{
  azurite_find "$LEASEHOLD_BUILDDIR" || azurite_skip
  unset "${!AZURE_@}"
  if [ "${1:-}" = --https ]; then
    requires openssl
    azurite_certificate "$secrets" || fail "no certificate"
    azurite_ca=$secrets/ca.pem
    azurite_options=(--cert "$secrets/cert.pem" --key "$secrets/key.pem"
      --oauth basic)
  fi
  at_exit azurite_stop
  azurite_start "$scratch/azurite" "${azurite_options[@]}" || fail "no Azurite"
  keep_secret "$azurite_key"
  export AZURE_STORAGE_ACCOUNT=$azurite_account
  use_key
  direct
}

azure_restart()
{
  azurite_stop
  azurite_start "$scratch/azurite" "${azurite_options[@]}" || fail "no Azurite"
}

use_store()
{
  store_url=$1
  export LEASEHOLD_STORE=$1
}

direct()
{
  use_store "$azurite_url/$azure_container"
}

through_proxy()
{
  use_store "http://127.0.0.1:$proxy_port/$azurite_account/$azure_container"
}

use_key()
{
  unset AZURE_STORAGE_SAS_TOKEN
  export AZURE_STORAGE_KEY=$azurite_key
}

use_sas()
{
  local sas signature

  sas=$(blob_service sas "$1")
  unset AZURE_STORAGE_KEY
  export AZURE_STORAGE_SAS_TOKEN=$sas
  # As it is sent, and as it is.
  signature=${sas##*sig=}
  keep_secret "$signature"
  printf -v signature '%b' "${signature//%/\\x}"
  keep_secret "$signature"
}

use_token()
{
  unset AZURE_STORAGE_KEY AZURE_STORAGE_SAS_TOKEN
  blob_service token >"$token_file"
  keep_secret "$(cat "$token_file")"
}

new_container()
{
  blob_service create-container "$azure_container"
}

proxy_start()
{
  local faults=$LEASEHOLD_SRCDIR/tests/faults

  /usr/bin/python3 -B "$faults/proxy.py" \
    --upstream "127.0.0.1:$azurite_port" --control "$scratch/proxy.control" \
    --log "$scratch/proxy.log" >"$scratch/proxy.ready" 2>&1 &
  proxy_pid=$!
  at_exit kill_process "$proxy_pid" TERM
  wait_until "the proxy is ready" proxy_up
  proxy_port=$(sed -n 's/^ready //p' "$scratch/proxy.ready")
  through_proxy
}

proxy_up()
{
  grep -q '^ready ' "$scratch/proxy.ready" && return
  kill -0 "$proxy_pid" 2>/dev/null ||
    fail "the proxy did not start: $(cat "$scratch/proxy.ready")"
  return 1
}

proxy()
{
  output=$(/usr/bin/python3 -B "$LEASEHOLD_SRCDIR/tests/faults/proxy.py" \
    --send "$scratch/proxy.control" "$1") || fail "proxy: $1: $output"
  printf 'proxy %s\n  %s\n' "$1" "$output"
}

proxy_rule()
{
  proxy "{\"do\": \"add\", \"rule\": $1}"
  # shellcheck disable=SC2034 # for the tests
  rule=${output//[!0-9]/}
}

# azure_python [ARGUMENT...] <<'EOF': as nbd_python, with azure_client.py.
azure_python()
{
  SCRATCH=$scratch PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=$LEASEHOLD_SRCDIR/tests/azure:$LEASEHOLD_SRCDIR/tests/e2e \
    /usr/bin/python3 -c "$(
      echo 'from azure_client import *'
      cat
    )" "$@"
}
