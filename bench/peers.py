# SPDX-License-Identifier: LGPL-2.1-or-later
# peers.py: what bench/run compares: a server or a client, and its volume.
#
# A peer is started once for each store and has one volume of data there, all
# bytes of it written. A connection to a server is kept open as long as it runs,
# so that what happens at the first attach and at the last detach is not
# measured.

import json
import os
import subprocess

import nbd

from servers import Server, command_of, plugin_of, program_of

MEBIBYTE = 1 << 20
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# How large the requests of the bare client may be when only throughput counts.
BLOCKS = (65536, 262144, MEBIBYTE, 4 * MEBIBYTE)


class Peer:
    """An nbdkit; subclasses say with which plugin."""

    name = None
    export = ""
    is_nbd, writes, keeps = True, True, True

    def __init__(self, options, folder, store):
        self.options, self.folder, self.store = options, folder, store
        self.size = options.size * MEBIBYTE
        self.server = self.handle = None
        self.environment = {**os.environ, **store.environment}
        self.prepare()
        self.start()
        if self.writes:
            self.fill()

    @classmethod
    def fits(cls, store, build):
        """Is it worth comparing on this store, and possible?"""
        raise NotImplementedError

    def prepare(self):
        """Makes the volume."""

    def words(self):
        """nbdkit's plugin with its parameters."""
        raise NotImplementedError

    def start(self):
        words = self.words()
        if self.store.remote:
            # Its 16 threads would be the most that can be on their way.
            words = [f"--threads={max(16, self.options.connections)}", *words]
        self.server = Server(os.path.join(self.folder, self.name + ".sock"),
                             words, self.environment)
        self.handle = self.server.connect(self.export)

    def uri(self):
        return self.server.uri(self.export)

    def fill(self):
        """Writes all bytes. Without a cache of ours by 4 KiB: the kernel caches
        a file in pieces as large as it was written in, if there is memory for
        that, and that would make small writes to one of two files slower for
        the whole run.
        """
        subprocess.run(
            [program_of(self.options.build, "nbd-load"), "--reads", "0",
             "--block", str(MEBIBYTE if self.store.remote else 4096),
             "--depth", "32", "--bytes", str(self.size), "--flush", "end",
             self.uri()], check=True, stdout=subprocess.DEVNULL)

    def settle(self):
        """Nothing of this peer is left to be written while others run."""
        if self.writes:
            self.handle.flush()

    def forget(self):
        """Empties what it may have cached; here: nothing."""

    def cpu_seconds(self):
        """What the server has used so far."""
        path = f"/proc/{self.server.process.pid}/stat"
        with open(path, encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def forget_peak(self):
        path = f"/proc/{self.server.process.pid}/clear_refs"
        with open(path, "w", encoding="ascii") as file:
            file.write("5")

    def peak(self):
        """Most memory that the server has had since then, in bytes."""
        path = f"/proc/{self.server.process.pid}/status"
        with open(path, encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0

    def disconnect(self):
        try:
            self.handle.shutdown()
        except nbd.Error:
            pass
        self.server.stop()

    def stop(self):
        self.disconnect()


class Leasehold(Peer):
    """The plugin of this build."""

    name = "leasehold"
    export = "disk0@node-a"
    volume = "disk0"
    write_back = "on"

    @classmethod
    def fits(cls, store, build):
        return store.leases

    def prepare(self):
        self.command("create", self.volume, str(self.size))

    def words(self):
        words = [plugin_of(self.options.build), "store=" + self.store.url]
        if self.store.remote:
            words.append(f"connections={self.options.connections}")
        return words + self.cache_words()

    def cache_words(self):
        plugin = plugin_of(self.options.build)
        if self.store.remote and has_parameter(plugin, "cache-size"):
            return [f"cache-size={self.options.cache}M",
                    "writeback=" + self.write_back]
        return []

    def start(self):
        """With a first write: a session keeps things in memory from then on."""
        super().start()
        self.handle.pwrite(bytes(4096), 0)

    def forget(self):
        """A cache is empty in a new server."""
        if self.store.remote:
            self.disconnect()
            self.start()

    def stop(self):
        self.disconnect()
        self.command("delete", self.volume, "--force")

    def command(self, *words):
        subprocess.run(
            [command_of(self.options.build), "--store", self.store.url, *words],
            check=True, stdout=subprocess.DEVNULL, env=self.environment)


class LeaseholdThrough(Leasehold):
    """The same with writeback=off: a write is answered when it is stored."""

    name = "leasehold-through"
    export = "disk1@node-a"
    volume = "disk1"
    write_back = "off"

    @classmethod
    def fits(cls, store, build):
        return (store.leases and store.remote and
                has_parameter(plugin_of(build), "writeback"))


class File(Peer):
    """nbdkit's file plugin: a file without any fence."""

    name = "file"

    @classmethod
    def fits(cls, store, build):
        return not store.remote

    def prepare(self):
        with open(os.path.join(self.folder, "file"), "wb") as file:
            file.truncate(self.size)

    def words(self):
        return ["file", os.path.join(self.folder, "file")]


class Memory(Peer):
    """nbdkit's memory plugin."""

    name = "memory"

    @classmethod
    def fits(cls, store, build):
        return store.leases

    def words(self):
        return ["memory", str(self.size)]


class Null(Memory):
    """nbdkit's null plugin: what nbdkit, the socket and the client cost."""

    name = "null"
    keeps = False

    def words(self):
        return ["null", str(self.size)]


class Curl(Peer):
    """nbdkit's curl plugin, which reads ranges and writes nothing. Versions
    before 1.34 do one request of a connection at a time.
    """

    name = "curl"
    writes = False

    @classmethod
    def fits(cls, store, build):
        return store.remote

    def prepare(self):
        self.store.create_blob(self.name, self.size)
        if self.store.leases:
            put_all(self.options, self.store, self.name, self.size)

    def words(self):
        words = ["curl", self.store.blob_url(self.name)]
        if has_parameter("curl", "connections"):
            words.append(f"connections={self.options.connections}")
        return words


class Bare:
    """bench/bare-client: HTTP alone, without NBD, leases and epochs."""

    name = "bare"
    is_nbd, writes = False, True

    def __init__(self, options, _, store):
        self.options, self.store = options, store
        self.size = options.size * MEBIBYTE
        self.best = {}  # block size for throughput, by put or not
        store.create_blob(self.name, self.size)
        if store.leases:
            put_all(options, store, self.name, self.size)

    @classmethod
    def fits(cls, store, build):
        return store.remote

    def run(self, put, random, block, depth, seconds):
        """What the client prints, as a dictionary."""
        return bare_client(
            self.options, self.store, self.name, put,
            ["--size", str(self.size), "--block", str(block),
             "--depth", str(depth), "--seconds", str(seconds)] +
            (["--random"] if random else []))

    def best_block(self, put, seconds):
        """Which block gives most bytes a second; tried out once, and each
        twice, for a moment's noise would stay for the whole run.
        """
        if put not in self.best:
            speeds = {}
            for block in BLOCKS * 2:
                if block * self.options.connections > 4 * self.size:
                    continue
                told = self.run(put, False, block, self.options.connections,
                                seconds)
                speeds[told["bytes"] / told["seconds"]] = block
            self.best[put] = speeds[max(speeds)]
        return self.best[put]

    def settle(self):
        pass

    def forget(self):
        pass

    def forget_peak(self):
        pass

    def stop(self):
        pass


def bare_client(options, store, name, put, words):
    url = store.blob_url(name, "comp=page&" if put else "")
    done = subprocess.run(
        [program_of(options.build, "bare-client"), "--url", url, *words,
         *(["--put"] if put else [])],
        check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def put_all(options, store, name, size):
    """Writes all bytes of a blob; one round of the line after the other."""
    bare_client(options, store, name, True,
                ["--size", str(size), "--block", str(MEBIBYTE), "--depth",
                 "16", "--seconds", "3600", "--bytes", str(size)])


def has_parameter(plugin, name):
    """Does this plugin know it, in this version?"""
    help_text = subprocess.run(["nbdkit", plugin, "--help"], check=True,
                               stdout=subprocess.PIPE, text=True).stdout
    return any(line.startswith(name + "=") for line in help_text.splitlines())


PEERS = {peer.name: peer
         for peer in (Leasehold, LeaseholdThrough, Bare, File, Curl, Memory,
                      Null)}
