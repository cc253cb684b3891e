#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tasks, pointers and caches against a plain count over the text of `trace-cmd report -R`.

usage: oracle_tally.py KMEMSTAT TESTDATA [TRACE...]

A dictionary of what lives, and one of sums: a second opinion on pairing by task, by pointer and by
cache name, with and without filters of time.
"""

import collections
import decimal
import json
import os
import re
import shutil
import subprocess
import sys

SKIPPED = 77
ZERO_SIZE_PTR = 16
LINE = re.compile(r"^\s*(.*?)-(\d+)\s+\[(\d+)\]\s*([\d.]+):\s+(\w+):\s+(.*)$")
ALLOCS = {"kmalloc": "kmalloc", "kmalloc_node": "kmalloc",
          "kmem_cache_alloc": "kmem_cache_alloc", "kmem_cache_alloc_node": "kmem_cache_alloc"}
FREES = ("kfree", "kmem_cache_free")


def run(*command):
    done = subprocess.run(command, capture_output=True, timeout=240, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: status {done.returncode}: {done.stderr.decode()[:300]}")
    return done.stdout.decode(errors="replace")


class Event:
    def __init__(self, match):
        fields = dict(re.findall(r"(\w+)=(\S+)", match[6]))
        self.comm, self.pid, self.cpu = match[1], int(match[2]), int(match[3])
        self.time = decimal.Decimal(match[4])
        self.is_alloc = match[5] in ALLOCS
        self.family = ALLOCS.get(match[5])
        self.ptr = 0 if fields["ptr"] in ("(nil)", "(null)") else int(fields["ptr"], 16)
        self.name = fields.get("name")
        self.frees_nothing = match[5] == "kfree" and self.ptr in (0, ZERO_SIZE_PTR)
        self.site = fields.get("call_site")
        self.req, self.alloc = int(fields.get("bytes_req", 0)), int(fields.get("bytes_alloc", 0))


def events_of(path):
    for line in run("trace-cmd", "report", "-q", "-R", "-t", path).splitlines():
        match = LINE.match(line)
        if match and (match[5] in ALLOCS or match[5] in FREES):
            yield Event(match)


def new_row():
    return collections.Counter(), set()


class Count:
    """Sums by task and by pointer; objects by (family, call site, size) for caches."""

    def __init__(self, events):
        self.tasks = collections.defaultdict(new_row)
        self.ptrs = collections.defaultdict(collections.Counter)
        self.last_site = {}
        self.comms = {}
        self.sites = collections.defaultdict(new_row)
        self.freed_as = collections.defaultdict(set)
        live = {}
        for event in events:
            self.comms[event.pid] = event.comm
            if event.is_alloc and event.ptr:
                self.end(live.pop(event.ptr, None), "replaced_count", None)
                live[event.ptr] = event
                self.alloc(event)
            elif not event.is_alloc and not event.frees_nothing:
                self.tasks[event.pid][0]["frees"] += 1
                self.end(live.pop(event.ptr, None), "freed_count", event)
        for event in live.values():
            for sums in self.owners(event):
                sums["live_count"] += 1
                sums["live_bytes"] += event.alloc
            self.ptrs[event.ptr]["live"] = 1

    def owners(self, event):
        return (self.tasks[event.pid][0],
                self.sites[event.family, event.site, event.alloc][0])

    def alloc(self, event):
        for sums in self.owners(event) + (self.ptrs[event.ptr],):
            sums["hits"] += 1
            sums["bytes_req"] += event.req
            sums["bytes_alloc"] += event.alloc
        self.tasks[event.pid][1].add((event.family, event.site))
        self.last_site[event.ptr] = event.family, event.site

    def end(self, event, how, free):
        if not event:
            return
        for sums in self.owners(event):
            sums[how] += 1
        if free:
            self.ptrs[event.ptr]["pingpong"] += free.cpu != event.cpu
            if free.name:
                self.freed_as[event.family, event.site, event.alloc].add(free.name)

    def caches(self):
        """(name or None, bytes) -> sums, of kmem_cache_alloc's."""
        caches = collections.defaultdict(collections.Counter)
        for (family, site, size), (sums, _) in self.sites.items():
            if family != "kmem_cache_alloc":
                continue
            names = self.freed_as[family, site, size]
            name = next(iter(names)) if len(names) == 1 else None
            caches[name, size] += sums
            caches[name, size]["nr_callsites"] += 1
        return caches


def compare(wrong, what, got, want, keys):
    for key in keys:
        if got[key] != want[key]:
            wrong.append(f"{what} {key}: {got[key]}, counted {want[key]}")


SUMS = ("hits", "bytes_req", "bytes_alloc")
ENDS = ("freed_count", "replaced_count", "live_count", "live_bytes")


def check(kmemstat, path, arguments, count):
    wrong = []
    report = json.loads(run(kmemstat, "--json", "--no-debug-search", "--task", "--alloc", "--cache",
                            *arguments, path))
    tasks = {task["pid"]: task for task in report["tasks"]}
    if set(tasks) != set(count.tasks):
        wrong.append(f"tasks: {sorted(tasks)}, counted {sorted(count.tasks)}")
    for pid in set(tasks) & set(count.tasks):
        sums, sites = count.tasks[pid]
        sums["nr_callsites"] = len(sites)
        compare(wrong, f"task {pid}", tasks[pid], sums, SUMS + ENDS + ("frees", "nr_callsites"))
        comm = tasks[pid]["comm"]
        if count.comms[pid] not in (comm, "<...>", "<idle>"):
            wrong.append(f"task {pid}: {comm}, trace-cmd has {count.comms[pid]}")
    ptrs = {int(ptr["ptr"], 16): ptr for ptr in report["pointers"]}
    if set(ptrs) != set(count.ptrs):
        wrong.append(f"pointers: {len(ptrs)}, counted {len(count.ptrs)}")
    for ptr in set(ptrs) & set(count.ptrs):
        got = ptrs[ptr]
        compare(wrong, f"{ptr:#x}", got, count.ptrs[ptr], SUMS + ("pingpong", "live"))
        site = f"{got['callsite']['symbol']}+{got['callsite']['offset']:#x}"
        if (got["callsite"]["event"], site) != count.last_site[ptr]:
            wrong.append(f"{ptr:#x}: {site}, counted {count.last_site[ptr]}")
    caches = {(c["name"] if c["named_by"] == "free" else None, c["object_bytes"]): c
              for c in report["caches"] if c["named_by"] == "free" or
              c["name"].startswith("cache-")}
    want = count.caches()
    if set(caches) != set(want):
        wrong.append(f"caches: {sorted(map(str, set(caches) ^ set(want)))}")
    for key in set(caches) & set(want):
        compare(wrong, f"cache {key}", caches[key], want[key], SUMS + ENDS + ("nr_callsites",))
    return wrong, (len(tasks), len(ptrs), sum(name is not None for name, _ in caches))


def main():
    kmemstat, testdata, *paths = sys.argv[1:]
    if not shutil.which("trace-cmd"):
        print("skipped: trace-cmd is not installed")
        return SKIPPED
    failed = 0
    for path in paths or [os.path.join(testdata, "small", "v7-zstd.dat"),
                          os.path.join(testdata, "mesh", "trace.dat")]:
        events = list(events_of(path))
        middle = events[len(events) // 2].time
        for arguments, chosen in (([], events), (["--threads", "1"], events),
                                  (["--time", f"{middle},"],
                                   [event for event in events if event.time >= middle])):
            wrong, nrs = check(kmemstat, path, arguments, Count(chosen))
            # a trace that has nothing to compare would let everything pass
            if min(nrs) < 2:
                wrong.append(f"too little to compare: {nrs}")
            print(f"{os.path.basename(path)} {' '.join(arguments)}: {nrs[0]} tasks, {nrs[1]} "
                  f"pointers, {nrs[2]} named caches: {'FAILED' if wrong else 'ok'}")
            for line in wrong[:10]:
                print("    " + line[:300])
            failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
