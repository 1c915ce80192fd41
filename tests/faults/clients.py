# SPDX-License-Identifier: LGPL-2.1-or-later
# clients.py: clients that write, zero, read, flush, leave and come back, and
# note what they were told.
#
# A client is a thread. It opens a session of one to three connections, one
# more thread for each, uses it for a while, closes it, and begins again, until
# it is told to stop. What it does is drawn from its own random numbers.

import random
import threading
import time

import nbd

from history import SECTOR, found_in, now, stamped

# Longest changes and reads, in sectors: mostly, and now and then.
SHORT, LONG = 6, 48

# Of a client. A volume remembers 32 fenced instances (FENCED_INSTANCES_MAX in
# include/leasehold/lease.h), and has three clients that can have some.
INSTANCES_MAX = 10


def errno_name(problem):
    return problem.errno or "EIO"


class Session:
    """The connections of one client at one time."""

    def __init__(self, client, gateway, instance, connections):
        self.client = client
        self.gateway = gateway
        self.instance = instance
        self.connections = connections
        self.name = (f"{client.node or 'observer'}-{client.number}."
                     f"{client.sessions}")
        self.lock = threading.Lock()
        self.sequence = 0
        self.fenced = False
        self.ends = 0
        self.handles = []

    def export(self):
        client = self.client
        if not client.node:
            return client.volume
        suffix = f"/instance={self.instance}" if self.instance else ""
        return f"{client.volume}@{client.node}{suffix}"

    def note(self, what, began, outcome, **fields):
        client = self.client
        client.history.add(what, volume=client.volume, session=self.name,
                           node=client.node, instance=self.instance,
                           gateway=self.incarnation, began=began,
                           ended=now(), outcome=outcome, **fields)

    def note_open(self, began, outcome):
        self.note("open", began, outcome, cache=self.gateway.cache)

    def open(self):
        """True if all connections are open."""
        began = now()
        self.incarnation = self.gateway.incarnation
        try:
            for _ in range(self.connections):
                handle = nbd.NBD()
                handle.set_export_name(self.export())
                handle.connect_unix(self.gateway.socket)
                self.handles.append(handle)
        except nbd.Error as problem:
            self.note_open(began, errno_name(problem))
            return False
        # The process that it is may be another one by now; that dies later.
        self.incarnation = self.gateway.incarnation
        self.note_open(began, "ok")
        return True

    def close(self):
        began = now()
        for handle in self.handles:
            try:
                if handle.aio_is_ready():
                    handle.shutdown()
            except nbd.Error:
                pass
        self.handles = []  # closes them
        self.note("close", began, "ok")

    # --- Requests; each returns its outcome ---------------------------------

    def request(self, handle, what, call, **fields):
        began = now()
        try:
            fields.update(call() or {})
            outcome = "ok"
        except nbd.Error as problem:
            outcome = errno_name(problem)
            if handle.aio_is_dead() or handle.aio_is_closed():
                outcome = "lost"
        self.note(what, began, outcome, **fields)
        if outcome == "ESHUTDOWN":
            self.fenced = True
        return outcome

    def next_stamp(self):
        with self.lock:
            self.sequence += 1
            return f"{self.name}.{self.sequence}"

    def write(self, handle, first, count, fua=False):
        stamp = self.next_stamp()
        data = stamped(self.client.volume, first, count, stamp)
        flags = nbd.CMD_FLAG_FUA if fua else 0
        return self.request(
            handle, "write",
            lambda: handle.pwrite(data, first * SECTOR, flags),
            first=first, count=count, fua=fua, stamp=stamp)

    def zero(self, handle, first, count, fua=False):
        flags = nbd.CMD_FLAG_FUA if fua else 0
        return self.request(
            handle, "zero",
            lambda: handle.zero(count * SECTOR, first * SECTOR, flags),
            first=first, count=count, fua=fua)

    def flush(self, handle):
        return self.request(handle, "flush", handle.flush)

    def read(self, handle, first, count):
        def call():
            data = handle.pread(count * SECTOR, first * SECTOR)
            return {"found": found_in(self.client.volume, first, data)}
        return self.request(handle, "read", call, first=first, count=count)


class Client(threading.Thread):
    """plan: node ("" observes), gateways, connections, instance ("none",
    "new": another one after each fence, "same": the same one), pace
    (seconds between requests, about), stay (seconds of a session, about).
    """

    def __init__(self, number, volume, sectors, plan, gateways, history, stop):
        super().__init__(name=f"client {number}", daemon=True)
        self.number = number
        self.volume = volume
        self.sectors = sectors
        self.plan = plan
        self.node = plan["node"]
        self.gateways = gateways
        self.history = history
        self.stop = stop
        self.random = random.Random(plan["seed"])
        self.sessions = 0
        self.instances = 0
        self.problem = None
        self.opened = threading.Event()  # or tried to

    def session(self, gateway, instance, connections):
        self.sessions += 1
        return Session(self, self.gateways[gateway], instance, connections)

    def next_instance(self):
        if self.plan["instance"] == "none":
            return ""
        self.instances = min(self.instances + 1, INSTANCES_MAX)
        return f"{self.volume}-{self.number}-{self.instances}"

    def run(self):
        try:
            self.live()
        except Exception as problem:  # for who waits for this thread
            self.problem = problem
            raise

    def live(self):
        instance = self.next_instance()
        fences = 0
        while not self.stop.is_set():
            name = self.random.choice(self.plan["gateways"])
            session = self.session(name, instance, self.plan["connections"])
            opened = session.open()
            self.opened.set()
            if opened:
                self.use(session)
            session.close()
            fences += session.fenced
            # A machine that was fenced tries on for a while, then starts anew.
            if fences > (3 if self.plan["instance"] == "same" else 0):
                instance, fences = self.next_instance(), 0
            self.stop.wait(self.random.uniform(0, self.plan["pace"] * 4))

    def use(self, session):
        session.ends = now() + self.random.uniform(0.2, 2) * self.plan["stay"]
        seeds = [self.random.random() for _ in session.handles]
        others = [threading.Thread(target=self.work, daemon=True,
                                   args=(session, handle, seed))
                  for handle, seed in zip(session.handles[1:], seeds[1:])]
        for other in others:
            other.start()
        self.work(session, session.handles[0], seeds[0])
        for other in others:
            other.join()

    def work(self, session, handle, seed):
        """Uses one connection until the session is over."""
        draw = random.Random(seed)
        tries = draw.randint(2, 6)  # once fenced
        while not self.stop.is_set() and now() < session.ends and tries > 0:
            outcome = self.one_request(session, handle, draw)
            if outcome == "lost":
                session.ends = 0
            if session.fenced:
                tries -= 1
            pace = self.plan["pace"]
            if outcome == "EPERM":
                pace *= 4
            time.sleep(draw.uniform(0, 2) * pace)

    def one_request(self, session, handle, draw):
        size = LONG if draw.random() < 0.1 else SHORT
        count = draw.randint(1, min(size, self.sectors))
        first = draw.randint(0, self.sectors - count)
        if not self.node or (not session.fenced and draw.random() < 0.3):
            return session.read(handle, first, count)
        kind, fua = draw.random(), draw.random() < 0.2
        if kind < 0.15:
            return session.flush(handle)
        if kind < 0.3:
            return session.zero(handle, first, count, fua)
        return session.write(handle, first, count, fua)
