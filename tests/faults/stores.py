# SPDX-License-Identifier: LGPL-2.1-or-later
# stores.py: the stores behind the gateways, what can be done to them, and the
# leasehold command.
#
#   FileStore          a directory; on a small tmpfs of its own where it can be
#                      mounted, to be filled up
#   AzureStore         Azurite, with network.py in between

import base64
import collections
import os
import shutil
import subprocess
import sys

from network import Network, Proxy
from plan import GATEWAYS
from servers import (BUILD, HERE, PATIENCE, in_namespaces, quiet, spawn,
                     wait_for)

AZURE = os.path.join(os.path.dirname(HERE), "azure")


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

    def meddled(self):
        """{action: number of requests} of the proxies since the last call."""
        return {}

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
        with open(f"{self.place}/filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(65536))
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
        try:
            if reason is None:
                self.network = Network()
        except RuntimeError as problem:
            reason = str(problem)
        if reason is not None:
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

    def meddled(self):
        total = collections.Counter()
        for proxy in self.proxies.values():
            total.update(proxy.new_actions())
        return total

    def close(self):
        self.stop()
