#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-bad-parameters.sh: what is wrong on nbdkit's command line is refused at
# the start, each with its own message.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

read -ra nbdkit <<<"$LEASEHOLD_NBDKIT"

# refuse PATTERN PARAMETER...
refuse()
{
  local pattern=$1
  shift
  expect_status 1 timeout 60 "${nbdkit[@]}" --foreground \
    --unix "$scratch/sock" "$plugin" "$@" </dev/null
  expect_output "error: .*$pattern"
}

printf 'secret\n' >"$scratch/key"
: >"$scratch/empty"
echo file >"$scratch/file"
s=store=$store_url

refuse 'store=URL is missing'
refuse "unknown parameter 'colour'; there are: store, on-conflict, gate-wait" \
  "$s" colour=red
refuse 'store= is given twice' "$s" "$s"
refuse 'gate-wait= is given twice' "$s" gate-wait=1 gate-wait=1
refuse 'store= needs' store=
refuse 'lease-duration=14: must be 15 to 60' "$s" lease-duration=14
refuse 'lease-duration=61: must be 15 to 60' "$s" lease-duration=61
refuse 'lease-duration: ' "$s" lease-duration=long
refuse 'io-timeout=0: must be' "$s" io-timeout=0
refuse 'gate-wait: ' "$s" gate-wait=-1
refuse 'on-conflict=panic: ' "$s" on-conflict=panic
refuse 'lease-key= takes no secret on the command line' "$s" lease-key=secret
refuse 'lease-key: .*: it is empty' "$s" "lease-key=+$scratch/empty"
refuse 'lease-key: .*No such file' "$s" "lease-key=+$scratch/none"
refuse 'metrics: .*none/m.prom.*No such file' "$s" "metrics=$scratch/none/m.prom"
refuse 'metrics= needs the name' "$s" metrics=
refuse 'no scheme that is known' store=ftp://127.0.0.1/
refuse "$scratch/none" "store=file:$scratch/none"
refuse "$scratch/file" "store=file:$scratch/file"

# No secret in a message, even when it is given the wrong way.
expect_status 1 "${nbdkit[@]}" "$plugin" "$s" lease-key=hunter2
! grep -q hunter2 <<<"${output}" || fail "a message shows the secret"

# What is right is accepted: a bare URL, 30s, infinite, a key.
"${nbdkit[@]}" --unix - "$plugin" "$store_url" \
  lease-duration=infinite io-timeout=30s gate-wait=5 on-conflict=wait=10 \
  "lease-key=+$scratch/key" --run true
