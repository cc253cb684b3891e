#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers of kmemstat against those counted from the text of `trace-cmd report`.

usage: oracle_counts.py KMEMSTAT TESTDATA [TRACE...]

For each trace: allocations by event family, call site, requested and allocated bytes, accounted
allocations, frees, all events by name and CPU, what was lost; and `kmemstat dump` line by line,
against trace-cmd and against the page reader of tests/lib.
"""

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

import kmem  # noqa: E402
import readdat  # noqa: E402
import ringbuf  # noqa: E402

SKIPPED = 77
MOST_LINES = 100000

# Counted from trace-cmd report of mesh/trace.dat when it was recorded, before there was a
# kmemstat: call site -> hits, requested, allocated, bytes of one object or None.
MESH = {
    "ieee80211_mesh_init_sdata+0x4a": (25, 51400, 102400, (2056, 4096)),
    "__sta_info_alloc+0x309": (600, 6494400, 9830400, (10824, 16384)),
    "__sta_info_alloc+0x49": (600, 1970400, 2457600, (3284, 4096)),
    "ieee802_11_parse_elems_full+0x3b": (8178, 5014566, 8374272, None),
}
MESH_EVENTS = 543742

LINE = re.compile(r"^(?:(\S+):\s)?\s*\S.*?-(\d+)\s+\[(\d+)\]\s*([\d.]+):\s+(\w+):\s+(.*)$")


class Counts:
    def __init__(self):
        self.groups = collections.Counter()
        self.accounted = collections.Counter()
        self.frees = 0
        self.null_frees = 0
        self.events = collections.Counter()
        self.per_cpu = collections.Counter()
        self.lost = 0
        self.gaps = 0
        # layer -> [allocations, frees, bytes requested, bytes allocated]
        self.layers = {"percpu": [0, 0, 0, 0], "page": [0, 0, 0, 0]}
        self.lines = []  # (time, cpu, pid, event, pointer, bytes_req, bytes_alloc, accounted, node)


def run(command):
    done = subprocess.run(command, capture_output=True, timeout=240, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: status {done.returncode}: "
                           + done.stderr.decode(errors="replace")[:300])
    return done.stdout.decode(errors="replace")


def field(text, name):
    m = re.search(rf"\b{name}=(\S+)", text)
    return m[1] if m else None


def count_layers(layers, event, text):
    """Events of the page and percpu allocators."""
    if event == "mm_page_alloc":
        bytes_alloc = 4096 << int(field(text, "order"))
        add = ("page", [1, 0, bytes_alloc, bytes_alloc])
    elif event == "mm_page_free":
        add = ("page", [0, 1, 0, 0])
    elif event == "percpu_alloc_percpu":
        add = ("percpu", [1, 0, int(field(text, "size")), int(field(text, "bytes_alloc"))])
    elif event == "percpu_free_percpu":
        add = ("percpu", [0, 1, 0, 0])
    else:
        return
    layers[add[0]] = [a + b for a, b in zip(layers[add[0]], add[1])]


def dropped_events(path):
    """What the kernel had no room for, which is told at no page: of each CPU, at the end."""
    stat = run(["trace-cmd", "report", "--stat", path])
    return sum(map(int, re.findall(r"^dropped events: (\d+)$", stat, re.MULTILINE)))


def count_trace_cmd(path, instance):
    counts = Counts()
    counts.lost = 0 if instance else dropped_events(path)
    for line in run(["trace-cmd", "report", "-q", "-N", "-t", path]).splitlines():
        dropped = re.match(r"CPU:\d+ \[(?:(\d+) )?EVENTS DROPPED\]", line)
        if dropped:
            counts.lost += int(dropped[1] or 0)
            counts.gaps += not dropped[1]
            continue
        m = LINE.match(line)
        if not m or (m[1] or "") != instance:
            continue
        pid, cpu, time, event, text = int(m[2]), int(m[3]), m[4], m[5], m[6]
        counts.events[event] += 1
        counts.per_cpu[cpu] += 1
        count_layers(counts.layers, event, text)
        if event not in kmem.KINDS:
            continue
        pointer = field(text, "ptr")
        pointer = 0 if pointer in ("(nil)", "(null)") else int(pointer, 16)
        if event not in kmem.ALLOCS:
            counts.lines.append((time, cpu, pid, event, pointer, None, None, False,
                                 -1))
            if pointer in (0, kmem.ZERO_SIZE_PTR):
                counts.null_frees += pointer == 0
            else:
                counts.frees += 1
            continue
        req, alloc = int(field(text, "bytes_req")), int(field(text, "bytes_alloc"))
        accounted = field(text, "accounted") == "true" or (
            field(text, "accounted") is None and "_ACCOUNT" in field(text, "gfp_flags"))
        counts.lines.append((time, cpu, pid, event, pointer, req, alloc, accounted,
                             int(field(text, "node") or -1)))
        if pointer:
            key = kmem.FAMILY[event], field(text, "call_site")
            counts.groups[key + (req, alloc)] += 1
            counts.accounted[key] += accounted
    return counts


def check_json(report, counts):
    wrong = []

    def check(what, got, want):
        if got != want:
            wrong.append(f"{what}: {got}, expected {want}")

    groups, accounted = collections.Counter(), collections.Counter()
    for site in report["callsites"]:
        key = site["event"], f"{site['symbol']}+{site['offset']:#x}"
        accounted[key] += site["accounted_hits"]
        for size in site["sizes"]:
            groups[key + (size["bytes_req"], size["bytes_alloc"])] += size["hits"]
        check(f"{key} hits", site["hits"], sum(s["hits"] for s in site["sizes"]))
        for what in ("bytes_req", "bytes_alloc"):
            check(f"{key} {what}", site[what], sum(s["hits"] * s[what] for s in site["sizes"]))
    if groups != counts.groups:
        check("groups", groups - counts.groups, counts.groups - groups)
    check("accounted", +accounted, +counts.accounted)
    slab, quality = report["summary"]["slab"], report["quality"]
    check("allocs", slab["allocs"], sum(counts.groups.values()))
    check("bytes_req", slab["bytes_req"], sum(k[2] * n for k, n in counts.groups.items()))
    check("bytes_alloc", slab["bytes_alloc"], sum(k[3] * n for k, n in counts.groups.items()))
    check("frees", slab["frees"], counts.frees)
    for layer, sums in counts.layers.items():
        found = report["summary"].get(layer, {})
        check(layer, [found.get(k, 0) for k in ("allocs", "frees", "bytes_req", "bytes_alloc")],
              sums)
    check("null frees", quality["null_frees"], counts.null_frees)
    check("lost", (quality["events_lost"], quality["gaps_unknown"]), (counts.lost, counts.gaps))
    check("events", {e["name"]: e["count"] for e in report["input"]["events"]},
          dict(counts.events))
    check("events_total", quality["events_total"], sum(counts.events.values()))
    check("per CPU", {s["cpu"]: s["events_total"] for s in report["input"]["streams"]
                      if s["events_total"]}, dict(counts.per_cpu))
    return wrong


DUMP = re.compile(r"^(\d+) ([\d.]+) (-?\d+) (\w+): call_site=0x([0-9a-f]+) ptr=0x([0-9a-f]+)"
                  r"(?: bytes_req=(\d+) bytes_alloc=(\d+)(?: node=(\d+))?)?( accounted)?"
                  r"(?: name=(\S+))?"
                  r"(?: stack=(\S+))?$")


def parse_dump(text):
    """(time, cpu, pid, event, pointer, bytes_req, bytes_alloc, accounted, node),
    [(call site, stack)]"""
    lines, sites = [], []
    for line in text.splitlines():
        if line.split()[3].rstrip(":") not in kmem.KINDS:
            continue
        m = DUMP.match(line)
        if not m:
            raise RuntimeError(f"kmemstat dump: what is {line!r}?")
        lines.append((m[2], int(m[1]), int(m[3]), m[4], int(m[6], 16),
                      int(m[7]) if m[7] else None, int(m[8]) if m[8] else None, bool(m[10]),
                      int(m[9]) if m[9] else -1))
        stack = tuple(int(a, 16) for a in m[12].split(",")) if m[12] else ()
        sites.append((int(m[5], 16), stack))
    return lines, sites


def first_difference(what, got, want):
    if got == want:
        return []
    for number, (a, b) in enumerate(zip(got, want)):
        if a != b:
            return [f"{what}: event {number}: {a}, expected {b}"]
    return [f"{what}: {len(got)} events, expected {len(want)}"]


def pages_of(path, instance):
    """The kmem events as the page reader of tests/lib finds them, by CPU."""
    trace = readdat.read(path)
    forms = {f.id: f for s, texts in trace.event_formats if s == "kmem"
             for f in (kmem.Format(t.decode()) for t in texts) if f.name in kmem.KINDS}
    stacks = {f.id: f for f in (kmem.Format(t.decode()) for t in trace.ftrace_formats)
              if f.name == "kernel_stack"}
    order = "big" if trace.layout.big_endian else "little"
    found = {}
    for buffer in trace.instances:
        if buffer.name != instance:
            continue
        for cpu, pages in buffer.cpus.items():
            last = None
            for page in pages:
                for _, data in ringbuf.read_page(trace.layout, page)[0]:
                    kind = int.from_bytes(data[:2], order)
                    form = forms.get(kind)
                    if kind in stacks and last is not None:
                        last[-1] = stack_of(stacks[kind], data, order, trace.layout.long_bytes)
                    last = None
                    if not form:
                        continue
                    values = [int.from_bytes(data[f.offset:f.offset + f.size], order)
                              for f in (form.fields.get(n) for n in (
                                  "common_pid", "call_site", "ptr", "bytes_req",
                                  "bytes_alloc")) if f]
                    last = [form.name, *values, ()]
                    found.setdefault(cpu, []).append(last)
    return {cpu: [tuple(event) for event in events] for cpu, events in found.items()}


def stack_of(form, data, order, long_bytes):
    """The addresses of a kernel_stack event."""
    count = int.from_bytes(data[form.fields["size"].offset:][:4], order)
    data = data[form.fields["caller"].offset:]
    return tuple(int.from_bytes(data[i * long_bytes:(i + 1) * long_bytes], order)
                 for i in range(min(count, len(data) // long_bytes)))


def check_dump(kmemstat, path, instance, counts, clock):
    lines, sites = parse_dump(run([kmemstat, "dump", path]))
    wrong = []
    if clock != "x86-tsc":
        times = [float(line[0]) for line in lines]
        if times != sorted(times):
            wrong.append("dump: not in order of time")
        key = sorted(lines, key=lambda line: (line[0], line[1])), sorted(
            counts.lines, key=lambda line: (line[0], line[1]))
    else:
        # trace-cmd shows raw counts of this clock as whole numbers
        key = [sorted((line[0].replace(".", ""),) + line[1:] for line in part)
               for part in (lines, counts.lines)]
        key = [[(int(line[0]),) + line[1:] for line in part] for part in key]
        key = [sorted(part, key=lambda line: line[:2]) for part in key]
    wrong += first_difference("dump against trace-cmd", *key)
    found = {}
    for line, (site, stack) in zip(lines, sites):
        sizes = line[5:7] if line[5] is not None else ()
        found.setdefault(line[1], []).append((line[3], line[2], site, line[4], *sizes, stack))
    if len(lines) > MOST_LINES:
        return wrong  # the page reader of tests/lib is slow
    want = pages_of(path, instance)
    for cpu in sorted(set(found) | set(want)):
        wrong += first_difference(f"dump against pages of CPU {cpu}", found.get(cpu, []),
                                  want.get(cpu, []))
    return wrong


def check_mesh(report):
    wrong = []
    if report["quality"]["events_total"] != MESH_EVENTS:
        wrong.append(f"mesh: {report['quality']['events_total']} events, not {MESH_EVENTS}")
    sites = {f"{s['symbol']}+{s['offset']:#x}": s for s in report["callsites"]}
    for name, (hits, req, alloc, one) in MESH.items():
        site = sites.get(name)
        got = site and (site["hits"], site["bytes_req"], site["bytes_alloc"])
        if got != (hits, req, alloc):
            wrong.append(f"mesh: {name}: {got}, expected {(hits, req, alloc)}")
        elif one and [(s["bytes_req"], s["bytes_alloc"]) for s in site["sizes"]] != [one]:
            wrong.append(f"mesh: {name}: sizes {site['sizes']}, expected {one}")
        elif not one and len(site["sizes"]) < 2:
            wrong.append(f"mesh: {name}: one size, expected several")
    return wrong


def count(path, instance, compression):
    if compression != "zlib":
        return count_trace_cmd(path, instance)
    # Debian's trace-cmd 3.1.6 has no zlib: the same pages without compression
    with tempfile.TemporaryDirectory(prefix="kmemstat-oracle-") as tmp:
        trace = readdat.read(path)
        trace.compression = "none"
        plain = os.path.join(tmp, "plain.dat")
        trace.write(plain)
        return count_trace_cmd(plain, instance)


def report_of(kmemstat, path, threads):
    return run([kmemstat, "--json", "--no-debug-search", "--threads", str(threads), path])


def check_threads(kmemstat, path, text):
    return [f"--threads {threads} prints something else than --threads 1"
            for threads in (2, 5) if report_of(kmemstat, path, threads) != text]


def check_containers(kmemstat, path, report):
    """The same pages in every other container make the same report."""
    wrong = []
    trace = readdat.read(path)
    with tempfile.TemporaryDirectory(prefix="kmemstat-oracle-") as tmp:
        for version, compression, pages in ((6, "none", 1), (7, "none", 1), (7, "zlib", 64),
                                            (7, "zstd", 3)):
            trace.version, trace.compression, trace.chunk_pages = version, compression, pages
            other = os.path.join(tmp, "other.dat")
            trace.write(other)
            text = report_of(kmemstat, other, 1)
            got = json.loads(text)
            wrong += check_threads(kmemstat, other, text)
            for key in ("quality", "summary", "callsites", "classes", "findings"):
                if got[key] != report[key]:
                    wrong.append(f"version {version}, {compression}: {key} differ")
    return wrong


def test(kmemstat, path):
    text = report_of(kmemstat, path, 1)
    report = json.loads(text)
    instance = next(i["name"] for i in report["input"]["instances"] if i["selected"])
    counts = count(path, instance, report["input"]["compression"])
    if not counts.lines:
        return ["trace-cmd report shows no kmem event"]
    wrong = check_json(report, counts)
    wrong += check_dump(kmemstat, path, instance, counts, report["input"].get("clock"))
    wrong += check_threads(kmemstat, path, text)
    if path.endswith("mesh/trace.dat"):
        wrong += check_mesh(report) + check_containers(kmemstat, path, report)
    return wrong


def main():
    kmemstat, testdata, *paths = sys.argv[1:]
    if not shutil.which("trace-cmd"):
        print("skipped: trace-cmd is not installed")
        return SKIPPED
    if not paths:
        paths = sorted(glob.glob(os.path.join(testdata, "small", "*.dat")))
        paths.append(os.path.join(testdata, "mesh", "trace.dat"))
    failed = 0
    for path in paths:
        try:
            wrong = test(kmemstat, path)
        except (RuntimeError, ValueError) as error:
            wrong = [str(error)]
        print(f"{os.path.relpath(path, testdata)}: {'FAILED' if wrong else 'ok'}")
        for line in wrong[:6]:
            print("    " + line[:600])
        failed += bool(wrong)
    return 1 if failed or len(paths) < 1 else 0


if __name__ == "__main__":
    sys.exit(main())
