# SPDX-License-Identifier: LGPL-2.1-or-later
# workloads.py: what bench/run does to each peer, and how fast that was.
#
# fio's nbd engine where it can express the workload, else bench/nbd-load. For
# the bare HTTP client a random request of 4 KiB is one of its own, at the same
# depth; a sequential stream is whatever block size it is fastest with, at as
# many connections as the plugin has.

import json
import os
import shutil
import subprocess
import tarfile
import time

from peers import MEBIBYTE
from servers import PATIENCE, program_of


class Result:
    """Of one run: how much a second; the server's CPU time for a request, in
    microseconds, and the most memory that it had, in bytes, where known.
    """

    def __init__(self, speed, requests=0, cpu_seconds=0, peak=None):
        self.speed, self.peak = speed, peak
        self.cpu = 1e6 * cpu_seconds / requests if requests else None


class Workload:
    """Subclasses say what it is; run() answers with a Result."""

    writes = True
    unit = "MiB/s"

    def suits(self, peer):
        """Is there a way to do this to that peer?"""
        return peer.is_nbd and (peer.writes or not self.writes)

    def missing(self):
        """Why it cannot be run here, or None."""
        return None

    def run(self, peer, options):
        raise NotImplementedError


class Blocks(Workload):
    """Requests of one size at some depth, for a time."""

    def __init__(self, block, depth, reads, random):
        """reads: how many of a hundred."""
        self.block, self.depth = block, depth
        self.reads, self.random = reads, random
        self.writes = reads < 100
        self.unit = "IOPS" if block == 4096 else "MiB/s"

    def suits(self, peer):
        if peer.is_nbd:
            return super().suits(peer)
        return self.reads in (0, 100)

    def speed(self, count, seconds):
        """Of a number of blocks."""
        if self.unit == "IOPS":
            return count / seconds
        return count * self.block / MEBIBYTE / seconds

    def run_http(self, peer, options):
        put = self.reads == 0
        block, depth = self.block, min(self.depth, options.connections)
        if not self.random and self.block > 4096:
            block = peer.best_block(put, options.seconds / 2)
            depth = options.connections
        told = peer.run(put, self.random, block, depth, options.seconds)
        return Result(self.speed(told["bytes"] / self.block, told["seconds"]),
                      told["requests"], told["cpu_seconds"])

    def run(self, peer, options):
        if not peer.is_nbd:
            return self.run_http(peer, options)
        if self.reads > 0:
            peer.forget()
        return self.run_nbd(peer, options)

    def run_nbd(self, peer, options):
        raise NotImplementedError


class Fio(Blocks):
    """fio's nbd engine, on one connection; nothing is flushed."""

    def __init__(self, block, depth, reads=100, random=False):
        super().__init__(block, depth, reads, random)
        kind = {0: "write", 100: "read"}.get(reads, "rw")
        self.options = [f"--rw={'rand' if random else ''}{kind}",
                        f"--rwmixread={reads}", f"--bs={block}",
                        f"--iodepth={depth}"]

    def missing(self):
        if shutil.which("fio") is None:
            return "fio is missing"
        engines = subprocess.run(["fio", "--enghelp"], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout
        return None if "nbd" in engines.split() else "fio has no nbd engine"

    def run_nbd(self, peer, options):
        seconds = options.seconds
        while True:
            before = peer.cpu_seconds()
            peer.forget_peak()
            job = self.run_job(peer, seconds)
            cpu = peer.cpu_seconds() - before
            requests = job["read"]["total_ios"] + job["write"]["total_ios"]
            if requests > 0:
                break
            seconds *= 2  # a short run may come to nothing
        speed = self.speed(job["read"]["iops"] + job["write"]["iops"], 1)
        return Result(speed, requests, cpu, peer.peak())

    def run_job(self, peer, seconds):
        """What fio says about it."""
        done = subprocess.run(
            ["fio", "--name=run", "--ioengine=nbd", "--uri=" + peer.uri(),
             "--thread", f"--size={peer.size}", "--time_based",
             f"--runtime={round(1000 * seconds)}ms", "--randrepeat=0",
             "--norandommap", "--output-format=json", *self.options],
            check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]


class Load(Blocks):
    """bench/nbd-load: flushes, many connections, or what was read before."""

    def __init__(self, block, depth, reads=100, random=False, connections=1,
                 flush="never", again=False):
        """again: only what fits into the cache, and all of it was read."""
        super().__init__(block, depth, reads, random)
        self.connections, self.flush, self.again = connections, flush, again

    def suits(self, peer):
        return not (self.again and not peer.is_nbd) and super().suits(peer)

    def run_http(self, peer, options):
        one = Load(self.block, self.depth * self.connections, self.reads,
                   self.random)
        return Blocks.run_http(one, peer, options)

    def run_nbd(self, peer, options):
        size = peer.size
        if self.again:
            size = min(size, options.cache * MEBIBYTE // 2)
            self.load(peer, options, ["--block", str(MEBIBYTE),
                                      "--depth", "8", "--size", str(size),
                                      "--bytes", str(size)])
        before = peer.cpu_seconds()
        peer.forget_peak()
        told = self.load(
            peer, options,
            ["--reads", str(self.reads), "--block", str(self.block),
             "--depth", str(self.depth), "--size", str(size),
             "--connections", str(self.connections), "--flush", self.flush,
             "--seconds", str(options.seconds)] +
            (["--random"] if self.random else []))
        return Result(self.speed(told["requests"], told["seconds"]),
                      told["requests"], peer.cpu_seconds() - before,
                      peer.peak())

    def load(self, peer, options, words):
        done = subprocess.run(
            [program_of(options.build, "nbd-load"), *words, peer.uri()],
            check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)


class Copy(Workload):
    """nbdcopy of an image into the volume, flushed, or of the volume out."""

    def __init__(self, into):
        self.writes = into

    def missing(self):
        return (None if shutil.which("nbdcopy") is not None
                else "nbdcopy is missing")

    def run(self, peer, options):
        words = ["--flush", image(peer), peer.uri()]
        if not self.writes:
            peer.forget()
            words = [peer.uri(), "null:"]
        peer.forget_peak()
        start = time.monotonic()
        subprocess.run(["nbdcopy", *words], check=True)
        return Result(peer.size / MEBIBYTE / (time.monotonic() - start),
                      peak=peer.peak())


def image(peer):
    """Three quarters of data, and a hole. Written once, for all peers."""
    path = os.path.join(peer.folder, "image")
    if not os.path.exists(path):
        with open(path, "wb") as file:
            for _ in range(peer.size // MEBIBYTE * 3 // 4):
                file.write(os.urandom(MEBIBYTE))
            file.truncate(peer.size)
    return path


class Untar(Workload):
    """A new ext4 file system on the volume, through nbdfuse and fuse2fs; the
    time from unpacking a tree there until it is unmounted and flushed.

    fuse2fs writes single bytes of its superblock, and nbdfuse takes a server's
    smallest block size for a rule: nbdkit's blocksize filter between them, for
    every peer, makes sectors of them.
    """

    FILES = 400

    def missing(self):
        for program in ("nbdfuse", "fuse2fs", "mkfs.ext4", "umount"):
            if not find_program(program):
                return f"{program} is missing"
        if os.geteuid() != 0 or not os.access("/dev/fuse", os.W_OK):
            return "not root, or no /dev/fuse"
        return None

    def suits(self, peer):
        return (super().suits(peer) and peer.keeps and
                peer.size >= 48 * MEBIBYTE)

    def run(self, peer, options):
        tree, tree_bytes = archive(peer.folder, self.FILES)
        disk = os.path.join(peer.folder, "disk-" + peer.name)
        mount = os.path.join(peer.folder, "mount-" + peer.name)
        for folder in (disk, mount):
            os.makedirs(folder, exist_ok=True)
        file = os.path.join(disk, "nbd")
        filters = ["[", "nbdkit", "--exit-with-parent", "--filter=blocksize",
                   "nbd", "minblock=512", peer.uri(), "]"]
        with Mount(["nbdfuse", disk, *filters], disk):
            subprocess.run([find_program("mkfs.ext4"), "-q", "-F", file],
                           check=True)
            with Mount([find_program("fuse2fs"), file, mount, "-f", "-o", "rw"],
                       mount):
                start = time.monotonic()
                subprocess.run(["tar", "-xf", tree, "-C", mount,
                                "--no-same-owner"], check=True)
                subprocess.run(["sync", "-f", mount], check=True)
            peer.handle.flush()
            seconds = time.monotonic() - start
        return Result(tree_bytes / MEBIBYTE / seconds)


class Mount:
    """A file system in a process of its own, which ends when it is
    unmounted."""

    def __init__(self, words, folder):
        self.words, self.folder, self.process = words, folder, None

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not os.path.ismount(self.folder):
            if (time.monotonic() > deadline or
                    self.process.poll() is not None):
                self.process.kill()
                raise RuntimeError(f"{self.words[0]} has mounted nothing")
            time.sleep(0.005)

    def __exit__(self, *_):
        subprocess.run(["umount", self.folder], check=True)
        self.process.wait()


def find_program(name):
    return (shutil.which(name) or
            shutil.which(name, path="/usr/sbin:/sbin:/usr/bin"))


def archive(folder, files):
    """A tree of files of 1 to 64 KiB, packed once for all peers; its bytes."""
    path = os.path.join(folder, "tree.tar")
    if not os.path.exists(path):
        with tarfile.open(path, "w") as tar:
            source = os.path.join(folder, "part")
            for number in range(files):
                with open(source, "wb") as file:
                    file.write(os.urandom(1024 << number % 7))
                tar.add(source, f"tree/{number % 20}/{number}")
            os.unlink(source)
    return path, sum(1024 << number % 7 for number in range(files))


WORKLOADS = {
    "randread-4k-qd1": Fio(4096, 1, random=True),
    "randread-4k-qd8": Fio(4096, 8, random=True),
    "randread-4k-qd32": Fio(4096, 32, random=True),
    "reread-4k-qd32": Load(4096, 32, random=True, again=True),
    "reread-64k-4-readers": Load(65536, 4, random=True, connections=4,
                                 again=True),
    "reread-1m-4-readers": Load(MEBIBYTE, 4, random=True, connections=4,
                                again=True),
    "randwrite-4k-qd1": Fio(4096, 1, reads=0, random=True),
    "randwrite-4k-qd8": Fio(4096, 8, reads=0, random=True),
    "randwrite-4k-qd32": Fio(4096, 32, reads=0, random=True),
    "randwrite-4k-flush-end": Load(4096, 32, reads=0, random=True,
                                   flush="end"),
    "mixed-70-30-4k-qd32": Fio(4096, 32, reads=70, random=True),
    "write-4k-qd1": Fio(4096, 1, reads=0),
    "write-4k-flush-end": Load(4096, 1, reads=0, flush="end"),
    "write-4k-flush-each": Load(4096, 1, reads=0, random=True, flush="each"),
    "write-4k-16-flushers": Load(4096, 1, reads=0, random=True,
                                 connections=16, flush="each"),
    "read-64k-qd8": Fio(65536, 8),
    "read-1m-qd8": Fio(MEBIBYTE, 8),
    "write-64k-qd8": Fio(65536, 8, reads=0),
    "write-1m-qd8": Fio(MEBIBYTE, 8, reads=0),
    "write-1m-flush-end": Load(MEBIBYTE, 8, reads=0, flush="end"),
    "copy-in": Copy(into=True),
    "copy-out": Copy(into=False),
    "untar": Untar(),
}
