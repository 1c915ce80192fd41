# SPDX-License-Identifier: LGPL-2.1-or-later
# client.py: what the Python scripts in the shell tests begin with.
#
# Names a server as functions.sh does: by the name given to server_start.

import concurrent.futures
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time

import nbd

SCRATCH = os.environ["SCRATCH"]

# Longest wait for what should come at once; only an upper bound.
PATIENCE = 60


def socket_of(server):
    return f"{SCRATCH}/{server}.sock"


def connect(server, export):
    """A connection; unaligned requests are sent as they are."""
    handle = nbd.NBD()
    handle.set_export_name(export)
    handle.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
    handle.set_strict_mode(handle.get_strict_mode() & ~nbd.STRICT_ALIGN)
    handle.connect_unix(socket_of(server))
    return handle


def refused(server, export):
    """The handshake has to fail."""
    try:
        handle = connect(server, export)
    except nbd.Error:
        return
    handle.shutdown()
    fail(f"{export!r} can be opened")


def fail(text):
    sys.exit(f"FAIL: {text}")


def check(condition, text):
    if not condition:
        fail(text)


def fails(error, function, *arguments):
    """function has to fail with this error, such as "EPERM"."""
    try:
        function(*arguments)
    except nbd.Error as problem:
        check(problem.errno == error,
              f"{function.__name__}: {problem.errno} instead of {error}")
        return
    fail(f"{function.__name__}: done instead of {error}")


def pattern(seed, size):
    return random.Random(seed).randbytes(size)


def leasehold(*arguments):
    result = subprocess.run(["leasehold", *arguments], text=True,
                            capture_output=True)
    check(result.returncode == 0,
          f"leasehold {' '.join(arguments)}: {result.stderr}")
    return result.stdout


def status(volume):
    return json.loads(leasehold("status", "--json", volume))


def holder(volume):
    """The node that holds the lease, "?" for an unknown one, or None."""
    lease = status(volume)["lease"]
    held = lease["state"] in ("leased", "breaking")
    return (lease["holder"] or "?") if held else None


def soon(what, condition, seconds=PATIENCE):
    """Polls until condition() is true; returns how long that took."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > seconds:
            fail(f"not within {seconds} s: {what}")
        time.sleep(0.01)
    return time.monotonic() - begin


def ended(pid):
    """Has this process ended, whoever has still to wait for it?"""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def writes_soon(handle, data, offset, seconds):
    """Tries to write until it works; returns how long that took."""
    def attempt():
        try:
            handle.pwrite(data, offset)
        except nbd.Error as problem:
            check(problem.errno == "EPERM", f"a write failed: {problem}")
            return False
        return True
    return soon("the write works", attempt, seconds)
