#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Replays against plain ones, object by object, and against the kernel's own slabs.

usage: replay_oracle.py KMEMSTAT TESTDATA

The events are those of `kmemstat dump`. Slabs have lists of their free objects here, and queues as
the kernel has them, so that two objects that take one place are noticed. A recording of a guest with
its slabinfo before and after says how near that comes to a kernel.
"""

import collections
import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import kmem  # noqa: E402
import ringbuf  # noqa: E402

PAGE = 4096
ZERO_SIZE_PTR = 16


def order_of(size):
    return max(0, (-(-size // PAGE) - 1).bit_length())


class Slab:
    def __init__(self, cache):
        self.cache = cache
        self.free = list(range(cache.objects))
        self.used = set()
        self.frozen = False

    def take(self, number):
        assert number not in self.used, "an object was given out twice"
        self.used.add(number)
        return self, number


class Cache:
    """One list of slabs with free objects; empty slabs go at once."""

    def __init__(self, heap, size, objects, pages):
        self.heap, self.size, self.objects, self.pages = heap, size, objects, pages
        self.partial = collections.deque()
        self.slabs = self.peak = self.live = self.hits = 0

    def new(self):
        self.slabs += 1
        self.peak = max(self.peak, self.slabs)
        self.heap.pages += self.pages
        return Slab(self)

    def drop(self, slab):
        assert not slab.used, "a slab is given back with objects in it"
        self.slabs -= 1
        self.heap.dropped += 1
        self.heap.pages -= self.pages

    def alloc(self, _):
        if not self.partial:
            self.partial.appendleft(self.new())
        slab = self.partial[0]
        number = slab.free.pop()
        if not slab.free:
            self.partial.popleft()
        return slab.take(number)

    def free(self, _, place):
        slab, number = place
        slab.used.remove(number)
        if not slab.free:
            self.partial.appendleft(slab)
        slab.free.append(number)
        if len(slab.free) == self.objects:
            self.partial.remove(slab)
            self.drop(slab)


class Cpu:
    def __init__(self):
        self.slab, self.free, self.partial = None, [], []


class SlubCache(Cache):
    def __init__(self, heap, size, objects, pages):
        super().__init__(heap, size, objects, pages)
        self.cpus = collections.defaultdict(Cpu)
        few = 6 if size >= PAGE else 24 if size >= 1024 else 52 if size >= 256 else 120
        self.cpu_partial = -(-few * 2 // objects)
        self.min_partial = min(10, max(5, (size.bit_length() - 1) // 2))

    def alloc(self, number):
        cpu = self.cpus[number]
        if not cpu.free:
            self.refill(cpu)
        return cpu.slab.take(cpu.free.pop())

    def refill(self, cpu):
        if cpu.slab and not cpu.slab.free:
            cpu.slab.frozen = False
            cpu.slab = None
        if not cpu.slab:
            if cpu.partial:
                cpu.slab = cpu.partial.pop()
            elif self.partial:
                cpu.slab = self.partial.popleft()
                taken = 0
                while self.partial and taken <= self.cpu_partial // 2:
                    self.put(cpu, self.partial.popleft(), False)
                    taken += 1
            else:
                cpu.slab = self.new()
            cpu.slab.frozen = True
        cpu.free, cpu.slab.free = cpu.slab.free, []

    def put(self, cpu, slab, drains):
        if drains and len(cpu.partial) >= self.cpu_partial:
            full, cpu.partial = cpu.partial, []
        else:
            full = []
        slab.frozen = True
        cpu.partial.append(slab)
        for old in reversed(full):
            old.frozen = False
            if not old.used and len(self.partial) >= self.min_partial:
                self.drop(old)
            else:
                self.partial.append(old)

    def free(self, number, place):
        slab, which = place
        slab.used.remove(which)
        cpu = self.cpus[number]
        if slab is cpu.slab:
            cpu.free.append(which)
            return
        was_full = not slab.free
        slab.free.append(which)
        if slab.frozen:
            return
        if was_full:
            self.put(cpu, slab, True)
        elif len(slab.free) == self.objects and len(self.partial) >= self.min_partial:
            self.partial.remove(slab)
            self.drop(slab)


def slub_layout(cpus):
    def layout(size):
        least = min(4 * (cpus.bit_length() + 1), PAGE * 8 // size)
        for objects in range(least, 1, -1):
            for fraction in (16, 8, 4):
                for order in range(order_of(objects * size), 4):
                    slab = PAGE << order
                    if slab % size <= slab // fraction:
                        return slab // size, 1 << order
        order = order_of(size)
        return (PAGE << order) // size, 1 << order
    return layout


def page_layout(size):
    return max(1, PAGE // size), -(-size // PAGE)


def solaris_layout(size):
    if size < PAGE // 8:
        return (PAGE - 72) // size, 1
    best = None
    chunks = 1
    while chunks <= 8:
        slab = -(-size * chunks // PAGE) * PAGE
        chunks = slab // size
        waste = slab % size // chunks
        if best is None or waste < best[0]:
            best = waste, chunks, slab // PAGE
        chunks += 1
    return best[1:]


def classes(sizes, beyond):
    def fit(size):
        return next((("cache", c) for c in sizes if c >= size), ("pages", beyond(size)))
    return fit


def by_order(size):
    return PAGE << order_of(size)


def by_pages(size):
    return -(-size // PAGE) * PAGE


def quanta(size):
    return ("cache" if size <= 512 else "heap"), -(-size // 16) * 16


def slob(size):
    return ("heap", -(-(size + 8) // 2) * 2) if size < PAGE - 8 else ("pages", by_order(size))


SLUB = (8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192)
SOLARIS = tuple(range(8, 64, 8)) + \
    tuple(n * unit for unit in (16, 32, 64, 128) for n in range(4, 8)) + \
    (1152, 1344, 1600, 2048, 2688, 4096, 8192, 12288, 16384, 24576) + \
    tuple(range(32768, 131073, 8192))


def models_of(cpus):
    """name -> (fit, layout or None, cache class, whether accounted objects are apart)"""
    return {
        "slub": (classes(SLUB, by_order), slub_layout(cpus), SlubCache, True),
        "slub:cpus=64,nocg": (classes(SLUB, by_order), slub_layout(64), SlubCache, False),
        "slub:min=128,cpus=1": (classes((128, 256, 512, 1024, 2048, 4096, 8192), by_order),
                                slub_layout(1), SlubCache, True),
        "illumos": (classes(SOLARIS, by_pages), solaris_layout, Cache, False),
        "netbsd-2009": (quanta, page_layout, Cache, False),
        "slob": (slob, None, Cache, False),
    }


class Heap:
    """A model's memory."""

    def __init__(self, fit, layout, make, splits):
        self.fit, self.layout, self.make, self.splits = fit, layout, make, splits
        self.caches = {}
        self.pages = self.own = self.bytes = self.objects = self.req = self.dropped = 0
        self.peak = (0, 0, 0)

    def total(self):
        return self.pages + self.own + -(-self.bytes // PAGE)

    def alloc(self, event):
        kind, size = self.fit(event.req) if event.is_general else ("cache", event.alloc)
        if kind == "cache" and not self.layout:
            kind = "heap"
        place = None
        if kind == "heap":
            self.bytes += size
        elif kind == "pages":
            self.own += -(-size // PAGE)
        else:
            key = (event.is_general, size, None if event.is_general else (event.req, event.name),
                   event.is_general and self.splits and event.is_accounted)
            if key not in self.caches:
                self.caches[key] = self.make(self, size, *self.layout(size))
            cache = self.caches[key]
            cache.live += 1
            cache.hits += 1
            place = cache.alloc(event.cpu)
        self.objects += size
        self.req += event.req
        if self.total() > self.peak[0]:
            self.peak = self.total(), self.req, self.objects
        return kind, size, event.req, place

    def free(self, cpu, what):
        kind, size, req, place = what
        self.objects -= size
        self.req -= req
        if kind == "heap":
            self.bytes -= size
        elif kind == "pages":
            self.own -= -(-size // PAGE)
        else:
            place[0].cache.live -= 1
            place[0].cache.free(cpu, place)


class Event:
    LINE = re.compile(r"(\d+) \S+ \S+ (\w+): (.*)")

    def __init__(self, line):
        cpu, self.kind, rest = self.LINE.match(line).groups()
        fields = dict(word.split("=", 1) for word in rest.split() if "=" in word)
        self.cpu = int(cpu)
        self.ptr = int(fields["ptr"], 16)
        self.is_alloc = "alloc" in self.kind
        self.is_general = self.kind.startswith("kmalloc")
        self.req, self.alloc = int(fields.get("bytes_req", 0)), int(fields.get("bytes_alloc", 0))
        self.name = fields.get("name")
        self.is_accounted = rest.endswith(" accounted") or " accounted " in rest


def run(*command):
    done = subprocess.run(command, capture_output=True, timeout=240, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: status {done.returncode}: {done.stderr.decode()[:300]}")
    return done.stdout.decode()


def replay(events, heap):
    live = {}
    for event in events:
        if event.is_alloc and event.ptr:
            if event.ptr in live:
                heap.free(event.cpu, live.pop(event.ptr))
            live[event.ptr] = heap.alloc(event)
        elif not event.is_alloc and event.ptr in live and \
                (event.kind != "kfree" or event.ptr > ZERO_SIZE_PTR):
            heap.free(event.cpu, live.pop(event.ptr))


def check_model(got, heap):
    wrong = []
    want = {"pages_peak": heap.peak[0], "bytes_req_peak": heap.peak[1],
            "bytes_alloc_peak": heap.peak[2], "pages_end": heap.total(),
            "bytes_req_end": heap.req, "bytes_alloc_end": heap.objects}
    for key, value in want.items():
        if got[key] != value:
            wrong.append(f"{key}: {got[key]}, counted {value}")
    rows = sorted((c["general"], c["accounted"], c["object_bytes"], c.get("name") or "",
                   c["objs_per_slab"], c["pages_per_slab"], c["hits"], c["slabs_peak"],
                   c["slabs_end"], c["objs_end"]) for c in got["caches"])
    counted = sorted((key[0], bool(key[3]), key[1], (key[2] or ("", ""))[1] or "",
                      cache.objects, cache.pages, cache.hits, cache.peak, cache.slabs, cache.live)
                     for key, cache in heap.caches.items())
    wrong += [f"caches: {row}, counted {other}" for row, other in zip(rows, counted)
              if row != other][:4]
    if len(rows) != len(counted):
        wrong.append(f"{len(rows)} caches, counted {len(counted)}")
    return wrong


def report_of(kmemstat, path, names):
    arguments = [arg for name in names for arg in ("--model", name)]
    return json.loads(run(kmemstat, "--json", "-q", "--no-debug-search", "--replay", *arguments,
                          path))


def check(kmemstat, what, path, some=None):
    dump = run(kmemstat, "dump", "-q", path).splitlines()
    events = [Event(line) for line in dump
              if re.search(r" (kmalloc|kmalloc_node|kfree|kmem_cache_\w+): ", line)]
    cpus = json.loads(run(kmemstat, "--json", "-q", "--no-debug-search", path))["input"]["cpus"]
    models = {name: parts for name, parts in models_of(cpus).items() if name in (some or name)}
    report = report_of(kmemstat, path, models)
    failed = 0
    for model, (name, parts) in zip(report["models"], models.items()):
        heap = Heap(*parts)
        replay(events, heap)
        wrong = check_model(model["replay"], heap)
        # a replay in which nothing is freed and given back proves little
        if not heap.peak[0] or (what == "generated" and heap.caches and heap.dropped < 10):
            wrong.append("nothing happens in it")
        print(f"{what} {name}: {heap.peak[0]} pages, {len(heap.caches)} caches, {heap.dropped} "
              f"slabs given back: {'FAILED' if wrong else 'ok'}")
        for line in wrong[:8]:
            print("    " + line[:300])
        failed += bool(wrong)
    return failed


def generate(tmp, seed, losses):
    formats = kmem.load_formats(os.path.join(sys.argv[2], "formats", "6.18-x86_64"))
    load = kmem.Workload(ringbuf.Layout(), formats, seed=seed, nr_cpus=3, nr_sites=24,
                         losses=losses, pointers=30000, bulk_frees=0.02)
    # in waves, so that slabs become empty
    allocs = [kind for kind in load.kinds if kind in kmem.ALLOCS]
    frees = [kind for kind in load.kinds if kind not in kmem.ALLOCS]
    for kinds in 2 * (allocs, 2 * allocs + frees, allocs + 2 * frees, frees):
        load.kinds = kinds
        load.add(2500 if kinds is not frees else 6000)
    trace = load.trace()
    path = os.path.join(tmp, f"generated-{seed}.dat")
    trace.write(path)
    return path


def slabs_of(path):
    """cache -> (slabs, pages of a slab)"""
    with open(path, encoding="ascii") as file:
        rows = [line.split() for line in file if not line.startswith(("slabinfo", "#"))]
    return {row[0]: (int(row[-2]), int(row[5])) for row in rows}


def check_recorded(kmemstat, folder):
    """The growth of kmalloc's caches in the guest: a few slabs were there before, with room."""
    before, after = (slabs_of(os.path.join(folder, name))
                     for name in ("slabinfo-before", "slabinfo-after"))
    report = report_of(kmemstat, os.path.join(folder, "trace.dat"), ["slub"])
    grown = replayed = failed = 0
    for cache in report["models"][0]["replay"]["caches"]:
        size = cache["object_bytes"]
        name = "kmalloc-" + ("cg-" if cache["accounted"] else "") + \
            (f"{size // 1024}k" if size >= 1024 else str(size))
        if not cache["general"]:
            continue
        growth = after[name][0] - before[name][0]
        grown += growth * after[name][1]
        replayed += cache["slabs_end"] * cache["pages_per_slab"]
        # a slab more for each of the two CPUs, whose first slab was there before
        good = 0 <= cache["slabs_end"] - growth <= 2 and cache["pages_per_slab"] == after[name][1]
        print(f"{name}: grown by {growth} slabs, {cache['slabs_end']} in the replay: "
              f"{'ok' if good else 'FAILED'}")
        failed += not good
    print(f"kmalloc: grown by {grown} pages, {replayed} in the replay "
          f"({100 * (replayed - grown) / grown:+.1f} %)")
    return failed + (grown < 200)


def main():
    kmemstat, testdata = sys.argv[1:3]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="kmemstat-replay-") as tmp:
        for seed, losses in ((1, 0), (2, 0), (3, 0.01)):
            failed += check(kmemstat, "generated", generate(tmp, seed, losses))
    for name in ("5.10.dat", "6.1-i386.dat", "6.12.dat", "accounted.dat", "leak.dat"):
        failed += check(kmemstat, name, os.path.join(testdata, "small", name))
    failed += check(kmemstat, "mesh", os.path.join(testdata, "mesh", "trace.dat"),
                    ("slub", "illumos", "slob"))
    failed += check_recorded(kmemstat, os.path.join(testdata, "replay"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
