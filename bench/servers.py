# SPDX-License-Identifier: LGPL-2.1-or-later
# servers.py: what the benches start: nbdkit, and a proxy that adds latency.

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse

import nbd

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = ["/usr/bin/python3", "-B"]
# More than one word when it runs under a memory checker.
NBDKIT = os.environ.get("LEASEHOLD_NBDKIT", "nbdkit").split()

# Longest wait for what should come at once, in seconds; only an upper bound.
PATIENCE = 60


def plugin_of(build):
    return os.path.join(build, "plugin", ".libs",
                        "nbdkit-leasehold-plugin.so")


def command_of(build):
    return os.path.join(build, "cli", "leasehold")


def program_of(build, name):
    """One of bench's own, which make check builds."""
    return os.path.join(build, "bench", name)


def with_azurite(build, program, *options):
    """Runs the program again, with an Azurite of its own, unless it has one.

    options are with-azurite's. The exit status is 77 where there is no Azurite.
    """
    if "LEASEHOLD_AZURITE_URL" in os.environ:
        return
    os.environ["LEASEHOLD_BUILDDIR"] = build
    script = os.path.join(SOURCE, "tests", "azure", "with-azurite")
    os.execv(script, [script, *options, *PYTHON, program, *sys.argv[1:]])


class Server:
    """One nbdkit, on a Unix socket."""

    def __init__(self, socket, words, environment=None):
        """words: options, a plugin and its parameters."""
        self.socket = socket
        if os.path.exists(socket):
            os.unlink(socket)
        self.process = subprocess.Popen(
            [*NBDKIT, "-f", "-U", socket, *words],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=environment)

    def connect(self, export=""):
        """A connection; waits for the server to be there."""
        deadline = time.monotonic() + PATIENCE
        while True:
            handle = nbd.NBD()
            handle.set_export_name(export)
            try:
                handle.connect_unix(self.socket)
                return handle
            except nbd.Error:
                if (time.monotonic() > deadline or
                        self.process.poll() is not None):
                    raise
            time.sleep(0.0005)

    def uri(self, export=""):
        return f"nbd+unix:///{export}?socket={self.socket}"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Listener:
    """A program of ours that prints "ready PORT" and serves until it is told
    to stop."""

    def __init__(self, words):
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if line[:1] != ["ready"]:
            raise RuntimeError(f"{words[0]} did not start")
        self.port = int(line[1])

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Request:
    """A line of the proxy's log: a request that has been answered."""

    def __init__(self, line):
        fields = json.loads(line)
        self.kind = fields["kind"]
        self.status = fields["outcome"]["status"]
        self.arrived, self.ended = fields["arrived"], fields["ended"]
        self.is_write = "comp=page update" in self.kind
        self.is_refused = self.status is None or self.status >= 400

    def made(self, kind):
        """Has it done this, such as "comp=lease change"?"""
        return kind in self.kind and not self.is_refused


class Proxy:
    """tests/faults/proxy.py as a delay line that counts requests."""

    def __init__(self, folder, name, url, latency):
        """Adds latency (seconds) to each request for url."""
        parts = urllib.parse.urlsplit(url)
        path = os.path.join(folder, name)
        faults = os.path.join(SOURCE, "tests", "faults", "proxy.py")
        if os.path.exists(path + ".control"):
            os.unlink(path + ".control")
        self.process = subprocess.Popen(
            [*PYTHON, faults, "--upstream", parts.netloc,
             "--control", path + ".control", "--log", path + ".log"],
            stdout=subprocess.PIPE, text=True)
        port = self.process.stdout.readline().split()[1]
        self.url = f"http://127.0.0.1:{port}{parts.path}"
        self.log = open(path + ".log", encoding="utf-8")
        self.log.seek(0, os.SEEK_END)
        if latency > 0:
            rule = {"action": "pass", "delay": latency}
            subprocess.run(
                [*PYTHON, faults, "--send", path + ".control",
                 json.dumps({"do": "add", "rule": rule})],
                check=True, stdout=subprocess.DEVNULL)

    def requests(self):
        """Those that were answered since the last call."""
        return [Request(line) for line in self.log]

    def stop(self):
        self.log.close()
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Line:
    """bench/delay-proxy: a delay line that looks at nothing."""

    def __init__(self, build, url, latency):
        """Adds latency (seconds) to each request for url."""
        parts = urllib.parse.urlsplit(url)
        self.line = Listener([program_of(build, "delay-proxy"), "--to",
                              str(parts.port), "--latency",
                              str(1000 * latency)])
        self.url = f"http://127.0.0.1:{self.line.port}{parts.path}"

    def requests(self):
        """It counts none."""
        return []

    def stop(self):
        self.line.stop()


def request_times(url, count):
    """How long each of count requests to the service takes, in seconds."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    times = []
    for _ in range(count):
        start = time.monotonic()
        connection.request("HEAD", parts.path + "/none")
        connection.getresponse().read()
        times.append(time.monotonic() - start)
    connection.close()
    return times
