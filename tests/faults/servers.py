# SPDX-License-Identifier: LGPL-2.1-or-later
# servers.py: processes, namespaces, and the gateways.
#
# A gateway is nbdkit with the plugin, on a Unix socket; its log goes to the
# history, line by line. Whoever runs this is in a mount and a network namespace
# of its own, if it can be (namespaces()), so nothing is left behind on the
# host. All processes end with this one.

import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from history import now

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("LEASEHOLD_BUILDDIR", ".")

# Longest wait for what should come at once, in seconds; an upper bound.
PATIENCE = 60

# Of the plugin, in every gateway. The proxies are on other addresses.
PARAMETERS = ("lease-duration=15", "io-timeout=20", "insecure=true")

# By what a gateway has: no cache, one that writes through, or one with
# write-back.
CACHES = {"none": ("cache-size=0",),
          "through": ("cache-size=8M",),
          "back": ("cache-size=8M", "writeback=on")}

PLUGIN = f"{BUILD}/plugin/.libs/nbdkit-leasehold-plugin.so"
MUTATED_PLUGIN = f"{BUILD}/tests/faults/.libs/mutated-plugin.so"

IN_NAMESPACES = "LEASEHOLD_FAULTS_IN_NAMESPACES"


def namespaces():
    """Goes into namespaces of its own, if it can: begins anew in them."""
    ip = find("ip")
    if in_namespaces():
        if ip:
            quiet(ip, "link", "set", "lo", "up")
        return
    if os.geteuid() != 0:
        return
    words = ["unshare", "--mount", "--propagation", "private"]
    if ip:
        words.append("--net")
    if subprocess.run([*words, "true"], stderr=subprocess.DEVNULL,
                      check=False).returncode == 0:
        os.environ[IN_NAMESPACES] = "1"
        os.execvp("unshare", [*words, sys.executable, "-B", *sys.argv])


def in_namespaces():
    return bool(os.environ.get(IN_NAMESPACES))


def quiet(*words):
    """Runs a command that has to succeed; what it printed."""
    result = subprocess.run(words, stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.STDOUT, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {result.stdout.strip()}")
    return result.stdout


def spawn(words, **options):
    """A process that is killed when this one ends."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words],
                            stdin=subprocess.DEVNULL, **options)


def wait_for(what, condition):
    deadline = now() + PATIENCE
    while not condition():
        if now() > deadline:
            raise RuntimeError(f"gave up waiting until {what}")
        time.sleep(0.01)


def fake_time_library():
    return next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") +
                     glob.glob("/usr/lib*/faketime/libfaketimeMT.so.1")), None)


def find(program):
    return shutil.which(program,
                        path=os.environ["PATH"] + ":/usr/sbin:/sbin")


class Gateway:
    def __init__(self, name, folder, history, store, url, cache, prefix=(),
                 plugin=PLUGIN):
        """cache: of CACHES; prefix: words before nbdkit's."""
        self.name = name
        self.cache = cache
        self.plugin = plugin
        self.environment = store.environment
        self.socket = f"{folder}/{name}.sock"
        self.clock = f"{folder}/{name}.clock"
        self.history = history
        self.parameters = [f"store={url}", *PARAMETERS, *CACHES[cache]]
        self.prefix = list(prefix)
        self.starts = 0
        self.process = None
        self.was_stopped = False
        self.reader = None

    def start(self, fake_clock=False):
        self.starts += 1
        self.was_stopped = False
        self.incarnation = f"{self.name}#{self.starts}"
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        words = list(self.prefix)
        if fake_clock:
            self.jump("+0")
            words += ["env", f"LD_PRELOAD={fake_time_library()}",
                      f"FAKETIME_TIMESTAMP_FILE={self.clock}",
                      "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1",
                      "NO_FAKE_STAT=1"]
        words += os.environ.get("LEASEHOLD_NBDKIT", "nbdkit").split()
        words += ["--foreground", "--unix", self.socket, "--threads", "16",
                  self.plugin, *self.parameters]
        self.process = spawn(words, stderr=subprocess.PIPE, text=True,
                             env=self.environment)
        self.reader = threading.Thread(target=self.read_log, daemon=True,
                                       args=(self.process, self.incarnation))
        self.reader.start()

    def read_log(self, process, incarnation):
        for line in process.stderr:
            self.history.add("log", gateway=incarnation, at=now(),
                             line=line.rstrip("\n"))

    def up(self):
        def answers():
            self.check()
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PATIENCE)
                try:
                    connection.connect(self.socket)
                    return connection.recv(8) == b"NBDMAGIC"
                except OSError:
                    return False
        wait_for(f"gateway {self.name} is up", answers)

    def jump(self, offset):
        """Its CLOCK_REALTIME, if it was started with a clock of its own."""
        with open(self.clock + ".new", "w", encoding="ascii") as file:
            file.write(offset + "\n")
        os.rename(self.clock + ".new", self.clock)

    def signal(self, number):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.was_stopped |= number == signal.SIGSTOP

    def ended(self):
        """It has ended: says so. After this it surely does nothing."""
        status = self.process.wait(PATIENCE)
        self.history.add("died", gateway=self.incarnation, at=now(),
                         status=status)
        self.reader.join(PATIENCE)
        self.process.stderr.close()
        self.process = None
        return status

    def kill(self):
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.ended()

    def check(self):
        """It does not end by itself; but who takes over from it may have to
        end it, while it is stopped (the file store).
        """
        status = None if self.process is None else self.process.poll()
        if status is None:
            return
        self.ended()
        if not (self.was_stopped and status == -signal.SIGKILL):
            raise RuntimeError(f"gateway {self.incarnation} has ended: "
                               f"{status}")

    def finish(self):
        """SIGTERM; it has to end well."""
        self.check()
        if self.process is None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        name, status = self.incarnation, self.ended()
        if status != 0:
            raise RuntimeError(f"gateway {name} ended with {status}")
