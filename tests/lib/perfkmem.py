# SPDX-License-Identifier: GPL-2.0-or-later
"""What `perf kmem stat` counts of slab events, and what it prints.

A model of its rules (tools/perf/builtin-kmem.c, v6.1), so that each difference between its numbers
and kmemstat's has a cause that is counted here:

- An allocation that failed counts with its bytes, as one at pointer 0.
- What it knows of a pointer is never forgotten: a second free of a pointer, which was allocated in
  between without an event or while events were lost, frees the last known size once more, and
  since the pointer's CPU is -1 after a free, it is a ping-pong.
- A free of NULL is such a free, once an allocation has failed.
- A call site is an address: kmalloc and kmem_cache_alloc of one address share a row.
"""

import collections
import os
import re
import subprocess

from pairing import FAMILY, FREES


class Model:
    def __init__(self):
        self.allocs = self.requested = self.allocated = self.freed = 0
        self.failed = self.failed_requested = self.failed_allocated = 0
        self.again = self.again_bytes = 0  # frees of what was freed
        # by call site: hits, requested, allocated, ping-pong
        self.sites = collections.defaultdict(lambda: [0, 0, 0, 0])
        self.failed_sites = collections.defaultdict(lambda: [0, 0, 0, 0])
        self.again_sites = collections.Counter()
        self.pointers = {}  # -> [site, CPU, bytes], for ever

    def add(self, event):
        if event.kind in FAMILY:
            self.allocs += 1
            self.requested += event.req
            self.allocated += event.alloc
            for sites in (self.sites, self.failed_sites)[:1 + (not event.ptr)]:
                row = sites[event.site]
                row[:3] = row[0] + 1, row[1] + event.req, row[2] + event.alloc
            if not event.ptr:
                self.failed += 1
                self.failed_requested += event.req
                self.failed_allocated += event.alloc
            self.pointers[event.ptr] = [event.site, event.cpu, event.alloc]
        elif event.kind in FREES and event.ptr in self.pointers:
            known = self.pointers[event.ptr]
            self.freed += known[2]
            self.sites[known[0]][3] += event.cpu != known[1]
            # of a failed allocation nothing can be freed
            if known[1] == -1 or not event.ptr:
                self.again += 1
                self.again_bytes += known[2]
                self.again_sites[known[0]] += event.cpu != known[1]
            known[1] = -1


def model(events):
    made = Model()
    for event in events:
        made.add(event)
    return made


def stat(path):
    """What perf kmem prints: rows by address as in Model.sites, and its summary by name."""
    text = subprocess.run(["perf", "kmem", "-f", "-i", path, "--slab", "--caller", "--raw-ip",
                           "stat"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          errors="replace", timeout=120, check=False,
                          env=dict(os.environ, LC_ALL="C", PAGER="cat")).stdout
    sites = {}
    for line in text.splitlines():
        row = [cell.strip() for cell in line.split("|")]
        if len(row) == 6 and row[3].isdigit():
            sites[int(row[0], 16)] = [int(row[3]), int(row[2].split("/")[0]),
                                      int(row[1].split("/")[0]), int(row[4])]
    found = {name: re.search(rf"{name}:\s*(\d+)(?:/(\d+))?", text)
             for name in ("Total bytes requested", "Total bytes allocated", "Total bytes freed",
                          "Net total bytes allocated", "Cross CPU allocations")}
    if not all(found.values()):
        raise ValueError(f"perf kmem prints no summary of {path}")
    return sites, {name: int(match[2] or match[1]) for name, match in found.items()}
