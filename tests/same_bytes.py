#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same input gives the same bytes, however it is read, and wherever.

usage: same_bytes.py KMEMSTAT TESTDATA

ways        all formats, views and verbs, of several traces: with 1, 2, 3, 8 threads; in another time
            zone, locale, home, folder; without address space randomization; twice.
pipes       what can come through a pipe, in pieces of 1, 7, 4093 bytes and all at once.
containers  the same events in trace.dat of version 6 and 7, plain and compressed by either library,
            in few and in many chunks, with the metadata packed or not, and in perf.data as a file,
            as a pipe has it, and compressed: the same report but for what tells the file.

Speaks TAP.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))

import kmem  # noqa: E402
import perfdata  # noqa: E402
import ringbuf  # noqa: E402
from tap import check, end  # noqa: E402

KMEMSTAT, TESTDATA = (os.path.abspath(path) for path in sys.argv[1:3])
VIEWS = ("--summary --caller --class --live --timeline --cache --task --alloc --locality --own-cache "
         "--models --model-class --model-caller --page --page-frame --percpu --percpu-replay --replay "
         "--model=all").split()
PLAIN = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": "/"}
# name -> (environment, folder, prefix)
WAYS = {
    "again": ({}, None, ()),
    "elsewhere": ({"TZ": "Pacific/Kiritimati", "LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.UTF-8",
                   "HOME": "/nonexistent", "COLUMNS": "40", "TERM": "xterm-256color", "LINES": "5",
                   "MALLOC_PERTURB_": "165", "XDG_CONFIG_HOME": "/nonexistent"}, "/", ()),
    "not randomized": ({}, None, ("setarch", "-R")),
    "another locale": ({"LC_ALL": "C.UTF-8", "TZ": "UTC-5:30"}, None, ()),
}


def run(*args, env=None, folder=None, prefix=(), **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([*prefix, KMEMSTAT, *args], capture_output=True, timeout=120, check=False,
                          env={**PLAIN, **(env or {})}, cwd=folder, **options)
    return done.returncode, done.stdout, done.stderr


def formats():
    return [line.split()[0] for line in run("--format", "help")[1].decode().splitlines()]


FORMATS = formats()


def outputs(into, args, threads, **how):
    """{name: bytes} of all that there is of one trace; one run for many of them."""
    found, last = {}, args[-1]
    options = [*args[:-1], "--threads", str(threads)]
    files = [word for name in FORMATS for word in ("--format", f"{name}={into}/{name}")]
    found["views"] = run(*VIEWS, *files, "--min-severity", "low", *options, last, **how)
    for name in FORMATS:
        with open(f"{into}/{name}", "rb") as file:
            found[name] = file.read()
    found["json of views"] = run(*VIEWS, "--json", *options, last, **how)
    found["check"] = run("check", "--fail-on", "any", "--max-waste", "1%", *options, last, **how)
    found["types"] = run("types", "--json", *options, last, **how)
    found["info"] = run("info", "--threads", str(threads), last, **how)
    found["dump"] = run("dump", last, **how)
    found["diff"] = run("diff", "--total", "--json", "--threads", str(threads), last, last, **how)
    found["top"] = run("top", "--batch", "-i", "0.5", "--width", "0", last, **how)
    return found


def differences(one, other):
    return [name for name in one if one[name] != other[name]]


def blocks_to_ascii(text):
    """As spark.c has them for other locales."""
    return text.decode().translate(str.maketrans("\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588",
                                                 "...:::##"))


def test_ways(folder):
    data = {"trace.dat": ["small/6.12-instances.dat"], "keys": ["small/keys-40.dat"],
            "lost": ["small/6.12-lost-v6.dat"], "stacks": ["small/page-stacks.dat"],
            "32 bits": ["small/6.1-i386-v6.dat"], "5.10": ["small/5.10.dat"],
            "text": ["text/6.12-report.txt"], "perf script": ["text/perf-script-stacks.txt"],
            "perf.data": ["--kallsyms", "small/perf.kallsyms", "small/perf-zstd-stacks.data"],
            "lines": ["--debug-dir", "peers/6.1", "peers/6.1.dat"]}
    for what, args in data.items():
        args = ["--no-debug-search", *(f"{TESTDATA}/{a}" if "/" in a else a for a in args)]
        first = outputs(folder, args, 1)
        wrong = [name for name in ("views", "json of views", "info", "dump", "top", "check")
                 if first[name][0] not in (0, 1) or not first[name][1]]
        check(not wrong and all(first[name] for name in FORMATS if name != "collapsed"),
              f"{what}: {len(first)} outputs", [(name, first[name]) for name in wrong])
        is_short = what not in ("trace.dat", "text", "perf.data", "lines")
        for threads in (3, 8) if is_short else (2, 3, 8):
            bad = differences(first, outputs(folder, args, threads))
            check(not bad, f"{what}: {threads} threads", bad)
        for name, (env, cwd, prefix) in WAYS.items():
            if is_short and name != "elsewhere" or prefix and not shutil.which(prefix[0]):
                continue
            bad = differences(first, outputs(folder, args, 8, env=env, folder=cwd, prefix=prefix))
            if env.get("LC_ALL", "").endswith("UTF-8"):
                # charts of text are drawn with blocks there, also if the locale is not installed
                bad = [name for name in bad if name != "views"]
                views = [run(*VIEWS, *args, env=more)[1] for more in ({}, env)]
                bad += ["views"] if blocks_to_ascii(views[0]) != blocks_to_ascii(views[1]) else []
            check(not bad, f"{what}: {name}", bad)


def feed(args, data, pieces, **options):
    """Writes the data in pieces into a pipe of the program's."""
    read, write = os.pipe()

    def writer():
        at, rand = 0, random.Random(7)
        try:
            while at < len(data):
                size = pieces(rand)
                os.write(write, data[at:at + size])
                at += size
        except BrokenPipeError:
            pass
        os.close(write)
    thread = threading.Thread(target=writer)
    thread.start()
    found = run(*args, stdin=read, **options)
    os.close(read)
    thread.join()
    return found


def test_pipes():
    sizes = {"all at once": lambda rand: 1 << 24, "odd pieces": lambda rand: rand.choice((1, 7, 63, 509)),
             "4093 bytes": lambda rand: 4093, "large": lambda rand: rand.randrange(30000, 90000)}
    cases = {"text/6.12-report.txt": [], "text/tracefs.txt": [], "text/perf-script.txt": [],
             "small/perf-pipe.data": []}
    for name, more in cases.items():
        with open(f"{TESTDATA}/{name}", "rb") as file:
            data = file.read()
        verbs = (["--caller", "--summary"], ["--csv"], ["--format", "markdown"], ["dump"])
        for verb in verbs:
            options = [] if verb == ["dump"] else ["--no-debug-search"]
            alone = run(*verb, *options, *more, f"{TESTDATA}/{name}")
            for how, pieces in sizes.items():
                piped = feed([*verb, *options, *more, "--no-exclude-self", "-"], data, pieces)
                check(piped[0] == alone[0] == 0 and same_but_name(alone[1], piped[1]),
                      f"{name}: {' '.join(verb)}: a pipe, {how}", first_difference(alone, piped))


def same_but_name(one, other):
    # the report names its input
    return one.replace(TESTDATA.encode(), b"") == other or strip_input(one) == strip_input(other)


def strip_input(data):
    return b"\n".join(line for line in data.split(b"\n")
                      if TESTDATA.encode() not in line and b"standard input" not in line
                      and b"| - |" not in line and not line.startswith(b"`-`"))


def first_difference(one, other):
    for a, b in zip(one[1].split(b"\n"), other[1].split(b"\n")):
        if a != b:
            return f"{a!r}\n{b!r}\n{other[2][:300]!r}"
    return f"{len(one[1])} and {len(other[1])} bytes; {other[2][:300]!r}"


CONTAINERS = {
    "version 6": {"version": 6},
    "version 7": {},
    "zstd": {"compression": "zstd"},
    "zlib": {"compression": "zlib"},
    "zstd, a page a chunk": {"compression": "zstd", "chunk_pages": 1},
    "zlib, large chunks": {"compression": "zlib", "chunk_pages": 64},
    "zstd, plain metadata": {"compression": "zstd", "is_metadata_packed": False},
}
OF_THE_FILE = ("path", "file_bytes", "format_version", "compression")


def without_file(report):
    """The report without what tells the file that it was in: bytes are those of the file."""
    report["input"] = {key: value for key, value in report["input"].items()
                       if key not in OF_THE_FILE}
    for part in report["input"].get("streams", []) + report["input"].get("instances", []):
        del part["bytes"]
    return report


def test_containers(folder):
    for what, layout, formats_of in (("64 bits", {}, "6.18-x86_64"),
                                     ("32 bits, big endian", {"big_endian": True, "long_bytes": 4},
                                      "6.1-i386")):
        load = kmem.Workload(ringbuf.Layout(**layout),
                             kmem.load_formats(f"{TESTDATA}/formats/{formats_of}"), nr_sites=30,
                             nr_cpus=3, losses=0.002)
        load.add(6000)
        reports, texts, dumps = {}, {}, {}
        for name, options in CONTAINERS.items():
            trace = load.trace()
            for key, value in options.items():
                setattr(trace, key, value)
            path = f"{folder}/one.dat"
            trace.write(path)
            done = run("--json", *VIEWS, "--no-debug-search", path)
            if done[0]:
                check(False, f"{what}: {name}: status {done[0]}", done[2].decode())
                continue
            reports[name] = without_file(json.loads(done[1]))
            # the first line tells the version
            texts[name] = run(*VIEWS, "--no-debug-search", path)[1].split(b"\n", 1)[1]
            dumps[name] = hashlib.sha256(run("dump", path)[1]).hexdigest()
        first = reports["version 6"]
        check(first["quality"]["events_used"] > 5000 and len(first["callsites"]) > 40,
              f"{what}: a report", first["quality"])
        for name, report in reports.items():
            bad = [key for key in first if report.get(key) != first[key]]
            check(not bad and texts[name] == texts["version 6"] and
                  dumps[name] == dumps["version 6"], f"{what}: {name}: the same numbers",
                  [(key, report.get(key), first[key]) for key in bad])


def test_perf_containers(folder):
    """perf.data: a file, a pipe's, compressed."""
    reports = {}
    for name, options in (("file", {}), ("pipe", {"is_pipe": True}), ("zstd", {"compression": 1}),
                          ("zstd, aligned", {"compression": 2})):
        load = perfdata.catch(kmem.Workload(
            ringbuf.Layout(), kmem.load_formats(f"{TESTDATA}/formats/6.1-x86_64"), nr_sites=30,
            nr_cpus=3))
        load.add(3000)
        with open(f"{folder}/perf.data", "wb") as file:
            file.write(perfdata.PerfData(load, **options).to_bytes())
        done = run("--json", *VIEWS, "--no-debug-search", f"{folder}/perf.data")
        reports[name] = without_file(json.loads(done[1])) if done[0] == 0 else done[2]
    for name, report in reports.items():
        bad = [key for key in reports["file"] if key not in ("input", "quality")
               and report.get(key) != reports["file"][key]]
        used = report["quality"]["events_used"]
        check(not bad and used == reports["file"]["quality"]["events_used"] > 2000,
              f"perf.data: {name}: the same numbers", bad)


def main():
    with tempfile.TemporaryDirectory(prefix="kmemstat-same-") as folder:
        test_ways(folder)
        test_pipes()
        test_containers(folder)
        test_perf_containers(folder)
    return end()


sys.exit(main())
