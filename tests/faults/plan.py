# SPDX-License-Identifier: LGPL-2.1-or-later
# plan.py: what a round does: one seed is one plan.
#
# A plan has the clients of each volume (clients.py) and a list of actions,
# each with its time in the round. Every round has commands of an operator, and
# one theme, which is what is attacked; the theme follows from the seed, so
# that as many rounds as there are themes have each of them once. Themes of
# "expiry" last longer than a lease and come every other time only. Half of the
# gateways write back, a quarter has a cache only for what is in the store.

import random

VOLUMES = 3
NODES = ("node-a", "node-b", "node-c")
CACHES = ("none", "through", "back", "mixed")
GATEWAYS = ("a", "b", "c")

# Seconds that clients are at work.
SHORT, LONG = 1.0, 17.5

# The requests that a rule of the proxy is about.
PAGES = {"method": "PUT", "query": {"comp": "page"}}
CHANGES = {"method": "PUT"}


class Plan:
    def __init__(self, store, seed, theme=None, cache="mixed"):
        """cache: of CACHES, of all gateways."""
        self.random = random.Random(seed)
        self.store = store
        themes = THEMES[store]
        self.theme = themes[seed % len(themes)].__name__
        if self.theme == "expiry" and seed // len(themes) % 2 == 1:
            self.theme = "kill"
        self.theme = theme or self.theme
        self.actions = []
        self.fake_clock = None
        self.length = LONG if self.theme == "expiry" else SHORT
        self.pace = 0.1 if self.theme == "expiry" else 0.008
        self.stay = self.length / (2 if store == "file" else 1)
        self.sectors = 96  # of a volume
        self.quiet = 0  # until when the operator does nothing
        self.late = self.random.random() < 0.7  # what is held goes on last
        self.alone = False  # one client writes to a volume
        self.clients = None
        globals()[self.theme](self)
        if self.theme != "expiry":
            self.operator()
        self.make_clients()
        self.caches = {gateway: self.cache() if cache == "mixed" else cache
                       for gateway in GATEWAYS}
        self.actions.sort(key=lambda action: action["at"])

    def describe(self):
        return {"theme": self.theme, "length": self.length, "late": self.late,
                "sectors": self.sectors, "actions": self.actions,
                "clients": self.clients, "caches": self.caches}

    def draw(self, low, high):
        return round(self.random.uniform(low, high), 3)

    def cache(self):
        return self.random.choice(["none", "through", "back", "back"])

    def gateway(self):
        return self.random.choice(GATEWAYS)

    def add(self, at, do, **more):
        self.actions.append({"at": round(at, 3), "do": do, **more})

    # --- Who is there -------------------------------------------------------

    def make_clients(self):
        """For each volume. Clients of one node and without an instance never
        meet on one gateway: they would be one session there.
        """
        self.clients = []
        for _ in range(VOLUMES):
            homes = self.random.sample(GATEWAYS, 3)
            second = self.random.random() < 0.5  # incarnation of the first
            nodes = ["node-a", "node-b", "node-a" if second else "node-c"]
            clients = []
            for node, home in zip(nodes, homes):
                instance = self.random.choice(["none", "new", "same"])
                roams = (self.random.random() < 0.5 and
                         (instance != "none" or nodes.count(node) == 1))
                if self.alone and clients:
                    break
                if self.alone:
                    instance = "same"
                clients.append(self.client(
                    node, list(GATEWAYS) if roams else [home], instance,
                    self.random.choice([1, 2, 2, 3])))
            clients.append(self.client("", list(GATEWAYS), "none", 1))
            self.clients.append(clients)

    def client(self, node, gateways, instance, connections):
        return {"node": node, "gateways": gateways, "instance": instance,
                "connections": connections, "pace": self.pace,
                "stay": self.stay * self.random.choice([0.3, 1, 4]),
                "seed": self.random.randrange(1 << 32)}

    # --- The operator -------------------------------------------------------

    def command(self, at, volume):
        kind = self.random.random()
        node = self.random.choice(NODES)
        if kind < 0.3:
            self.add(at, "preempt", volume=volume, node=node)
        elif kind < 0.7:
            victim = self.random.choice([one for one in NODES if one != node])
            self.add(at, "preempt", volume=volume, node=node, victim=victim)
        elif kind < 0.85:
            self.add(at, "clear", volume=volume)
        else:
            self.add(at, "release", volume=volume, node=node)

    def operator(self):
        for volume in range(VOLUMES):
            at = self.quiet + self.draw(0.1, 0.4)
            while at < self.length:
                self.command(at, volume)
                at += self.draw(0.1, 0.5)

    def take_all(self, at):
        """Somebody takes every volume, from whoever has it."""
        for volume in range(VOLUMES):
            self.add(at, "preempt", volume=volume,
                     node=self.random.choice(NODES))


# --- Themes: processes and commands -----------------------------------------


def kill(plan):
    """Gateways are killed, and start again at once or later."""
    for gateway in plan.random.sample(GATEWAYS, plan.random.choice([1, 2, 3])):
        at = plan.draw(0.2, 0.8)
        plan.add(at, "kill", gateway=gateway)
        plan.add(min(at + plan.draw(0, 0.3), plan.length), "start",
                 gateway=gateway)


def alone(plan):
    """The same, and nobody else writes: instances come back, or have ended."""
    plan.alone = True
    plan.quiet = plan.length
    kill(plan)


def stop(plan):
    """A gateway is stopped, others take over, it goes on."""
    at, gateway = plan.draw(0.2, 0.4), plan.gateway()
    plan.add(at, "stop", gateway=gateway)
    plan.take_all(at + 0.02)
    plan.add(at + plan.draw(0.2, 0.6), "go-on", gateway=gateway)


def duel(plan):
    """Two nodes preempt each other."""
    for volume in range(VOLUMES):
        one, other = plan.random.sample(NODES, 2)
        at = plan.draw(0.2, 0.5)
        for _ in range(plan.random.randint(4, 8)):
            plan.add(at, "preempt", volume=volume, node=one, victim=other)
            plan.add(at, "preempt", volume=volume, node=other, victim=one)
            at += plan.draw(0, 0.05)


def storm(plan):
    """Commands of all kinds, one right after the other."""
    for volume in range(VOLUMES):
        at = plan.draw(0.2, 0.5)
        for _ in range(plan.random.randint(5, 8)):
            plan.command(at, volume)


def leave(plan):
    """Clients come and go all the time, while leases are broken."""
    plan.stay = 0.08
    for volume in range(VOLUMES):
        for _ in range(2):
            plan.add(plan.draw(0.2, 0.9), "clear", volume=volume)


def clock(plan):
    """The time of day jumps for one gateway, there and back."""
    plan.fake_clock = plan.gateway()
    for _ in range(3):
        seconds = plan.random.choice([90, 3600, 86400, 10 * 365 * 86400])
        plan.add(plan.draw(0, 0.6), "jump", gateway=plan.fake_clock,
                 offset=f"{plan.random.choice('+-')}{seconds}")


def expiry(plan):
    """Leases run out: of a gateway that is stopped (or cut off) with writes in
    flight and goes on when others have written, and of one that was killed.
    """
    first, second = plan.random.sample(GATEWAYS, 2)
    cut = plan.store == "azurite" and plan.random.random() < 0.5
    at = plan.draw(0.2, 0.5)
    plan.add(at, "partition" if cut else "stop", gateway=first)
    back = at + plan.draw(15.6, 16.4)
    if cut:
        plan.add(back, "heal")
    else:
        plan.add(back, "go-on", gateway=first)
    plan.add(at + plan.draw(0, 0.3), "kill", gateway=second)
    plan.add(at + plan.draw(15.6, 16.4), "start", gateway=second)


# --- Themes of the file store -----------------------------------------------


def full(plan):
    """The file system is full for a while."""
    plan.sectors = 4096  # most of them have never been written to by then
    at = plan.draw(0.15, 0.3)
    plan.add(at, "full")
    plan.add(at + plan.draw(0.3, 0.5), "room")


# --- Themes of Azure: through the proxies -----------------------------------


def rules(plan, name, seconds, **rule):
    """For one, two or all gateways, for a while."""
    for gateway in plan.random.sample(GATEWAYS, plan.random.choice([1, 2, 3])):
        plan.add(plan.draw(0.1, 0.4), name, gateway=gateway,
                 rule={"seconds": seconds, "seed": plan.random.randrange(999),
                       **rule})


def hold(plan):
    """Writes are on their way for long, while others take over."""
    for gateway in GATEWAYS:
        plan.add(plan.draw(0.1, 0.5), "hold", gateway=gateway,
                 rule={**PAGES, "action": "hold",
                       "times": plan.random.randint(1, 3)})
    at = plan.draw(0.6, 0.7)
    plan.add(at, "kill", gateway=plan.gateway())
    plan.take_all(at + 0.02)
    if not plan.late:
        plan.add(0.9, "let-go")


def late(plan):
    """Connections are lost, and what was sent on them arrives later, when it
    may have been sent again and been written over, mostly by the same session.
    """
    plan.length = 2.4
    plan.stay = 3
    plan.sectors = 16
    plan.quiet = 1.6
    for gateway in GATEWAYS:
        for at in (0.1, 0.4):
            plan.add(at + plan.draw(0, 0.2), "late", gateway=gateway,
                     rule={**PAGES, "action": "late",
                           "times": plan.random.randint(1, 2)})
    plan.add(plan.draw(1.8, 2.1), "let-go")


def hold_commands(plan):
    """Lease commands and claims are on their way for long."""
    for gateway in GATEWAYS:
        comp = plan.random.choice(["lease", "properties", "metadata"])
        plan.add(plan.draw(0.1, 0.6), "hold", gateway=gateway,
                 rule={"method": "PUT", "query": {"comp": comp},
                       "action": "hold", "times": 1})
    plan.add(plan.draw(0.5, 0.7), "kill", gateway=plan.gateway())
    if not plan.late:
        plan.add(0.9, "let-go")


def swallow(plan):
    """Requests are done, and their answers lost."""
    rules(plan, "swallow", 0.6, **plan.random.choice([PAGES, CHANGES]),
          action="swallow", chance=plan.draw(0.05, 0.3))


def drop(plan):
    """Requests are lost before they arrive."""
    rules(plan, "drop", 0.6, **CHANGES, action="drop",
          chance=plan.draw(0.05, 0.3))


def duplicate(plan):
    """Requests without an answer arrive again, later."""
    rules(plan, "duplicate", 0.6, **PAGES, action="duplicate",
          chance=plan.draw(0.1, 0.4), delay=plan.draw(0.02, 0.4))


def errors(plan):
    """The store answers with errors."""
    status, error = plan.random.choice(
        [(503, "ServerBusy"), (500, "InternalError"),
         (500, "OperationTimedOut")])
    rules(plan, "5xx", plan.draw(0.1, 0.4), action="answer", status=status,
          error=error, chance=plan.random.choice([0.3, 1]))


def slow(plan):
    """Everything takes its time."""
    rules(plan, "delay", 0.6, action="pass", delay=plan.draw(0.01, 0.15))
    rules(plan, "bandwidth", 0.6, action="pass",
          rate=plan.random.randint(20000, 200000))


def stall(plan):
    """Connections that nothing comes over any more, and nobody closes."""
    rules(plan, "half-open", 0.5, action="stall", chance=0.2)
    plan.take_all(plan.draw(0.4, 0.7))


def partition(plan):
    """A gateway cannot reach the store, nor the store it."""
    at, gateway = plan.draw(0.2, 0.4), plan.gateway()
    plan.add(at, "partition", gateway=gateway)
    plan.take_all(at + 0.05)
    plan.add(at + plan.draw(0.3, 0.5), "heal")


def restart(plan):
    """The store ends, and starts again."""
    plan.add(plan.draw(0.3, 0.5), "store-restart")


COMMON = (kill, alone, stop, duel, storm, leave, clock)
THEMES = {
    "file": COMMON + (full, expiry),
    "azurite": COMMON + (hold, hold_commands, late, swallow, drop, duplicate,
                         errors, slow, stall, partition, restart, hold, late,
                         expiry),
}


def names():
    return sorted({theme.__name__ for themes in THEMES.values()
                   for theme in themes})
