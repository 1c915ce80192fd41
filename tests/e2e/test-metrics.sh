#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-metrics.sh: metrics=FILE is good Prometheus text at any time, counts what
# has happened, and is there from the beginning to the end.

. "${LEASEHOLD_SRCDIR:?}/tests/e2e/functions.sh"

requires_nbd_python
volume_create disk0 16M
file=$scratch/leasehold.prom
server_start a -- metrics="$file" cache-size=4M
wait_until "the file is there" test -s "$file"

nbd_python "$file" <<'PYTHON'
import threading

from check_metrics import Bad, parse

stop = threading.Event()
seen = []


def now():
    with open(sys.argv[1], encoding="utf-8") as text:
        return parse(text.read())


def look():
    """It is whole whenever it is read."""
    try:
        while not stop.is_set():
            now()
            time.sleep(0.05)
    except (Bad, OSError) as error:
        seen.append(str(error))


def value(name, **labels):
    return now().get((f"leasehold_{name}", tuple(sorted(labels.items()))))


reader = threading.Thread(target=look)
reader.start()
try:
    a = connect("a", "disk0@node-a")
    for i in range(4):
        a.pwrite(pattern(1, 4096), 4096 * i)
    a.pread(512, 0)
    b = connect("a", "disk0@node-b")
    fails("EPERM", b.pwrite, pattern(2, 512), 0)
    # The last thing that was done, so all the others are there too.
    soon("all is counted",
         lambda: value("client_requests_total", request="write",
                       outcome="failed") == 1)
    check(value("connections") == 2, "connections")
    check(value("leases_held") == 1, "leases held")
    check(value("sessions", state="standby") == 1, "sessions in standby")
    check(value("events_total", event="claim") == 1, "claims")
    check(value("events_total", event="conflict") == 1, "conflicts")
    check(value("client_written_bytes_total") == 4 * 4096, "bytes written")
    check(value("client_read_bytes_total") == 512, "bytes read")
    check(value("store_requests_total", request="write", outcome="ok") >= 4,
          "writes to the store")
    check(value("store_requests_total", request="claim", outcome="ok") == 1,
          "claims at the store")
    check(value("store_written_bytes_total") >= 4 * 4096, "bytes stored")
    check(value("cache_drains_total") >= 4, "drains")
    check(value("cache_drained_bytes_total") == 4 * 4096, "bytes drained")
    check(value("cache_bytes") == 4 * 4096, "bytes in the cache")
    check(value("cache_unsent_bytes") == 0, "unsent bytes")
    check(value("cache_lost_bytes_total") == 0, "lost bytes")
    check(value("cache_read_bytes_total", outcome="hit") == 512, "a hit")
    check(value("cache_read_bytes_total", outcome="miss") == 0, "misses")
    age = value("lease_renewal_age_seconds", volume="disk0", node="node-a")
    check(age is not None and age >= 0, f"the lease's age is {age}")
    check(value("lease_renewal_age_seconds", volume="disk0", node="node-b")
          is None, "a lease that is another's has an age")
    a.shutdown()
    b.shutdown()
finally:
    stop.set()
    reader.join()
check(not seen, f"not whole: {seen}")
PYTHON

server_stop a
nbd_python "$file" <<'PYTHON'
from check_metrics import parse

with open(sys.argv[1], encoding="utf-8") as text:
    last = parse(text.read())
check(last["leasehold_leases_held", ()] == 0, "a lease is left at the end")
check(last["leasehold_events_total", (("event", "release"),)] == 1,
      "the release is not counted")
PYTHON
[ ! -e "$file.new" ] || fail "the new file was left"
if command -v promtool >/dev/null; then
  promtool check metrics <"$file"
fi
