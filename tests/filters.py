#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Filters on every kind of input, against the lines of an unfiltered `kmemstat dump`.

usage: filters.py KMEMSTAT TESTDATA

For each trace and filter: the events that the report uses and leaves out, and the lines that
`dump` prints, are those a few lines of Python choose from the whole dump.
"""

import fnmatch
import json
import os
import subprocess
import sys

TRACES = ("small/6.12.dat", "small/stacks.dat", "small/6.1-i386.dat", "small/perf-kmem.data",
          "small/perf-pipe.data", "small/perf-zstd-stacks.data", "text/tracefs.txt",
          "text/perf-script.txt", "text/6.12-report.txt")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


def parse(line):
    cpu, time, pid, event = line.split()[:4]
    name = [w[5:] for w in line.split() if w.startswith("name=")]
    seconds, _, fraction = time.partition(".")
    return {"cpu": int(cpu), "time": int(seconds) * 10**9 + int(fraction or 0), "pid": int(pid),
            "event": event.rstrip(":"), "cache": name[0] if name else None, "line": line}


def filters(events):
    """Options, and what they let pass."""
    pid = events[len(events) // 2]["pid"]
    first, last = (events[len(events) * i // 4]["time"] for i in (1, 3))
    seconds = [f"{t // 10**9}.{t % 10**9:09}" for t in (first, last)]
    yield ["--cpu", "0"], lambda e: e["cpu"] == 0
    yield ["--cpu", "1-7"], lambda e: 1 <= e["cpu"] <= 7
    yield ["--pid", f"{pid},1"], lambda e: e["pid"] in (pid, 1)
    yield ["--time", ",".join(seconds)], lambda e: first <= e["time"] <= last
    yield ["--event", "kfree,kmem_cache_f*"], lambda e: e["event"] in ("kfree", "kmem_cache_free")
    yield ["--event", "k*", "--cpu", "1"], lambda e: e["event"][0] == "k" and e["cpu"] == 1
    yield ["--cache", "*a*"], lambda e: e["cache"] and fnmatch.fnmatchcase(e["cache"], "*a*")


def check(kmemstat, path):
    wrong = []
    status, whole = run(kmemstat, "dump", path)
    if status:
        return [f"dump: status {status}"]
    events = [parse(line) for line in whole.splitlines()]
    for options, passes in filters(events):
        want = [e["line"] for e in events if passes(e)]
        status, got = run(kmemstat, "dump", *options, path)
        if (got.splitlines(), status) != (want, 0 if want else 3):
            wrong.append(f"dump {options}: {len(got.splitlines())} lines, status {status}, "
                         f"expected {len(want)}")
        status, text = run(kmemstat, "--json", "--no-debug-search", *options, path)
        if not want:
            if status != 3:
                wrong.append(f"{options}: status {status} without an event")
            continue
        quality = json.loads(text)["quality"]
        if quality["events_used"] != len(want):
            wrong.append(f"{options}: {quality['events_used']} used, expected {len(want)}")
        if quality["events_filtered"] != len(events) - len(want):
            wrong.append(f"{options}: {quality['events_filtered']} filtered, expected "
                         f"{len(events) - len(want)}")
    return wrong


def main():
    kmemstat, testdata = sys.argv[1:]
    failed = 0
    for name in TRACES:
        wrong = check(kmemstat, os.path.join(testdata, name))
        print(f"{name}: {'FAILED' if wrong else 'ok'}")
        for line in wrong:
            print("   ", line)
        failed += bool(wrong)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
