# SPDX-License-Identifier: LGPL-2.1-or-later
# targets.py: what the plugin is meant to reach, of what bench/run has measured.

from figures import median, print_table
from peers import MEBIBYTE
from workloads import WORKLOADS

OURS = "leasehold"

# Memory that is not the cache's.
OVERHEAD = 64 * MEBIBYTE


def against(workload, peer, what=lambda result: result.speed):
    """Of each round: ours divided by theirs."""
    def values(table, _):
        results = table.get(workload, {})
        pairs = zip(results.get(OURS, []), results.get(peer, []))
        return [what(ours) / what(theirs) for ours, theirs in pairs
                if what(ours) and what(theirs)]
    return values


def cpu_against(workload, peer):
    return against(workload, peer, lambda result: result.cpu)


def best_stream(table, _):
    """Reads: our best block size by the bare client's best."""
    reads = [against(workload, "bare")(table, _)
             for workload in ("read-64k-qd8", "read-1m-qd8")]
    reads = [values for values in reads if values]
    return max(reads, key=median) if reads else []


def itself(workload, other):
    """Of each round: one workload divided by another one."""
    def values(table, _):
        pairs = zip(table.get(workload, {}).get(OURS, []),
                    table.get(other, {}).get(OURS, []))
        return [first.speed / second.speed for first, second in pairs]
    return values


def memory_above_cache(table, options):
    peaks = [result.peak for results in table.values()
             for result in results.get(OURS, []) if result.peak]
    above = max(peaks, default=0) - options.cache * MEBIBYTE
    return [above / MEBIBYTE] if above > 0 else []


LEAST, MOST = "at least", "at most"

FILE_TARGETS = [
    (f"{workload}, by nbdkit's file plugin", LEAST, 0.95,
     against(workload, "file")) for workload in WORKLOADS]

# With and without latency.
REMOTE_TARGETS = [
    ("random read qd32, cold, by the bare client", LEAST, 0.9,
     against("randread-4k-qd32", "bare")),
    ("sequential read, by the bare client's best", LEAST, 0.9, best_stream),
    ("cached re-read, by nbdkit's memory plugin", LEAST, 0.8,
     against("reread-4k-qd32", "memory")),
    ("4 KiB writes, one flush at the end, by writeback=off", LEAST, 100,
     against("write-4k-flush-end", "leasehold-through")),
    ("random write qd32 with its flush, by the bare client", LEAST, 0.9,
     against("randwrite-4k-flush-end", "bare")),
    ("write and flush of one block, by a put", LEAST, round(1 / 1.3, 2),
     against("write-4k-flush-each", "bare")),
    ("16 writers that flush, by one", LEAST, 8,
     itself("write-4k-16-flushers", "write-4k-flush-each")),
    ("memory above cache-size, MiB", MOST, OVERHEAD / MEBIBYTE,
     memory_above_cache),
]

# Where nothing waits for the network.
CPU_TARGETS = [
    (f"CPU time of {workload}, by the bare client's", MOST, 1.3,
     cpu_against(workload, "bare"))
    for workload in ("randread-4k-qd32", "randwrite-4k-flush-end")]


def show_targets(table, remote, latency, options):
    targets = FILE_TARGETS
    if remote:
        targets = REMOTE_TARGETS if latency > 0 else CPU_TARGETS
    rows = []
    for text, sense, wanted, values_of in targets:
        values = values_of(table, options)
        if not values:
            continue
        value = median(values)
        good = value >= wanted if sense == LEAST else value <= wanted
        rows.append((text, "reached" if good else "missed",
                     f"{sense} {wanted:g}", f"{value:.2f}",
                     f"{min(values):.2f}", f"{max(values):.2f}"))
    if rows:
        print()
        print_table(("target", "", "wanted", "median", "min", "max"), rows)
