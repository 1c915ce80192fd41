#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-lost-answer-while-renewing.sh: S4. The answer to a write gets lost, and
# between its sending and that loss the lease is renewed: the write is sent
# again under a new epoch all the same.

. "${LEASEHOLD_SRCDIR:?}/tests/azure/functions.sh"

requires_nbd_python
azure_start
proxy_start
volume_create disk0 1M
server_start a -- lease-duration=15

azure_python <<'PYTHON'
handle = connect("a", "disk0@node-a")
handle.pwrite(bytes(4096), 0)

# The second write is held up until a renewal has passed it by.
write = add_rule(method="PUT", query={"comp": "page"}, action="swallow",
                 times=1, delay=7)
renewal = add_rule(method="PUT", header={"x-ms-lease-action": "renew"},
                   action="pass", times=1)
handle.pwrite(b"doubtful" * 512, 0)
handle.flush()
check(handle.pread(4096, 0) == b"doubtful" * 512, "that was not written")
handle.shutdown()

lines = requests()
lost = next(line for line in lines if line.rule == write)
renewed = next(line for line in lines if line.rule == renewal)
again = next(line for line in lines if line.is_page and line.action == "pass"
             and line.arrived > lost.ended)
print(f"sent at {lost.arrived:.2f} under epoch {lost.epoch}, renewed at "
      f"{renewed.ended:.2f}, answer lost at {lost.ended:.2f}, sent again at "
      f"{again.arrived:.2f} under epoch {again.epoch}")
check(lost.status == 201 and renewed.status == 200, "they were to be done")
check(lost.arrived < renewed.ended < lost.ended, "the renewal was to be between")
check(again.epoch > lost.epoch, "sent again under the same epoch")
PYTHON
server_stop a
