# SPDX-License-Identifier: LGPL-2.1-or-later
# servers.py: the processes of a round: gateways, the store behind them, what
# lies in between, and the leasehold command.
#
#   gateway-a ... -c   nbdkit with the plugin, on Unix sockets; their logs go to
#                      the history, line by line
#   FileStore          a directory; on a small tmpfs of its own where it can be
#                      mounted, to be filled up
#   AzureStore         Azurite; a fault proxy for each gateway, and a network
#                      namespace with a nft table where those can be made
#
# Whoever runs this is in a mount and a network namespace of its own, if it can
# be (namespaces()), so nothing of it is left behind on the host. All processes
# end with this one.

import base64
import glob
import json
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
AZURE = os.path.join(os.path.dirname(HERE), "azure")
BUILD = os.environ.get("LEASEHOLD_BUILDDIR", ".")
GATEWAYS = ("a", "b", "c")

# Longest wait for what should come at once, in seconds; an upper bound.
PATIENCE = 60

# Of the plugin, in every gateway. The proxies are on other addresses.
PARAMETERS = ("lease-duration=15", "io-timeout=20", "insecure=true")

IN_NAMESPACES = "LEASEHOLD_FAULTS_IN_NAMESPACES"


def namespaces():
    """Goes into namespaces of its own: does not return if it can."""
    if os.environ.get(IN_NAMESPACES) or os.geteuid() != 0:
        return
    words = ["unshare", "--mount", "--net", "--propagation", "private"]
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


class Gateway:
    def __init__(self, name, folder, history, store, url, prefix=()):
        """prefix: words before nbdkit's."""
        self.name = name
        self.environment = store.environment
        self.socket = f"{folder}/{name}.sock"
        self.clock = f"{folder}/{name}.clock"
        self.history = history
        self.parameters = [f"store={url}", *PARAMETERS]
        self.prefix = list(prefix)
        self.starts = 0
        self.process = None
        self.stopped = False
        self.reader = None

    def start(self, fake_clock=False):
        self.starts += 1
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
                  f"{BUILD}/plugin/.libs/nbdkit-leasehold-plugin.so",
                  *self.parameters]
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
            self.stopped = number == signal.SIGSTOP or (
                self.stopped and number != signal.SIGCONT)

    def ended(self):
        """It has ended: says so. After this it surely does nothing."""
        status = self.process.wait(PATIENCE)
        self.history.add("died", gateway=self.incarnation, at=now(),
                         status=status)
        self.reader.join(PATIENCE)
        self.process.stderr.close()
        self.process = None
        self.stopped = False
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
        was_stopped = self.stopped
        self.ended()
        if not (was_stopped and status == -signal.SIGKILL):
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


class Store:
    """What both kinds have: where it is, and the command."""

    missing = {}  # fault: why it cannot be had

    def __init__(self, folder):
        self.folder = folder
        self.environment = dict(os.environ)

    def leasehold(self, *arguments):
        """Runs the command: its exit status and what it printed."""
        result = subprocess.run(
            [f"{BUILD}/cli/leasehold", "--store", self.url, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=self.environment, check=False)
        return result.returncode, result.stdout.strip()

    def prefix(self, _gateway):
        return ()

    def new_round(self, number):
        """Everything as if nothing had been."""

    def end_round(self):
        """Ends all faults of the store's."""

    def release(self):
        """Lets go on what is held."""

    def remove_round(self):
        """The volumes are not looked at again."""

    def close(self):
        pass


class FileStore(Store):
    SIZE = 16 << 20

    def __init__(self, folder):
        super().__init__(folder)
        self.place = f"{folder}/store"
        os.mkdir(self.place)
        self.mounted = False
        if in_namespaces():
            quiet("mount", "-t", "tmpfs", "-o", f"size={self.SIZE}", "tmpfs",
                  self.place)
            self.mounted = True
        else:
            self.missing = {"full": "needs root, to mount a small tmpfs"}

    def new_round(self, number):
        self.directory = f"{self.place}/{number}"
        os.mkdir(self.directory)
        self.url = f"file:{self.directory}"

    def gateway_url(self, _gateway):
        return self.url

    def fill(self):
        """Not a block is left, but to files that are there."""
        with open(f"{self.place}/filler", "wb") as file:
            try:
                while True:
                    file.write(bytes(65536))
                    file.flush()
            except OSError:
                pass
            finally:
                try:
                    file.close()
                except OSError:
                    pass

    def end_round(self):
        if os.path.exists(f"{self.place}/filler"):
            os.unlink(f"{self.place}/filler")

    def remove_round(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def close(self):
        if self.mounted:
            quiet("umount", "-l", self.place)


class Proxy:
    """The fault proxy before one gateway."""

    def __init__(self, folder, gateway, upstream, host, strip=()):
        self.control = f"{folder}/proxy-{gateway}"
        self.process = spawn(
            [sys.executable, "-B", f"{HERE}/proxy.py", "--upstream", upstream,
             "--control", self.control, "--host", host,
             *(f"--strip={name}" for name in strip)],
            stdout=subprocess.PIPE, text=True)
        word, port = (self.process.stdout.readline().split() + ["", ""])[:2]
        if word != "ready":
            raise RuntimeError(f"the proxy of gateway {gateway} did not start")
        self.address = f"{host}:{port}"
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(self.control)
        self.stream = self.connection.makefile("rw", encoding="utf-8")
        self.held = []

    def tell(self, do, **arguments):
        print(json.dumps({"do": do, **arguments}), file=self.stream,
              flush=True)
        answer = json.loads(self.stream.readline())
        if "error" in answer:
            raise RuntimeError(f"proxy: {do}: {answer['error']}")
        return answer

    def rule(self, rule):
        number = self.tell("add", rule=rule)["rule"]
        if rule["action"] in ("hold", "late", "stall"):
            self.held.append(number)
        return number

    def release(self):
        """Lets go on what was held; returns when that has been done."""
        held, self.held = self.held, []
        for rule in held:
            taken = self.tell("release", rule=rule)["taken"]
            self.tell("await", rule=rule, what="done", count=taken,
                      seconds=PATIENCE)


class Network:
    """A namespace for each gateway, with a wire to this one."""

    @staticmethod
    def missing():
        if not in_namespaces():
            return "needs root, for network namespaces"
        for program in ("ip", "nft"):
            if not find(program):
                return f"{program} is missing"
        return None

    def __init__(self):
        # ip keeps the names of namespaces there; ours is not the host's.
        quiet("mount", "-t", "tmpfs", "tmpfs", "/run")
        quiet(find("ip"), "link", "set", "lo", "up")
        for number, name in enumerate(GATEWAYS, 1):
            inside = ("-n", name)
            self.ip("netns", "add", name)
            self.ip("link", "add", f"to-{name}", "type", "veth", "peer",
                    "name", "store", "netns", name)
            self.ip("addr", "add", f"10.9.{number}.1/24", "dev", f"to-{name}")
            self.ip("link", "set", f"to-{name}", "up")
            self.ip(*inside, "addr", "add", f"10.9.{number}.2/24", "dev",
                    "store")
            self.ip(*inside, "link", "set", "store", "up")
            self.ip(*inside, "link", "set", "lo", "up")
        quiet(find("nft"), "add table inet faults; "
              "add chain inet faults input "
              "{ type filter hook input priority 0; }")

    @staticmethod
    def ip(*words):
        quiet(find("ip"), *words)

    @staticmethod
    def address(gateway):
        return f"10.9.{GATEWAYS.index(gateway) + 1}.1"

    @staticmethod
    def cut(gateway):
        """Nothing from this gateway arrives, and nobody is told."""
        quiet(find("nft"), "add rule inet faults input iifname "
              f"to-{gateway} drop")

    @staticmethod
    def heal():
        quiet(find("nft"), "flush chain inet faults input")


def find(program):
    return shutil.which(program,
                        path=os.environ["PATH"] + ":/usr/sbin:/sbin")


class NoAzurite(Exception):
    pass


# What a write says which epoch it is for with.
EPOCH = "x-ms-if-sequence-number-eq"


class AzureStore(Store):
    ACCOUNT = "leaseholdtest"

    def __init__(self, folder, without_epoch=False):
        super().__init__(folder)
        self.without_epoch = without_epoch
        self.program = self.find_azurite()
        self.key = base64.b64encode(os.urandom(64)).decode()
        self.port = 0
        self.process = None
        self.network = None
        reason = Network.missing()
        if reason is None:
            self.network = Network()
        else:
            self.missing = {"partition": reason}
        self.start()
        for name in [name for name in self.environment if
                     name.startswith("AZURE_")]:
            del self.environment[name]
        self.use_credentials()
        self.proxies = {
            name: Proxy(folder, name, f"127.0.0.1:{self.port}",
                        self.network.address(name) if self.network else
                        "127.0.0.1", [EPOCH] if without_epoch else [])
            for name in GATEWAYS}

    @staticmethod
    def find_azurite():
        script = (f". {AZURE}/azurite.sh; azurite_find \"$1\"; "
                  "printf '%s\\n%s' \"$azurite_program\" \"$azurite_problem\"")
        program, problem = subprocess.run(
            ["bash", "-c", script, "bash", BUILD], text=True, check=False,
            stdout=subprocess.PIPE).stdout.split("\n", 1)
        if problem:
            raise NoAzurite(problem)
        return program

    def start(self):
        """As azurite.sh does it."""
        place = f"{self.folder}/azurite"
        os.makedirs(place, exist_ok=True)
        with open(f"{place}/azurite.log", "w+", encoding="utf-8") as log:
            self.process = spawn(
                [self.program, "--silent", "--disableTelemetry",
                 "--skipApiVersionCheck", "--blobHost", "127.0.0.1",
                 "--blobPort", str(self.port), "--location", place],
                stdout=log, stderr=log, start_new_session=True,
                env={**os.environ,
                     "AZURITE_ACCOUNTS": f"{self.ACCOUNT}:{self.key}"})
        said = ""

        def listens():
            nonlocal said
            with open(f"{place}/azurite.log", encoding="utf-8") as log:
                said = log.read()
            if self.process.poll() is not None:
                raise RuntimeError(f"Azurite did not start: {said}")
            return "successfully listens on" in said
        wait_for("Azurite is up", listens)
        self.port = int(said.rpartition(":")[2].split()[0])

    def stop(self):
        """SIGTERM: killed, it would lose what it has acknowledged."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def use_credentials(self):
        account = f"http://127.0.0.1:{self.port}/{self.ACCOUNT}"
        self.url = f"{account}/faults"
        environment = {**self.environment, "AZURITE_ACCOUNT_URL": account,
                       "AZURE_STORAGE_KEY": self.key, "AZURITE_CA": ""}

        def service(*words):
            return subprocess.run(
                [sys.executable, "-B", f"{AZURE}/blob_service.py", *words],
                env=environment, check=True, text=True,
                stdout=subprocess.PIPE).stdout.strip()
        service("create-container", "faults")
        self.environment["AZURE_STORAGE_ACCOUNT"] = self.ACCOUNT
        if self.without_epoch:
            # Its signature does not cover the headers.
            self.environment["AZURE_STORAGE_SAS_TOKEN"] = service("sas",
                                                                  "account")
        else:
            self.environment["AZURE_STORAGE_KEY"] = self.key

    def gateway_url(self, gateway):
        return f"http://{self.proxies[gateway].address}/{self.ACCOUNT}/faults"

    def prefix(self, gateway):
        if self.network is None:
            return ()
        return ("nsenter", f"--net=/run/netns/{gateway}")

    def end_round(self):
        if self.process is None:
            self.start()
        if self.network:
            self.network.heal()
        for proxy in self.proxies.values():
            proxy.tell("clear")

    def release(self):
        for proxy in self.proxies.values():
            proxy.release()

    def close(self):
        self.stop()

