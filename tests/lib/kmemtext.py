# SPDX-License-Identifier: GPL-2.0-or-later
"""The events of a trace as other programs print them: trace-cmd report, perf script, a text."""

import os
import re
import subprocess
import tempfile

import readdat
from pairing import FAMILY, FREES, Event

REPORT = re.compile(r"^(?:(\S+):\s)?\s*\S.*?-(\d+)\s+\[(\d+)\]\s*([\d.]+):\s+(\w+):\s+(.*)$")
SCRIPT = re.compile(r"^\s*(-?\d+)\s+\[(\d+)\]\s+([\d.]+):\s+(\w+):(\w+):\s+(.*)$")
TEXT = re.compile(r"^.*?-(\d+)\s+(?:\(\s*[-\d]+\)\s+)?\[(\d+)\]\s+(?:\S{5,8}\s+)?([\d.]+): +(\w+): "
                  r"+(.*)$")
SITE = re.compile(r"\bcall_site=([^\s+]+)(?:\+(0x[0-9a-f]+)(?:/\S+)?(?: (\[\w+\]))?)?")


def run(command):
    done = subprocess.run(command, capture_output=True, timeout=240, check=False,
                          env=dict(os.environ, LC_ALL="C"))
    return done.stdout.decode(errors="replace")


def nanoseconds(text):
    """"13.1210" as nanoseconds, or a count of the clock."""
    seconds, point, part = text.partition(".")
    return int(seconds) * 10**9 + int(part.ljust(9, "0")) if point else int(seconds)


def number(fields, name, default=0):
    match = re.search(rf"\b{name}=(-?(?:0x)?[0-9a-fA-F]+)\b", fields)
    return default if not match else int(match[1], 0)


def pointer(fields):
    match = re.search(r"\bptr=(\S+)", fields)
    return 0 if match[1][0] == "(" else int(match[1], 16)


def site(fields):
    """An address, or (symbol, offset, module)."""
    match = SITE.search(fields)
    if match[2]:
        return match[1], int(match[2], 16), (match[3] or "[]")[1:-1]
    return int(match[1], 16)


def event(time, cpu, kind, fields):
    return Event(time, cpu, kind, site(fields), pointer(fields), number(fields, "bytes_req"),
                 number(fields, "bytes_alloc"), number(fields, "node", -1))


def is_slab(kind):
    return kind in FAMILY or kind in FREES


def of_tracedat(path, instance=""):
    """(events in order, times of the others) of a trace.dat, by trace-cmd report.

    It prints each CPU's events in their order, those of equal times in any.
    """
    trace = readdat.read(path)
    trace.kallsyms = b""  # so that it prints addresses
    trace.compression = "none"  # not every trace-cmd has zlib
    with tempfile.TemporaryDirectory(prefix="kmemstat-pairing-") as tmp:
        plain = os.path.join(tmp, "plain.dat")
        trace.write(plain)
        text = run(["trace-cmd", "report", "-q", "-N", "-t", "-R", plain])
    events, others = [], []
    for line in text.splitlines():
        match = REPORT.match(line)
        if not match or (match[1] or "") != instance:
            continue
        time = nanoseconds(match[4])
        if is_slab(match[5]):
            events.append(event(time, int(match[3]), match[5], match[6]))
        else:
            others.append(time)
    events.sort(key=lambda e: (e.time, e.cpu))
    return events, others


def of_perfdata(path):
    """The same of a perf.data, by perf script, which puts them in order."""
    events, others = [], []
    for line in run(["perf", "script", "--ns", "--kallsyms", os.devnull, "-f", "-G", "-i", path,
                     "-F", "tid,cpu,time,event,trace"]).splitlines():
        match = SCRIPT.match(line)
        if not match:
            continue
        time = nanoseconds(match[3])
        if is_slab(match[5]):
            events.append(event(time, int(match[2]), match[5], match[6]))
        else:
            others.append(time)
    return events, others


def of_text(text):
    """The same of what the tracefs file `trace` has, in the order of its lines."""
    events, others = [], []
    for line in text.splitlines():
        match = TEXT.match(line)
        if not match:
            continue
        time = nanoseconds(match[3])
        if is_slab(match[4]):
            events.append(event(time, int(match[2]), match[4], match[5]))
        else:
            others.append(time)
    return events, others
