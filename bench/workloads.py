# SPDX-License-Identifier: LGPL-2.1-or-later
# workloads.py: what bench/run does to each peer, and how fast that was.

import json
import os
import subprocess
import time

from peers import MEBIBYTE


class Result:
    """Of one run: how much a second, and the server's CPU per request."""

    def __init__(self, speed, requests, cpu_seconds):
        self.speed = speed
        self.cpu = 1e6 * cpu_seconds / requests if requests else None


class Fio:
    """fio's nbd engine with some options, on one connection."""

    def __init__(self, block, depth, *options):
        self.options = [f"--bs={block}", f"--iodepth={depth}", *options]
        self.unit = "IOPS" if block == "4k" else "MiB/s"

    def run(self, peer, options):
        seconds = options.seconds
        while True:
            before = peer.cpu_seconds()
            job = self.run_job(peer, seconds)
            cpu = peer.cpu_seconds() - before
            parts = [job["read"], job["write"]]
            requests = sum(part["total_ios"] for part in parts)
            if requests > 0:
                break
            seconds *= 2  # a short run may come to nothing
        if self.unit == "IOPS":
            speed = sum(part["iops"] for part in parts)
        else:
            speed = sum(part["bw_bytes"] for part in parts) / MEBIBYTE
        return Result(speed, requests, cpu)

    def run_job(self, peer, seconds):
        """What fio says about it."""
        done = subprocess.run(
            ["fio", "--name=run", "--ioengine=nbd", "--uri=" + peer.uri(),
             "--thread", f"--size={peer.size}", "--time_based",
             f"--runtime={round(1000 * seconds)}ms", "--randrepeat=0",
             "--norandommap", "--output-format=json", *self.options],
            check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]


class Copy:
    """nbdcopy of an image into the volume, flushed, or of the volume out."""

    unit = "MiB/s"

    def __init__(self, into):
        self.into = into

    def run(self, peer, options):
        words = (["--flush", image(peer), peer.uri()] if self.into
                 else [peer.uri(), "null:"])
        start = time.monotonic()
        subprocess.run(["nbdcopy", *words], check=True)
        return Result(peer.size / MEBIBYTE / (time.monotonic() - start), 0, 0)


def image(peer):
    """Three quarters of data, and a hole. Written once, for all peers."""
    path = os.path.join(peer.folder, "image")
    if not os.path.exists(path):
        with open(path, "wb") as file:
            for _ in range(peer.size // MEBIBYTE * 3 // 4):
                file.write(os.urandom(MEBIBYTE))
            file.truncate(peer.size)
    return path


WORKLOADS = {
    "randread-4k-qd1": Fio("4k", 1, "--rw=randread"),
    "randread-4k-qd8": Fio("4k", 8, "--rw=randread"),
    "randread-4k-qd32": Fio("4k", 32, "--rw=randread"),
    "randwrite-4k-qd1": Fio("4k", 1, "--rw=randwrite"),
    "randwrite-4k-qd8": Fio("4k", 8, "--rw=randwrite"),
    "randwrite-4k-qd32": Fio("4k", 32, "--rw=randwrite"),
    "mixed-70-30-4k-qd32": Fio("4k", 32, "--rw=randrw", "--rwmixread=70"),
    "write-4k-qd1": Fio("4k", 1, "--rw=write"),
    "write-4k-flush-each": Fio("4k", 1, "--rw=write", "--fsync=1"),
    "read-64k-qd8": Fio("64k", 8, "--rw=read"),
    "read-1m-qd8": Fio("1m", 8, "--rw=read"),
    "write-64k-qd8": Fio("64k", 8, "--rw=write"),
    "write-1m-qd8": Fio("1m", 8, "--rw=write"),
    "copy-in": Copy(into=True),
    "copy-out": Copy(into=False),
}
