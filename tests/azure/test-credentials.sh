#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-credentials.sh: the plugin over HTTP and HTTPS with every kind of
# credentials that Azurite knows, from the environment and from files; and with
# wrong ones, which are refused with a message that says where they are from.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires_nbd_python
volumes=0

# works WHAT [PARAMETER...]: a server with these has all rights to a volume that
# another tool has made.
works()
{
  local name=a-$volumes volume=blob-$volumes
  echo "--- $1"
  shift

  server_start "$name" -- "$@"
  azure_python "$name" "$volume" <<'PYTHON'
server, volume = sys.argv[1:]
handle = connect(server, f"{volume}@node-a")
handle.pwrite(pattern(1, 65536), 65536)
handle.zero(4096, 65536)
handle.flush()
handle.shutdown()
handle = connect(server, volume)
check(handle.pread(65536, 65536) == bytes(4096) + pattern(1, 65536)[4096:],
      "that was not written")
extents = []
handle.block_status(1 << 20, 0, lambda name, offset, entries, error:
                    extents.extend(entries) and 0)
check(extents[:4] == [69632, 3, 61440, 0], f"wrong extents: {extents}")
PYTHON
  server_stop "$name"
}

# new_blob: a page blob for the next one.
new_blob()
{
  volumes=$((volumes + 1))
  blob_service create-page-blob "$azure_container/blob-$volumes" $((1 << 20))
}

# fails_with WHAT PATTERN [PARAMETER...]
fails_with()
{
  local name=bad-$volumes-$RANDOM
  echo "--- $1"

  # Whether it does not even start is the plugin's business.
  (server_start "$name" -- "${@:3}" && server_stop "$name" 2>&1) \
    >"$scratch/started" 2>&1 && {
    server_start "$name" -- "${@:3}"
    azure_python "$name" "blob-1@node-a" <<'PYTHON'
refused(*sys.argv[1:])
PYTHON
    server_stop "$name"
  }
  grep -hE "$2" "$scratch/started" "$scratch/$name.log" ||
    fail "nothing there matches: $2"
}

azure_start
new_container

new_blob
works "the account's key, from the environment"
AZURE_STORAGE_KEY=$(head -c 64 /dev/urandom | base64 -w 0)
keep_secret "$AZURE_STORAGE_KEY"
fails_with "a wrong key" AZURE_STORAGE_KEY
for what in account "container/$azure_container"; do
  new_blob
  use_sas "$what"
  works "a SAS for the $what, from the environment"
done
new_blob
use_sas "blob/$azure_container/blob-$volumes"
works "a SAS for the one blob"
fails_with "a SAS for another blob" AZURE_STORAGE_SAS_TOKEN

sas=$AZURE_STORAGE_SAS_TOKEN
unset AZURE_STORAGE_ACCOUNT AZURE_STORAGE_SAS_TOKEN
works "the same SAS from a file" sas=+"$(secret_file "$sas")"
works "the account's key from a file" account-key=+"$(secret_file "$azurite_key")"
AZURE_STORAGE_CONNECTION_STRING="DefaultEndpointsProtocol=http;\
AccountName=$azurite_account;AccountKey=$azurite_key;\
BlobEndpoint=$azurite_url;"
export AZURE_STORAGE_CONNECTION_STRING
works "a connection string"

# --- HTTPS -------------------------------------------------------------------

azurite_stop
azurite_port=0
azure_start --https
works "HTTPS, the key" cainfo="$azurite_ca"
fails_with "HTTPS from somebody nobody knows" 'certificate' io-timeout=300
use_sas account
works "HTTPS, a SAS" cainfo="$azurite_ca"
use_token
works "HTTPS, a bearer token" cainfo="$azurite_ca" token=+"$token_file"
