#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Pairing of allocations with frees against a plain second implementation (lib/pairing.py).

usage: pairing_oracle.py KMEMSTAT TESTDATA recorded|generated|perf-kmem [NAME]

recorded   every trace of testdata/, and of the folder that KMEMSTAT_TRACES names: its events as
           trace-cmd report, perf script or its own text have them
generated  random allocations and frees, with equal time stamps, pointers used again and frees
           without an event, as trace.dat, perf.data and text of several kinds of machines; the
           numbers are those of the second implementation for every number of threads
perf-kmem  the perf.data of both against perf kmem stat: what it prints is what lib/perfkmem.py
           says it counts, and less the causes listed there it is what kmemstat counts
"""

import collections
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import kmem  # noqa: E402
import kmemtext  # noqa: E402
import pairing  # noqa: E402
import perfdata  # noqa: E402
import perfkmem  # noqa: E402
import ringbuf  # noqa: E402

SKIPPED = 77
MOST_SHOWN = 6
ROUNDED = 6e-6  # the report has six digits of what is no integer

# Key in the report -> attribute of pairing.Stats, for call sites and the total alike.
COMMON = {"freed": "freed", "bytes_freed": "bytes_freed", "replaced": "replaced",
          "bytes_replaced": "bytes_replaced", "pingpong": "pingpong", "live_count": "live"}
SITE = {"live_bytes": "live_bytes", "live_bytes_req": "live_bytes_req",
        "live_bytes_peak": "peak_bytes"}
TOTAL = {"bytes_live": "live_bytes", "bytes_live_req": "live_bytes_req",
         "bytes_live_peak": "peak_bytes"}
NODES = {"remote_allocs": "remote", "node_pingpong": "node_pingpong"}


class Compare:
    """Gathers as sentences what differs."""

    def __init__(self, ticks, with_nodes):
        self.ticks, self.with_nodes, self.wrong = ticks, with_nodes, []

    def check(self, what, got, want):
        if got != want:
            self.wrong.append(f"{what}: {got}, expected {want}")

    def stats(self, name, got, want, keys):
        unit = "ticks" if self.ticks else "ns"
        for key, attribute in {**COMMON, **keys, **(NODES if self.with_nodes else {})}.items():
            self.check(f"{name} {key}", got.get(key), getattr(want, attribute))
        if want.peak_bytes:
            self.check(f"{name} peak time", got.get(f"live_peak_{unit}"), want.peak_ns)
        life = got["lifetime"]
        for key in ("short_lived", "over_half"):
            self.check(f"{name} {key}", life[key], getattr(want, key))
        buckets = [0] * pairing.BUCKETS
        for bucket in life["histogram"]:
            buckets[max(bucket[f"from_{unit}"], 1).bit_length() - 1] += bucket["count"]
        self.check(f"{name} lifetimes", buckets, want.buckets)
        median = life.get(f"median_{unit}")
        self.check(f"{name} median's bucket",
                   None if median is None else max(median, 1).bit_length() - 1,
                   want.median_bucket)
        if not self.ticks:
            seconds = got["waste_byte_seconds"]
            if abs(seconds - want.waste_byte_seconds) > ROUNDED * want.waste_byte_seconds:
                self.check(f"{name} waste_byte_seconds", seconds, want.waste_byte_seconds)

    def peak(self, report, want, key_of):
        peak = report["timeline"]["peak"]
        rows = {key_of(row): at_peak(row) for row in peak["callsites"]}
        self.check("peak", at_peak(peak), want.total.at_peak)
        if want.total.peak_bytes:
            self.check("time of the peak", peak["at_ticks" if self.ticks else "at_ns"],
                       want.total.peak_ns)
        self.check("call sites at the peak", rows,
                   {key: stats.at_peak for key, stats in want.sites.items() if stats.at_peak[0]})
        sizes = [row["live_bytes"] for row in peak["callsites"]]
        self.check("order at the peak", sizes, sorted(sizes, reverse=True))

    def report(self, report, want, key_of):
        quality = report["quality"]
        for key, number in (("unknown_frees", want.unknown_frees),
                            ("implied_frees", want.total.replaced),
                            ("null_frees", want.null_frees),
                            ("zero_size_frees", want.zero_frees),
                            ("failed_allocs", want.failed_allocs)):
            self.check(key, quality[key], number)
        slab = report["summary"]["slab"]
        self.check("allocs", slab["allocs"], want.total.allocs)
        self.stats("total", slab, want.total, TOTAL)
        rows = {key_of(row): row for row in report["callsites"] if row["layer"] == "slab"}
        self.check("call sites", sorted(map(str, rows)), sorted(map(str, want.sites)))
        for key in set(rows) & set(want.sites):
            self.check(f"{key} hits", rows[key]["hits"], want.sites[key].allocs)
            self.stats(f"{key}", rows[key], want.sites[key], SITE)
        self.peak(report, want, key_of)
        return self.wrong


def at_peak(row):
    return row["live_count"], row["live_bytes"], row["live_waste"]


def by_address(row):
    return int(row["address"], 16), row["event"]


def by_name(row):
    if row["symbol"] is None:
        return int(row["address"], 16), row["event"]
    return (row["symbol"], row["offset"], row.get("module", "")), row["event"]


def run_kmemstat(kmemstat, path, *options):
    done = subprocess.run([kmemstat, "--json", "--quiet", "--no-debug-search", *options, path],
                          capture_output=True, timeout=240, check=False)
    if done.returncode:
        raise ValueError(f"status {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode()


def check(kmemstat, path, events, others, options=(), nodes=None, key_of=by_address, threads=()):
    """Every number of a trace, and that the threads do not matter; sentences."""
    want = pairing.pair(events, others, node_of_cpu=nodes)
    wrong = want.wrong()
    if not want.total.allocs or not want.total.freed:
        return wrong + ["nothing was paired"]
    options = (*options, "--raw-ip") if key_of == by_address else options
    text = run_kmemstat(kmemstat, path, "--threads", "1", *options)
    report = json.loads(text)
    wrong += Compare(report["input"].get("clock") == "x86-tsc", len(set((nodes or {}).values()))
                     > 1).report(report, want, key_of)
    for nr in threads:
        if run_kmemstat(kmemstat, path, "--threads", str(nr), *options) != text:
            wrong.append(f"--threads {nr} prints something else than --threads 1")
    return wrong


# ---- recorded

def selected_instance(kmemstat, path):
    report = json.loads(run_kmemstat(kmemstat, path, "--no-pairing"))
    return next((i["name"] for i in report["input"]["instances"] if i["selected"]), "")


def check_recorded(kmemstat, path):
    with open(path, "rb") as file:
        head = file.read(10)
    if head[:3] == b"\x17\x08\x44":
        if not shutil.which("trace-cmd"):
            return None
        events, others = kmemtext.of_tracedat(path, selected_instance(kmemstat, path))
        return check(kmemstat, path, events, others, threads=(2, 3, 8))
    if head[:8] == b"PERFILE2":
        if not shutil.which("perf"):
            return None
        return check(kmemstat, path, *kmemtext.of_perfdata(path))
    with open(path, encoding="utf-8", errors="replace") as file:
        events, others = kmemtext.of_text(file.read())
    return check(kmemstat, path, events, others, key_of=by_name)


def recorded(kmemstat, testdata, tmp, only):
    return each_trace(testdata, tmp, only, lambda path: check_recorded(kmemstat, path))


def each_trace(testdata, tmp, only, test, wanted=""):
    paths = [p for folder, name in (("small", "*.dat"), ("mesh", "*.dat"), ("small", "*.data"),
                                    ("text", "tracefs.txt"))
             for p in sorted(glob.glob(os.path.join(testdata, folder, name)))]
    if os.environ.get("KMEMSTAT_TRACES"):
        paths += sorted(p for p in glob.glob(os.path.join(os.environ["KMEMSTAT_TRACES"], "*/*"))
                        if p.endswith((".dat", ".data", ".dat.zst", ".data.zst", ".txt.zst")))
    failed = done = 0
    for path in paths:
        if only and only not in path or wanted not in path:
            continue
        name = path
        if path.endswith(".zst"):
            path = os.path.join(tmp, os.path.basename(path)[:-4])
            with open(path, "wb") as file:
                subprocess.run(["zstd", "-dcq", name], stdout=file, check=True)
        failed += show(os.path.relpath(name, testdata), lambda: test(path))
        done += 1
    return failed if done else 1


def show(name, test):
    """Runs a test and says what came of it."""
    try:
        wrong = test()
    except ValueError as error:
        wrong = [str(error)]
    print(f"{name}: " + ("skipped: no program here shows it" if wrong is None else
                         "FAILED" if wrong else "ok"))
    for line in (wrong or [])[:MOST_SHOWN]:
        print("    " + line[:500])
    return bool(wrong)


# ---- generated

BE = {"big_endian": True}
LE32 = {"long_bytes": 4}
BE32 = {"big_endian": True, "long_bytes": 4}

# Name -> formats, layout, options of kmem.Workload, of the trace.dat, and CPUs of each NUMA node
VARIANTS = {
    "1-cpu": ("6.1-x86_64", {}, {"nr_cpus": 1}, {}, None),
    "2-cpus-2-nodes": ("6.12-x86_64", {}, {"nr_cpus": 2}, {"compression": "zstd"}, ["0", "1"]),
    "3-cpus": ("6.18-x86_64", {}, {"nr_cpus": 3, "others": 0.5}, {}, None),
    "5-cpus-nodes-with-a-gap": ("5.10-x86_64", {}, {"nr_cpus": 5}, {"version": 6},
                                ["0-1", "", "3-4"]),
    "8-cpus-4-nodes": ("6.12-x86_64", {}, {"nr_cpus": 8}, {"compression": "zstd",
                                                           "chunk_pages": 2},
                       ["0,4", "1,5", "2,6", "3,7"]),
    "same-time": ("6.1-x86_64", {}, {"nr_cpus": 8, "same_time": 0.97}, {}, None),
    "few-pointers": ("6.1-x86_64", {}, {"nr_cpus": 4, "pointers": 3}, {}, ["0-1", "2-3"]),
    "many-pointers": ("6.1-x86_64", {}, {"nr_cpus": 2, "pointers": 1 << 18, "others": 0}, {},
                      None),
    "slow": ("6.1-x86_64", {}, {"nr_cpus": 2, "step_ns": 10**8}, {}, None),
    "fast": ("6.1-x86_64", {}, {"nr_cpus": 2, "step_ns": 2}, {}, None),
    "lost": ("6.1-x86_64", {}, {"nr_cpus": 3, "losses": 0.01}, {}, None),
    "one-site": ("6.1-x86_64", {}, {"nr_cpus": 3, "nr_sites": 1}, {}, None),
    "many-sites": ("6.1-x86_64", {}, {"nr_cpus": 3, "nr_sites": 2000}, {}, None),
    "others-at-both-ends": ("6.1-x86_64", {}, {"nr_cpus": 2}, {}, None),
    "late": ("6.1-x86_64", {}, {"nr_cpus": 2, "start": 1 << 60}, {}, None),
    "big-endian": ("6.1-x86_64", BE, {"nr_cpus": 3}, {"compression": "zstd"}, ["0", "1-2"]),
    "32-bit": ("6.1-i386", LE32, {"nr_cpus": 3}, {"version": 6}, ["0", "1-2"]),
    "big-endian-32-bit": ("6.1-i386", BE32, {"nr_cpus": 4, "same_time": 0.5}, {},
                          ["0-2", "3"]),
}
DEFAULTS = {"pointers": 400, "same_time": 0.3, "bulk_frees": 0.2, "step_ns": 20000}


def workload(testdata, name, catch=False, slab_only=False):
    formats, layout, options, _, _ = VARIANTS[name]
    formats = kmem.load_formats(os.path.join(testdata, "formats", formats))
    options = {**DEFAULTS, **options}
    if slab_only:
        formats = {"kmem": {k: f for k, f in formats["kmem"].items() if k in kmem.KINDS}}
        options["others"] = 0
    load = kmem.Workload(ringbuf.Layout(**layout), formats, seed=sum(name.encode()), **options)
    if catch:
        perfdata.catch(load)
    if name == "others-at-both-ends":
        add_others(load)
    load.add(4000)
    if name == "others-at-both-ends":
        add_others(load)
    return load


def add_others(load):
    """A long time without slab events."""
    share, step = load.others, load.step_ns
    load.others, load.step_ns = 1.0, 10**6
    load.add(60)
    load.others, load.step_ns = share, step


def events_of(load):
    """What was made, in order; and the ends of the trace."""
    events = [pairing.Event(time, cpu, kind, site, ptr, req, alloc, node)
              for time, cpu, _, kind, site, ptr, req, alloc, node in load.oracle.events]
    return (sorted(events, key=lambda e: (e.time, e.cpu)),
            (load.oracle.first_ns, load.oracle.last_ns))


def text_of(events, others):
    """The same as trace-cmd report -t -R prints it, with another event at each end."""
    lines = []
    for e in events:
        fields = f"call_site=0x{e.site:x} ptr=0x{e.ptr:x}"
        if e.kind in kmem.ALLOCS:
            fields += (f" bytes_req={e.req} bytes_alloc={e.alloc} gfp_flags=0xcc0"
                       f" node={e.node} accounted=0")
        lines.append((e.time, e.cpu, f"{e.kind}: {fields}"))
    lines = [(others[0], 0, "other: x=1")] + lines + [(others[1], 0, "other: x=1")]
    return "".join(f"{'task':>16}-7     [{cpu:03}] {time // 10**9:5}.{time % 10**9:09}: {what}\n"
                   for time, cpu, what in lines)


def check_dump(kmemstat, path, events):
    """The node of each allocation."""
    done = subprocess.run([kmemstat, "dump", path], capture_output=True, text=True, timeout=60,
                          check=False)
    lines = [line for line in done.stdout.splitlines() if " bytes_req=" in line]
    got = [kmemtext.number(line, "node", -1) for line in lines]
    want = [e.node for e in events if e.kind in kmem.ALLOCS]
    return [] if got == want else [f"dump: nodes {got[:9]}..., expected {want[:9]}..."]


def generated(kmemstat, testdata, tmp, only):
    failed = 0
    for name, (_, _, _, container, lists) in VARIANTS.items():
        if only and only != name:
            continue
        numa = [(node, cpus) for node, cpus in enumerate(lists or ())]
        nodes = {cpu: node for node, cpus in numa for cpu in cpus_of(cpus)}
        option = ("--topology", ",".join(f"{n}:{c}" for n, c in numa if c)) if numa else ()
        path = os.path.join(tmp, name)
        load = workload(testdata, name)
        events, ends = events_of(load)
        trace = load.trace()
        for key, value in container.items():
            setattr(trace, key, value)
        trace.write(path + ".dat")
        failed += show(f"{name}: trace.dat", lambda: check(
            kmemstat, path + ".dat", events, ends, option, nodes, threads=(2, 3, 8))
            + check_dump(kmemstat, path + ".dat", events))
        for suffix, is_pipe in (("file", False), ("pipe", True)):
            load = workload(testdata, name, catch=True)
            events, ends = events_of(load)
            with open(path + ".data", "wb") as file:
                file.write(perfdata.PerfData(load, is_pipe=is_pipe, numa=numa).to_bytes())
            failed += show(f"{name}: perf.data, {suffix}", lambda: check(
                kmemstat, path + ".data", events, ends, (), nodes, threads=(2,))
                + check_dump(kmemstat, path + ".data", events))
        with open(path + ".txt", "w", encoding="ascii") as file:
            file.write(text_of(events, ends))
        failed += show(f"{name}: text", lambda: check(
            kmemstat, path + ".txt", events, ends, option, nodes)
            + check_dump(kmemstat, path + ".txt", events))
    return failed


# ---- perf kmem

def check_perf_kmem(kmemstat, path, causes):
    """Adds to `causes` how often each of the differences was met."""
    with open(path, "rb") as file:
        if file.read(16)[8] == 16:
            return None  # perf kmem reads no pipe mode
    events, _ = kmemtext.of_perfdata(path)
    want, (sites, summary) = perfkmem.model(events), perfkmem.stat(path)
    compare = Compare(False, False)
    # what it prints, by the model
    for name, number in (("Total bytes requested", want.requested),
                         ("Total bytes allocated", want.allocated),
                         ("Total bytes freed", want.freed),
                         ("Net total bytes allocated", want.allocated - want.freed),
                         ("Cross CPU allocations", want.allocs)):
        compare.check(f"perf kmem: {name}", summary[name], number)
    for address in set(sites) | set(want.sites):
        compare.check(f"perf kmem: {address:#x}", sites.get(address), want.sites.get(address))
    # kmemstat's, by the same and the causes
    report = json.loads(run_kmemstat(kmemstat, path, "--raw-ip"))
    slab = report["summary"]["slab"]
    for name, number in (("allocs", want.allocs - want.failed),
                         ("bytes_req", want.requested - want.failed_requested),
                         ("bytes_alloc", want.allocated - want.failed_allocated),
                         ("bytes_freed", want.freed - want.again_bytes),
                         ("pingpong", sum(s[3] for s in want.sites.values())
                          - sum(want.again_sites.values()))):
        compare.check(name, slab[name], number)
    compare.check("live and replaced bytes", slab["bytes_live"] + slab["bytes_replaced"],
                  want.allocated - want.failed_allocated - want.freed + want.again_bytes)
    rows = {}
    for row in report["callsites"]:
        if row["layer"] == "slab":
            mine = rows.setdefault(int(row["address"], 16), [0, 0, 0, 0])
            for i, key in enumerate(("hits", "bytes_req", "bytes_alloc", "pingpong")):
                mine[i] += row[key]
    for address, theirs in want.sites.items():
        failed = want.failed_sites.get(address, [0] * 4)
        less = [a - b for a, b in zip(theirs, failed)]
        less[3] -= want.again_sites[address]
        compare.check(f"{address:#x}", rows.get(address, [0] * 4), less)
    causes["failed"] += want.failed
    causes["again"] += want.again
    causes["replaced"] += slab["replaced"]
    causes["ping-pong"] += sum(want.again_sites.values())
    return compare.wrong


def perf_kmem(kmemstat, testdata, tmp, only):
    if not shutil.which("perf"):
        print("skipped: there is no perf")
        sys.exit(SKIPPED)
    causes = collections.Counter()
    failed = each_trace(testdata, tmp, only,
                        lambda path: check_perf_kmem(kmemstat, path, causes), ".data")
    path = os.path.join(tmp, "generated.data")
    for name, (_, layout, _, _, _) in VARIANTS.items():
        if layout or only or name == "others-at-both-ends":
            continue  # traces of other machines; perf kmem stops at pages without gfp flags
        with open(path, "wb") as file:
            file.write(perfdata.PerfData(workload(testdata, name, catch=True, slab_only=True),
                                         is_attr_per_event=True, extras=False).to_bytes())
        failed += show(name, lambda: check_perf_kmem(kmemstat, path, causes))
    print("causes of differences: " + ", ".join(f"{k} {n}" for k, n in causes.items()))
    if not only and not all(causes.values()):
        print("FAILED: a cause was never met")
        failed += 1
    return failed


def cpus_of(text):
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def main():
    kmemstat, testdata, what, *only = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="kmemstat-pairing-") as tmp:
        test = {"recorded": recorded, "generated": generated, "perf-kmem": perf_kmem}[what]
        failed = test(kmemstat, testdata, tmp, only[0] if only else None)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
