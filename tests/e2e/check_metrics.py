# SPDX-License-Identifier: LGPL-2.1-or-later
# check_metrics.py: is a text good Prometheus text format (version 0.0.4), and
# does it keep to the naming that `promtool check metrics` asks for?

import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
UNITS = ("seconds", "bytes")
NOT_BASE = ("milliseconds", "ms", "minutes", "hours", "kilobytes", "percent")


class Bad(Exception):
    pass


def check(good, text):
    if not good:
        raise Bad(text)


def check_name(name, kind):
    check(name.startswith("leasehold_"), f"{name}: whose is it?")
    check(name == name.lower(), f"{name}: not in lower case")
    words = name.split("_")
    check(not set(words) & set(NOT_BASE), f"{name}: not in a base unit")
    check((words[-1] == "total") == (kind == "counter"),
          f"{name}: only a counter ends in _total")
    check(words[-1] not in ("count", "sum", "bucket"), f"{name}: reserved end")
    check(not {"counter", "gauge", "histogram"} & set(words),
          f"{name}: has its type in its name")
    for unit in UNITS:
        check(unit not in words or
              words[-1] == unit or words[-2:] == [unit, "total"],
              f"{name}: the unit is not at the end")


def check_histogram(name, samples):
    buckets = [(labels["le"], value) for sample, labels, value in samples
               if sample == f"{name}_bucket"]
    rest = {sample: value for sample, _, value in samples}
    bounds = [float(bound) for bound, _ in buckets]
    counts = [value for _, value in buckets]
    check(bounds == sorted(set(bounds)) and bounds[-1] == math.inf,
          f"{name}: bounds {bounds}")
    check(counts == sorted(counts), f"{name}: buckets do not add up")
    check(rest[f"{name}_count"] == counts[-1], f"{name}: another count")
    check(f"{name}_sum" in rest, f"{name}: no sum")


def check_family(name, kind, samples):
    check_name(name, kind)
    ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
    for sample, labels, value in samples:
        check(sample in [name + end for end in ends],
              f"{sample} stands in the family {name}")
        check(kind == "gauge" or value >= 0, f"{sample}: {value}")
        check("le" not in labels or sample.endswith("_bucket"), f"{sample}: le")
    if kind == "histogram":
        check_histogram(name, samples)


def parse(text):
    """{(name, ((label, value), ...)): value}; Bad says what is wrong."""
    found, families, family = {}, [], None
    check(text.endswith("\n"), "no newline at the end")
    lines = text[:-1].split("\n")
    for number, line in enumerate(lines):
        words = line.split(" ", 3)
        if line.startswith("# HELP "):
            check(len(words) == 4 and words[3].strip(), f"no help: {line}")
            check(lines[number + 1].startswith(f"# TYPE {words[2]} "),
                  f"no type behind: {line}")
        elif line.startswith("# TYPE "):
            check(lines[number - 1].startswith(f"# HELP {words[2]} "),
                  f"no help before: {line}")
            check(words[3] in ("counter", "gauge", "histogram"), line)
            check(words[2] not in [name for name, _, _ in families],
                  f"the family {words[2]} comes twice")
            family = (words[2], words[3], [])
            families.append(family)
        else:
            match = SAMPLE.fullmatch(line)
            check(match and family, f"not a sample: {line}")
            labels = dict(re.findall(LABEL, match[2] or ""))
            key = match[1], tuple(sorted(labels.items()))
            check(key not in found, f"comes twice: {line}")
            found[key] = float(match[7])
            family[2].append((match[1], labels, found[key]))
    for family in families:
        check_family(*family)
    return found
