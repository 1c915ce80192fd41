# SPDX-License-Identifier: LGPL-2.1-or-later
# proxy.py: an HTTP proxy between a client and a Blob service, for faults.
#
# Usage: proxy.py --upstream HOST:PORT --control SOCKET [--host ADDRESS]
#                 [--port N] [--log FILE] [--strip HEADER]...
#        proxy.py --send SOCKET JSON...
#
# It listens on 127.0.0.1, or on ADDRESS; once it can be used, it prints "ready
# PORT". Plain HTTP only: put TLS elsewhere. --strip takes a header out of every
# request.
#
# How it works. Requests and answers are read whole and then sent on (at most
# 80 MiB; a Put Page has 4 MiB at most), so a request that has been read can
# outlive its client. Each one goes to the server on a connection of its own,
# so that nothing that the proxy does to one touches another. rules.py says
# which are meddled with. Everything runs in one thread: a task per connection,
# and one per control connection.
#
# --control names a Unix socket. Each line is a JSON object, and so is each
# answer; {"error": TEXT} if the command was wrong or its time was up.
#
#   {"do": "add", "rule": {...}}     {"rule": NUMBER}
#   {"do": "remove", "rule": N}      the rule takes no more requests
#   {"do": "clear"}                  no rule does
#   {"do": "release", "rule": N}     removes it; what it held goes on
#   {"do": "show", "rule": N}        how many it has seen, taken, done; outcomes
#   {"do": "await", "rule": N, "what": "taken" or "done", "count": N,
#    "seconds": S}                   waits, then shows it
#   {"do": "counters"}               by kind of request: number, statuses; by
#                                    action: number
#   {"do": "upstream", "address": "HOST:PORT"}
#
# --log: a line of JSON per finished request, with its number, kind, time of
# arrival and of its end in seconds, range, lease ID, epoch, rule, action and
# outcome. Neither Authorization nor the query's signature is ever kept.

import argparse
import asyncio
import collections
import json
import os
import socket
import sys
import time
import urllib.parse

import http_message
from http_message import BadMessage, Closed, Message
from rules import Rule

# All that is logged of a request, besides its method and path.
LOGGED_QUERY = ("comp", "restype", "marker", "maxresults", "snapshot")
LOGGED_HEADERS = ("x-ms-range", "x-ms-page-write", "x-ms-lease-action",
                  "x-ms-lease-id", "x-ms-proposed-lease-id",
                  "x-ms-lease-duration", "x-ms-lease-break-period",
                  "x-ms-if-sequence-number-eq", "x-ms-sequence-number-action",
                  "x-ms-sequence-number", "if-match",
                  "x-ms-client-request-id", "user-agent")


class Request:
    def __init__(self, number, message):
        self.number = number
        self.message = message
        self.method, target, _ = message.start.split(" ")
        parts = urllib.parse.urlsplit(target)
        self.path = urllib.parse.unquote(parts.path)
        self.query = dict(urllib.parse.parse_qsl(parts.query, True))
        self.arrived = time.monotonic()

    def kind(self):
        """Such as "PUT comp=lease acquire", for people and counters."""
        words = [self.method]
        words += [f"{name}={self.query[name]}" for name in ("restype", "comp")
                  if name in self.query]
        for name in ("x-ms-lease-action", "x-ms-page-write",
                     "x-ms-sequence-number-action"):
            if self.message.get(name) is not None:
                words.append(self.message.get(name))
        return " ".join(words)


def outcome_of(answer):
    if answer is None:
        return {"status": None}
    outcome = {"status": http_message.answer_status(answer)}
    for name, header in (("error", "x-ms-error-code"),
                         ("epoch", "x-ms-blob-sequence-number"),
                         ("etag", "ETag")):
        if answer.get(header) is not None:
            outcome[name] = answer.get(header)
    return outcome


def made_answer(rule):
    """The answer of a rule with the action "answer"."""
    fields = rule.fields
    code = fields.get("error", "")
    body = ("<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>"
            f"{code}</Code><Message>by the proxy</Message></Error>").encode()
    headers = [("Server", "proxy"), ("Content-Type", "application/xml"),
               ("Content-Length", str(len(body)))]
    if code:
        headers.append(("x-ms-error-code", code))
    if "retry_after" in fields:
        headers.append(("Retry-After", str(fields["retry_after"])))
    return Message(f"HTTP/1.1 {fields['status']} Fault", headers, body)


class Proxy:
    def __init__(self, upstream, log, strip):
        self.upstream = upstream
        self.strip = strip
        self.log = log
        self.begin = time.monotonic()
        self.requests = 0
        self.rules = {}   # by number, in the order in which they are asked
        self.all = {}     # also those that were removed
        self.tasks = set()  # that finish requests whose client has gone
        self.kinds = {}
        self.actions = collections.Counter()

    # --- Requests -----------------------------------------------------------

    async def serve(self, reader, writer):
        """One client connection."""
        try:
            while True:
                message = await http_message.read_request(reader, writer)
                self.requests += 1
                request = Request(self.requests, message)
                if not await self.handle(request, writer):
                    break
        except (Closed, BadMessage, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def handle(self, request, writer):
        """One request. False: the connection is to be closed."""
        rule = next((rule for rule in list(self.rules.values())
                     if rule.takes(request)), None)
        action = rule.action if rule else "pass"
        if rule:
            await rule.notify()
        if action == "late":
            task = asyncio.create_task(self.finish(request, rule, action))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            return False
        answer = await self.finish(request, rule, action)
        if answer is None or action == "swallow":
            return False
        await http_message.write(writer, answer.encode(),
                                 rule.rate if rule else None)
        return request.message.get("Connection", "").lower() != "close"

    async def finish(self, request, rule, action):
        """Does what the rule says, and counts it. None: no answer."""
        answer = None
        try:
            answer = await self.answer_for(request, rule, action)
        except (BadMessage, Closed, OSError, asyncio.IncompleteReadError):
            pass
        outcome = outcome_of(answer)
        self.count(request, rule, action, outcome)
        if rule:
            await rule.finished(outcome)
        return answer

    async def answer_for(self, request, rule, action):
        """Does what the rule says. None: the client gets no answer."""
        if action in ("hold", "late", "stall"):
            await rule.released.wait()
        if action in ("drop", "stall"):
            return None
        if rule and action != "duplicate":
            await asyncio.sleep(rule.delay)
        if action == "answer":
            return made_answer(rule)
        message = request.message
        if rule:
            message = message.without(*rule.strip)
        answer = await self.forward(request.method, message, rule)
        if action == "duplicate":
            await asyncio.sleep(rule.delay)
            await self.forward(request.method, message, rule)
        return answer

    async def forward(self, method, message, rule):
        """Sends the request to the server, on a connection of its own."""
        message = message.without("Connection", "Keep-Alive", *self.strip)
        message.headers.append(("Connection", "close"))
        reader, writer = await asyncio.open_connection(
            *self.upstream, limit=http_message.HEAD_MAX)
        try:
            await http_message.write(writer, message.encode(),
                                     rule.rate if rule else None)
            answer = await http_message.read_answer(reader, method)
        finally:
            writer.close()
        return answer.without("Connection", "Keep-Alive")

    def count(self, request, rule, action, outcome):
        kind = self.kinds.setdefault(
            request.kind(), {"requests": 0, "statuses": collections.Counter()})
        kind["requests"] += 1
        kind["statuses"][str(outcome["status"])] += 1
        self.actions[action] += 1
        if self.log is None:
            return
        line = {"number": request.number,
                "kind": request.kind(),
                "path": request.path,
                "arrived": round(request.arrived - self.begin, 6),
                "ended": round(time.monotonic() - self.begin, 6),
                "bytes": len(request.message.body),
                "query": {name: request.query[name] for name in LOGGED_QUERY
                          if name in request.query},
                "headers": {name: request.message.get(name)
                            for name in LOGGED_HEADERS
                            if request.message.get(name) is not None},
                "rule": rule.number if rule else None,
                "action": action,
                "outcome": outcome}
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()

    # --- Control ------------------------------------------------------------

    async def control(self, reader, writer):
        try:
            while line := await reader.readline():
                try:
                    answer = await self.command(json.loads(line))
                except asyncio.TimeoutError:
                    answer = {"error": "that did not happen in time"}
                except (ValueError, KeyError, TypeError) as problem:
                    answer = {"error": f"{type(problem).__name__}: {problem}"}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def command(self, command):
        do = command["do"]
        if do == "add":
            rule = Rule(len(self.all) + 1, command["rule"])
            self.all[rule.number] = self.rules[rule.number] = rule
            return {"rule": rule.number}
        if do == "clear":
            self.rules.clear()
            return {}
        if do == "counters":
            return {"requests": self.requests, "kinds": self.kinds,
                    "actions": self.actions}
        if do == "upstream":
            self.upstream = address(command["address"])
            return {}
        rule = self.all[command["rule"]]
        if do == "remove":
            self.rules.pop(rule.number, None)
        elif do == "release":
            self.rules.pop(rule.number, None)
            rule.released.set()
        elif do == "await":
            if command["what"] not in ("taken", "done"):
                raise ValueError("await taken, or done")
            await rule.reach(command["what"], command["count"],
                             command["seconds"])
        elif do != "show":
            raise ValueError(f"no command {do!r}")
        return rule.report()


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


async def run(options):
    log = open(options.log, "a", encoding="utf-8") if options.log else None
    proxy = Proxy(address(options.upstream), log, options.strip)
    await asyncio.start_unix_server(proxy.control, options.control)
    server = await asyncio.start_server(proxy.serve, options.host, options.port,
                                        limit=http_message.HEAD_MAX)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def send(path, commands):
    """Runs control commands; prints their answers. False if one failed."""
    good = True
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        stream = connection.makefile("rw", encoding="utf-8")
        for command in commands:
            print(json.dumps(json.loads(command)), file=stream, flush=True)
            answer = stream.readline()
            print(answer, end="")
            good = good and answer != "" and "error" not in json.loads(answer)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--upstream")
    parser.add_argument("--control")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log")
    parser.add_argument("--strip", action="append", default=[])
    parser.add_argument("--send")
    parser.add_argument("commands", nargs="*")
    options = parser.parse_args()
    if options.send:
        sys.exit(0 if send(options.send, options.commands) else 1)
    if not options.upstream or not options.control:
        parser.error("--upstream and --control are needed")
    os.umask(0o077)
    try:
        asyncio.run(run(options))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
