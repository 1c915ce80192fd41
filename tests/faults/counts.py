# SPDX-License-Identifier: LGPL-2.1-or-later
# counts.py: how often what happened, out of a history.
#
# Acknowledged, refused and fenced are what clients were told. The others come
# from the gateways' logs:
#
#   claims     epochs that a session began to write under
#   reclaims   those of a session that was in doubt before; "unknown" counts
#              those after a write of unknown outcome (S4)
#   fences     sessions that found out that they were fenced
#   takeovers  epochs claimed by another node than the one before, for which
#              the operator's command had preempted in between
#   ended      instances that ended with a gateway that had write-back (S13)
#
# Losses are writes answered with write-back that no flush had promised when
# their session was told that it is fenced, or has lost something. (They may be
# in the store all the same.)

import collections
import re

# The lines of nbdkit-leasehold-plugin(1), LOG.
STATE = re.compile(r"(\S+)@(\S+?): (claim|doubt|resume|reclaim|fence|conflict|"
                   r"attach|release|detach)\b(?: epoch=(\d+))?"
                   r"(?:.*? cause=\"(.*)\")?")

ORDER = ("rounds", "acknowledged", "refused", "fenced", "lost", "errors",
         "reads", "flushes", "losses", "claims", "reclaims", "unknown",
         "fences", "takeovers", "ended", "violations")

NAMES = {
    "acknowledged": "writes acknowledged", "refused": "writes refused (EPERM)",
    "fenced": "writes fenced (ESHUTDOWN)", "lost": "writes without an answer",
    "errors": "writes failed (EIO, ENOSPC)", "reads": "reads checked",
    "flushes": "flushes acknowledged", "claims": "claims of an epoch",
    "unknown": "reclaims, outcome unknown",
    "losses": "writes reported as lost", "ended": "instances ended",
}

# Of a line with an event "fence".
UNSENT = "last session ended with unsent writes"

OUTCOMES = {"ok": "acknowledged", "EPERM": "refused", "ESHUTDOWN": "fenced",
            "lost": "lost"}


def count(events):
    found = collections.Counter()
    for event in events:
        what, outcome = event["what"], event.get("outcome")
        if what in ("write", "zero"):
            found[OUTCOMES.get(outcome, "errors")] += 1
        elif what in ("read", "flush") and outcome == "ok":
            found["reads" if what == "read" else "flushes"] += 1
        elif what == "fault" and not event["skipped"]:
            found["fault " + event["name"]] += 1
        elif what == "command":
            found["fault " + event["verb"]] += 1
        elif what == "proxies":
            for action, number in event["requests"].items():
                found["requests " + action] += number
    found.update(of_logs(events))
    found["losses"] = losses(events)
    return found


def losses(events):
    back = {event["session"] for event in events
            if event["what"] == "open" and event.get("cache") == "back"}
    unsure = {session: [] for session in back}  # when they were answered
    found = 0
    for event in sorted((event for event in events
                         if event["what"] in ("write", "zero", "flush") and
                         event.get("session") in back),
                        key=lambda event: event["ended"]):
        mine, outcome = unsure[event["session"]], event["outcome"]
        if outcome == "ESHUTDOWN" or (event["what"] == "flush" and
                                      outcome not in ("ok", "EPERM", "lost")):
            found += len(mine)
            mine.clear()
        elif outcome == "ok" and event["what"] == "flush":
            mine[:] = [at for at in mine if at > event["began"]]
        elif outcome == "ok" and not event["fua"]:
            mine.append(event["ended"])
    return found


def of_logs(events):
    found = collections.Counter()
    doubts = {}  # of sessions that are in doubt: epoch and cause
    claims = collections.defaultdict(list)  # by volume: epoch, node, when
    ended = set()
    for event in events:
        match = event["what"] == "log" and STATE.search(event["line"])
        if not match:
            continue
        volume, who, state, epoch, cause = match.groups()
        session = event["gateway"], volume, who
        doubt = doubts.pop(session, None)
        if state == "doubt":
            doubts[session] = int(epoch), cause or ""
        elif state == "fence":
            found["fences"] += 1
            if UNSENT in (cause or ""):
                ended.add((volume, who))
        elif state in ("claim", "reclaim"):
            claims[volume].append((int(epoch), who.partition("/")[0],
                                   event["at"]))
            if doubt and int(epoch) > doubt[0]:
                found["reclaims"] += 1
                found["unknown"] += "unknown" in doubt[1]
    found["ended"] = len(ended)
    found["claims"] = sum(map(len, claims.values()))
    found["takeovers"] = sum(takeovers(events, volume, sorted(of_volume))
                             for volume, of_volume in claims.items())
    return found


def takeovers(events, volume, claims):
    done = [event for event in events
            if event["what"] == "command" and event["verb"] == "preempt" and
            event["at"] == volume and event["status"] == 0]
    return sum(before[1] != after[1] and
               any(command["node"] == after[1] and
                   before[2] < command["ended"] and command["began"] < after[2]
                   for command in done)
               for before, after in zip(claims, claims[1:]))


def line(found):
    return ", ".join(f"{found[name]} {name}" for name in
                     ("acknowledged", "refused", "fenced", "reclaims",
                      "fences", "takeovers", "losses", "ended",
                      "violations"))


def table(total):
    for name in ORDER:
        print(f"  {NAMES.get(name, name):28}{total[name]:8}")
    for prefix, title in (("fault ", "faults and commands"),
                          ("requests ", "requests, by what the proxies did")):
        names = sorted(name for name in total if name.startswith(prefix))
        if names:
            print(title)
        for name in names:
            print(f"  {name[len(prefix):]:28}{total[name]:8}")
