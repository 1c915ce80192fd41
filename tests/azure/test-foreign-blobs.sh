#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-foreign-blobs.sh: a container that others use too: a page blob of another
# tool's is served and keeps that tool's metadata; a block blob is no volume,
# and what is said about it says what to do; snapshots go with their volume; a
# list of more than one page is whole.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires_nbd_python
command -v leasehold >/dev/null || skip "the leasehold command is missing"

# service <<'EOF': runs a script that has `service`, the Blob service.
service()
{
  AZURITE_ACCOUNT_URL=$azurite_url AZURE_STORAGE_KEY=$azurite_key \
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$LEASEHOLD_SRCDIR/tests/azure \
    /usr/bin/python3 -c "$(
      echo 'from blob_service import *'
      echo 'service = environment_service()'
      cat
    )" "$azure_container"
}

azure_start
new_container
service <<'PYTHON'
container = sys.argv[1]
service.must("PUT", f"{container}/image.vhd",
             headers={"x-ms-blob-type": "PageBlob",
                      "x-ms-blob-content-length": str(1 << 20),
                      "x-ms-meta-owner": "another tool"})
service.must("PUT", f"{container}/image.vhd", {"comp": "page"},
             {"x-ms-page-write": "update", "x-ms-range": "bytes=512-1023"},
             b"v" * 512)
service.must("PUT", f"{container}/notes.txt",
             headers={"x-ms-blob-type": "BlockBlob"}, body=b"a block blob")
PYTHON

echo "--- a page blob of another tool's"
server_start a
azure_python <<'PYTHON'
handle = connect("a", "image.vhd@node-a")
check(handle.get_size() == 1 << 20, "its size")
check(handle.pread(1024, 0) == bytes(512) + b"v" * 512, "what was there")
handle.pwrite(b"w" * 1024, 1024)
handle.flush()
handle.shutdown()
handle = connect("a", "image.vhd")
check(handle.pread(2048, 0) == bytes(512) + b"v" * 512 + b"w" * 1024,
      "what was written")
PYTHON
service <<'PYTHON'
headers = service.must("HEAD", f"{sys.argv[1]}/image.vhd")[1]
assert headers["x-ms-meta-owner"] == "another tool", headers
assert "x-ms-meta-leasehold" in headers, headers
PYTHON

echo "--- a block blob"
expect_status 1 leasehold status notes.txt
expect_output 'notes\.txt is a blob in .*, but no page blob.* make a volume'
azure_python <<'PYTHON'
refused("a", "notes.txt@node-a")
PYTHON
expect_status 0 leasehold list
expect_output '^image\.vhd '
! grep -q 'notes' <<<"$output" || fail "a block blob is listed as a volume"

echo "--- snapshots"
service <<'PYTHON'
service.must("PUT", f"{sys.argv[1]}/image.vhd", {"comp": "snapshot"})
PYTHON
server_stop a
expect_status 0 leasehold delete image.vhd
expect_status 1 leasehold status image.vhd
expect_output 'there is no volume image\.vhd'

echo "--- more than one page of a list"
service <<'PYTHON'
for number in range(1005):
    service.must("PUT", f"{sys.argv[1]}/v{number:04}",
                 headers={"x-ms-blob-type": "PageBlob",
                          "x-ms-blob-content-length": "512"})
PYTHON
leasehold list --json >"$scratch/list"
/usr/bin/python3 -c '
import json, sys
names = [entry["volume"] for entry in json.load(open(sys.argv[1]))]
assert names == [f"v{number:04}" for number in range(1005)], names
print(len(names), "volumes")
' "$scratch/list" || fail "not all are there"
