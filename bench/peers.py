# SPDX-License-Identifier: LGPL-2.1-or-later
# peers.py: what bench/run compares: a server, and the export that is measured.
#
# A peer is started once and serves one volume of data, all bytes of it written.
# A connection is kept open as long as it runs, so that what happens at the
# first attach and at the last detach is not measured.

import os
import subprocess

import nbd

from servers import Server, command_of, plugin_of

MEBIBYTE = 1 << 20
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Peer:
    """An nbdkit; subclasses say with which plugin."""

    name = None
    export = ""

    def __init__(self, build, folder, size):
        self.build, self.folder, self.size = build, folder, size
        self.server = Server(os.path.join(folder, self.name + ".sock"),
                             self.words())
        self.handle = self.server.connect(self.export)
        self.fill()

    def words(self):
        """nbdkit's plugin with its parameters, after having prepared them."""
        raise NotImplementedError

    def uri(self):
        return self.server.uri(self.export)

    def fill(self):
        """Writes all bytes, by 4 KiB: the kernel caches a file in pieces as
        large as it was written in, if there is memory for that, and that would
        make small writes to one of two files slower for the whole run.
        """
        subprocess.run(
            ["fio", "--name=fill", "--ioengine=nbd", "--uri=" + self.uri(),
             "--thread", f"--size={self.size}", "--rw=write", "--bs=4k",
             "--iodepth=32"], check=True, stdout=subprocess.DEVNULL)
        self.settle()

    def settle(self):
        """Nothing of this peer is left to be written while others run."""
        if self.handle.can_flush():
            self.handle.flush()

    def cpu_seconds(self):
        """What the server has used so far."""
        path = f"/proc/{self.server.process.pid}/stat"
        with open(path, encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def stop(self):
        try:
            self.handle.shutdown()
        except nbd.Error:
            pass
        self.server.stop()


class Leasehold(Peer):
    """The plugin of this build on the file store."""

    name = "leasehold"
    export = "disk0@node-a"

    def words(self):
        url = "file:" + os.path.join(self.folder, "store")
        subprocess.run([command_of(self.build), "--store", url, "create",
                        "disk0", str(self.size)],
                       check=True, stdout=subprocess.DEVNULL)
        return [plugin_of(self.build), "store=" + url]


class File(Peer):
    """nbdkit's file plugin: a file without any fence."""

    name = "file"

    def words(self):
        path = os.path.join(self.folder, "file")
        with open(path, "wb") as file:
            file.truncate(self.size)
        return ["file", path]


class Memory(Peer):
    """nbdkit's memory plugin."""

    name = "memory"

    def words(self):
        return ["memory", str(self.size)]


class Null(Peer):
    """nbdkit's null plugin: what nbdkit, the socket and the client cost."""

    name = "null"

    def words(self):
        return ["null", str(self.size)]


PEERS = {peer.name: peer for peer in (Leasehold, File, Memory, Null)}
