#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers of kmemstat against those of `perf kmem` and `perf script`, for perf.data.

usage: perf_oracle.py KMEMSTAT TESTDATA recorded|live

recorded  the traces of testdata/small: each event against perf script, rows and totals against
          perf kmem
live      the same for what perf records on this machine now: files, call chains, compression,
          pipe mode, a buffer far too small; names against /proc/kallsyms. Needs root, perf and
          tracefs, and leaves them as they were.
"""

import bisect
import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import tracefs  # noqa: E402

SKIPPED = 77
ALLOCS = ("kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node")
EVENTS = "kmem:kmalloc,kmem:kfree,kmem:kmem_cache_alloc,kmem:kmem_cache_free"
LINE = re.compile(r"^\s*(-?\d+)\s+\[(\d+)\]\s+([\d.]+):\s+(\w+):(\w+):\s+(.*)$")


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          errors="replace", timeout=120, check=False,
                          env=dict(os.environ, LC_ALL="C"), **options)
    return done.stdout


def number(fields, name):
    match = re.search(rf"\b{name}=(0x[0-9a-f]+|\d+|\(nil\)|\(null\))", fields)
    return 0 if not match or match[1][0] == "(" else int(match[1], 0)


def perf_script(path):
    """(tid, cpu, microseconds, event, pointer, bytes_req, bytes_alloc) of each event, in order."""
    out = []
    for line in run("perf", "script", "-f", "-G", "-i", path, "-F",
                    "tid,cpu,time,event,trace").splitlines():
        match = LINE.match(line)
        if not match or match[5].startswith("mm_page"):
            continue
        out.append((int(match[1]), int(match[2]), match[3], match[5], number(match[6], "ptr"),
                    number(match[6], "bytes_req"), number(match[6], "bytes_alloc")))
    return out


def kmemstat_dump(kmemstat, path):
    """The same of kmemstat dump: "000 23.992925850 158 kmalloc: call_site=..."."""
    out = []
    for line in run(kmemstat, "dump", path).splitlines():
        words = line.split(None, 4)
        if len(words) < 5 or not words[3].endswith(":") or words[3].startswith("mm_page"):
            continue
        seconds, nanos = words[1].split(".")
        out.append((int(words[2]), int(words[0]), f"{seconds}.{nanos[:6]}", words[3][:-1],
                    number(words[4], "ptr"), number(words[4], "bytes_req"),
                    number(words[4], "bytes_alloc")))
    return out


def no_task(event):
    return event[1:], event[0]


def perf_kmem(path):
    """Rows (address -> hits, bytes) and totals of perf kmem."""
    text = run("perf", "kmem", "-f", "-i", path, "--slab", "--caller", "--raw-ip", "stat")
    sites = {}
    for line in text.splitlines():
        row = [cell.strip() for cell in line.split("|")]
        if len(row) == 6 and row[3].isdigit():
            sites[int(row[0], 16)] = (int(row[3]), int(row[2].split("/")[0]),
                                      int(row[1].split("/")[0]))
    totals = tuple(int(found[1]) if (found := re.search(rf"Total bytes {word}:\s*(\d+)", text))
                   else 0 for word in ("requested", "allocated"))
    return sites, totals


def perf_kmem_pointers(path):
    """Pointer -> hits, bytes requested, allocated, ping-pong of perf kmem; and its bytes freed."""
    text = run("perf", "kmem", "-f", "-i", path, "--slab", "--alloc", "--raw-ip", "stat")
    pointers = {}
    for line in text.splitlines():
        row = [cell.strip() for cell in line.split("|")]
        if len(row) == 6 and row[3].isdigit():
            pointers[int(row[0], 16)] = (int(row[3]), int(row[2].split("/")[0]),
                                         int(row[1].split("/")[0]), int(row[4]))
    found = re.search(r"Total bytes freed:\s*(\d+)", text)
    return pointers, int(found[1]) if found else 0


def by_rules_of_perf(events):
    """
    The same, counted with perf kmem's faults: a pointer is never forgotten, and after a free its
    CPU is -1, so that a second free is a ping-pong and frees its last bytes once more.
    """
    rows, freed = {}, 0
    for _, cpu, _, event, ptr, req, alloc in events:
        if event in ALLOCS:
            row = rows.setdefault(ptr, [0, 0, 0, 0, None, 0])
            row[0:3] = row[0] + 1, row[1] + req, row[2] + alloc
            row[4:6] = cpu, alloc
        elif ptr in rows:
            row = rows[ptr]
            freed += row[5]
            row[3] += row[4] != cpu
            row[4] = None
    return {ptr: tuple(row[:4]) for ptr, row in rows.items()}, freed


def by_pairs(events):
    """Pointer -> ping-pong, as it should be."""
    pingpong, live = collections.Counter(), {}
    for _, cpu, _, event, ptr, _, _ in events:
        if event in ALLOCS:
            live[ptr] = cpu
        elif ptr in live:
            pingpong[ptr] += live.pop(ptr) != cpu
    return pingpong


def lost_by_perf(path):
    """What LOST records and LOST_SAMPLES records add up to."""
    text = run("perf", "script", "-f", "-D", "-i", path)
    return (sum(map(int, re.findall(r"PERF_RECORD_LOST lost:?\s*(\d+)", text))
                or [0]) + sum(map(int, re.findall(r"event lost:(\d+)", text))),
            sum(map(int, re.findall(r"lost samples :(\d+)", text))))


class Check:
    def __init__(self, kmemstat):
        self.kmemstat, self.failed = kmemstat, 0

    def same(self, what, got, want):
        if got != want:
            self.failed += 1
            print(f"  {what}: {str(got)[:150]}, expected {str(want)[:150]}")

    def report(self, path):
        return json.loads(run(self.kmemstat, "--json", "--raw-ip", "--no-debug-search", "--quiet",
                              path) or "{}")

    def file(self, path):
        """Everything that perf knows of a file, too."""
        print(os.path.basename(path))
        report = self.report(path)
        theirs, ours = perf_script(path), kmemstat_dump(self.kmemstat, path)
        if not theirs:
            self.same("events of perf script", 0, "some")
        self.same("events", len(ours), len(theirs))
        # perf script has microseconds, so that those of one may stand in any order
        for one, other in zip(sorted(ours, key=no_task), sorted(theirs, key=no_task)):
            # a task that is ending has no number any more for perf
            if one[1:] != other[1:] or other[0] not in (one[0], -1):
                self.same("event", one, other)
                break
        self.same("time order", [e[2] for e in ours], [e[2] for e in theirs])
        slab = report["summary"]["slab"]
        self.same("allocations", slab["allocs"],
                  sum(e[3] in ALLOCS and e[4] != 0 for e in theirs))
        self.same("bytes requested", slab["bytes_req"],
                  sum(e[5] for e in theirs if e[3] in ALLOCS and e[4] != 0))
        self.same("bytes allocated", slab["bytes_alloc"],
                  sum(e[6] for e in theirs if e[3] in ALLOCS and e[4] != 0))
        if os.path.basename(path).startswith(("pipe", "perf-pipe")):
            return report  # perf kmem reads no pipe mode
        sites, totals = perf_kmem(path)
        mine = collections.defaultdict(lambda: (0, 0, 0))
        for row in report["callsites"]:
            if row["layer"] != "slab":
                continue
            new = (row["hits"], row["bytes_req"], row["bytes_alloc"])
            key = int(row["address"], 16)
            mine[key] = tuple(map(sum, zip(mine[key], new)))
        self.same("rows of perf kmem", dict(mine), sites)
        self.same("totals of perf kmem", (slab["bytes_req"], slab["bytes_alloc"]), totals)
        self.pointers(path, ours)
        return report

    def pointers(self, path, events):
        """--alloc: perf kmem's numbers, and where ping-pong differs, why."""
        report = json.loads(run(self.kmemstat, "--json", "--alloc", "--quiet", path))
        theirs, freed = perf_kmem_pointers(path)
        self.same("perf kmem by its rules", by_rules_of_perf(events), (theirs, freed))
        self.same("pointers",
                  {int(row["ptr"], 16): (row["hits"], row["bytes_req"], row["bytes_alloc"])
                   for row in report["pointers"]},
                  {ptr: row[:3] for ptr, row in theirs.items() if ptr})
        pingpong = by_pairs(events)
        self.same("ping-pong", {int(row["ptr"], 16): row["pingpong"]
                                for row in report["pointers"]},
                  {ptr: pingpong[ptr] for ptr in theirs if ptr})

    def names(self, report):
        """Names come from this kernel, and are those of /proc/kallsyms."""
        symbols = {}
        with open("/proc/kallsyms", encoding="ascii", errors="replace") as file:
            for line in file:
                address, kind, name = line.split(None, 2)
                if kind in "tTwW" and "[" not in name and int(address, 16):
                    symbols.setdefault(int(address, 16), set()).add(name.strip())
        if not symbols:
            print("  names: skipped: /proc/kallsyms shows no addresses")
            return
        starts = sorted(symbols)
        named = 0
        for row in report["callsites"]:
            address = int(row["address"], 16)
            start = starts[bisect.bisect_right(starts, address) - 1]
            if not row.get("symbol"):
                continue
            named += 1
            if row["symbol"] not in symbols[start] or row["offset"] != address - start:
                self.same(f"name of {address:#x}", f"{row['symbol']}+{row['offset']}",
                          f"{symbols[start]}+{address - start}")
        if not named:
            self.same("names", 0, "some")


def recorded(check, testdata):
    for path in sorted(glob.glob(os.path.join(testdata, "small", "perf-*.data"))):
        check.file(path)


def record(path, *options):
    """Records a short load; with "-" through a pipe into the file."""
    is_pipe = "-o" in options
    command = ["perf", "record", "-a", "-e", EVENTS, *options]
    if not is_pipe:
        command += ["-o", path]
    with open(path if is_pipe else os.devnull, "wb") as out:
        subprocess.run([*command, "sh", "-c", "ls -R /etc >/dev/null"],
                       stdout=out, stderr=subprocess.DEVNULL, check=False, timeout=60)
    return os.path.exists(path) and os.path.getsize(path) > 1000


def live(check, tmp):
    for name, options in (("plain", ("-m", "4096")), ("chains", ("-g", "-m", "4096")),
                          ("zstd", ("-z", "-m", "4096")), ("zstd-chains", ("-z", "-g")),
                          ("pipe", ("-o", "-", "-m", "4096")), ("pipe-zstd", ("-z", "-o", "-")),
                          ("lost", ("-m", "1", "-g"))):
        path = os.path.join(tmp, f"{name}.data")
        if not record(path, *options):
            print(f"{name}: skipped: perf record {' '.join(options)} does not work here")
            if name == "plain":
                return SKIPPED
            continue
        report = check.file(path)
        records, samples = lost_by_perf(path)
        check.same("lost", report["quality"]["events_lost"], max(records, samples))
        for key in ("records_damaged", "chunks_damaged", "bytes_missing", "events_undecodable"):
            check.same(key, report["quality"][key], 0)
        check.names(report)
    return 0


def main():
    kmemstat, testdata, what = sys.argv[1:]
    if not shutil.which("perf"):
        print("skipped: there is no perf")
        return SKIPPED
    check = Check(kmemstat)
    if what == "recorded":
        recorded(check, testdata)
        return 1 if check.failed else 0
    if os.geteuid():
        print("skipped: only root can record")
        return SKIPPED
    with tracefs.mounted() as folder:
        if not folder:
            print("skipped: there is no tracefs")
            return SKIPPED
        with tempfile.TemporaryDirectory(prefix="kmemstat-perf-") as tmp:
            status = live(check, tmp)
    return 1 if check.failed else status


if __name__ == "__main__":
    sys.exit(main())
