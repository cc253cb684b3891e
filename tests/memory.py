#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces made to use up the memory: it stays under --memory-limit, and what had no place is told.

usage: memory.py KMEMSTAT TESTDATA

KMEMSTAT_MANY is the number of events of each trace, 600,000 if it is not set; with 10,000,000 it
takes some minutes and gigabytes of disk in TMPDIR.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import kmem  # noqa: E402
import perfdata  # noqa: E402
import ringbuf  # noqa: E402
import tracedat  # noqa: E402
from tap import check, end  # noqa: E402

NR = int(os.environ.get("KMEMSTAT_MANY", 600_000))
LIMIT = 64 << 20 if NR < 5_000_000 else 512 << 20
FIRST_SITE, FIRST_PTR = 0xffffffff81000000, 0xffff888000000000
BEYOND = "(beyond the memory limit)"


class Made:
    """A trace of kmalloc events alone, on two CPUs that take turns. Pages are packed whole: events
    one by one would take minutes."""

    def __init__(self, testdata, event):
        """event(i): call site, pointer, bytes requested and allocated of event i."""
        load = kmem.Workload(ringbuf.Layout(), kmem.load_formats(f"{testdata}/formats/6.1-x86_64"),
                             nr_cpus=2, nr_sites=2)
        form = load.formats["kmem"]["kmalloc"]
        fields = [form.fields[name] for name in ("call_site", "ptr", "bytes_req", "bytes_alloc")]
        first = fields[0].offset
        assert [f.offset for f in fields] == [first + 8 * i for i in range(4)]
        template = form.record(load.layout, {"common_pid": 7, "gfp_flags": 0xcc0, "node": -1})
        size = -(-len(template) // 4) * 4
        template += bytes(size - len(template))
        head = struct.pack("<I", 100 << 5 | size // 4) + template[:first]
        tail = template[first + 32:]
        one = f"{len(head)}s4Q{len(tail)}s"
        fit = (4096 - 16) // (4 + size)
        whole = struct.Struct("<" + one * fit)
        time, pages = 10**9, {0: [], 1: []}
        for at in range(0, NR, fit):
            nr = min(fit, NR - at)
            values = []
            for i in range(at, at + nr):
                values += (head, *event(i), tail)
            data = (whole if nr == fit else struct.Struct("<" + one * nr)).pack(*values)
            page = struct.pack("<QQ", time, len(data)) + data
            pages[at // fit % 2].append(page + bytes(4096 - len(page)))
            time += 100 * nr
        for cpu, buffer in load.buffers.items():
            buffer.pages = pages[cpu]
        self.trace = load.trace()


def make(testdata, shape, path):
    """In a process of its own: what one of this size starts seems to be as large."""
    child = os.fork()
    if not child:
        Made(testdata, SHAPES[shape]).trace.write(path)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, "no trace could be made"


class Runner:
    """Runs commands from a process that stays small: whatever is started seems to have had as much
    memory as who starts it."""

    def __init__(self):
        self.questions, self.answers = os.pipe(), os.pipe()
        if not os.fork():
            os.close(self.questions[1])
            self.serve()
            os._exit(0)
        os.close(self.questions[0])
        os.close(self.answers[1])
        self.reader = os.fdopen(self.answers[0])

    def serve(self):
        for line in os.fdopen(self.questions[0]):
            command, out, err = json.loads(line)
            with open(out, "wb") as stdout, open(err, "wb") as stderr:
                child = subprocess.Popen(command, stdout=stdout, stderr=stderr,
                                         env=dict(os.environ, LC_ALL="C"))
                _, status, usage = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(status)
            os.write(self.answers[1],
                     f"{child.returncode} {usage.ru_maxrss * 1024}\n".encode())

    def run(self, *command):
        """Exit status, output, messages, and the most memory it had."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = (os.path.join(folder, name) for name in ("out", "err"))
            os.write(self.questions[1], (json.dumps([command, out, err]) + "\n").encode())
            status, most = map(int, self.reader.readline().split())
            with open(out, encoding="utf-8") as file:
                text = file.read()
            with open(err, encoding="utf-8") as file:
                return status, text, file.read(), most


RUNNER = Runner()


def run(*command):
    return RUNNER.run(*command)


SHAPES = {
    # nothing lives long: pointers come again, and so does each call site's cache
    "sites": lambda i: (FIRST_SITE + 16 * i, FIRST_PTR + 64 * (i % 1000), 60, 64),
    # one call site, and nothing is freed
    "pointers": lambda i: (FIRST_SITE, FIRST_PTR + 64 * i, 60, 64),
    "both": lambda i: (FIRST_SITE + 16 * i, FIRST_PTR + 64 * i, 60, 64),
    # each of another size
    "sizes": lambda i: (FIRST_SITE, FIRST_PTR + 64 * (i % 1000), i + 1, i + 8),
    "sizes of sites": lambda i: (FIRST_SITE + 16 * i, FIRST_PTR + 64 * (i % 1000), i + 1, i + 8),
}


def judge(shape, report):
    """What a JSON report has to say of that shape, whatever it had no place for."""
    quality, slab = report["quality"], report["summary"]["slab"]
    sites = report["callsites"]
    beyond = [s for s in sites if s["symbol"] == BEYOND]
    left_out = quality.get("allocs_left_out", 0)
    want_req = sum(SHAPES[shape](i)[2] for i in range(NR))
    yield "events_total", quality["events_total"] == NR
    yield "hits", sum(s["hits"] for s in sites) + left_out == NR
    yield "allocs", slab["allocs"] + left_out == NR
    yield "bytes", (slab["bytes_req"] == want_req) == (not left_out)
    if "sites" in shape or shape == "both":
        pooled = quality.get("allocs_pooled", 0)
        yield "pooled", len(beyond) == 1 and 0 < pooled == beyond[0]["hits"]
        yield "one row each", len(sites) - 1 + pooled + left_out == NR
    if shape in ("pointers", "both"):
        yield "untracked", quality.get("pointers_untracked", 0) > 0 and quality["incomplete"]
        yield "lives", slab["live_count"] + quality["pointers_untracked"] == NR \
            if shape == "pointers" else True
    if "sizes" in shape:
        yield "left out", left_out > 0 and quality["incomplete"]


def test_shape(kmemstat, testdata, shape, path):
    make(testdata, shape, path)
    reports = {}
    for threads in ("1", "2"):
        for form in ("json", "table"):
            args = ["--memory-limit", str(LIMIT), "--threads", threads, "--no-debug-search",
                    *(["--json"] if form == "json" else ["--caller"]), path]
            status, out, err, most = run(kmemstat, *args)
            check(status == 0 and most < LIMIT, f"{shape}: {form}, {threads} threads: within the "
                  "limit", f"status {status}, {most >> 20} MiB\n{err}")
            check(reports.setdefault(form, out) == out, f"{shape}: {form}: the same for any number "
                  "of threads")
    try:
        report = json.loads(reports["json"])
    except ValueError as error:
        check(False, f"{shape}: JSON", error)
        return
    wrong = [what for what, good in judge(shape, report) if not good]
    check(not wrong, f"{shape}: the report adds up", f"{wrong}\n{report['quality']}\n"
          f"{report['summary']['slab']}\nrows: {len(report['callsites'])}")
    told = " ".join(reports["table"].split())
    check("larger --memory-limit" in told, f"{shape}: the table tells", told[:600])


def test_views(kmemstat, path):
    """Tables of everything, one by one and all at once."""
    views = ["--alloc", "--task", "--locality", "--own-cache", "--cache"]
    for view in [*([v] for v in views), ["--replay", "--models"], views + ["--replay"]]:
        status, out, err, most = run(kmemstat, "--memory-limit", str(LIMIT), "--no-debug-search",
                                     "--json", *view, path)
        name = " ".join(view)
        check(status == 0 and most < LIMIT, f"{name}: within the limit",
              f"status {status}, {most >> 20} MiB\n{err}")
        cut = json.loads(out)["quality"].get("tables_cut", 0) if not status else 0
        check(cut > 0 or NR < 300_000, f"{name}: says that it ends early", cut)


def test_top(kmemstat, path):
    """Frames of top: each is made within the limit, and hints are given once."""
    status, out, err, most = run(kmemstat, "top", "--batch", "--interval", "0.01",
                                 "--memory-limit", str(LIMIT), path)
    frames = out.strip().split("\n\n")
    check(status == 0 and most < LIMIT, "top: within the limit",
          f"status {status}, {most >> 20} MiB\n{err}")
    check(len(frames) > 3 and all(f"\n{BEYOND}" in frame for frame in frames)
          and f"{NR:,} in all" in frames[-1], "top: each frame tells of what is beyond",
          f"{len(frames)} frames, the last:\n{frames[-1][:600]}")
    check(err.count("are in no symbol") == 1, "top: that call sites are addresses is said once",
          err)


def test_plain(kmemstat, testdata):
    """A limit that there is room in changes nothing."""
    path = f"{testdata}/mesh/trace.dat"
    want = run(kmemstat, "--json", "--no-debug-search", path)
    got = run(kmemstat, "--json", "--no-debug-search", "--memory-limit", "64M", path)
    check(got[:3] == want[:3] and got[0] == 0, "a real trace: the same with a limit")
    check(got[3] < 64 << 20, "and within it", got[3] >> 20)
    for value in ("31M", "0", "-1", "x", "64Q"):
        status, _, err, _ = run(kmemstat, "--memory-limit", value, path)
        check(status == 2 and "--memory-limit" in err, f"--memory-limit {value} is refused", err)


def bomb(what, testdata):
    """A small file that says that much is in it."""
    load = kmem.Workload(ringbuf.Layout(), kmem.load_formats(f"{testdata}/formats/6.1-x86_64"),
                         nr_cpus=2, nr_sites=4)
    load.add(200)
    trace = load.trace()
    cpus = trace.instances[0].cpus
    if what == "symbols":
        trace.compression = "zstd"
        trace.kallsyms += b"\n" * (3 * LIMIT)
    elif what == "chunks":
        trace.compression = "zstd"
        trace.chunk_pages = 12000
        for pages in cpus.values():
            pages += [bytes(4096)] * 11000
    elif what == "CPUs":
        trace.nr_cpus = 4000
        trace.instances[0].cpus = {cpu: cpus[0][:1] for cpu in range(trace.nr_cpus)}
        trace.options = [o for o in trace.options if o[0] != tracedat.OPT_CPUCOUNT]
        trace.options.append((tracedat.OPT_CPUCOUNT, trace.layout.uint(trace.nr_cpus, 4)))
    return trace


def test_bombs(kmemstat, testdata, path):
    for what, status, told in (
            ("symbols", 0, "bytes is more than a quarter of the memory limit; give a larger"),
            ("chunks", 3, "2 damaged compressed chunks"),
            ("CPUs", 3, "buffers of 4000 CPUs side by side takes")):
        child = os.fork()
        if not child:
            bomb(what, testdata).write(path)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        got = run(kmemstat, "--memory-limit", str(LIMIT), "--no-debug-search", path)
        check(got[0] == status and got[3] < LIMIT and told in got[1] + got[2],
              f"{os.path.getsize(path) >> 10} KiB with many {what}: within the limit",
              f"status {got[0]}, {got[3] >> 20} MiB\n{got[1]}{got[2]}")


def test_order(kmemstat, testdata, path):
    """A perf.data without rounds: all of a CPU comes before the first event of the next."""
    child = os.fork()
    if not child:
        load = kmem.Workload(ringbuf.Layout(), kmem.load_formats(f"{testdata}/formats/6.1-x86_64"),
                             nr_cpus=2, nr_sites=4)
        perfdata.catch(load).add(30000)
        with open(path, "wb") as file:
            file.write(perfdata.PerfData(load, round_events=10**6).to_bytes())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    reports = {}
    for limit in ("32M", "64M"):
        status, out, err, _ = run(kmemstat, "--json", "--strict", "--no-debug-search",
                                  "--memory-limit", limit, path)
        reports[limit] = json.loads(out)
        late = reports[limit]["quality"].get("events_late", 0)
        want = limit == "32M"
        check((late > 1000) == want and bool(late) == want and status == (4 if want else 0)
              and ("too late to be put in order" in err) == want,
              f"a queue of {limit}: {'late events are told' if want else 'none is late'}",
              f"status {status}, {late} late\n{err}")
    check(reports["32M"]["summary"]["slab"]["bytes_alloc"]
          == reports["64M"]["summary"]["slab"]["bytes_alloc"]
          and not reports["64M"]["quality"]["incomplete"]
          and reports["32M"]["quality"]["incomplete"], "late events are counted all the same")


def main():
    kmemstat, testdata = (os.path.abspath(path) for path in sys.argv[1:3])
    only = sys.argv[3:]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace.dat")
        for shape in SHAPES:
            if not only or shape in only:
                test_shape(kmemstat, testdata, shape, path)
        if not only or "views" in only:
            make(testdata, "both", path)
            test_views(kmemstat, path)
            test_top(kmemstat, path)
        if not only or "bombs" in only:
            test_bombs(kmemstat, testdata, path)
        if not only or "order" in only:
            test_order(kmemstat, testdata, os.path.join(folder, "perf.data"))
    if not only or "plain" in only:
        test_plain(kmemstat, testdata)
    return end()


sys.exit(main())
