# SPDX-License-Identifier: LGPL-2.1-or-later
# network.py: what lies between a gateway and Azurite: a fault proxy for each
# gateway, and a network namespace for each, with a nft table to cut them off.

import json
import socket
import subprocess
import sys

from plan import GATEWAYS
from servers import HERE, PATIENCE, find, in_namespaces, quiet, spawn


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
        self.actions = {}

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


    def new_actions(self):
        """How many requests each action has taken since the last call."""
        before, self.actions = self.actions, self.tell("counters")["actions"]
        return {action: count - before.get(action, 0)
                for action, count in self.actions.items()}


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
