#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What requests take in other allocators, against formulas written down a second time.

usage: models_oracle.py KMEMSTAT TESTDATA

The sizes of all kmalloc call sites are rounded here, and their sums compared with the report's: in
total, by class and by call site. The model of the recorded allocator has to give what was recorded,
for each size of each trace.
"""

import bisect
import collections
import glob
import json
import os
import subprocess
import sys
import tempfile

PAGE = 4096


def up(size, step):
    return -(-size // step) * step


def order(size, page=PAGE):
    return page << max(0, (-(-size // page) - 1).bit_length())


def table(sizes, beyond):
    sizes = sorted(sizes)

    def fit(size):
        at = bisect.bisect_left(sizes, size)
        return ("cache", sizes[at]) if at < len(sizes) else ("pages", beyond(size))
    return fit


def powers(first, last):
    return [1 << i for i in range(32) if first <= 1 << i <= last]


def pages(size):
    return up(size, PAGE)


def netbsd_2009(quantum, mid):
    def fit(size):
        if size <= 32 * quantum:
            return "cache", up(size, quantum)
        if mid and 64 * quantum <= size <= PAGE // (64 * quantum) * 64 * quantum:
            return "cache", up(size, 64 * quantum)
        return "heap", up(size, quantum)
    return fit


def slob(size):
    return ("heap", up(size + 8, 2)) if size < PAGE - 8 else ("pages", order(size))


SOLARIS = [n * 8 for n in range(1, 8)] + \
    [n * unit for unit in (16, 32, 64, 128) for n in range(4, 8)] + \
    [8192 // n // 64 * 64 for n in range(2, 8)] + [n * 4096 for n in (2, 3)] + \
    [n * 8192 for n in range(2, 17)]
NETBSD = [n * 8 for n in range(1, 9)] + [80, 96, 112, 128, 160, 192, 224, 256] + \
    [320, 384, 448, 512, 768, 1024, 2048, 4096]
MINE = """name mine
class 48
step 64 to 640
class 3k
large pages
"""

MODELS = {
    "slub": table(powers(8, 2 * PAGE) + [96, 192], order),
    "slub:no96": table(powers(8, 2 * PAGE), order),
    "slub:min=64": table(powers(64, 2 * PAGE) + [192], order),
    "slub:min=128": table(powers(128, 2 * PAGE), order),
    "slub:page=64k": table(powers(8, 131072) + [96, 192], lambda size: order(size, 65536)),
    "slab": table(powers(32, 2 * PAGE) + [96, 192], order),
    "slob": slob,
    "pow2": table(powers(8, PAGE), order),
    "netbsd-2009": netbsd_2009(16, False),
    "netbsd-2009:mid": netbsd_2009(16, True),
    "netbsd-2009:quantum=8,mid": netbsd_2009(8, True),
    "netbsd": table(NETBSD, pages),
    "freebsd": table(powers(16, 65536) + [384], pages),
    "illumos": table(SOLARIS, pages),
    "mine": table([48, 3072] + list(range(64, 641, 64)), pages),
}
SUMS = ("hits", "bytes_req", "bytes_recorded", "bytes_alloc", "bytes_waste")


def total(rows, fit):
    """The sums of (bytes_req, bytes_alloc, hits)."""
    sums = collections.Counter()
    for size in rows:
        alloc = fit(size["bytes_req"])[1]
        sums["hits"] += size["hits"]
        sums["bytes_req"] += size["hits"] * size["bytes_req"]
        sums["bytes_recorded"] += size["hits"] * size["bytes_alloc"]
        sums["bytes_alloc"] += size["hits"] * alloc
        sums["bytes_waste"] += size["hits"] * (alloc - size["bytes_req"])
    return sums


def compare(what, got, want):
    return [f"{what}: {key} is {got[key]}, counted {want[key]}" for key in SUMS
            if got[key] != want[key]]


def check_model(model, sites, fit):
    name = model["name"]
    sizes = [size for site in sites for size in site["sizes"]]
    wrong = compare(name, model, total(sizes, fit))
    classes = collections.defaultdict(list)
    for size in sizes:
        kind, alloc = fit(size["bytes_req"])
        classes[kind, 0 if kind == "heap" else alloc].append(size)
    rows = {(row["kind"], row["object_bytes"]): row for row in model["classes"]}
    if len(rows) != len(model["classes"]) or set(rows) != set(classes):
        wrong.append(f"{name}: classes {sorted(rows)}, counted {sorted(classes)}")
    for key in set(rows) & set(classes):
        wrong += compare(f"{name} {key}", rows[key], total(classes[key], fit))
    if len(model["callsites"]) != len(sites):
        wrong.append(f"{name}: {len(model['callsites'])} call sites of {len(sites)}")
    for row, site in zip(model["callsites"], sites):
        if row.get("symbol") != site.get("symbol") or row.get("offset") != site.get("offset"):
            wrong.append(f"{name}: {row.get('symbol')} in the place of {site.get('symbol')}")
        wrong += compare(f"{name} {site.get('symbol')}", row, total(site["sizes"], fit))
    return wrong


def check(kmemstat, path, mine, kallsyms):
    arguments = [arg for name in MODELS if name != "mine" for arg in ("--model", name)]
    done = subprocess.run([kmemstat, "--json", "--no-debug-search", "-q", *kallsyms, *arguments,
                           "--model-file", mine, path], capture_output=True, timeout=240,
                          check=False)
    if done.returncode:
        return [f"status {done.returncode}: {done.stderr.decode()[:300]}"], 0
    report = json.loads(done.stdout)
    sites = [site for site in report["callsites"] if site["event"] == "kmalloc"]
    models = {model["name"]: model for model in report["models"]}
    wrong = [] if set(models) == set(MODELS) else [f"models: {sorted(models)}"]
    for name in set(models) & set(MODELS):
        wrong += check_model(models[name], sites, MODELS[name])
    # the recorded allocator is SLUB everywhere
    for site in sites:
        for size in site["sizes"]:
            if MODELS["slub"](size["bytes_req"])[1] != size["bytes_alloc"]:
                wrong.append(f"slub: {site['symbol']} has {size}")
    if models and models["slub"]["bytes_alloc"] != models["slub"]["bytes_recorded"]:
        wrong.append("slub: not what was recorded")
    return wrong, sum(site["hits"] for site in sites)


def main():
    kmemstat, testdata = sys.argv[1:3]
    small = os.path.join(testdata, "small")
    paths = sorted(glob.glob(os.path.join(small, "*.dat*"))) + \
        [os.path.join(testdata, "mesh", "trace.dat")]
    failed = most = 0
    with tempfile.TemporaryDirectory(prefix="kmemstat-models-") as tmp:
        mine = os.path.join(tmp, "mine")
        with open(mine, "w", encoding="ascii") as file:
            file.write(MINE)
        for path in paths:
            kallsyms = ["--kallsyms", os.path.join(small, "perf.kallsyms")] \
                if path.endswith(".data") else []
            wrong, hits = check(kmemstat, path, mine, kallsyms)
            most = max(most, hits)
            print(f"{os.path.basename(path)}: {hits} requests: {'FAILED' if wrong else 'ok'}")
            for line in wrong[:8]:
                print("    " + line[:300])
            failed += bool(wrong)
    if most < 100000:
        print("too little to compare: FAILED")
        failed += 1
    return 1 if failed else 0


sys.exit(main())
