#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every kind of trace.dat there is: generated with known sums, read by kmemstat, compared.

usage: matrix.py KMEMSTAT TESTDATA [--trace-cmd] [FILTER]

With --trace-cmd the generated files are read by `trace-cmd report` instead: it proves the
generator, where trace-cmd can read the kind of file.
"""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import kmem  # noqa: E402
import ringbuf  # noqa: E402
import tracedat  # noqa: E402

ALL_FORMS = ("auto", "long", "extend", "abs")
SKIPPED = 77

Case = collections.namedtuple("Case", "name make peer")


class Matrix:
    """The variants. Each changes one thing, or two that touch each other, of a plain trace."""

    def __init__(self, testdata):
        self.formats = {name: kmem.load_formats(os.path.join(testdata, "formats", name))
                        for name in os.listdir(os.path.join(testdata, "formats"))
                        if os.path.isdir(os.path.join(testdata, "formats", name))}
        self.cases = []

    def add(self, name, formats="6.1-x86_64", count=1500, peer=True, layout=None, edit=None,
            **workload):
        """`edit` gets the finished trace and workload, and changes them."""

        def make():
            load = kmem.Workload(ringbuf.Layout(**(layout or {})), self.formats[formats],
                                 seed=len(name) * 7919 + count, **workload)
            load.add(count)
            trace = load.trace()
            if edit:
                edit(trace, load)
            return trace, load.oracle

        self.cases.append(Case(name, make, peer))


def packed(version, compression="none", **attributes):
    def edit(trace, _):
        trace.version = version
        trace.compression = compression
        for key, value in attributes.items():
            setattr(trace, key, value)
    return edit


def containers(m):
    """Versions, compressions, chunks, byte orders, CPUs."""
    for order, layout in (("le", {}), ("be", {"big_endian": True})):
        m.add(f"v6-{order}", layout=layout, nr_cpus=2, edit=packed(6))
        for compression in ("none", "zstd", "zlib"):
            m.add(f"v7-{compression}-{order}", layout=layout, nr_cpus=2,
                  edit=packed(7, compression), peer=compression != "zlib")
    for cpus in (1, 2, 5, 300):
        for name, edit in (("v6", packed(6)), ("v7-zstd", packed(7, "zstd"))):
            m.add(f"{name}-{cpus}-cpus", count=3000, nr_cpus=cpus, edit=edit)
    for pages in (1, 3, 1000):
        m.add(f"v7-chunks-of-{pages}", count=4000, nr_cpus=2,
              edit=packed(7, "zstd", chunk_pages=pages))
    m.add("v7-plain-metadata", edit=packed(7, "zstd", is_metadata_packed=False))
    m.add("long-of-user-space-4", edit=packed(6, user_long_bytes=4))


def kernels(m):
    """Formats of kernels, sizes of long and of sub-buffers."""
    for formats in sorted(m.formats):
        if formats.endswith("i386"):
            continue
        for order in (False, True):
            m.add(f"formats-{formats}-{'be' if order else 'le'}", formats=formats, nr_cpus=2,
                  layout={"big_endian": order}, edit=packed(7, "zstd"))
    for formats in (f for f in sorted(m.formats) if f.endswith("i386")):
        for order in (False, True):
            for name, edit in (("v6", packed(6)), ("v7-zstd", packed(7, "zstd"))):
                m.add(f"formats-{formats}-{name}-{'be' if order else 'le'}", formats=formats,
                      nr_cpus=2, layout={"big_endian": order, "long_bytes": 4},
                      hows=ALL_FORMS, edit=edit)
        m.add(f"{formats}-64-bit-recorder", formats=formats, layout={"long_bytes": 4},
              edit=packed(7, "zstd", user_long_bytes=8))
    for subbuf in (8192, 16384, 65536):
        for name, edit in (("v6", packed(6)), ("v7-zstd", packed(7, "zstd"))):
            # trace-cmd 3.1.6 writes the size of a sub-buffer where the page size belongs, and
            # reads nothing else
            m.add(f"{name}-subbuf-{subbuf // 1024}k", count=6000, nr_cpus=2, edit=edit,
                  layout={"subbuf_bytes": subbuf, "page_size": subbuf})
            m.add(f"{name}-subbuf-{subbuf // 1024}k-of-4k-pages", count=6000, nr_cpus=2,
                  layout={"subbuf_bytes": subbuf}, edit=edit, peer=False)
    m.add("v7-pages-of-64k-be", count=6000, nr_cpus=2, edit=packed(7, "zstd"),
          layout={"subbuf_bytes": 65536, "page_size": 65536, "big_endian": True})


def records(m):
    """The ways to write an event in a page, gaps, dirt and padding."""
    for how in ALL_FORMS:
        for order in (False, True):
            m.add(f"events-{how}-{'be' if order else 'le'}", hows=(how,), edit=packed(7, "zstd"),
                  layout={"big_endian": order})
    m.add("events-mixed", hows=ALL_FORMS, count=4000, nr_cpus=2, edit=packed(7))
    m.add("events-always-long", buffer={"always_long": True}, edit=packed(7))
    m.add("events-discarded", discards=0.3, hows=ALL_FORMS, edit=packed(6))
    m.add("events-all-discarded", discards=1.1, others=0.0, count=300,
          edit=lambda t, w: extra_event(t, w))
    m.add("no-other-events", others=0.0, edit=packed(7, "zstd"))
    m.add("mostly-other-events", others=0.95, edit=packed(7, "zstd"))
    m.add("dirt-behind-the-data", buffer={"dirt": 0xA5}, count=3000, edit=packed(7))
    for pad in ("null", "event"):
        # trace-cmd 3.1.6 reads on behind null padding, the kernel does not (rb_null_event())
        m.add(f"padded-with-{pad}", buffer={"dirt": 0x5A}, count=200, peer=pad != "null",
              edit=lambda t, w, pad=pad: padded_pages(t, w, pad))
    m.add("lost-events", losses=0.02, nr_cpus=3, count=3000, edit=packed(7, "zstd"))
    m.add("lost-events-v6", losses=0.02, nr_cpus=3, count=3000, edit=packed(6))
    m.add("lost-events-bit-31-alone", losses=0.02, nr_cpus=3, count=3000, edit=packed(7),
          buffer={"is_missed_signed": False})
    m.add("lost-events-32-bit", formats="6.1-i386", losses=0.02, nr_cpus=3, count=3000,
          layout={"long_bytes": 4}, edit=packed(7, "zstd"))
    m.add("lost-events-be", losses=0.02, layout={"big_endian": True}, edit=packed(7, "zlib"),
          peer=False)
    m.add("long-pauses", step_ns=10**9, count=800, hows=("auto", "abs"), edit=packed(7))
    m.add("empty-pages", nr_cpus=2, edit=empty_pages)
    m.add("start-at-2^60", start=1 << 60, hows=ALL_FORMS, edit=packed(7))


def extra_event(trace, load):
    """One event that is not discarded, so that there is something to report."""
    load.discards = 0
    load.add(1)
    trace.instances = [load.instance()]


def padded_pages(trace, load, pad):
    for _ in range(20):
        load.add(30)
        load.end_pages(pad)
    trace.instances = [load.instance()]


def empty_pages(trace, load):
    """Pages without an event among the others, at the end and as the whole of a CPU."""
    layout = load.layout
    empty = layout.uint(load.now, 8) + bytes(layout.subbuf_bytes - 8)
    cpus = trace.instances[0].cpus
    cpus[0].insert(1, empty)
    cpus[0].append(empty)
    cpus[2] = [empty]
    cpus[3] = []
    trace.nr_cpus = 4


def metadata(m):
    """Instances, options of time, what is missing."""

    def instances(default):
        def edit(trace, load):
            other = kmem.Workload(load.layout, only_other(load.formats), seed=99, nr_cpus=2,
                                  others=1.1)
            other.add(200)
            mem, top = load.instance("mem"), other.instance("")
            trace.instances = [top, mem] if default == "mem" else [load.instance(""),
                                                                    other.instance("sched")]
        return edit

    for version in (6, 7):
        for default in ("mem", "top"):
            def both(trace, load, version=version, default=default):
                instances(default)(trace, load)
                trace.version = version
                trace.compression = "zstd" if version == 7 else "none"
            m.add(f"v{version}-instances-{default}", nr_cpus=2, edit=both, peer=False)

    def option(number, data):
        def edit(trace, load):
            trace.options.append((number, data(load.layout) if callable(data) else data))
        return edit

    m.add("offset", to_ns=lambda cpu, raw: raw + 5000, edit=option(tracedat.OPT_OFFSET,
                                                                  b"5000\0"))
    m.add("offset-negative", to_ns=lambda cpu, raw: raw - 7000,
          edit=option(tracedat.OPT_OFFSET, b"-7000\0"))
    m.add("date", to_ns=lambda cpu, raw: raw + 0x660C6112D15DA * 1000,
          edit=option(tracedat.OPT_DATE, b"0x660c6112d15da\0"))
    # multiplier and shift; the offset in the option is not added (nor is it by trace-cmd 3.1.6)
    for order in (False, True):
        m.add(f"tsc2nsec-{'be' if order else 'le'}", clock="x86-tsc",
              layout={"big_endian": order}, to_ns=lambda cpu, raw: raw * 4194304 >> 23,
              edit=option(tracedat.OPT_TSC2NSEC,
                          lambda layout: layout.pack("IIQ", 4194304, 23, 1234)))
    m.add("time-shift", nr_cpus=2, to_ns=lambda cpu, raw: raw + (1000, 250000)[cpu],
          edit=option(tracedat.OPT_TIME_SHIFT, time_shift), peer=False)

    def without(*names):
        def edit(trace, _):
            for name in names:
                setattr(trace, name, b"")
        return edit

    m.add("no-kallsyms", edit=without("kallsyms"))
    m.add("no-cmdlines", edit=without("cmdlines"))

    def no_options(trace, _):
        trace.options = []
    m.add("no-options", edit=no_options)

    def unknown_options(trace, _):
        trace.options += [(900, b"what is this"), (10, b""), (13, b"guest\0" + bytes(12))]
    m.add("unknown-options", edit=unknown_options, peer=False)


def time_shift(layout):
    """One correction for each of two CPUs, scale 1, no fraction."""
    data = layout.pack("QII", 1, 0, 2)
    for shift in (1000, 250000):
        data += layout.pack("IQQQ", 1, 0, shift, 1)
    return data


def only_other(formats):
    return {s: {e: f for e, f in events.items() if e not in kmem.KINDS or s != "kmem"} or events
            for s, events in formats.items()} | {"kmem": formats["kmem"]}


def all_cases(testdata):
    m = Matrix(testdata)
    for group in (containers, kernels, records, metadata):
        group(m)
    return m.cases


# ---- kmemstat

def compare(report, oracle, raw):
    """What differs between a JSON report and the oracle, as sentences."""
    wrong = []

    def check(what, got, want):
        if got != want:
            wrong.append(f"{what}: {got}, expected {want}")

    quality = report["quality"]
    for key in ("events_used", "events_other", "null_frees", "zero_size_frees", "failed_allocs",
                "events_lost", "gaps_unknown"):
        check(key, quality[key], oracle.counters[key])
    for key in ("events_filtered", "events_undecodable", "undecodable_short", "undecodable_id",
                "undecodable_size", "pages_damaged", "chunks_damaged", "bytes_missing",
                "sections_damaged"):
        check(key, quality[key], 0)
    check("events_total", quality["events_total"], sum(oracle.per_cpu.values()))
    sites = {}
    for site in report["callsites"]:
        key = site["event"], raw[site["symbol"]] + site["offset"] if site.get(
            "symbol") else int(site["address"], 16)
        sites[key] = [site["hits"], site["bytes_req"], site["bytes_alloc"]]
        check(f"{key} accounted_hits", site["accounted_hits"], oracle.accounted[key])
        check(f"{key} bytes_waste", site["bytes_waste"], site["bytes_alloc"] - site["bytes_req"])
        sizes = {(s["bytes_req"], s["bytes_alloc"]): s["hits"] for s in site["sizes"]}
        want = collections.Counter()
        for (event, address, req, alloc), hits in oracle.groups.items():
            if (kmem.FAMILY[event], address) == key:
                want[req, alloc] += hits
        check(f"{key} sizes", sizes, dict(want))
    check("call sites", sites, oracle.sites())
    slab = report["summary"]["slab"]
    check("allocs", slab["allocs"], sum(oracle.groups.values()))
    check("frees", slab["frees"], sum(oracle.frees.values()) - oracle.counters["null_frees"]
          - oracle.counters["zero_size_frees"])
    page = report["summary"].get("page", {"allocs": 0, "frees": 0, "bytes_alloc": 0})
    check("page allocs", page["allocs"], oracle.pages["mm_page_alloc"])
    check("page frees", page["frees"], oracle.pages["mm_page_free"])
    check("page bytes", page["bytes_alloc"], oracle.page_bytes)
    check("first_ns", report["input"]["first_ns"], oracle.first_ns)
    check("last_ns", report["input"]["last_ns"], oracle.last_ns)
    check("per CPU", {s["cpu"]: s["events_total"] for s in report["input"]["streams"]
                      if s["events_total"]}, dict(oracle.per_cpu))
    return wrong


def run_kmemstat(kmemstat, path, threads):
    done = subprocess.run([kmemstat, "--json", "--no-debug-search", "--threads", str(threads),
                           path], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise ValueError(f"status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def test_kmemstat(kmemstat, case, path):
    trace, oracle = case.make()
    trace.write(path)
    raw = {}
    for line in trace.kallsyms.decode().splitlines():
        address, _, name = line.split()
        raw[name] = int(address, 16)
    try:
        outputs = [run_kmemstat(kmemstat, path, threads) for threads in (1, 2, 5)]
    except ValueError as error:
        return [str(error)]
    wrong = compare(json.loads(outputs[0]), oracle, raw)
    for threads, output in zip((2, 5), outputs[1:]):
        if output != outputs[0]:
            wrong.append(f"--threads {threads} prints something else than --threads 1")
    return wrong


# ---- trace-cmd

def test_trace_cmd(case, path):
    trace, oracle = case.make()
    trace.write(path)
    done = subprocess.run(["trace-cmd", "report", "-q", path], capture_output=True, timeout=60,
                          check=False)
    groups, frees, total = collections.Counter(), collections.Counter(), 0
    for line in done.stdout.decode(errors="replace").splitlines():
        m = re.match(r"\s*\S+-\d+\s+\[\d+\]\s+\d+\.\d+:\s+(\w+):\s+(.*)", line)
        if not m:
            continue
        total += 1
        if m[1] in kmem.ALLOCS:
            if re.search(r"ptr=\(nil\)|ptr=0x0\b|ptr=\(null\)", m[2]):
                continue
            groups[m[1], int(re.search(r"bytes_req=(\d+)", m[2])[1]),
                   int(re.search(r"bytes_alloc=(\d+)", m[2])[1])] += 1
        elif m[1] in kmem.KINDS:
            frees[m[1]] += 1
    want = collections.Counter()
    for (event, _, req, alloc), hits in oracle.groups.items():
        want[event, req, alloc] += hits
    wrong = []
    if total != sum(oracle.per_cpu.values()):
        wrong.append(f"{total} events, expected {sum(oracle.per_cpu.values())}")
    if groups != want:
        wrong.append(f"groups differ: {groups - want} {want - groups}"[:300])
    if frees != oracle.frees:
        wrong.append(f"frees: {frees}, expected {oracle.frees}")
    if wrong:
        wrong.append(done.stderr.decode(errors="replace")[:300])
    return wrong


def main():
    args = [a for a in sys.argv[1:] if a != "--trace-cmd"]
    with_peer = len(args) < len(sys.argv) - 1
    kmemstat, testdata = args[:2]
    pattern = args[2] if len(args) > 2 else ""
    if with_peer and not shutil.which("trace-cmd"):
        print("skipped: trace-cmd is not installed")
        return SKIPPED
    failed = done = 0
    with tempfile.TemporaryDirectory(prefix="kmemstat-matrix-") as tmp:
        path = os.path.join(tmp, "trace.dat")
        for case in all_cases(testdata):
            if pattern not in case.name or with_peer and not case.peer:
                continue
            wrong = test_trace_cmd(case, path) if with_peer else test_kmemstat(kmemstat, case,
                                                                               path)
            done += 1
            if wrong:
                failed += 1
                print(f"{case.name}: FAILED")
                for line in wrong[:8]:
                    print("    " + line[:400])
    print(f"{done} kinds of traces, {failed} failed")
    return 1 if failed or not done else 0


if __name__ == "__main__":
    sys.exit(main())
