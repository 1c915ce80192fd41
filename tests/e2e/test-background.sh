#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-background.sh: a server that goes into the background, as it does
# without --foreground, has its keeper's thread and a store with a relative
# path still works.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
read -ra nbdkit <<<"$LEASEHOLD_NBDKIT"
volume_create disk0 16M

(cd "$scratch" && "${nbdkit[@]}" --unix "$scratch/a.sock" \
  --pidfile "$scratch/a.pid" "$plugin" store=file:store)
pid=$(cat "$scratch/a.pid")
at_exit kill -KILL "$pid"
nbd_python "$pid" <<'EOF'
a = connect("a", "disk0@node-a")
a.pwrite(pattern(1, 4096), 0)
a.flush()
check(holder("disk0") == "node-a", "node-a does not hold it")
os.kill(int(sys.argv[1]), signal.SIGTERM)
soon("the lease is free", lambda: holder("disk0") is None)
EOF
gone() { ! kill -0 "$pid" 2>/dev/null; }
wait_until "the server has gone" gone
exit_commands=()
