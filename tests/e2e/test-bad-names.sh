#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-bad-names.sh: export names that are wrong fail the handshake, and the
# server's log names the offending part; the server goes on serving.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires nbdinfo
requires_nbd_python
volume_create disk0 16M
server_start a

long_node=$(printf 'n%.0s' {1..300})

# refuse EXPORT PATTERN: opening fails, and the log's new lines match.
refuse()
{
  local before
  before=$(wc -l <"${server_log[a]}")
  nbd_python "$1" <<<'refused("a", sys.argv[1])'
  tail -n "+$((before + 1))" "${server_log[a]}" >"$scratch/new"
  cat "$scratch/new"
  grep -qE -- "error: .*$2" "$scratch/new" ||
    fail "opening '$1': no line matches $2"
}

refuse 'disk0@node a' '"node a".*"\\x20|"node a".*" "'
refuse '../x' '"\.\./x"'
refuse 'disk0/../disk0' '"disk0/\.\./disk0"'
refuse "disk0@$long_node" 'too long: 300 bytes'
refuse 'disk0@node-a/turbo' 'unknown option "turbo"'
refuse 'disk0@node-a/' 'option is empty'
refuse 'disk0@node-a/ro/gate' 'contradicts'
refuse 'disk0@/instance=one' 'needs a node'
refuse 'disk0@node-a/instance=' 'instance'
refuse 'disk0@node-a/wait=soon' 'wait=soon'
refuse $'disk0\n@node-a' '\\x0a'
refuse 'disk7' 'disk7'
refuse 'disk7@node-a' 'disk7'
refuse 'disk7@/status' 'disk7'
refuse 'disk1@node-a/reservation' 'no volume disk1'

[ -z "$(holder disk0)" ] || fail "a refused name left a lease behind"
nbd_python <<'EOF'
connect("a", "disk0@node-a").pwrite(pattern(1, 4096), 0)
EOF
