# SPDX-License-Identifier: LGPL-2.1-or-later
# azure_kill.py: gateways that are killed while a request of theirs is held in
# the fault proxy; it gets to the store later, when another gateway has gone on.

import concurrent.futures

import nbd

from azure_client import PATIENCE, add_rule, check, proxy, rule_reached, soon
from kill_matrix import Gateway
from scsi import Nexus


class AzureKiller:
    """Moment n is that of a command's request number n that changes something.

    url is the store's, behind the proxy.
    """

    def __init__(self, url):
        self.url = url
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.gateway = self.held = None

    def nexus(self, volume, node):
        if self.gateway is None:
            self.gateway = Gateway("killed", self.url)
        return Nexus("killed", f"node-{node}", volume.name)

    def run(self, send, moment):
        rule = add_rule(method="PUT", skip=moment, times=1, action="hold")
        command = self.pool.submit(send)
        soon("the command's request, or its end",
             lambda: command.done() or proxy("show", rule=rule)["taken"])
        if not command.done():
            self.held = rule
            self.gateway.kill()
            self.gateway = None
            check(isinstance(command.exception(PATIENCE), nbd.Error),
                  "a command whose gateway was killed has ended")
            return None
        proxy("remove", rule=rule)
        return command.result()

    def late(self):
        if self.held is not None:
            proxy("release", rule=self.held)
            rule_reached(self.held, "done")
            self.held = None
