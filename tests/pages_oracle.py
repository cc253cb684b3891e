#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Page and percpu numbers against a plain count, page by page, of `trace-cmd report` text, and
against perf script and perf kmem --page. Speaks TAP.

usage: pages_oracle.py KMEMSTAT TESTDATA

KMEMSTAT_TRACES can name a folder of further traces.
"""

import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys

SKIPPED = 77
PAGE = 4096
EVENT = re.compile(r"^\s*\S.*?-\d+\s+\[(\d+)\]\s*[\d.]+:\s+(\w+):\s+(.*)$")
FRAME = re.compile(r"^=> (\S+)")
# names of the page allocator's own functions, as the man page lists them
INSIDE = re.compile(r"trace_event_raw_event_\w+|perf_trace_\w+|"
                    r"_*(alloc_pages\w*|folio_alloc(_mpol|_node)?|vma_alloc_folio|"
                    r"get_free_pages|get_zeroed_page|filemap_alloc_folio)(_noprof)?(\.\S+)?")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace",
                          check=False).stdout


def report_of(kmemstat, path, *options):
    return json.loads(run(kmemstat, "--no-debug-search", "-q", "--json", "--page-frame", *options,
                          path))


class Lives:
    """Who owns what: pages by number, percpu objects by pointer."""

    def __init__(self):
        self.owner, self.left, self.bytes = {}, collections.Counter(), {}
        self.totals = collections.Counter()
        self.nr = 0

    def end(self, places, how):
        ended = 0
        for place in places:
            who = self.owner.pop(place, None)
            if who is None:
                continue
            ended += 1
            self.totals["bytes_" + how] += self.bytes[who]
            self.left[who] -= 1
            self.totals[how] += self.left[who] == 0
        return ended

    def alloc(self, places, each):
        self.nr += 1
        self.end(places, "replaced")
        for place in places:
            self.owner[place] = self.nr
        self.left[self.nr] = len(places)
        self.bytes[self.nr] = each
        self.totals["allocs"] += 1
        self.totals["bytes_alloc"] += each * len(places)

    def free(self, places):
        self.totals["frees"] += 1
        self.totals["unknown_frees"] += self.end(places, "freed") == 0

    def finish(self):
        self.totals["live"] = sum(left > 0 for left in self.left.values())
        self.totals["bytes_live"] = sum(self.bytes[who] for who in self.owner.values())
        return self.totals


def count(text):
    """Totals of pages and percpu, and allocations by order and type, and by frame."""
    pages, percpu = Lives(), Lives()
    orders, frames = collections.Counter(), collections.Counter()
    for line in text.splitlines():
        match = EVENT.match(line)
        if not match:
            continue
        name, fields = match[2], dict(re.findall(r"(\w+)=(\S+)", match[3]))
        if name in ("mm_page_alloc", "mm_page_free"):
            pfn, order = int(fields["pfn"], 0), int(fields["order"])
            places = range(pfn, pfn + (1 << order))
            if name == "mm_page_free":
                pages.free(places)
            elif pfn in (0, 2**64 - 1):
                pages.totals["failed"] += 1
            else:
                pages.alloc(places, PAGE)
                orders[order, int(fields["migratetype"])] += 1
                frames[pfn] += 1
        elif name == "percpu_alloc_percpu":
            percpu.alloc([int(fields["ptr"], 16)], int(fields["bytes_alloc"]))
        elif name == "percpu_free_percpu":
            percpu.free([int(fields["ptr"], 16)])
    return pages.finish(), percpu.finish(), orders, frames


def callers(text):
    """Names of callers, by the stack that follows an event on its CPU."""
    names = collections.Counter()
    pending, found, cpu = set(), None, None
    for line in text.splitlines():
        match, frame = EVENT.match(line), FRAME.match(line)
        if match:
            cpu, found = match[1], None
            if match[2] == "mm_page_alloc":
                pending.add(cpu)
            elif match[2] == "kernel_stack" and cpu in pending:
                pending.remove(cpu)
                found = False
            else:
                pending.discard(cpu)
        elif frame and found is False and not INSIDE.fullmatch(frame[1]):
            names[frame[1]] += 1
            found = True
    return names


class Tap:
    def __init__(self):
        self.nr = self.failed = 0

    def check(self, name, got, expected):
        self.nr += 1
        good = got == expected
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.nr} - {name}", flush=True)
        if not good:
            print(f"# got {got}\n# expected {expected}")


def check_totals(tap, name, layer, totals):
    keys = ["allocs", "frees", "bytes_alloc", "failed", "freed", "replaced", "live", "bytes_live",
            "unknown_frees"]
    if not totals["allocs"] and not totals["frees"]:
        tap.check(name, layer, None)
        return
    tap.check(name, {key: layer[key] for key in keys}, {key: totals[key] for key in keys})


def check_trace(tap, kmemstat, path):
    name = os.path.basename(path)
    text = run("trace-cmd", "report", "-R", "-i", path)
    pages, percpu, orders, frames = count(text)
    report = report_of(kmemstat, path)
    check_totals(tap, f"{name}: pages", report["summary"].get("page"), pages)
    check_totals(tap, f"{name}: percpu objects", report["summary"].get("percpu"), percpu)
    tap.check(f"{name}: orders and migrate types",
              {(row["order"], row["migratetype"]): row["hits"]
               for row in report.get("page_orders", []) if row["hits"]}, dict(orders))
    got = collections.Counter()
    for row in report.get("page_frames", []):
        got[int(row["pfn"], 16)] += row["hits"]
    tap.check(f"{name}: page frames", got, frames)
    if "kernel_stack:" in text and pages["allocs"]:
        got = collections.Counter()
        for row in report["pages"]:
            if row["callsite"]:
                got[row["callsite"]["symbol"]] += row["hits"]
        tap.check(f"{name}: callers", got, callers(run("trace-cmd", "report", "-i", path)))


def check_perf(tap, kmemstat, path):
    name = os.path.basename(path)
    report = report_of(kmemstat, path)
    flags = collections.Counter(
        re.findall(r"mm_page_alloc: .*gfp_flags=(\S+)", run("perf", "script", "-i", path)))
    got = collections.Counter()
    for row in report["pages"]:
        got[row["gfp"]] += row["hits"] + row["failed"]
    tap.check(f"{name}: flags as perf script prints them", got, flags)
    text = run("perf", "kmem", "-i", path, "--page", "stat")
    told = dict(re.findall(r"^Total (.*?) +: +([\d,]+) ", text, re.MULTILINE))
    page = report["summary"]["page"]
    tap.check(f"{name}: perf kmem's sums", {key: int(value.replace(",", ""))
                                            for key, value in told.items()},
              {"allocation requests": page["allocs"] + page["failed"],
               "free requests": page["frees"],
               "alloc+freed requests": page["freed"],
               "alloc-only requests": page["live"],
               "free-only requests": page["unknown_frees"],
               "allocation failures": page["failed"]})


def main():
    kmemstat, testdata = sys.argv[1:]
    if not shutil.which("trace-cmd"):
        print("1..0 # SKIP trace-cmd is not installed")
        sys.exit(SKIPPED)
    tap = Tap()
    traces = [f"{testdata}/small/{name}.dat" for name in
              ("v6", "v7-zstd", "stacks", "page-stacks", "6.1-i386")]
    traces.append(f"{testdata}/mesh/trace.dat")
    more = os.environ.get("KMEMSTAT_TRACES")
    traces += sorted(glob.glob(f"{more}/**/*.dat", recursive=True)) if more else []
    for path in traces:
        check_trace(tap, kmemstat, path)
    if shutil.which("perf"):
        check_perf(tap, kmemstat, f"{testdata}/small/perf-kmem.data")
    print(f"1..{tap.nr}")
    sys.exit(tap.failed != 0)


if __name__ == "__main__":
    main()
