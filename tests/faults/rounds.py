# SPDX-License-Identifier: LGPL-2.1-or-later
# rounds.py: carries a plan out, and looks at what came of it.
#
# A round: fresh volumes, three fresh gateways, clients at work while the
# plan's actions are carried out. Then all faults end, except that requests may
# still be held. Who cannot come to an end loses its gateway. A judge, another
# node through another gateway, takes each volume from whoever has it: it has
# to be able to write (rule 5). What was held is let go on (or was before), and
# all is read once more, by the judge and by an observer.

import concurrent.futures
import signal
import threading
import time

import checker
from clients import Client
from history import SECTOR, History, now
from plan import GATEWAYS, VOLUMES, Plan
from servers import (MUTATED_PLUGIN, PATIENCE, PLUGIN, Gateway,
                     fake_time_library)

# How long clients are waited for before their gateways are killed.
GRACE = 0.7


class Round:
    def __init__(self, store, number, seed, options, folder):
        self.store = store
        self.plan = Plan(options.store, seed, options.theme, options.cache)
        self.history = History()
        self.history.add("round", seed=seed, store=options.store,
                         plan=self.plan.describe())
        self.volumes = [f"r{number}-v{volume}" for volume in range(VOLUMES)]
        self.stop = threading.Event()
        store.new_round(number)
        self.gateways = {
            name: Gateway(name, folder, self.history, store,
                          store.gateway_url(name), self.plan.caches[name],
                          store.prefix(name), MUTATED_PLUGIN if
                          options.mutation else PLUGIN)
            for name in GATEWAYS}
        self.judge = Gateway("judge", folder, self.history, store, store.url,
                             "none")
        self.commands = []

    def run(self):
        """The violations; RuntimeError if something else went wrong."""
        try:
            self.begin()
            with concurrent.futures.ThreadPoolExecutor(6) as self.operators:
                self.carry_out()
            self.end()
            self.judgement()
            self.history.add("proxies", requests=self.store.meddled())
            for gateway in (*self.gateways.values(), self.judge):
                gateway.finish()
        finally:
            self.stop.set()
            for gateway in (*self.gateways.values(), self.judge):
                gateway.kill()
            self.store.end_round()
            self.store.release()
            self.store.remove_round()
        return checker.check(self.history.events)

    def begin(self):
        for volume in self.volumes:
            status, text = self.store.leasehold(
                "create", volume, str(self.plan.sectors * SECTOR))
            if status != 0:
                raise RuntimeError(f"create {volume}: {text}")
        for gateway in self.gateways.values():
            self.start(gateway)
        for gateway in self.gateways.values():
            gateway.up()
        self.clients = []
        for volume, plans in zip(self.volumes, self.plan.clients):
            for plan in plans:
                self.clients.append(self.client(volume, plan))
        for client in self.clients:
            client.start()
        for client in self.clients:
            client.opened.wait(PATIENCE)

    def client(self, volume, plan):
        return Client(len(self.clients), volume, self.plan.sectors, plan,
                      self.gateways, self.history, self.stop)

    def start(self, gateway):
        gateway.check()
        if gateway.process is None:
            gateway.start(gateway.name == self.plan.fake_clock and
                          fake_time_library() is not None)

    # --- Actions ------------------------------------------------------------

    def carry_out(self):
        began = now()
        for action in self.plan.actions:
            time.sleep(max(0, began + action["at"] - now()))
            self.act(dict(action))
        time.sleep(max(0, began + self.plan.length - now()))

    def act(self, action):
        do, _ = action.pop("do"), action.pop("at")
        if do in ("preempt", "clear", "release"):
            self.commands.append(
                self.operators.submit(self.command, do, **action))
            return
        began = now()
        reason = self.missing(do)
        if reason is None:
            getattr(self, "do_" + do.replace("-", "_"), self.do_rule)(**action)
        self.history.add("fault", name=do, began=began, ended=now(),
                         skipped=reason, **action)

    def missing(self, do):
        if do == "jump" and fake_time_library() is None:
            return "libfaketime is missing"
        same = {"room": "full", "heal": "partition"}
        return self.store.missing.get(same.get(do, do))

    def command(self, verb, volume, node=None, victim=None):
        arguments = [verb, self.volumes[volume]]
        if node:
            arguments += ["--node", node]
        if victim:
            arguments += ["--victim", victim]
        began = now()
        status, text = self.store.leasehold(*arguments)
        self.history.add("command", verb=verb, at=self.volumes[volume],
                         node=node, victim=victim, began=began, ended=now(),
                         status=status, text=text)

    def do_kill(self, gateway):
        self.gateways[gateway].check()
        self.gateways[gateway].kill()

    def do_start(self, gateway):
        self.start(self.gateways[gateway])

    def do_stop(self, gateway):
        self.gateways[gateway].signal(signal.SIGSTOP)

    def do_go_on(self, gateway):
        self.gateways[gateway].check()
        self.gateways[gateway].signal(signal.SIGCONT)
        self.start(self.gateways[gateway])

    def do_jump(self, gateway, offset):
        self.gateways[gateway].jump(offset)

    def do_full(self):
        self.store.fill()

    def do_room(self):
        self.store.end_round()

    def do_rule(self, gateway, rule):
        self.store.proxies[gateway].rule(rule)

    def do_let_go(self):
        self.store.release()

    def do_partition(self, gateway):
        self.store.network.cut(gateway)

    def do_heal(self):
        self.store.network.heal()

    def do_store_restart(self):
        self.store.stop()
        self.store.start()

    # --- The end ------------------------------------------------------------

    def end(self):
        for command in self.commands:
            command.result()
        self.stop.set()
        self.store.end_round()
        for gateway in self.gateways.values():
            gateway.check()
            gateway.signal(signal.SIGCONT)
        if not self.plan.late:
            self.store.release()
        deadline = now() + GRACE
        for client in self.clients:
            client.join(max(0, deadline - now()))
        if any(client.is_alive() for client in self.clients):
            for gateway in self.gateways.values():
                gateway.check()
                gateway.kill()
        for client in self.clients:
            client.join(PATIENCE)
            if client.is_alive():
                raise RuntimeError(f"client {client.number} hangs, although "
                                   "its gateway is dead")
            if client.problem is not None:
                raise RuntimeError(f"client {client.number}: {client.problem}")

    def judgement(self):
        self.judge.start()
        self.judge.up()
        readers = [self.judge_session(volume, node)
                   for volume in self.volumes for node in ("judge", "")]
        self.read_all(readers)
        writers = [self.take(volume) for volume in self.volumes]
        self.read_all(writers)
        self.store.release()
        self.read_all(writers + readers)
        for session in writers + readers:
            session.close()

    def judge_session(self, volume, node):
        judge = Client(len(self.clients), volume, self.plan.sectors,
                       {"node": node, "seed": 0}, {"judge": self.judge},
                       self.history, self.stop)
        self.clients.append(judge)
        session = judge.session("judge", "", 1)
        if not session.open():
            raise RuntimeError(f"the judge cannot even open {volume}")
        return session

    def read_all(self, sessions):
        for session in sessions:
            session.read(session.handles[0], 0, self.plan.sectors)

    def take(self, volume):
        """Somebody can write, now that nothing is wrong. (To preempt, a store
        that tells no lease IDs has to guess whose the lease is; to clear, it
        has not.)
        """
        deadline = now() + PATIENCE
        while True:
            session = self.judge_session(volume, "last-judge")
            for command in (["preempt", volume, "--node", "last-judge"],
                            ["clear", volume]):
                status, text = self.store.leasehold(*command)
                outcome = session.write(session.handles[0], 3, 5)
                if outcome == "ok":
                    session.zero(session.handles[0], 10, 3)
                    session.flush(session.handles[0])
                    return session
            if now() > deadline:
                self.history.add("stuck", volume=volume, why="clear: "
                                 f"{status} {text}; write: {outcome}")
                return session
            session.close()
