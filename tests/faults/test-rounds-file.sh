#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-rounds-file.sh: a round of each theme against the file store breaks no
# rule: gateways killed and stopped, past the lease's end, too, commands in all
# orders, a full file system. (The rules are in checker.py, the themes in
# plan.py; S2, S3, S5, S6, S7, S12, S13.)
#
# LEASEHOLD_ROUNDS and LEASEHOLD_SEED say how many, and which.

set -eu

/usr/bin/python3 -c 'import nbd' 2>/dev/null || {
  echo "SKIP: /usr/bin/python3 has no module nbd (package python3-libnbd)"
  exit 77
}
exec /usr/bin/python3 -B "${LEASEHOLD_SRCDIR:?}/tests/faults/run" \
  --store file --rounds "${LEASEHOLD_ROUNDS:-9}" --seed "${LEASEHOLD_SEED:-18}"
