#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-cli-lease-key.sh: lease IDs with and without a key: the one that uuidgen
# computes, and one that needs the key's bytes; the key itself is shown nowhere.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/cli-functions.sh"
requires python3

# DESIGN section 3, computed by others.
namespace=11804ddb-7ec6-5a15-9bdc-895cc067b5e7
for node in node-a db1.example.com iqn.2024-01.com.example:host7 \
            "$(printf 'n%.0s' {1..223})"; do
  run 0 leasehold lease-id "$node"
  out_is "$(python3 -c "import uuid
print(uuid.uuid5(uuid.UUID('$namespace'), '$node'))")"
done

# A UUIDv8 of HMAC-SHA256 (RFC 9562 section 5.8), over all bytes of the file but
# one newline at its end.
printf 'a \0 secret\nof two lines\n' >"$scratch/key"
printf 'a \0 secret\nof two lines' >"$scratch/bare"
printf 'a \0 secret\nof two lines\n\n' >"$scratch/longer"
expected=$(python3 - "$scratch/bare" <<'EOS'
import hashlib, hmac, sys, uuid
with open(sys.argv[1], "rb") as file:
    mac = bytearray(hmac.digest(file.read(), b"node-a", hashlib.sha256)[:16])
mac[6] = mac[6] & 0x0f | 0x80
mac[8] = mac[8] & 0x3f | 0x80
print(uuid.UUID(bytes=bytes(mac)))
EOS
)
for key in key bare; do
  run 0 leasehold --lease-key "$scratch/$key" lease-id node-a
  out_is "$expected"
done
run 0 leasehold --lease-key "+$scratch/key" lease-id node-a
out_is "$expected"
run 0 leasehold --lease-key "$scratch/longer" lease-id node-a
[ "$out" != "$expected" ] || fail "more than one newline was taken off"

# To a store the node with the key is another one than that without.
run 0 leasehold create disk0 1M
run 0 leasehold --lease-key "$scratch/key" reserve disk0 --node node-a
doubt='disk0: reservation conflict: node-a holds it under another lease ID: '\
'is --lease-key right?'
run 3 leasehold reserve disk0 --node node-a
err_is "leasehold: reserve: $doubt"
run 3 leasehold release disk0 --node node-a
err_is "leasehold: release: $doubt"
out_is ''
run 3 leasehold resize disk0 2M --node node-a
err_is "leasehold: resize: $doubt"
run 3 leasehold preempt disk0 --victim node-a --node node-b
err_is "leasehold: preempt: $doubt"
run 3 leasehold --lease-key "$scratch/longer" release disk0 --node node-a
err_is "leasehold: release: $doubt"
# Other names are what they are.
run 0 leasehold release disk0 --node node-b
out_has 'not held by node-b; nothing to release'
run 3 leasehold reserve disk0 --node node-b
err_has 'node-a holds it since '
run 0 leasehold --lease-key "$scratch/key" status disk0 --node node-b
[[ $err$out != *secret* ]] || fail "the key is shown"
run 0 bash -c "$(tail -n 1 <<<"$out")"
out_has 'taken from node-a; node-b holds it'
run 0 leasehold --lease-key "$scratch/key" release disk0 --node node-b
out_is 'disk0: released by node-b'

# Bad keys.
run 1 leasehold --lease-key "$scratch/none" lease-id node-a
err_is "leasehold: lease-id: lease key: $scratch/none: No such file or directory"
run 1 leasehold --lease-key "$scratch" lease-id node-a
err_is "leasehold: lease-id: lease key: $scratch: Is a directory"
for content in '' '\n'; do
  # shellcheck disable=SC2059
  printf "$content" >"$scratch/empty"
  run 1 leasehold --lease-key "$scratch/empty" lease-id node-a
  err_is "leasehold: lease-id: lease key: $scratch/empty: it is empty"
done
head -c 4096 /dev/zero >"$scratch/large"
echo >>"$scratch/large"
run 0 leasehold --lease-key "$scratch/large" lease-id node-a
echo >>"$scratch/large"
run 1 leasehold --lease-key "$scratch/large" lease-id node-a
err_has 'longer than 4096 bytes'
