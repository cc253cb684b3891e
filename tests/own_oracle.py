#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Caches of their own (--own-cache) against a replay object by object, and against the truth.

usage: own_oracle.py KMEMSTAT TESTDATA

The pages of the class without a call site are not replayed by kmemstat, but taken from its share:
here they are replayed, and how far off that is is told.
"""

import collections
import json
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from replay_oracle import PAGE, Event, Heap, SlubCache, order_of, run, slub_layout  # noqa: E402

ZERO_SIZE_PTR = 16
LARGEST = 2 * PAGE


class Site(Event):
    """An event with its call site."""

    def __init__(self, line):
        super().__init__(line)
        found = re.search(r"call_site=(\S+)", line)
        self.site = found.group(1) if found else None


class Caches:
    """SLUB caches by key, made as they are needed."""

    def __init__(self, cpus):
        self.heap = Heap(None, None, None, None)
        self.layout = slub_layout(cpus)
        self.items = {}

    def alloc(self, key, size, cpu):
        if key not in self.items:
            self.items[key] = SlubCache(self.heap, size, *self.layout(size))
        cache = self.items[key]
        cache.live += 1
        return cache.alloc(cpu)

    @staticmethod
    def free(place, cpu):
        place[0].cache.live -= 1
        place[0].cache.free(cpu, place)


def walk(events):
    """(event, the allocation that it ends, whether it is a kmalloc itself)"""
    live = {}
    for event in events:
        if not event.ptr or not event.is_alloc and event.kind == "kfree" and \
                event.ptr <= ZERO_SIZE_PTR:
            continue
        old = live.pop(event.ptr, None)
        is_new = event.is_alloc and event.is_general
        if is_new:
            live[event.ptr] = event
        if old or is_new:
            yield event, old, is_new


def own_size(req):
    return -(-max(req, 1) // 8) * 8


def count(events, cpus):
    """call site -> the numbers of its own size"""
    classes, alone, owns = Caches(cpus), Caches(cpus), Caches(cpus)
    hits = collections.Counter()
    pairs = collections.defaultdict(lambda: {"hits": 0, "live": [0, 0], "objects": 0})
    for event, old, is_new in walk(events):
        if old:
            pairs[old.pair]["live"][old.is_accounted] -= 1
            if old.in_class:
                classes.free(old.in_class, event.cpu)
                alone.free(old.in_alone, event.cpu)
            owns.free(old.in_own, event.cpu)
        if not is_new:
            continue
        event.pair = event.site, event.req, event.alloc
        pair = pairs[event.pair]
        hits[event.site] += 1
        pair["hits"] += 1
        pair["live"][event.is_accounted] += 1
        event.in_class = None
        if event.alloc <= LARGEST:
            event.in_class = classes.alloc((event.alloc, event.is_accounted), event.alloc,
                                           event.cpu)
            event.in_alone = alone.alloc((event.pair, event.is_accounted), event.alloc, event.cpu)
        event.in_own = owns.alloc(event.pair, own_size(event.req), event.cpu)
        if sum(pair["live"]) > pair["objects"]:
            note_peak(event, pair, classes, alone, owns)
    return {pair[0]: dict(numbers, pair=pair, site_hits=hits[pair[0]])
            for pair, numbers in pairs.items()
            if numbers["hits"] * 100 >= 90 * hits[pair[0]]}


def note_peak(event, pair, classes, alone, owns):
    pages = 0
    for accounted, live in enumerate(pair["live"]):
        if event.alloc > LARGEST:
            pages += live << order_of(event.alloc)
        elif live:
            cache = classes.items[event.alloc, bool(accounted)]
            kept = -(-cache.slabs * (cache.live - live) // cache.live)
            by_itself = alone.items[event.pair, bool(accounted)]
            pages += min(cache.slabs - kept, by_itself.slabs) * cache.pages
    own = owns.items[event.pair]
    pair.update(objects=sum(pair["live"]), class_pages=pages, own_pages=own.slabs * own.pages,
                slab=(own.objects, own.pages), peak=event)


def without(events, cpus, pair, peak):
    """Pages of the class with a call site's objects less those without, at its peak."""
    both = Caches(cpus), Caches(cpus)
    for event, old, is_new in walk(events):
        if old and old.alloc == pair[2]:
            for caches, place in zip(both, old.places):
                if place:
                    caches.free(place, event.cpu)
        if is_new and event.alloc == pair[2]:
            is_its = (event.site, event.req, event.alloc) == pair
            event.places = [
                None if is_its and caches is both[1] else
                caches.alloc(event.is_accounted, event.alloc, event.cpu) for caches in both]
        if event is peak:
            return both[0].heap.pages - both[1].heap.pages
    raise RuntimeError("no peak")


def check(kmemstat, path, arguments, want):
    report = json.loads(run(kmemstat, "--json", "-q", "--no-debug-search", "--raw-ip",
                            "--own-cache", *arguments, path))
    got = {site["address"]: site["own_cache"] for site in report["callsites"]
           if "own_cache" in site}
    wrong = [f"{site}: told or counted only" for site in set(got) ^ set(want)]
    for site in set(got) & set(want):
        numbers, own = want[site], got[site]
        _, req, alloc = numbers["pair"]
        objects, pages = numbers["slab"]
        counted = {
            "bytes_req": req, "bytes_alloc": alloc, "size_hits": numbers["hits"],
            "object_bytes": own_size(req), "order": pages.bit_length() - 1,
            "objs_per_slab": objects, "pages_per_slab": pages,
            "tail_bytes": pages * PAGE - objects * own_size(req), "objects": numbers["objects"],
            "class_pages": numbers["class_pages"], "own_pages": numbers["own_pages"],
            "bytes_saved": (numbers["class_pages"] - numbers["own_pages"]) * PAGE}
        wrong += [f"{site}: {key}: {own[key]}, counted {value}" for key, value in counted.items()
                  if own[key] != value]
    return wrong + check_findings(report, want)


def check_findings(report, want):
    """The rule own-cache, judged a second time."""
    judged = {site: numbers for site, numbers in want.items()
              if numbers["objects"] >= numbers["slab"][0] and
              numbers["class_pages"] - numbers["own_pages"] >= 4}
    found = {finding["callsite"]["address"]: finding for finding in report["findings"]
             if finding["rule"] == "own-cache"}
    wrong = [f"found or judged only: {site}" for site in set(found) ^ set(judged)]
    for site in set(found) & set(judged):
        told = [int(n.replace(",", "")) for n in
                re.findall(r"[\d,]+(?= live| pages?| at most|$)", found[site]["message"])]
        numbers = judged[site]
        if told != [numbers["objects"], numbers["own_pages"], numbers["class_pages"]]:
            wrong.append(f"{found[site]['message']}: counted {numbers}")
    return wrong


def check_truth(events, cpus, want):
    """How far the pages of a class without a call site are off, where something is saved."""
    told = truly = 0
    for site, numbers in sorted(want.items()):
        if numbers["class_pages"] - numbers["own_pages"] < 4 or \
                numbers["objects"] < numbers["slab"][0] or numbers["pair"][2] > LARGEST:
            continue
        pages = without(events, cpus, numbers["pair"], numbers["peak"])
        told += numbers["class_pages"]
        truly += pages
        print(f"    {numbers['pair']}: {numbers['objects']} objects: {numbers['class_pages']} "
              f"pages of the class, {pages} by a replay without them, {numbers['own_pages']} own")
    print(f"    in all {told} pages, {truly} by replays")
    return [f"{told} pages, {truly} by replays"] if abs(told - truly) > truly / 10 else []


# trace, and how many findings it has at least
TRACES = (("mesh/trace.dat", 6), ("small/keys-40.dat", 1), ("small/keys-32.dat", 1),
          ("small/leak.dat", 1), ("small/accounted.dat", 0), ("replay/trace.dat", 0))


def main():
    kmemstat, testdata = sys.argv[1:3]
    failed = 0
    for name, least in TRACES:
        path = os.path.join(testdata, name)
        events = [Site(line) for line in run(kmemstat, "dump", "-q", path).splitlines()
                  if re.search(r" (kmalloc|kmalloc_node|kfree|kmem_cache_\w+): ", line)]
        info = json.loads(run(kmemstat, "--json", "-q", "--no-debug-search", path))["input"]
        want = count(events, info["cpus"])
        wrong = check(kmemstat, path, [], want) + check(kmemstat, path, ["--threads", "1"], want)
        wrong += check_truth(events, info["cpus"], want)
        pays = sum(numbers["class_pages"] - numbers["own_pages"] >= 4 for numbers in want.values())
        # a trace that has nothing to compare would let everything pass
        if pays < least or len(want) < 5:
            wrong.append("too little to compare")
        print(f"{name}: {len(want)} call sites with one size, {pays} save 4 pages: "
              f"{'FAILED' if wrong else 'ok'}")
        for line in wrong[:10]:
            print("    " + line[:300])
        failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
