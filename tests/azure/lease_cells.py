# SPDX-License-Identifier: LGPL-2.1-or-later
# lease_cells.py: the lease table's cells in plain requests to the service.
#
# Every cell has a blob of its own, so none depends on another. Those that
# begin with an expired lease are prepared first, and then waited for together.

import time

IDS = {name: f"{name.lower() * 8}-0000-5000-8000-00000000000{name.lower()}"
       for name in "ABC"}
CONTAINER = "cells"
SIZE = 1 << 20
PATIENCE = 60


def lease(service, blob, action, **headers):
    names = {"id": "x-ms-lease-id", "to": "x-ms-proposed-lease-id",
             "duration": "x-ms-lease-duration",
             "period": "x-ms-lease-break-period"}
    headers = {names[name]: str(value) for name, value in headers.items()
               if value is not None}
    return service.request("PUT", f"{CONTAINER}/{blob}", {"comp": "lease"},
                           {"x-ms-lease-action": action, **headers})


def prepare(service, blob, state):
    """All but the waiting."""
    service.must("PUT", f"{CONTAINER}/{blob}",
                 headers={"x-ms-blob-type": "PageBlob",
                          "x-ms-blob-content-length": str(SIZE)})
    if state == "Available":
        return
    duration = 15 if state == "Expired(A)" else 60
    answers = [lease(service, blob, "acquire", to=IDS["A"], duration=duration)]
    if state == "Breaking(A)":
        answers.append(lease(service, blob, "break", period=60))
    elif state == "Broken(A)":
        answers.append(lease(service, blob, "break", period=0))
    for status, _, _ in answers:
        assert status < 300, (blob, state, status)


def expired(service, blob):
    answer = service.must("HEAD", f"{CONTAINER}/{blob}")
    return answer[1]["x-ms-lease-state"] == "expired"


def run_lease(service, blob, operation, with_id):
    verb = operation.split()[0].lower()
    if verb == "acquire":
        return lease(service, blob, verb, duration=30, to=IDS.get(with_id))
    if verb == "break":
        period = operation.partition("=")[2] or None
        return lease(service, blob, verb, period=period)
    to = IDS[operation[-2]] if verb == "change" else None
    return lease(service, blob, verb, id=IDS[with_id], to=to)


# operation: method, query, headers, body
USES = {
    "Put Page": ("PUT", {"comp": "page"},
                 {"x-ms-page-write": "update", "x-ms-range": "bytes=0-511"},
                 bytes(512)),
    "Clear Page": ("PUT", {"comp": "page"},
                   {"x-ms-page-write": "clear", "x-ms-range": "bytes=0-511"},
                   b""),
    "Set Metadata": ("PUT", {"comp": "metadata"}, {"x-ms-meta-a": "b"}, b""),
    "Resize (Set Properties)": ("PUT", {"comp": "properties"},
                                {"x-ms-blob-content-length": str(2 * SIZE)},
                                b""),
    "Put Blob (overwrite)": ("PUT", {},
                             {"x-ms-blob-type": "PageBlob",
                              "x-ms-blob-content-length": str(SIZE)}, b""),
    "Delete": ("DELETE", {}, {}, b""),
    "Get Blob range": ("GET", {}, {"x-ms-range": "bytes=0-511"}, b""),
    "Get Blob Properties": ("HEAD", {}, {}, b""),
    "Get Page Ranges": ("GET", {"comp": "pagelist"}, {}, b""),
    "Snapshot Blob": ("PUT", {"comp": "snapshot"}, {}, b""),
}


def run_use(service, blob, operation, with_id):
    method, query, headers, body = USES[operation]
    if with_id in IDS:
        headers = {**headers, "x-ms-lease-id": IDS[with_id]}
    return service.request(method, f"{CONTAINER}/{blob}", query, headers, body)


def run_cells(service, rows):
    """[(status, error code or "")], one for each row (kind, state, operation,
    with_id, ...).
    """
    service.create_container(CONTAINER)
    names = [f"cell-{number}" for number in range(len(rows))]
    waiting = [(name, row) for name, row in zip(names, rows)
               if row[1] == "Expired(A)"]
    for name, row in waiting:
        prepare(service, name, row[1])
    deadline = time.monotonic() + PATIENCE
    while not expired(service, waiting[-1][0]):
        assert time.monotonic() < deadline, "no lease ever expires"
        time.sleep(0.2)
    results = []
    for name, row in zip(names, rows):
        if row[1] != "Expired(A)":
            prepare(service, name, row[1])
        run = run_lease if row[0] == "lease" else run_use
        status, headers, _ = run(service, name, row[2], row[3])
        results.append((status, headers.get("x-ms-error-code", "")))
    return results
